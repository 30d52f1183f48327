/*
 * What protobuf-c's descriptors leave out: the options of proto/options.proto, comments, and
 * which messages are entries of a map. The tables are C code that tool/ makes at build time
 * out of protoc's descriptors; descriptor and table of a message are found by its full name
 * and have their fields in the same order (by number).
 */
#ifndef SAMOZA_SCHEMA_TABLES_H
#define SAMOZA_SCHEMA_TABLES_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Strings are NULL, numbers 0 where the schema has nothing. */
struct schema_field {
	const char *key;	 /* in YAML and JSON; never NULL */
	const char *doc;	 /* comment: paragraphs of one line each, separated by \n */
	const char *pattern;	 /* of text, of each element, of each value (pattern.h) */
	const char *key_pattern; /* of the keys of a map */
	const char *expects;	 /* what to write, in words */
	const char *constant;	 /* the only text accepted */
	const char *unit;
	const char *word;	  /* in place of a number: stands for 0 */
	const char *default_text; /* in words, where it is no constant */
	const char *oneof;	  /* the name of the oneof it belongs to */
	const char *example;	  /* a value as it is written in YAML, on one line */
	const char *
		example_beside; /* `key: value` that stands beside it in an example; several: with "; " between them */
	double min, max;
	bool has_min, has_max;
	bool one_or_many;
	bool required; /* by option; the label is in the descriptor */
	bool partial;
	bool scenario;	     /* known in scenarios only */
	bool wire;	     /* known in no file */
	bool filled_in;	     /* `${…}` in it is filled in later */
	bool map;	     /* its type is a map entry: key = 1, value = 2 */
	bool oneof_required; /* one member of its oneof must be there */
	uint32_t max_length, min_items, max_items;
};

struct schema_message {
	const char *name;  /* full name: "samoza.v1.Space" */
	const char *title; /* in messages: "space" */
	const char *doc;
	const char *shorthand; /* name of a field */
	unsigned field_count;
	const struct schema_field *fields;
};

struct schema_enum_value {
	const char *spelling;
	const char *doc;
	int value;
};

struct schema_enum {
	const char *name;
	const char *doc;
	unsigned value_count;
	const struct schema_enum_value *values; /* in the order of the .proto file */
};

/* The table of a type. A type that has none is a mistake of the build: aborts. */
const struct schema_message *schema_message_table(const ProtobufCMessageDescriptor *type);
const struct schema_enum *schema_enum_table(const ProtobufCEnumDescriptor *type);

/* Generated, sorted by name. */
extern const struct schema_message schema_messages[];
extern const unsigned schema_message_count;
extern const struct schema_enum schema_enums[];
extern const unsigned schema_enum_count;

#endif
