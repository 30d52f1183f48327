#include "random_message.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/field.h"
#include "schema/message.h"
#include "schema/tables.h"

uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u; /* splitmix64 */
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t random_below(struct random *r, uint64_t below)
{
	return random_next(r) % below;
}

/* ------------------------------------------------------------------------ texts */

static void must_add(struct buffer *b, const char *data, size_t size)
{
	INVARIANT(buffer_add(b, data, size) == 0);
}

static const char *skip_atom(const char *p)
{
	if (*p == '[')
		return strchr(p, ']') + 1;
	if (*p != '(')
		return p + 1;
	for (p++; *p != ')';)
		p = skip_atom(p);
	return p + 1;
}

static char random_of_class(struct random *r, const char *p)
{
	char all[256];
	size_t count = 0;
	INVARIANT(p[1] != '^');
	for (p++; *p != ']'; p++) {
		char last = p[1] == '-' && p[2] != ']' ? p[2] : *p;
		for (char c = *p; c <= last; c++)
			all[count++] = c;
		if (last != *p)
			p += 2;
	}
	return all[random_below(r, count)];
}

static void match_sequence(struct random *r, struct buffer *out, const char *p);

static void match_atom(struct random *r, struct buffer *out, const char *p)
{
	char c = *p;
	if (c == '(') {
		match_sequence(r, out, p + 1);
		return;
	}
	if (c == '[')
		c = random_of_class(r, p);
	must_add(out, &c, 1);
}

/* One of the alternatives at p. */
static void match_sequence(struct random *r, struct buffer *out, const char *p)
{
	const char *choices[16] = {p};
	size_t count = 1;
	for (const char *q = p; *q != ')' && *q != '$';) {
		if (*q == '|')
			choices[count++] = q + 1;
		q = *q == '{' ? strchr(q, '}') + 1 : skip_atom(q);
	}
	for (p = choices[random_below(r, count)]; *p != '|' && *p != ')' && *p != '$';) {
		const char *atom = p;
		unsigned long min = 1, max = 1;
		p = skip_atom(p);
		if (*p == '?' || *p == '*' || *p == '+') {
			min = *p == '+';
			max = *p == '?' ? 1 : 5;
			p++;
		} else if (*p == '{') {
			char *end;
			min = max = strtoul(p + 1, &end, 10);
			if (*end == ',')
				max = strtoul(end + 1, &end, 10);
			p = end + 1;
		}
		for (unsigned long n = min + random_below(r, max - min + 1); n > 0; n--)
			match_atom(r, out, atom);
	}
}

char *random_match(struct random *r, const char *pattern)
{
	struct buffer out = BUFFER_INIT(65536);
	match_sequence(r, &out, pattern + 1);
	return buffer_steal(&out);
}

char *random_text(struct random *r, size_t max_length)
{
	static const char *const pieces[] = {
		"a",	"b c",	    "0",      "1.5",	"true",	  "no",	    "null",
		"~",	"- ",	    ": ",     " #",	"\"",	  "'",	    "\\",
		"\n",	"\t",	    "\r",     " ",	"{",	  "]",	    ",",
		"&x",	"*x",	    "!!int ", "%",	"@",	  "`",	    "|",
		">",	"?",	    "0x1f",   "1e5",	"ä",	  "😀",	    "\x01",
		"\x7f", "\xc2\x85", "\u2028", "\ufeff", "\uffff", "12:30",  "2026-01-01",
		"<<",	"=",	    "---",    "...",	"\u00a0", "\u202e", "/",
	};
	struct buffer out = BUFFER_INIT(65536);
	for (uint64_t n = random_below(r, 6); n > 0; n--) {
		const char *piece = pieces[random_below(r, ARRAY_SIZE(pieces))];
		if (out.size + strlen(piece) <= max_length)
			must_add(&out, piece, strlen(piece));
	}
	return buffer_steal(&out);
}

static char *random_string(struct random *r, const struct schema_field *rule)
{
	if (rule->constant != NULL)
		return mem_strdup(rule->constant);
	size_t max = rule->max_length > 0 ? rule->max_length : 1000;
	if (rule->pattern == NULL)
		return random_text(r, max);
	for (;;) {
		char *text = random_match(r, rule->pattern);
		if (strlen(text) <= max)
			return text;
		free(text);
	}
}

/* --------------------------------------------------------------------- messages */

static double random_double(struct random *r, const struct schema_field *rule)
{
	double min = rule->has_min ? rule->min : -1e6, max = rule->has_max ? rule->max : 1e6;
	return min + (max - min) * ((double)(random_next(r) >> 11) / 9007199254740992.0);
}

