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
#include "schema/substitute.h"
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
	bool some_keys;	 /* others are left out */
	const struct schema_message *open;		/* so are they in this one; NULL */
	const struct schema_substitution *substitution; /* may be NULL */
	size_t substituted;				/* bytes, in all scalars */
};

enum read_result {
	READ_DONE,
	READ_WRONG, /* found */
	/* It depends on a parameter that has no value: it is absent. So is a message that needs it. */
	READ_UNSET,
};

/* NULL: READ_UNSET. */
static ProtobufCMessage *read_message(struct reader *r, const ProtobufCMessageDescriptor *type,
				      const struct node *node, const struct slot *slot,
				      bool partial);

/* -------------------------------------------------------------- keys and values */

static enum read_result read_resolved(struct reader *r, const struct slot *slot,
				      const struct node *node, void *member)
{
	if (slot->field->type != PROTOBUF_C_TYPE_MESSAGE)
		return read_scalar(r->findings, slot, node, member) ? READ_DONE : READ_WRONG;
	ProtobufCMessage *message =
		read_message(r, slot->field->descriptor, node, slot, slot->rule->partial);
	*(ProtobufCMessage **)member = message;
	return message != NULL ? READ_DONE : READ_UNSET;
}

/* A finding when parameters have made the file too large. */
static bool is_small_enough(struct reader *r, const struct node *node, size_t size)
{
	bool was = r->substituted <= SCHEMA_TEXT_MAX;
	r->substituted += size;
	if (was && r->substituted > SCHEMA_TEXT_MAX)
		finding_add(r->findings, node->line, node->column,
			    "with its parameters the file has more than %zu bytes",
			    SCHEMA_TEXT_MAX);
	return r->substituted <= SCHEMA_TEXT_MAX;
}

static enum read_result read_value(struct reader *r, const struct slot *slot,
				   const struct node *node, void *member)
{
	CLEANUP(substitute_done) struct substitute s = {0};
	enum read_result result = READ_WRONG;
	if (node->kind == NODE_INVALID)
		return READ_WRONG;
	switch (substitute_node(r->substitution, node, slot->rule->filled_in, r->findings,
				&s)) {
	case SUBSTITUTED_NOTHING:
		return read_resolved(r, slot, node, member);
	case SUBSTITUTED_WRONG:
		return READ_WRONG;
	case SUBSTITUTED_UNSET:
		return READ_UNSET;
	case SUBSTITUTED:
		break;
	}
	if (is_small_enough(r, node, s.node.size)) {
		r->findings->suffix = s.suffix.data;
		result = read_resolved(r, slot, &s.node, member);
		r->findings->suffix = NULL;
	}
	return result;
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

/* An element that is absent in a list that must have some: what it is cannot be left out. */
static void element_unset(struct reader *r, const struct slot *slot, const struct node *node)
{
	if (slot->rule->min_items == 0)
		return;
	CLEANUP(freep) char *name = slot_name(slot);
	finding_add(
		r->findings, node->line, node->column,
		"%s cannot be read without the parameters that it needs: give them values, or "
		"defaults",
		name);
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
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		struct slot element = *slot;
		element.index = node->kind == NODE_LIST ? (long)i : -1;
		if (read_value(r, &element, items[i], elements + kept * element_size) !=
		    READ_UNSET)
			kept++;
		else
			element_unset(r, &element, items[i]);
	}
	*(size_t *)((char *)message + slot->field->quantifier_offset) = kept;
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
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		ProtobufCMessage *entry = schema_message_new(type);
		const struct node *key = node->items[2 * i];
		entries[kept++] = entry;
		if (!check_map_key(r, slot, key))
			continue;
		*(char **)field_member(entry, &type->fields[0]) = mem_strdup(key->text);
		struct slot value = *slot;
		value.field = &type->fields[1];
		value.map_key = key->text;
		enum read_result result = read_value(r, &value, node->items[2 * i + 1],
						     field_member(entry, value.field));
		if (result == READ_DONE) {
			field_mark(entry, value.field);
		} else if (result == READ_UNSET) {
			schema_message_free(entry);
			kept--;
		}
	}
	*(size_t *)((char *)message + slot->field->quantifier_offset) = kept;
}

