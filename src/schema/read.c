#include "schema/read.h"

#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "base/check.h"
#include "base/str.h"
#include "base/text.h"
#include "schema/field.h"
#include "schema/message.h"
#include "schema/pattern.h"
#include "schema/scalar.h"
#include "schema/tables.h"
#include "schema/yaml.h"

#define FIELDS_MAX	  128
#define HINT_KEY_MAX	  64 /* longer keys get no "did you mean" */
#define HINT_LIST_MAX	  8  /* as many known keys are listed */
#define DEFAULT_MAX_ITEMS SCHEMA_NODES_MAX

struct reader {
	struct findings *findings;
	bool incomplete; /* after an error of syntax: what is missing may have followed */
	bool scenario;	 /* fields of scenarios are known */
};

static ProtobufCMessage *read_message(struct reader *r, const ProtobufCMessageDescriptor *type,
				      const struct node *node, const struct slot *slot,
				      bool partial);

/* -------------------------------------------------------------- keys and values */

static bool read_value(struct reader *r, const struct slot *slot, const struct node *node,
		       void *member)
{
	if (node->kind == NODE_INVALID)
		return false;
	if (slot->field->type != PROTOBUF_C_TYPE_MESSAGE)
		return read_scalar(r->findings, slot, node, member);
	*(ProtobufCMessage **)member =
		read_message(r, slot->field->descriptor, node, slot, slot->rule->partial);
	return true;
}

static void wrong_kind(struct reader *r, const struct slot *slot, const struct node *node,
		       const char *what)
{
	if (node->kind == NODE_INVALID)
		return;
	CLEANUP(freep) char *name = slot_name(slot);
	CLEANUP(freep) char *found = node_description(node);
	finding_add(r->findings, node->line, node->column, "%s: expected %s, found %s", name,
		    what, found);
}

static bool count_is_fine(struct reader *r, const struct slot *slot, const struct node *node,
			  size_t count)
{
	uint32_t max = slot->rule->max_items > 0 ? slot->rule->max_items : DEFAULT_MAX_ITEMS;
	CLEANUP(freep) char *name = slot_name(slot);
	if (count < slot->rule->min_items && !r->incomplete)
		finding_add(r->findings, node->line, node->column,
			    "%s has %zu element%s, at least %u %s needed", name, count,
			    str_plural(count), slot->rule->min_items,
			    str_are(slot->rule->min_items));
	if (count <= max)
		return true;
	finding_add(r->findings, node->line, node->column,
		    "%s has %zu element%s, at most %u %s allowed", name, count,
		    str_plural(count), max, str_are(max));
	return false;
}

static void read_list(struct reader *r, ProtobufCMessage *message, const struct slot *slot,
		      const struct node *node)
{
	const struct node *one[1] = {node};
	const struct node *const *items = one;
	size_t count = 1;
	if (node->kind == NODE_LIST) {
		items = (const struct node *const *)node->items;
		count = node->size;
	} else if (!slot->rule->one_or_many || node->kind == NODE_INVALID ||
		   scalar_is_null(node)) {
		wrong_kind(r, slot, node, "a list");
		return;
	}
	if (!count_is_fine(r, slot, node, count) || count == 0)
		return;
	size_t element_size = field_element_size(slot->field);
	char *elements = mem_calloc(count, element_size);
	*(void **)field_member(message, slot->field) = elements;
	*(size_t *)((char *)message + slot->field->quantifier_offset) = count;
	for (size_t i = 0; i < count; i++) {
		struct slot element = *slot;
		element.index = node->kind == NODE_LIST ? (long)i : -1;
		(void)read_value(r, &element, items[i], elements + i * element_size);
	}
}

/* ------------------------------------------------------------------------- maps */

static int compare_keys(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
	int c = strcmp(x->text, y->text);
	if (c == 0)
		c = (x->line > y->line) - (x->line < y->line);
	return c != 0 ? c : (x->column > y->column) - (x->column < y->column);
}

static void duplicate_key(struct reader *r, const struct node *key, const struct node *first,
			  const char *where)
{
	CLEANUP(freep) char *text = node_description(key);
	finding_add(r->findings, key->line, key->column,
		    "duplicate key %s in %s; the first one is on line %u", text, where,
		    first->line);
}

static void check_duplicates(struct reader *r, const struct slot *slot, const struct node *node)
{
	size_t count = node->size / 2, kept = 0;
	CLEANUP(freep) struct node **keys = mem_new_array(struct node *, count + 1);
	for (size_t i = 0; i < count; i++) {
		if (node->items[2 * i]->kind == NODE_SCALAR)
			keys[kept++] = node->items[2 * i];
	}
	qsort(keys, kept, sizeof(struct node *), compare_keys);
	for (size_t i = 1, first = 0; i < kept; i++) {
		if (strcmp(keys[first]->text, keys[i]->text) == 0)
			duplicate_key(r, keys[i], keys[first], slot->rule->key);
		else
			first = i;
	}
}

