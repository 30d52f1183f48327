/*
 * JSON Schema (draft 2020-12) of a message type, for editors: the same descriptors and tables
 * that the reader uses, so that what an editor marks is what zrms refuses. Descriptions are
 * the comments of the .proto files.
 */
#ifndef SAMOZA_SCHEMA_JSONSCHEMA_H
#define SAMOZA_SCHEMA_JSONSCHEMA_H

#include <protobuf-c/protobuf-c.h>

/* `id` is the schema's $id, or NULL; `flags` as for schema_read_yaml (SCHEMA_PARTIAL, for
 * space.yaml). The caller frees. Deterministic, pretty. */
char *schema_write_jsonschema(const ProtobufCMessageDescriptor *type, const char *id,
			      unsigned flags);

#endif
