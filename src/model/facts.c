#include "model/facts.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "schema/field.h"
#include "schema/map.h"
#include "schema/message.h"
#include "schema/tables.h"

#define NO_LIMIT SIZE_MAX /* messages are limited where they are read */

static void add_sized(struct buffer *out, const void *data, size_t size)
{
	int r = buffer_printf(out, "%zu:", size);
	if (r == 0)
		r = buffer_add(out, data, size);
	INVARIANT(r == 0);
}

static void add_double(struct buffer *out, double value)
{
	int r = buffer_printf(out, "%.17g", value);
	INVARIANT(r == 0);
}

static const char *text_of(const void *member)
{
	const char *text = *(char *const *)member;
	return text != NULL ? text : "";
}

static void add_scalar(struct buffer *out, const ProtobufCFieldDescriptor *field,
		       const void *member)
{
	int r = 0;
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING: {
		const char *text = text_of(member);
		add_sized(out, text, strlen(text));
		break;
	}
	case PROTOBUF_C_TYPE_BOOL:
		r = buffer_printf(out, "%d,", *(const protobuf_c_boolean *)member != 0);
		break;
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		r = buffer_printf(out, "%" PRId32 ",", *(const int32_t *)member);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		r = buffer_printf(out, "%" PRIu32 ",", *(const uint32_t *)member);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		r = buffer_printf(out, "%" PRId64 ",", *(const int64_t *)member);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		r = buffer_printf(out, "%" PRIu64 ",", *(const uint64_t *)member);
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		add_double(out, (double)*(const float *)member);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		add_double(out, *(const double *)member);
		break;
	case PROTOBUF_C_TYPE_BYTES: {
		const ProtobufCBinaryData *bytes = member;
		add_sized(out, bytes->data, bytes->len);
		break;
	}
	case PROTOBUF_C_TYPE_MESSAGE:
		IMPOSSIBLE("a message is not a scalar");
	}
	INVARIANT(r == 0);
}

static void add_element(struct buffer *out, const ProtobufCMessage *message,
			const ProtobufCFieldDescriptor *field, size_t index)
{
	add_scalar(out, field, field_element(message, field, index));
}

/* ---- the walk ---- */

struct walk {
	struct facts *facts;
	struct buffer path;
};

static void read_message(struct walk *w, const struct change_table *table,
			 const ProtobufCMessage *message, const unsigned *skip);

/* Appends to the path; returns its former size, for path_end(). */
static size_t path_begin(struct walk *w, const char *separator, const char *name)
{
	size_t size = w->path.size;
	int r = buffer_add_string(&w->path, size > 0 ? separator : "");
	if (r == 0)
		r = buffer_add_string(&w->path, name);
	INVARIANT(r == 0);
	return size;
}

static size_t path_begin_index(struct walk *w, size_t index)
{
	char text[32];
	snprintf(text, sizeof(text), "[%zu]", index);
	return path_begin(w, "", text);
}

static void path_end(struct walk *w, size_t size)
{
	w->path.size = size;
	w->path.data[size] = '\0';
}

static struct buffer *add_fact(struct walk *w, enum change change)
{
	struct fact *fact = vector_add(&w->facts->list);
	*fact = (struct fact){.path = mem_strdup(w->path.data),
			      .value = BUFFER_INIT(NO_LIMIT),
			      .change = change};
	return &fact->value;
}

static void read_map(struct walk *w, enum change change, const ProtobufCMessage *message,
		     const ProtobufCFieldDescriptor *field)
{
	for (size_t i = 0; i < field_count(message, field); i++) {
		const ProtobufCMessage *entry =
			*(ProtobufCMessage *const *)field_element(message, field, i);
		const ProtobufCFieldDescriptor *value = &entry->descriptor->fields[1];
		size_t size = path_begin(w, ".", map_entry_key(entry));
		add_scalar(add_fact(w, change), value, field_member(entry, value));
		path_end(w, size);
	}
}