/* --------------------------------------------------------------------- messages */

/* Whether the field is absent. */
static bool read_field(struct reader *r, ProtobufCMessage *message,
		       const struct schema_message *table, const struct slot *slot,
		       const struct node *key, const struct node *node)
{
	const ProtobufCFieldDescriptor *field = slot->field;
	if (slot->rule->map) {
		read_map(r, message, slot, node);
		return false;
	}
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		read_list(r, message, slot, node);
		return false;
	}
	if (field_in_oneof(field)) {
		const ProtobufCFieldDescriptor *other = field_oneof_set(message, field);
		if (other != NULL) {
			const struct schema_field *rule =
				&table->fields[other - message->descriptor->fields];
			finding_add(r->findings, key->line, key->column,
				    "'%s' cannot be combined with '%s' in %s", slot->rule->key,
				    rule->key, table->title);
			return false;
		}
	}
	enum read_result result = read_value(r, slot, node, field_member(message, field));
	if (result == READ_DONE)
		field_mark(message, field);
	return result == READ_UNSET;
}

static bool is_known(const struct reader *r, const struct schema_field *field)
{
	return !field->wire && (r->scenario || !field->scenario);
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
	if (key->kind == NODE_INVALID || r->some_keys || table == r->open)
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

static bool is_needed(const ProtobufCFieldDescriptor *field, const struct schema_field *rule,
		      bool partial)
{
	return field->label == PROTOBUF_C_LABEL_REQUIRED || (rule->required && !partial) ||
	       rule->min_items > 0;
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
		if (is_needed(field, rule, partial) && seen[i] == NULL)
			finding_add(r->findings, node->line, node->column, "missing '%s' in %s",
				    rule->key, table->title);
	}
}

/* Whether the message needs a field that is absent. */
static bool lacks_unset(const ProtobufCMessage *message, const struct schema_message *table,
			const bool *unset, bool partial)
{
	for (unsigned i = 0; i < table->field_count; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		if (unset[i] && (is_needed(field, &table->fields[i], partial) ||
				 table->fields[i].oneof_required))
			return true;
	}
	return false;
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
			 const struct node **seen, bool *unset)
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
		unset[index] = read_field(r, message, table, &slot, key, node->items[i + 1]);
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
	bool unset[FIELDS_MAX] = {false};
	INVARIANT(type->n_fields <= FIELDS_MAX);
	int shorthand = find_shorthand(type, table, node);
	if (shorthand >= 0) {
		struct slot filled = {&type->fields[shorthand], &table->fields[shorthand], -1,
				      NULL};
		seen[shorthand] = node;
		unset[shorthand] = read_field(r, message, table, &filled, node, node);
	} else if (node->kind == NODE_MAPPING) {
		read_members(r, message, table, node, seen, unset);
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
	if (!lacks_unset(message, table, unset, partial))
		return message;
	if (slot != NULL) {
		schema_message_free(message);
		return NULL;
	}
	finding_add(
		r->findings, node->line, node->column,
		"it cannot be read without the parameters that it needs: give them values, or "
		"defaults");
	return message;
}

ProtobufCMessage *read_tree(const ProtobufCMessageDescriptor *type,
			    const struct read_source *source, struct findings *findings)
{
	struct reader r = {.findings = findings,
			   .incomplete = source->incomplete,
			   .scenario = (source->flags & SCHEMA_SCENARIO) != 0,
			   .some_keys = (source->flags & SCHEMA_SOME_KEYS) != 0,
			   .open = (source->flags & SCHEMA_SOME_FILE_KEYS) != 0
					   ? schema_message_table(type)
					   : NULL,
			   .substitution = source->substitution};
	if (source->root == NULL) {
		if (!source->incomplete)
			finding_add(findings, 1, 1, "the file is empty");
		return schema_message_new(type);
	}
	return read_message(&r, type, source->root, NULL,
			    (source->flags & SCHEMA_PARTIAL) != 0);
}
