/*
 * `${param.NAME}` in one scalar. Private to src/schema.
 */
#ifndef SAMOZA_SCHEMA_SUBSTITUTE_H
#define SAMOZA_SCHEMA_SUBSTITUTE_H

#include "base/buffer.h"
#include "schema/node.h"
#include "schema/yaml.h"

enum substituted {
	SUBSTITUTED_NOTHING, /* there is none in it */
	SUBSTITUTED,
	SUBSTITUTED_UNSET, /* a parameter has no value */
	SUBSTITUTED_WRONG, /* a finding was added */
};

/* What is read in place of a node, and what findings about it say besides. */
struct substitute {
	struct node node;
	struct buffer text;
	struct buffer suffix; /* " (with ${param.replicas})" */
};

void substitute_done(struct substitute *s);
/* `s` is zeroed by the caller, and the caller's in any case; its node is valid after SUBSTITUTED. `filled_in`: the option of
 * its field. */
enum substituted substitute_node(const struct schema_substitution *substitution,
				 const struct node *node, bool filled_in,
				 struct findings *findings, struct substitute *s);

#endif
