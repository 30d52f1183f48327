/*
 * Message to YAML, for `-o yaml` and for the files that we write ourselves. The same message
 * gives the same bytes: fields in the order of the schema, maps sorted by key, block style
 * but for short lists of scalars. Only what is set is written; empty lists and maps are not.
 * What schema_read_yaml reads from it is equal to the message.
 */
#ifndef SAMOZA_SCHEMA_YAML_WRITE_H
#define SAMOZA_SCHEMA_YAML_WRITE_H

#include <protobuf-c/protobuf-c.h>

#include "base/buffer.h"
#include "base/error.h"

/* The caller frees. Ends with a newline. */
char *schema_write_yaml(const ProtobufCMessage *message);
/* Appends to `out`; -1 when it is full (what fitted stands in it). */
must_check int schema_add_yaml(struct buffer *out, const ProtobufCMessage *message);

#endif
