/*
 * What the passes of topology_compile() share. Each pass reads the message, fills its part of
 * the topology and adds findings; later passes run only where what they need is sound.
 *
 *   names    spaces, facets, their one name space       names.c
 *   tree     containment, depth                         tree.c
 *   fields   everything that one space says of itself   fields.c, placement.c
 *   links    imports, paths, who can start              links.c, startable.c
 *   clash    declarations that no cluster can satisfy   clash.c
 *   expand   instances                                  expand.c
 */
#ifndef SAMOZA_MODEL_COMPILE_INTERNAL_H
#define SAMOZA_MODEL_COMPILE_INTERNAL_H

#include "model/arena.h"
#include "model/compile.h"
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
	struct arena *arena;
	struct topology *t;
};

/* AT("spaces[%u].inside", i) */
struct place AT(const char *format, ...) __attribute__((format(printf, 1, 2)));

void finding(struct compile *c, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds the text of `err` and frees it. */
void finding_error(struct compile *c, struct place place, struct error *err);

/* " (did you mean 'x'?)" for the closest of the spaces' names (and the facets', when asked),
 * or "". The caller frees. */
char *hint_for(const struct compile *c, const char *name, bool facets_too);

void compile_names(struct compile *c);
/* After names. Sets parent, depth and children; false when there is a cycle or a wrong parent.
 */
bool compile_tree(struct compile *c);
void compile_fields(struct compile *c);
void compile_placement(struct compile *c, struct space *s, const Samoza__V1__Placement *in);
bool compile_links(struct compile *c);
/* After names, in place of compile_links(): only whether the names are known. Unset ones are
 * left out, and imports unless all `facets` are known. */
void compile_link_names(struct compile *c, bool facets);
/* After tree and links. */
void compile_startable(struct compile *c);
/* After tree and fields. */
void compile_clashes(struct compile *c);
/* After names and tree. Counts the instances; false when there are too many. */
bool compile_count_instances(struct compile *c);
void compile_expand(struct compile *c);

#endif
