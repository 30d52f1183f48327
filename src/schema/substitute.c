#include "schema/substitute.h"

#include <string.h>

#include "base/str.h"
#include "schema/read.h"

#define BEGIN "${param."

void substitute_done(struct substitute *s)
{
	buffer_done(&s->text);
	buffer_done(&s->suffix);
}

static enum substituted unknown(const struct schema_substitution *substitution,
				const struct node *node, const char *name,
				struct findings *findings)
{
	const struct node shown = {.kind = NODE_SCALAR, .text = name, .size = strlen(name)};
	CLEANUP(freep) char *quoted = node_description(&shown);
	CLEANUP(freep) char *hint = substitution->hint(substitution->user, name);
	if (name[0] == '\0')
		finding_add(findings, node->line, node->column,
			    "'" BEGIN "}' names no parameter: expected " BEGIN "NAME}");
	else
		finding_add(findings, node->line, node->column, "there is no parameter %s%s",
			    quoted, hint);
	return SUBSTITUTED_WRONG;
}

/* The one that begins at *at; *at is moved to what follows it. */
static enum substituted take(const struct schema_substitution *substitution,
			     const struct node *node, const char **at, bool filled_in,
			     struct findings *findings, struct substitute *s,
			     enum schema_parameter *ret_kind)
{
	CLEANUP(freep) char *quoted = NULL;
	const char *first = *at + strlen(BEGIN), *end = strchr(first, '}'), *value = NULL;
	if (end == NULL) {
		finding_add(findings, node->line, node->column,
			    "'" BEGIN "' is not closed: expected " BEGIN "NAME}");
		return SUBSTITUTED_WRONG;
	}
	CLEANUP(freep) char *name = mem_strndup(first, (size_t)(end - first));
	*at = end + 1;
	*ret_kind = substitution->find(substitution->user, name, &value);
	if (*ret_kind == SCHEMA_PARAMETER_UNKNOWN)
		return unknown(substitution, node, name, findings);
	if (*ret_kind == SCHEMA_PARAMETER_UNSET)
		return SUBSTITUTED_UNSET;
	if (filled_in && substitution->quote != NULL)
		value = quoted = substitution->quote(value);
	if (buffer_add_string(&s->text, value) < 0) {
		finding_add(findings, node->line, node->column,
			    "with its parameters it has more than %zu bytes", SCHEMA_TEXT_MAX);
		return SUBSTITUTED_WRONG;
	}
	if (s->suffix.size < 512)
		(void)buffer_printf(&s->suffix, "%s" BEGIN "%s}",
				    s->suffix.size == 0 ? " (with " : ", ", name);
	return SUBSTITUTED;
}

/* NULL: none follows. */
static const char *next_parameter(const char *text, bool filled_in)
{
	const char *next = strstr(text, BEGIN);
	while (filled_in && next != NULL && next > text && next[-1] == '$')
		next = strstr(next + 1, BEGIN);
	return next;
}

enum substituted substitute_node(const struct schema_substitution *substitution,
				 const struct node *node, bool filled_in,
				 struct findings *findings, struct substitute *s)
{
	enum substituted worst = SUBSTITUTED;
	if (substitution == NULL || node->kind != NODE_SCALAR ||
	    next_parameter(node->text, filled_in) == NULL)
		return SUBSTITUTED_NOTHING;
	s->text = BUFFER_INIT(SCHEMA_TEXT_MAX + 1);
	s->suffix = BUFFER_INIT(4096);
	enum schema_parameter kind = SCHEMA_PARAMETER_TEXT;
	const char *at = node->text;
	while (*at != '\0' && worst != SUBSTITUTED_WRONG) {
		const char *next = next_parameter(at, filled_in);
		size_t before = next != NULL ? (size_t)(next - at) : strlen(at);
		(void)buffer_add(&s->text, at, before);
		at += before;
		enum substituted one = next != NULL ? take(substitution, node, &at, filled_in,
							   findings, s, &kind)
						    : SUBSTITUTED;
		worst = one > worst ? one : worst;
	}
	if (worst != SUBSTITUTED)
		return worst;
	(void)buffer_add_string(&s->suffix, ")");
	bool whole = str_has_prefix(node->text, BEGIN) &&
		     strchr(node->text, '}') == node->text + node->size - 1;
	s->node = *node;
	s->node.text = s->text.data != NULL ? s->text.data : "";
	s->node.size = s->text.size;
	s->node.quoted = !whole || kind == SCHEMA_PARAMETER_TEXT;
	return worst;
}
