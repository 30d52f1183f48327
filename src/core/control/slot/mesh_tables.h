/*
 * Mesh tables: each zhost that holds a copy of an application knows which of its slots are started, and
 * where: the copy that serves, and those that are about to, or did until now. An application with pages is known to every zhost, because every zedge serves them.
 *
 * A subscriber gets the whole table once per link, unless it has it already, afterwards what changed.
 *
 *   HELLO with sums ─► tables of the parts that differ ─► MESH_SYNC: the other parts are kept, what
 *                                                         else it knows is to be forgotten
 * While a unit is being handed over, who gets the table says when it goes by it: only then is the former
 * copy told to stop (handover.h: draining).
 */
#ifndef SAMOZA_CORE_CONTROL_MESH_TABLES_H
#define SAMOZA_CORE_CONTROL_MESH_TABLES_H

#include "core/control/state/application.h"
#include "core/control/state/zhost_registry.h"

/* A copy of the slot started, or is started no longer, or another one serves. */
void mesh_tables_mark(struct slot_control *sc);
/* It is about to be forgotten: zhosts forget what they still know of its former copies. */
void mesh_tables_slot_goes(struct slot_control *sc);
/* A rollout went on: whether, and how much, copies of it share may have changed. */
void mesh_tables_mark_shares(struct control_application *a);
/* As records say: zhosts may know it already. PRE: there is a rollout. */
void mesh_tables_load_shares(struct control_application *a);
/* The version that the next table has. */
uint64_t mesh_tables_next_version(const struct control_application *a);
/* Every zhost with a link that has the table goes by that version, or a newer one, or is too old to say so. */
bool mesh_tables_known(const struct control_application *a, uint64_t version);
/* One of them has a link, and will not say by which table it goes. */
bool mesh_tables_has_silent(const struct control_application *a);
/* What a zhost says on that link. */
void mesh_tables_applied(struct control *c, uint64_t link_id,
			 const Samoza__V1__MeshApplied *message);
/* One copy more (1) or less (-1) of `a` is on that zhost. */
void mesh_tables_count(struct control_application *a, struct control_zhost *z, int change);
/* It has a new link, and knows what `sums` says: of `count` parts, 0 or MESH_PARTS (core/mesh_sum.h). */
void mesh_tables_zhost_joined(struct control *c, struct control_zhost *z, const uint64_t *sums,
			      size_t count);
/* It has no link any longer: nobody waits for what it knows. */
void mesh_tables_zhost_left(struct control *c, const struct control_zhost *z);
/* It is about to be freed. PRE: it holds no copies. */
void mesh_tables_zhost_forgotten(struct control *c, const struct control_zhost *z);
/* These are its subscribers, in this order; how many copies each one holds is known already. */
void mesh_tables_restore(struct control_application *a, const struct subscriber *list,
			 size_t count);
/* In a flush: sends what changed. */
void mesh_tables_send(struct control *c);
/* The same, of applications that changed after that. */
void mesh_tables_send_changed(struct control *c);

#endif