static bool check_map_key(struct reader *r, const struct slot *slot, const struct node *key)
{
	if (key->kind == NODE_INVALID)
		return false;
	if (key->kind != NODE_SCALAR) {
		finding_add(r->findings, key->line, key->column, "a key in %s must be text",
			    slot->rule->key);
		return false;
	}
	if (slot->rule->key_pattern == NULL ||
	    pattern_matches(slot->rule->key_pattern, key->text, key->size))
		return true;
	CLEANUP(freep) char *text = node_description(key);
	finding_add(r->findings, key->line, key->column, "key %s in %s must match %s", text,
		    slot->rule->key, slot->rule->key_pattern);
	return false;
}

static void read_map(struct reader *r, ProtobufCMessage *message, const struct slot *slot,
		     const struct node *node)
{
	if (node->kind != NODE_MAPPING) {
		wrong_kind(r, slot, node, "a mapping");
		return;
	}
	size_t count = node->size / 2;
	if (!count_is_fine(r, slot, node, count) || count == 0)
		return;
	check_duplicates(r, slot, node);
	const ProtobufCMessageDescriptor *type = slot->field->descriptor;
	ProtobufCMessage **entries = mem_new_array(ProtobufCMessage *, count);
	*(void **)field_member(message, slot->field) = entries;
	*(size_t *)((char *)message + slot->field->quantifier_offset) = count;
	for (size_t i = 0; i < count; i++) {
		entries[i] = schema_message_new(type);
		const struct node *key = node->items[2 * i];
		if (!check_map_key(r, slot, key))
			continue;
		*(char **)field_member(entries[i], &type->fields[0]) = mem_strdup(key->text);
		struct slot value = *slot;
		value.field = &type->fields[1];
		value.map_key = key->text;
		if (read_value(r, &value, node->items[2 * i + 1],
			       field_member(entries[i], value.field)))
			field_mark(entries[i], value.field);
	}
}

/* --------------------------------------------------------------------- messages */

static void read_field(struct reader *r, ProtobufCMessage *message,
		       const struct schema_message *table, const struct slot *slot,
		       const struct node *key, const struct node *node)
{
	const ProtobufCFieldDescriptor *field = slot->field;
	if (slot->rule->map) {
		read_map(r, message, slot, node);
		return;
	}
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		read_list(r, message, slot, node);
		return;
	}
	if (field_in_oneof(field)) {
		const ProtobufCFieldDescriptor *other = field_oneof_set(message, field);
		if (other != NULL) {
			const struct schema_field *rule =
				&table->fields[other - message->descriptor->fields];
			finding_add(r->findings, key->line, key->column,
				    "'%s' cannot be combined with '%s' in %s", slot->rule->key,
				    rule->key, table->title);
			return;
		}
	}
	if (read_value(r, slot, node, field_member(message, field)))
		field_mark(message, field);
}

static bool is_known(const struct reader *r, const struct schema_field *field)
{
	return r->scenario || !field->scenario;
}

static void add_hint(const struct reader *r, struct buffer *out,
		     const struct schema_message *table, const char *key)
{
	unsigned best = strlen(key) <= 3 ? 2 : 3; /* what is nearer than this is meant */
	const char *meant = NULL;
	for (unsigned i = 0; i < table->field_count && strlen(key) <= HINT_KEY_MAX; i++) {
		unsigned distance = strcasecmp(key, table->fields[i].key) == 0
					    ? 0
					    : str_distance(key, table->fields[i].key);
		if (distance < best && distance < strlen(table->fields[i].key) &&
		    is_known(r, &table->fields[i])) {
			best = distance;
			meant = table->fields[i].key;
		}
	}
	if (meant != NULL) {
		(void)buffer_printf(out, "; did you mean '%s'?", meant);
		return;
	}
	for (unsigned i = 0; i < table->field_count && table->field_count <= HINT_LIST_MAX; i++)
		if (is_known(r, &table->fields[i]))
			(void)buffer_printf(out, "%s%s", i == 0 ? "; known: " : ", ",
					    table->fields[i].key);
}

static void unknown_key(struct reader *r, const struct schema_message *table,
			const struct node *key)
{
	if (key->kind == NODE_INVALID)
		return;
	if (key->kind != NODE_SCALAR) {
		finding_add(r->findings, key->line, key->column, "a key in %s must be text",
			    table->title);
		return;
	}
	CLEANUP(buffer_done) struct buffer hint = BUFFER_INIT(4096);
	add_hint(r, &hint, table, key->text);
	CLEANUP(freep) char *text = node_description(key);
	finding_add(r->findings, key->line, key->column, "unknown key %s in %s%s", text,
		    table->title, hint.data != NULL ? hint.data : "");
}

static bool oneof_is_set(const ProtobufCMessage *message, const struct schema_message *table,
			 const char *oneof, const struct node *const *seen)
{
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		if (str_equal(table->fields[i].oneof, oneof) && seen[i] != NULL)
			return true;
	}
	return false;
}

