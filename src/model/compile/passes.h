/*
 * The passes of topology_compile(). Each reads the message, fills its part of the topology and
 * adds findings (findings.h); a later pass runs only if the parts that it needs have none.
 *
 *   names    spaces, facets, their one name space       names.h
 *   tree     containment, depth                         tree.c
 *   fields   everything that one space declares         fields.c, placement.c
 *   each     one instance on every zhost                each.c
 *   links    imports, paths, what can start             links.c, startable.c
 *   settings env, config, reload, secrets               settings.c, secrets.c
 *   clash    declarations that no cluster can satisfy   clash.c
 *   expand   instances                                  expand.c
 */
#ifndef SAMOZA_MODEL_COMPILE_PASSES_H
#define SAMOZA_MODEL_COMPILE_PASSES_H

#include "model/topology.h"

struct compile;
struct place;

/* A duration from `text` (NULL: `fallback`) in [least, most]. `place` is evaluated only where there
 * is a text: it is printed, and most spaces write none. */
#define compile_duration(c, place, text, fallback, least, most)                                \
	((text) != NULL                                                                        \
		 ? compile_written_duration((c), (place), (text), (fallback), (least), (most)) \
		 : (fallback))
uint32_t compile_written_duration(struct compile *c, struct place place, const char *text,
				  uint32_t fallback, uint64_t least, uint64_t most);

/* After names. Sets parent, depth and children; false when there is a cycle or a wrong parent.
 */
bool compile_tree(struct compile *c);
void compile_fields(struct compile *c);
/* After tree and fields. What is inside of an optional space is optional; a finding when all are. */
void compile_optional(struct compile *c);
/* After tree and fields. What does not go with `count: each`; its instances are never placed elsewhere. */
void compile_each(struct compile *c);
/* Which spaces start without zrms. PRE: compile_each(). */
void compile_offline_start(struct compile *c);
void compile_placement(struct compile *c, struct space *s, const Samoza__V1__Placement *in);
bool compile_links(struct compile *c);
/* After fields and links. */
void compile_settings(struct compile *c);
/* What of it is about secrets. PRE: its env and config are compiled. */
void compile_secrets(struct compile *c, struct space *s, const Samoza__V1__Space *in);
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
