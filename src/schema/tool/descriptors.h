/*
 * What protoc knows of our .proto files, for schema-tool: messages and enums of package samoza.v1,
 * their comments and their options.
 *
 * protobuf-c's descriptors know nothing of custom options: they arrive as unknown fields of
 * FieldOptions and its relatives, and hold messages of proto/options.proto.
 */
#ifndef SAMOZA_SCHEMA_TOOL_DESCRIPTORS_H
#define SAMOZA_SCHEMA_TOOL_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vector.h"
#include "proto/google/protobuf/descriptor.pb-c.h"
#include "proto/options.pb-c.h"

#define PATH_MAX_DEPTH 16

typedef Google__Protobuf__FileDescriptorProto File;
typedef Google__Protobuf__DescriptorProto Message;
typedef Google__Protobuf__FieldDescriptorProto Field;
typedef Google__Protobuf__EnumDescriptorProto Enum;

/* A position in a file: field numbers and indexes, as in SourceCodeInfo. */
struct path {
	int32_t step[PATH_MAX_DEPTH];
	size_t depth;
};

struct found_message {
	char *full_name;
	const File *file;
	const Message *message;
	struct path path;
};

struct found_enum {
	char *full_name;
	const File *file;
	const Enum *type;
	struct path path;
};

struct descriptors {
	Google__Protobuf__FileDescriptorSet *set;
	VECTOR(struct found_message) messages; /* by full name */
	VECTOR(struct found_enum) enums;       /* by full name */
};

/* Prints "schema-tool: ..." and exits with status 1. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Reads the output of `protoc --descriptor_set_out`; fails for anything else. */
void descriptors_read(struct descriptors *d, const char *file);
void descriptors_done(struct descriptors *d);

/* By the name that a field's type has (".samoza.v1.Space"); NULL if it is not ours. */
const struct found_message *find_message(const struct descriptors *d, const char *type_name);
/* Whether the field is a map. */
bool field_is_map(const struct descriptors *d, const Field *field);
/* Indexes of the fields, in the order of their numbers, as in protobuf-c's descriptors. The caller
 * frees. */
size_t *fields_by_number(const Message *message);

/* The message of our options, or NULL. The caller frees it with its type's free_unpacked(). */
ProtobufCMessage *option_message(const ProtobufCMessage *options,
				 const ProtobufCMessageDescriptor *type);
Samoza__V1__FieldRule *field_rule(const Field *field);

/* The position of an element of what is at `path`. */
struct path path_of_field(struct path path, size_t index);
struct path path_of_value(struct path path, size_t index);
/* The comment there: paragraphs of one line each. The caller frees; NULL when there is none. */
char *doc_of(const File *file, struct path path);

#endif