static void read_messages(struct walk *w, const struct change_field *rule,
			  const ProtobufCMessage *message,
			  const ProtobufCFieldDescriptor *field)
{
	for (size_t i = 0; i < field_count(message, field); i++) {
		const ProtobufCMessage *element =
			*(ProtobufCMessage *const *)field_element(message, field, i);
		if (field->label != PROTOBUF_C_LABEL_REPEATED) {
			read_message(w, rule->below, element, NULL);
			continue;
		}
		size_t size = path_begin_index(w, i);
		(void)add_fact(w, rule->change);
		read_message(w, rule->below, element, NULL);
		path_end(w, size);
	}
}

/* Whether a value that is set is no more than its default. Text without a default is as good as
 * absent when it is empty, except as the chosen member of a oneof. */
static bool is_default(const ProtobufCMessage *message, const ProtobufCMessage *defaults,
		       const ProtobufCFieldDescriptor *field, enum change change)
{
	if (field->label != PROTOBUF_C_LABEL_OPTIONAL || field_in_oneof(field) ||
	    change == CHANGE_COUNT)
		return false;
	const void *here = field_member(message, field), *there = field_member(defaults, field);
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return strcmp(text_of(here), text_of(there)) == 0;
	if (field->type != PROTOBUF_C_TYPE_BYTES &&
	    memcmp(here, there, field_element_size(field)) == 0)
		return true; /* the same bits are the same fact, and are not printed */
	CLEANUP(buffer_done) struct buffer mine = BUFFER_INIT(NO_LIMIT);
	CLEANUP(buffer_done) struct buffer theirs = BUFFER_INIT(NO_LIMIT);
	add_scalar(&mine, field, here);
	add_scalar(&theirs, field, there);
	return mine.size == theirs.size && memcmp(mine.data, theirs.data, mine.size) == 0;
}

static void read_field(struct walk *w, const struct change_field *rule, bool is_map,
		       const ProtobufCMessage *message, const ProtobufCMessage *defaults,
		       const ProtobufCFieldDescriptor *field)
{
	size_t count = field_count(message, field);
	if (is_map) {
		read_map(w, rule->change, message, field);
	} else if (rule->below != NULL) {
		read_messages(w, rule, message, field);
	} else if (count > 0 && !is_default(message, defaults, field, rule->change)) {
		struct buffer *value = add_fact(w, rule->change);
		for (size_t i = 0; i < count; i++)
			add_element(value, message, field, i);
	}
}

static bool is_skipped(const unsigned *skip, unsigned number)
{
	for (; skip != NULL && *skip != 0; skip++) {
		if (*skip == number)
			return true;
	}
	return false;
}

static void read_message(struct walk *w, const struct change_table *table,
			 const ProtobufCMessage *message, const unsigned *skip)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	PRE(strcmp(type->name, table->type) == 0 && type->n_fields == table->field_count);
	const struct schema_message *schema = schema_message_table(type);
	CLEANUP(schema_message_freep) ProtobufCMessage *defaults = schema_message_new(type);
	for (unsigned i = 0; i < type->n_fields; i++) {
		if (is_skipped(skip, type->fields[i].id))
			continue;
		size_t size = path_begin(w, ".", schema->fields[i].key);
		read_field(w, &table->fields[i], schema->fields[i].map, message, defaults,
			   &type->fields[i]);
		path_end(w, size);
	}
}

void facts_read(struct facts *facts, const struct change_table *table,
		const ProtobufCMessage *message, const unsigned *skip)
{
	struct walk w = {.facts = facts, .path = BUFFER_INIT(NO_LIMIT)};
	read_message(&w, table, message, skip);
	buffer_done(&w.path);
	facts_sort(facts);
}

void facts_add(struct facts *facts, const char *path, enum change change, const void *value,
	       size_t size)
{
	struct fact *fact = vector_add(&facts->list);
	*fact = (struct fact){
		.path = mem_strdup(path), .value = BUFFER_INIT(NO_LIMIT), .change = change};
	int r = buffer_add(&fact->value, value, size);
	INVARIANT(r == 0);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct fact *)a)->path, ((const struct fact *)b)->path);
}

void facts_sort(struct facts *facts)
{
	if (facts->list.count > 1)
		qsort(facts->list.items, facts->list.count, sizeof(*facts->list.items),
		      compare);
}

void facts_done(struct facts *facts)
{
	vector_for_each (&facts->list, fact) {
		free(fact->path);
		buffer_done(&fact->value);
	}
	vector_done(&facts->list);
}