/* Finds a missing oneof once, at its first member. */
static void check_oneof(struct reader *r, const ProtobufCMessage *message,
			const struct schema_message *table, unsigned first,
			const struct node *node, const struct node *const *seen)
{
	const char *oneof = table->fields[first].oneof;
	for (unsigned i = 0; i < first; i++) {
		if (str_equal(table->fields[i].oneof, oneof))
			return;
	}
	if (oneof_is_set(message, table, oneof, seen))
		return;
	CLEANUP(buffer_done) struct buffer names = BUFFER_INIT(4096);
	for (unsigned i = first; i < table->field_count; i++) {
		if (str_equal(table->fields[i].oneof, oneof))
			(void)buffer_printf(&names, "%s'%s'", i > first ? ", " : "",
					    table->fields[i].key);
	}
	finding_add(r->findings, node->line, node->column, "missing one of %s in %s",
		    names.data, table->title);
}

static void check_missing(struct reader *r, const ProtobufCMessage *message,
			  const struct schema_message *table, const struct node *node,
			  const struct node *const *seen, bool partial)
{
	if (r->incomplete)
		return;
	for (unsigned i = 0; i < table->field_count; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		const struct schema_field *rule = &table->fields[i];
		if (rule->oneof_required)
			check_oneof(r, message, table, i, node, seen);
		bool needed = field->label == PROTOBUF_C_LABEL_REQUIRED ||
			      (rule->required && !partial) || rule->min_items > 0;
		if (needed && seen[i] == NULL)
			finding_add(r->findings, node->line, node->column, "missing '%s' in %s",
				    rule->key, table->title);
	}
}

static int find_field(const struct reader *r, const struct schema_message *table,
		      const struct node *key)
{
	for (unsigned i = 0; key->kind == NODE_SCALAR && i < table->field_count; i++) {
		if (strcmp(table->fields[i].key, key->text) == 0 &&
		    is_known(r, &table->fields[i]))
			return (int)i;
	}
	return -1;
}

/* The field that `node`, no mapping, fills by itself; or -1. */
static int find_shorthand(const ProtobufCMessageDescriptor *type,
			  const struct schema_message *table, const struct node *node)
{
	if (table->shorthand == NULL || node->kind == NODE_MAPPING || scalar_is_null(node))
		return -1;
	for (unsigned i = 0; i < type->n_fields; i++) {
		if (strcmp(type->fields[i].name, table->shorthand) != 0)
			continue;
		bool list = type->fields[i].label == PROTOBUF_C_LABEL_REPEATED;
		return node->kind == NODE_SCALAR || list ? (int)i : -1;
	}
	return -1;
}

static void read_members(struct reader *r, ProtobufCMessage *message,
			 const struct schema_message *table, const struct node *node,
			 const struct node **seen)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	for (size_t i = 0; i + 1 < node->size; i += 2) {
		const struct node *key = node->items[i];
		int index = find_field(r, table, key);
		if (index < 0) {
			unknown_key(r, table, key);
			continue;
		}
		if (seen[index] != NULL) {
			duplicate_key(r, key, seen[index], table->title);
			continue;
		}
		seen[index] = key;
		struct slot slot = {&type->fields[index], &table->fields[index], -1, NULL};
		read_field(r, message, table, &slot, key, node->items[i + 1]);
	}
}

/* `slot` is NULL for the whole file. */
static ProtobufCMessage *read_message(struct reader *r, const ProtobufCMessageDescriptor *type,
				      const struct node *node, const struct slot *slot,
				      bool partial)
{
	const struct schema_message *table = schema_message_table(type);
	ProtobufCMessage *message = schema_message_new(type);
	const struct node *seen[FIELDS_MAX] = {NULL};
	INVARIANT(type->n_fields <= FIELDS_MAX);
	int shorthand = find_shorthand(type, table, node);
	if (shorthand >= 0) {
		struct slot filled = {&type->fields[shorthand], &table->fields[shorthand], -1,
				      NULL};
		seen[shorthand] = node;
		read_field(r, message, table, &filled, node, node);
	} else if (node->kind == NODE_MAPPING) {
		read_members(r, message, table, node, seen);
	} else if (slot != NULL) {
		wrong_kind(r, slot, node, "a mapping");
		return message;
	} else if (node->kind != NODE_INVALID) {
		CLEANUP(freep) char *found = node_description(node);
		finding_add(r->findings, node->line, node->column,
			    "expected a mapping with the keys of a %s, found %s", table->title,
			    found);
		return message;
	}
	check_missing(r, message, table, node, seen, partial);
	return message;
}

ProtobufCMessage *read_tree(const ProtobufCMessageDescriptor *type, const struct tree *tree,
			    unsigned flags, struct findings *findings)
{
	struct reader r = {.findings = findings,
			   .incomplete = tree->incomplete,
			   .scenario = (flags & SCHEMA_SCENARIO) != 0};
	if (tree->root == NULL) {
		if (!tree->incomplete)
			finding_add(findings, 1, 1, "the file is empty");
		return schema_message_new(type);
	}
	return read_message(&r, type, tree->root, NULL, (flags & SCHEMA_PARTIAL) != 0);
}