static int64_t random_whole(struct random *r, const struct schema_field *rule, unsigned bits,
			    bool negative)
{
	if (rule->has_min || rule->has_max) {
		int64_t min = rule->has_min ? (int64_t)rule->min : 0;
		int64_t max = rule->has_max ? (int64_t)rule->max : min + 1000;
		return min + (int64_t)random_below(r, (uint64_t)(max - min) + 1);
	}
	int64_t value = (int64_t)(random_next(r) >> (64 - bits + random_below(r, bits)));
	return negative && random_below(r, 2) != 0 ? -value : value;
}

static void random_value(struct random *r, const ProtobufCFieldDescriptor *field,
			 const struct schema_field *rule, void *member)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		*(int32_t *)member = (int32_t)random_whole(r, rule, 31, true);
		return;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		*(uint32_t *)member = (uint32_t)random_whole(r, rule, 32, false);
		return;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		*(int64_t *)member = random_whole(r, rule, 63, true);
		return;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		*(uint64_t *)member = (uint64_t)random_whole(r, rule, 64, false);
		return;
	case PROTOBUF_C_TYPE_FLOAT:
		*(float *)member = (float)random_double(r, rule);
		return;
	case PROTOBUF_C_TYPE_DOUBLE:
		*(double *)member = random_double(r, rule);
		return;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)member = (int)random_below(r, 2);
		return;
	case PROTOBUF_C_TYPE_ENUM: {
		const ProtobufCEnumDescriptor *type = field->descriptor;
		*(int *)member = type->values[random_below(r, type->n_values)].value;
		return;
	}
	case PROTOBUF_C_TYPE_STRING:
		*(char **)member = random_string(r, rule);
		return;
	case PROTOBUF_C_TYPE_BYTES: {
		ProtobufCBinaryData *data = member;
		data->len = random_below(r, 9);
		data->data = data->len > 0 ? mem_calloc(data->len, 1) : NULL;
		for (size_t i = 0; i < data->len; i++)
			data->data[i] = (uint8_t)random_next(r);
		return;
	}
	case PROTOBUF_C_TYPE_MESSAGE:
		*(ProtobufCMessage **)member = random_message(r, field->descriptor);
		return;
	}
	IMPOSSIBLE("all types of protobuf-c are listed");
}

static ProtobufCMessage *random_entry(struct random *r, const ProtobufCFieldDescriptor *field,
				      const struct schema_field *rule, size_t index)
{
	const ProtobufCMessageDescriptor *type = field->descriptor;
	ProtobufCMessage *entry = schema_message_new(type);
	CLEANUP(freep)
	char *key = rule->key_pattern != NULL ? random_match(r, "^[A-Za-z][A-Za-z0-9]{0,20}$")
					      : random_text(r, 100);
	*(char **)field_member(entry, &type->fields[0]) = str_printf("%s%zu", key, index);
	random_value(r, &type->fields[1], rule, field_member(entry, &type->fields[1]));
	field_mark(entry, &type->fields[1]);
	return entry;
}

static void random_list(struct random *r, ProtobufCMessage *message,
			const ProtobufCFieldDescriptor *field, const struct schema_field *rule)
{
	size_t count = rule->min_items + random_below(r, 4);
	if (count == 0)
		return;
	size_t size = field_element_size(field);
	char *elements = mem_calloc(count, size);
	*(void **)field_member(message, field) = elements;
	*(size_t *)((char *)message + field->quantifier_offset) = count;
	for (size_t i = 0; i < count; i++) {
		if (rule->map)
			((ProtobufCMessage **)elements)[i] = random_entry(r, field, rule, i);
		else
			random_value(r, field, rule, elements + i * size);
	}
}

ProtobufCMessage *random_message(struct random *r, const ProtobufCMessageDescriptor *type)
{
	const struct schema_message *table = schema_message_table(type);
	ProtobufCMessage *message = schema_message_new(type);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		const struct schema_field *rule = &table->fields[i];
		if (rule->wire)
			continue; /* no file has it */
		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			random_list(r, message, field, rule);
			continue;
		}
		bool needed = field->label == PROTOBUF_C_LABEL_REQUIRED || rule->required;
		if (field_in_oneof(field)) {
			if (field_oneof_set(message, field) != NULL)
				continue;
			/* The last chance of an oneof that must be set. */
			needed = rule->oneof_required &&
				 (i + 1 == type->n_fields ||
				  !str_equal(table->fields[i + 1].oneof, rule->oneof));
		}
		if (!needed && random_below(r, 3) == 0)
			continue;
		random_value(r, field, rule, field_member(message, field));
		field_mark(message, field);
	}
	return message;
}
