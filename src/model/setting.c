#include "model/setting.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "model/topology.h"

#define IMPORTS "imports."

static bool is_name(const char *text, size_t size)
{
	for (size_t k = 0; k < size; k++) {
		char c = text[k];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
		bool other = (c >= '0' && c <= '9') || c == '-';
		if (!letter && (k == 0 || !other))
			return false;
	}
	return size > 0;
}

/* SPACE, FACET, or one of them of another topology. */
static bool is_import(const char *text, size_t size)
{
	for (size_t k = 0; k < size; k++) {
		char c = text[k];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '/'))
			return false;
	}
	return size > 0;
}

/* Between `${` and `}`. */
static enum setting_kind read_name(struct setting_piece *piece, const char *name, size_t size)
{
	piece->text = name;
	piece->size = size;
	if (size == 1 && name[0] == '$')
		return SETTING_TEXT;
	if (size <= strlen(IMPORTS) || memcmp(name, IMPORTS, strlen(IMPORTS)) != 0)
		return is_name(name, size) ? SETTING_EXPORT : SETTING_WRONG;
	piece->text = name + strlen(IMPORTS);
	piece->size = size - strlen(IMPORTS);
	const char *dot = memchr(piece->text, '.', piece->size);
	if (dot == NULL)
		return SETTING_WRONG;
	piece->dot = (size_t)(dot - piece->text);
	return is_import(piece->text, piece->dot) &&
			       is_name(dot + 1, piece->size - piece->dot - 1)
		       ? SETTING_IMPORT
		       : SETTING_WRONG;
}

struct setting_piece setting_next(const char **at)
{
	struct setting_piece piece = {.kind = SETTING_TEXT, .text = *at};
	const char *p = *at;
	if (*p == '\0')
		return (struct setting_piece){.kind = SETTING_END, .text = p};
	if (str_has_prefix(p, "$${")) { /* without its first '$' */
		piece.text = p + 1;
		piece.size = 2;
		*at = p + 3;
		return piece;
	}
	if (str_has_prefix(p, "${")) {
		const char *end = strchr(p, '}');
		if (end != NULL)
			piece.kind = read_name(&piece, p + 2, (size_t)(end - p - 2));
		if (end != NULL && piece.kind != SETTING_WRONG) {
			*at = end + 1;
			return piece;
		}
		*at = p + strlen(p);
		return (struct setting_piece){.kind = SETTING_WRONG,
					      .text = p,
					      .size = end != NULL ? (size_t)(end + 1 - p)
								  : strlen(p)};
	}
	do
		p++;
	while (*p != '\0' && !str_has_prefix(p, "${") && !str_has_prefix(p, "$${"));
	piece.size = (size_t)(p - *at);
	*at = p;
	return piece;
}

char *setting_wrong_text(const struct setting_piece *piece)
{
	int shown = piece->size > 60 ? 60 : (int)piece->size;
	if (piece->text[piece->size - 1] != '}')
		return str_printf("'%.*s' has no '}': write $${ for the text ${", shown,
				  piece->text);
	return str_printf("'%.*s' stands for nothing: expected ${NAME} of an export, "
			  "${imports.FROM.NAME}, or $${ for the text ${",
			  shown, piece->text);
}

bool setting_is_filled(const struct space *s, const char *variable)
{
	for (unsigned k = 0; k < s->export_count; k++)
		if (str_equal(s->exports[k].name, variable))
			return s->exports[k].value[0] == '\0' ||
			       strstr(s->exports[k].value, "${") != NULL;
	return strcmp(variable, "ip") == 0;
}

char *setting_quote(const char *value)
{
	struct buffer b = BUFFER_INIT(SIZE_MAX);
	for (const char *p = value; *p != '\0'; p++) {
		bool is_mark = *p == '$' && (p[1] == '{' || p[1] == '$' || p[1] == '\0');
		(void)!buffer_add_string(&b, is_mark ? "${$}" : (char[]){*p, '\0'});
	}
	(void)!buffer_add(&b, "", 1);
	return buffer_steal(&b);
}

bool setting_is_reserved(const char *name)
{
	return str_has_prefix(name, "SAMOZA_") || strcmp(name, "HOME") == 0 ||
	       strcmp(name, "TMPDIR") == 0;
}

bool space_has_settings(const struct space *s)
{
	return s->env_count > 0 || s->config_count > 0 || s->secret_count > 0;
}
