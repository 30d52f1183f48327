#include "schema/yaml.h"

#include <ctype.h>
#include <stdarg.h>

#include "base/check.h"
#include "base/str.h"
#include "schema/json.h"
#include "schema/message.h"
#include "schema/read.h"

struct schema_positions {
	char *file; /* or NULL */
	struct tree tree;
};

/* ------------------------------------------------------------------------ reading */

enum syntax {
	SYNTAX_YAML,
	SYNTAX_JSON,
};

static bool begins_with_brace(const char *text, size_t size)
{
	while (size > 0 && isspace((unsigned char)*text))
		text++, size--;
	return size > 0 && *text == '{';
}

/* A text that may be either is JSON when it can be read as that; it is called an error of
 * JSON by the file's name. */
static void parse(enum syntax syntax, const char *text, size_t size, struct tree *tree,
		  struct findings *findings)
{
	if (syntax == SYNTAX_JSON) {
		(void)json_parse(text, size, tree, findings);
		return;
	}
	if (begins_with_brace(text, size)) {
		struct diagnostics problems = {0};
		struct findings apart = {&problems, NULL, 0};
		bool is_json = json_parse(text, size, tree, &apart);
		diagnostics_done(&problems);
		if (is_json)
			return;
		tree_done(tree);
		if (findings->file != NULL && str_has_suffix(findings->file, ".json")) {
			(void)json_parse(text, size, tree, findings);
			return;
		}
	}
	(void)yaml_parse(text, size, tree, findings);
}

static bool prepare(const char **text, size_t *size, struct findings *findings)
{
	if (*size > SCHEMA_TEXT_MAX) {
		finding_add(findings, 0, 0, "%zu bytes are too many, at most %zu are allowed",
			    *size, SCHEMA_TEXT_MAX);
		return false;
	}
	if (*size >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
		*text += 3;
		*size -= 3;
	}
	return text_check(*text, *size, findings);
}

/* ERR_INVALID, with the findings of this file alone. */
static int fail_with(struct diagnostics *own, struct diagnostics *diagnostics,
		     struct error **err)
{
	diagnostics_sort(own);
	int r = diagnostics_error(own, err);
	vector_for_each (&own->list, d) {
		if (diagnostics != NULL)
			diagnostics_add(diagnostics, d->file, d->line, d->column, "%s",
					d->message);
	}
	return r;
}

static int read_text(enum syntax syntax, const ProtobufCMessageDescriptor *type,
		     const char *file, const char *text, size_t size, unsigned flags,
		     struct diagnostics *diagnostics, ProtobufCMessage **ret_message,
		     struct schema_positions **ret_positions, struct error **err)
{
	CLEANUP(diagnostics_done) struct diagnostics own = {0};
	struct findings findings = {&own, file, 0};
	CLEANUP(tree_done) struct tree tree = {0};
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	if (prepare(&text, &size, &findings)) {
		parse(syntax, text, size, &tree, &findings);
		message = read_tree(type, &tree, flags, &findings);
	}
	int r = findings.count > 0 ? fail_with(&own, diagnostics, err) : 0;
	bool keep = (flags & SCHEMA_KEEP) != 0 && tree.root != NULL && !tree.incomplete;
	if (r < 0 && !keep)
		return r;
	*ret_message = steal_ptr(&message);
	if (ret_positions != NULL) {
		struct schema_positions *positions = mem_new(struct schema_positions);
		positions->file = mem_strdup(file);
		positions->tree = tree;
		tree = (struct tree){0};
		*ret_positions = positions;
	}
	return r;
}

int schema_read_yaml(const ProtobufCMessageDescriptor *type, const char *file, const char *text,
		     size_t size, unsigned flags, struct diagnostics *diagnostics,
		     ProtobufCMessage **ret_message, struct schema_positions **ret_positions,
		     struct error **err)
{
	return read_text(SYNTAX_YAML, type, file, text, size, flags, diagnostics, ret_message,
			 ret_positions, err);
}

int schema_read_json(const ProtobufCMessageDescriptor *type, const char *file, const char *text,
		     size_t size, unsigned flags, struct diagnostics *diagnostics,
		     ProtobufCMessage **ret_message, struct error **err)
{
	return read_text(SYNTAX_JSON, type, file, text, size, flags, diagnostics, ret_message,
			 NULL, err);
}

/* ---------------------------------------------------------------------- positions */

/* The value whose key is the longest that `path` begins with; keys may hold dots. */
static const struct node *step_into_mapping(const struct node *node, const char **path)
{
	const struct node *found = NULL;
	size_t longest = 0;
	for (size_t i = 0; i + 1 < node->size; i += 2) {
		const struct node *key = node->items[i];
		if (key->kind != NODE_SCALAR || key->size < longest || key->size == 0 ||
		    strncmp(*path, key->text, key->size) != 0)
			continue;
		char next = (*path)[key->size];
		if (next != '\0' && next != '.' && next != '[')
			continue;
		longest = key->size;
		found = node->items[i + 1];
	}
	*path += longest;
	return found;
}

/* At "[": NULL when there is no such element. */
static const struct node *step_into_list(const struct node *node, const char **path)
{
	char *end;
	unsigned long index = strtoul(*path + 1, &end, 10);
	if (*end != ']')
		return NULL;
	*path = end + 1;
	if (node->kind != NODE_LIST)
		return node; /* one, for one or many */
	return index < node->size ? node->items[index] : NULL;
}

struct schema_position schema_position_of(const struct schema_positions *positions,
					  const char *path_format, ...)
{
	if (positions == NULL || positions->tree.root == NULL)
		return (struct schema_position){0};
	va_list args;
	va_start(args, path_format);
	CLEANUP(freep) char *whole = str_vprintf(path_format, args);
	va_end(args);
	const char *path = whole;
	const struct node *node = positions->tree.root, *next = node;
	while (*path != '\0' && next != NULL) {
		if (*path == '.')
			path++;
		if (*path == '[')
			next = step_into_list(node, &path);
		else if (node->kind == NODE_MAPPING)
			next = step_into_mapping(node, &path);
		else
			next = NULL;
		if (next != NULL)
			node = next;
	}
	return (struct schema_position){positions->file, node->line, node->column};
}

void schema_positions_free(struct schema_positions *positions)
{
	if (positions == NULL)
		return;
	free(positions->file);
	tree_done(&positions->tree);
	free(positions);
}

void schema_positions_freep(struct schema_positions **positions)
{
	schema_positions_free(*positions);
}
