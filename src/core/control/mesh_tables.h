/*
 * Mesh tables: each zhost that holds a copy of an application knows which of its slots are started, and
 * where. An application with pages is known to every zhost, because every zedge serves them.
 *
 * A subscriber gets the whole table once per link, unless it has it already, afterwards what changed.
 *
 *   HELLO with sums ─► tables of the parts that differ ─► MESH_SYNC: the other parts are kept, what
 *                                                         else it knows is to be forgotten
 */
#ifndef SAMOZA_CORE_CONTROL_MESH_TABLES_H
#define SAMOZA_CORE_CONTROL_MESH_TABLES_H

#include "core/control/application.h"
#include "core/control/zhost_registry.h"

/* The slot started, or is started no longer. */
void mesh_tables_mark(struct slot_control *sc);
/* One copy more (1) or less (-1) of `a` is on that zhost. */
void mesh_tables_count(struct control_application *a, struct control_zhost *z, int change);
/* It has a new link, and knows what `sums` says: of `count` parts, 0 or MESH_PARTS (core/mesh_sum.h). */
void mesh_tables_zhost_joined(struct control *c, struct control_zhost *z, const uint64_t *sums,
			      size_t count);
/* In a flush: sends what changed. */
void mesh_tables_send(struct control *c);

#endif
