/*
 * Reads a file that a person wrote (YAML, or JSON) into a protobuf message, and reports
 * everything that is wrong with it, with line and column:
 *
 *   topology.yaml:14:9: unknown key 'capabilites' in space; did you mean 'capabilities'?
 *
 *   text --> nodes (one tree for YAML and JSON, with places) --> message, by the descriptor
 *                                                                 and its table (tables.h)
 *
 * Refused: unknown and duplicate keys, wrong types, values out of range, missing required
 * fields, two members of a oneof, anchors, aliases and tags, more than one document, invalid
 * UTF-8, NUL, more than 64 levels, 4 MiB, or 1,000,000 values. At most 100 findings per file
 * are given. After an error of syntax nothing more can be read.
 *
 * Text fields take any scalar as it is written (`cpu: 2`, `version: 1.10`), all others
 * only what the YAML core schema calls a number or a boolean (`yes` is none).
 *
 *   [formats.topology.errors]: "all of them are reported, not only the first".
 */
#ifndef SAMOZA_SCHEMA_YAML_H
#define SAMOZA_SCHEMA_YAML_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/diagnostics.h"
#include "base/error.h"

#define SCHEMA_TEXT_MAX	    ((size_t)4 * 1024 * 1024)
#define SCHEMA_DEPTH_MAX    64
#define SCHEMA_NODES_MAX    1000000
#define SCHEMA_FINDINGS_MAX 100

enum schema_read_flags {
	/* Fields of the file's own message that the option `required` asks for may be absent:
	 * space.yaml without name and type, a topology without apiVersion and kind. (Those with
	 * the label `required` may not.) */
	SCHEMA_PARTIAL = 1,
	/* With findings, too, the message and positions are given, unless there was an error of
	 * syntax: for code that looks for more findings. What was wrong is missing in it: any
	 * field may be unset, an element of a list NULL. */
	SCHEMA_KEEP = 2,
	/* The file is a scenario: fields with the option `scenario` are known. */
	SCHEMA_SCENARIO = 4,
	/* Keys that the message does not have are left out, without a finding. */
	SCHEMA_SOME_KEYS = 8,
	/* The same of the file's own message alone: all keys below it are to be known. */
	SCHEMA_SOME_FILE_KEYS = 16,
	/* JSON that has a secret: what was copied of the text is wiped, but in the message. */
	SCHEMA_WIPE = 32,
};

/* Where each value of a message stood in its file, and what stood there. */
struct schema_positions;

struct schema_position {
	const char *file; /* borrowed from the positions; NULL: not known */
	unsigned line;	  /* from 1; 0: not known */
	unsigned column;
};

/*
 * Reads `text` (not necessarily NUL-terminated). `file` is how the user calls it, or NULL.
 * Text that begins with `{` is tried as JSON first, so all of JSON is accepted.
 *
 * 0: *ret_message is the caller's (schema_message_free), and so is *ret_positions, unless
 * ret_positions is NULL (schema_positions_free).
 * ERR_INVALID: findings were added to `diagnostics` (which may be NULL), sorted; err has the
 * first one of this file and how many more there are. *ret_message and *ret_positions are
 * untouched, unless `flags` has SCHEMA_KEEP.
 */
must_check int schema_read_yaml(const ProtobufCMessageDescriptor *type, const char *file,
				const char *text, size_t size, unsigned flags,
				struct diagnostics *diagnostics, ProtobufCMessage **ret_message,
				struct schema_positions **ret_positions, struct error **err);

/* What `${param.NAME}` in a scalar value stands for. */
enum schema_parameter {
	SCHEMA_PARAMETER_UNKNOWN, /* there is none of that name */
	SCHEMA_PARAMETER_UNSET, /* it has no value: what depends on it is read as if it were absent */
	SCHEMA_PARAMETER_TEXT,	/* text, whatever it looks like */
	SCHEMA_PARAMETER_PLAIN, /* a number or a boolean, as in the file */
};

/*
 * `${param.NAME}` in scalar values, while a file is read. A scalar that is nothing else becomes the
 * parameter's value, with its type, whether it is quoted or not; inside of a longer one the value is a
 * part of a text. What is put in is not looked at again. Keys are left as they are. In a field with the option `filled_in`
 * `$${param.NAME}` stays as it is.
 */
struct schema_substitution {
	void *user;
	/* Before anything is read, where it is not NULL: `document` is the whole file, for
	 * schema_read_part(). Findings may be added. */
	void (*begin)(void *user, const struct schema_positions *document,
		      struct diagnostics *findings);
	enum schema_parameter (*find)(void *user, const char *name, const char **ret_value);
	/* What follows "there is no parameter 'x'": "; did you mean 'y'?". The caller frees. */
	char *(*hint)(void *user, const char *name);
	/* The value as it is put into a field with the option `filled_in`; the caller frees. NULL: as it is. */
	char *(*quote)(const char *value);
};

/* schema_read_yaml() with parameters. `substitution` may be NULL. */
must_check int schema_read_template(const ProtobufCMessageDescriptor *type, const char *file,
				    const char *text, size_t size, unsigned flags,
				    const struct schema_substitution *substitution,
				    struct diagnostics *diagnostics,
				    ProtobufCMessage **ret_message,
				    struct schema_positions **ret_positions,
				    struct error **err);

/* Reads a part of a file that was read before once more: what stands at `path` (schema_position_of()), with
 * the findings that it has then. As schema_read_yaml() beyond that. `begin` gets the whole file. */
must_check int schema_read_part(const struct schema_positions *document, const char *path,
				const ProtobufCMessageDescriptor *type, unsigned flags,
				const struct schema_substitution *substitution,
				struct diagnostics *diagnostics, ProtobufCMessage **ret_message,
				struct error **err);

/* An entry of a file that is one mapping of names to scalars. */
struct schema_entry {
	const char *key, *text;
	bool quoted;	       /* text, whatever it looks like */
	bool is_nothing;       /* null, or nothing at all */
	unsigned line, column; /* of the value */
	unsigned key_line, key_column;
};

/* Calls `on_entry` for each entry of such a file, in its order. Findings: what is wrong with YAML, keys that come
 * twice, values that are no scalars. */
must_check int schema_read_entries(const char *file, const char *text, size_t size,
				   struct diagnostics *diagnostics,
				   void (*on_entry)(void *user,
						    const struct schema_entry *entry),
				   void *user, struct error **err);

/* Whether a scalar stands at `path`, and is quoted. */
bool schema_is_quoted(const struct schema_positions *positions, const char *path);

/*
 * The place of a value, by a path of keys as in the file: `spaces[2].exports.port`,
 * `metadata`, `spaces[0].placement.constraints[1]`; "" is the whole. Where the path continues
 * below what is written (an absent field, the single element of a one-or-many list) it is
 * the place of the nearest thing around it. All zero for positions == NULL.
 */
struct schema_position schema_position_of(const struct schema_positions *positions,
					  const char *path_format, ...)
	__attribute__((format(printf, 2, 3)));
void schema_positions_free(struct schema_positions *positions);
void schema_positions_freep(struct schema_positions **positions);

#endif
