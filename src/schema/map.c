#include "schema/map.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "schema/field.h"

const char *map_entry_key(const ProtobufCMessage *entry)
{
	const ProtobufCFieldDescriptor *key = &entry->descriptor->fields[0];
	PRE(key->id == 1 && key->type == PROTOBUF_C_TYPE_STRING); /* all of ours */
	const char *text = *(char **)field_member(entry, key);
	return text != NULL ? text : "";
}

ProtobufCMessage *map_find(const ProtobufCMessage *message,
			   const ProtobufCFieldDescriptor *field, const char *key)
{
	ProtobufCMessage **entries = *(ProtobufCMessage ***)field_member(message, field);
	size_t count = field_count(message, field);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(map_entry_key(entries[i]), key) == 0)
			return entries[i];
	}
	return NULL;
}

struct indexed {
	const ProtobufCMessage *entry;
	size_t index;
};

static int compare(const void *pa, const void *pb)
{
	const struct indexed *a = pa, *b = pb;
	int c = strcmp(map_entry_key(a->entry), map_entry_key(b->entry));
	return c != 0 ? c : (a->index > b->index) - (a->index < b->index);
}

const ProtobufCMessage **map_sorted(const ProtobufCMessage *message,
				    const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessage **entries =
		*(const ProtobufCMessage ***)field_member(message, field);
	size_t count = field_count(message, field);
	CLEANUP(freep) struct indexed *order = mem_new_array(struct indexed, count + 1);
	for (size_t i = 0; i < count; i++)
		order[i] = (struct indexed){entries[i], i};
	qsort(order, count, sizeof(*order), compare);
	const ProtobufCMessage **sorted = mem_new_array(const ProtobufCMessage *, count + 1);
	for (size_t i = 0; i < count; i++)
		sorted[i] = order[i].entry;
	return sorted;
}
