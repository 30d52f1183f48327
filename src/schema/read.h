/*
 * Nodes to message: the walk that YAML and JSON share. Private to src/schema.
 */
#ifndef SAMOZA_SCHEMA_READ_H
#define SAMOZA_SCHEMA_READ_H

#include <protobuf-c/protobuf-c.h>

#include "schema/node.h"

struct schema_substitution;

/* What is read: a node of a tree, with flags and parameters. */
struct read_source {
	const struct node *root; /* NULL: nothing in the text */
	bool incomplete;	 /* of the tree */
	unsigned flags;
	const struct schema_substitution *substitution; /* may be NULL */
};

/* Always gives a message (schema_message_free); it is whole only when there was no finding. */
ProtobufCMessage *read_tree(const ProtobufCMessageDescriptor *type,
			    const struct read_source *source, struct findings *findings);

/* Where a value stands, in messages: 'count', 'model[1]', 'exports.port'. */
struct slot {
	const ProtobufCFieldDescriptor *field;
	const struct schema_field *rule;
	long index;	     /* in a list, or -1 */
	const char *map_key; /* or NULL */
};

/* Stores a scalar at `member`; false after a finding. */
bool read_scalar(struct findings *f, const struct slot *slot, const struct node *node,
		 void *member);
/* "'model[1]'", fit for a terminal. The caller frees. */
char *slot_name(const struct slot *slot);
/* "a list", "nothing", "'abc'": what stands there, for messages. The caller frees. */
char *node_description(const struct node *node);
/* Whether text obeys pattern and length; otherwise a finding at `node`. */
bool read_check_text(struct findings *f, const struct slot *slot, const struct node *node);

#endif
