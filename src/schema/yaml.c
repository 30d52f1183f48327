#include "schema/yaml.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"
#include "schema/json.h"
#include "schema/message.h"
#include "schema/read.h"
#include "schema/scalar.h"

#define ENTRIES_MAX 1000 /* of a mapping of scalars */

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

/* Calls `begin`, with a document that borrows all that it has. */
static void begin(const struct schema_substitution *substitution, const char *file,
		  const struct tree *tree, struct diagnostics *findings)
{
	if (substitution == NULL || substitution->begin == NULL || tree->root == NULL)
		return;
	const struct schema_positions document = {(char *)(uintptr_t)file, *tree};
	substitution->begin(substitution->user, &document, findings);
}

static int read_text(enum syntax syntax, const ProtobufCMessageDescriptor *type,
		     const char *file, const char *text, size_t size, unsigned flags,
		     const struct schema_substitution *substitution,
		     struct diagnostics *diagnostics, ProtobufCMessage **ret_message,
		     struct schema_positions **ret_positions, struct error **err)
{
	CLEANUP(diagnostics_done) struct diagnostics own = {0};
	struct findings findings = {.list = &own, .file = file};
	CLEANUP(tree_done) struct tree tree = {.is_wiped = (flags & SCHEMA_WIPE) != 0};
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	if (prepare(&text, &size, &findings)) {
		parse(syntax, text, size, &tree, &findings);
		begin(substitution, file, &tree, &own);
		message = read_tree(
			type,
			&(struct read_source){tree.root, tree.incomplete, flags, substitution},
			&findings);
	}
	int r = diagnostics_any(&own) ? fail_with(&own, diagnostics, err) : 0;
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
	return read_text(SYNTAX_YAML, type, file, text, size, flags, NULL, diagnostics,
			 ret_message, ret_positions, err);
}

int schema_read_template(const ProtobufCMessageDescriptor *type, const char *file,
			 const char *text, size_t size, unsigned flags,
			 const struct schema_substitution *substitution,
			 struct diagnostics *diagnostics, ProtobufCMessage **ret_message,
			 struct schema_positions **ret_positions, struct error **err)
{
	return read_text(SYNTAX_YAML, type, file, text, size, flags, substitution, diagnostics,
			 ret_message, ret_positions, err);
}

int schema_read_json(const ProtobufCMessageDescriptor *type, const char *file, const char *text,
		     size_t size, unsigned flags, struct diagnostics *diagnostics,
		     ProtobufCMessage **ret_message, struct error **err)
{
	return read_text(SYNTAX_JSON, type, file, text, size, flags, NULL, diagnostics,
			 ret_message, NULL, err);
}

/* ------------------------------------------------------------ a mapping of scalars */

static void read_entry(const struct node *mapping, size_t at, struct findings *findings,
		       void (*on_entry)(void *user, const struct schema_entry *entry),
		       void *user)
{
	const struct node *key = mapping->items[at], *value = mapping->items[at + 1];
	if (key->kind == NODE_INVALID || value->kind == NODE_INVALID)
		return;
	if (key->kind != NODE_SCALAR) {
		finding_add(findings, key->line, key->column, "a key must be text");
		return;
	}
	CLEANUP(freep) char *name = node_description(key);
	for (size_t i = 0; i < at; i += 2) {
		const struct node *other = mapping->items[i];
		if (other->kind != NODE_SCALAR || !str_equal(other->text, key->text))
			continue;
		finding_add(findings, key->line, key->column,
			    "duplicate key %s; the first one is on line %u", name, other->line);
		return;
	}
	if (value->kind != NODE_SCALAR) {
		CLEANUP(freep) char *found = node_description(value);
		finding_add(findings, value->line, value->column,
			    "%s: expected one value, found %s", name, found);
		return;
	}
	on_entry(user, &(struct schema_entry){.key = key->text,
					      .text = value->text,
					      .quoted = value->quoted,
					      .is_nothing = scalar_is_null(value),
					      .line = value->line,
					      .column = value->column,
					      .key_line = key->line,
					      .key_column = key->column});
}

int schema_read_entries(const char *file, const char *text, size_t size,
			struct diagnostics *diagnostics,
			void (*on_entry)(void *user, const struct schema_entry *entry),
			void *user, struct error **err)
{
	CLEANUP(diagnostics_done) struct diagnostics own = {0};
	struct findings findings = {.list = &own, .file = file};
	CLEANUP(tree_done) struct tree tree = {0};
	if (prepare(&text, &size, &findings))
		parse(SYNTAX_YAML, text, size, &tree, &findings);
	const struct node *root = tree.root;
	if (root == NULL && findings.count == 0) {
		finding_add(&findings, 1, 1, "the file is empty");
	} else if (root != NULL && root->kind == NODE_MAPPING) {
		size_t count = root->size < ENTRIES_MAX * 2 ? root->size : ENTRIES_MAX * 2;
		if (root->size > count)
			finding_add(&findings, root->line, root->column,
				    "%zu entries are too many: at most %d", root->size / 2,
				    ENTRIES_MAX);
		for (size_t i = 0; i + 1 < count; i += 2)
			read_entry(root, i, &findings, on_entry, user);
	} else if (root != NULL && root->kind != NODE_INVALID) {
		CLEANUP(freep) char *found = node_description(root);
		finding_add(&findings, root->line, root->column,
			    "expected a mapping of names to values (NAME: VALUE), found %s",
			    found);
	}
	return diagnostics_any(&own) ? fail_with(&own, diagnostics, err) : 0;
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

/* What stands at `path`, or the nearest thing around it. */
static const struct node *node_at(const struct tree *tree, const char *path, bool *ret_exact)
{
	const struct node *node = tree->root, *next = node;
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
	*ret_exact = next != NULL;
	return node;
}

struct schema_position schema_position_of(const struct schema_positions *positions,
					  const char *path_format, ...)
{
	if (positions == NULL || positions->tree.root == NULL)
		return (struct schema_position){0};
	va_list args;
	va_start(args, path_format);
	CLEANUP(freep) char *path = str_vprintf(path_format, args);
	va_end(args);
	bool exact;
	const struct node *node = node_at(&positions->tree, path, &exact);
	return (struct schema_position){positions->file, node->line, node->column};
}

bool schema_is_quoted(const struct schema_positions *positions, const char *path)
{
	bool exact = false;
	const struct node *node = positions != NULL && positions->tree.root != NULL
					  ? node_at(&positions->tree, path, &exact)
					  : NULL;
	return exact && node->kind == NODE_SCALAR && node->quoted;
}

int schema_read_part(const struct schema_positions *document, const char *path,
		     const ProtobufCMessageDescriptor *type, unsigned flags,
		     const struct schema_substitution *substitution,
		     struct diagnostics *diagnostics, ProtobufCMessage **ret_message,
		     struct error **err)
{
	CLEANUP(diagnostics_done) struct diagnostics own = {0};
	struct findings findings = {.list = &own, .file = document->file};
	bool exact;
	const struct node *node = node_at(&document->tree, path, &exact);
	PRE(exact);
	begin(substitution, document->file, &document->tree, &own);
	CLEANUP(schema_message_freep)
	ProtobufCMessage *message = read_tree(
		type,
		&(struct read_source){node, document->tree.incomplete, flags, substitution},
		&findings);
	int r = diagnostics_any(&own) ? fail_with(&own, diagnostics, err) : 0;
	if (r >= 0 || (flags & SCHEMA_KEEP) != 0)
		*ret_message = steal_ptr(&message);
	return r;
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
