/*
 * JSON both ways. Names are the keys of the schema (the field's name, or its option `key`),
 * enum values their spellings, 64-bit integers are numbers, bytes are base64.
 */
#ifndef SAMOZA_SCHEMA_JSON_H
#define SAMOZA_SCHEMA_JSON_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/diagnostics.h"
#include "base/error.h"

enum schema_json_flags {
	SCHEMA_JSON_COMPACT = 0, /* one line, no spaces, no newline at the end */
	SCHEMA_JSON_PRETTY = 1,	 /* two spaces of indent, newline at the end */
};

/*
 * The same message gives the same bytes: fields in the order of the schema, maps sorted by
 * key. Lists and maps are always present, also empty; other fields when they are set. Bytes
 * that are not UTF-8 become U+FFFD; NaN and infinities become null.
 * The caller frees.
 */
char *schema_write_json(const ProtobufCMessage *message, unsigned flags);
/* Appends to `out`; -1 when it is full (what fitted stands in it). */
must_check int schema_add_json(struct buffer *out, const ProtobufCMessage *message,
			       unsigned flags);

/* One JSON string, with its quotes, for code that writes JSON itself. */
must_check int schema_add_json_string(struct buffer *out, const char *text);

/* As schema_read_yaml (yaml.h: rules, limits, findings), but JSON only. `file` may be NULL. */
must_check int schema_read_json(const ProtobufCMessageDescriptor *type, const char *file,
				const char *text, size_t size, unsigned flags,
				struct diagnostics *diagnostics, ProtobufCMessage **ret_message,
				struct error **err);

#endif
