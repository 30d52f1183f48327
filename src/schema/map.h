/*
 * Maps of a message: lists of entries with key = 1, value = 2. For src/schema and src/model.
 */
#ifndef SAMOZA_SCHEMA_MAP_H
#define SAMOZA_SCHEMA_MAP_H

#include <protobuf-c/protobuf-c.h>

/* Borrowed; never NULL. */
const char *map_entry_key(const ProtobufCMessage *entry);
/* NULL when there is none; borrowed. */
ProtobufCMessage *map_find(const ProtobufCMessage *message,
			   const ProtobufCFieldDescriptor *field, const char *key);
/* All entries, by key (those with equal keys as they stand). The caller frees the array. */
const ProtobufCMessage **map_sorted(const ProtobufCMessage *message,
				    const ProtobufCFieldDescriptor *field);

#endif
