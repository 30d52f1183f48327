/*
 * The state of one topology_compile(), and the findings that its passes add.
 */
#ifndef SAMOZA_MODEL_COMPILE_FINDINGS_H
#define SAMOZA_MODEL_COMPILE_FINDINGS_H

#include "model/arena.h"
#include "model/compile.h"
#include "model/space_defaults.h"
#include "model/topology.h"

/* Where a finding belongs: a path of keys as schema_position_of() takes it. */
struct place {
	char path[200];
};

struct compile {
	const Samoza__V1__Topology *in;
	const struct topology_source *source;
	const struct topology_options *options;
	struct diagnostics *findings;
	unsigned finding_count; /* of this compile */
	struct space_defaults defaults;
	struct arena *arena;
	struct topology *t;
};

/* AT("spaces[%u].inside", i) */
struct place AT(const char *format, ...) __attribute__((format(printf, 1, 2)));

void finding(struct compile *c, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds the text of `err` and frees it. */
void finding_error(struct compile *c, struct place place, struct error *err);

#endif
