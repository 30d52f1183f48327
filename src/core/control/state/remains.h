/*
 * What a removed application may still run: `topo rm` does not wait for a zhost that cannot be reached, and
 * nothing else remembers the copies there. A copy of the same NAME/INSTANCE that is exclusive waits for them.
 *
 *     topo rm ──► remains, in the record of the zhost ──► none   its zhost is back, and says that nothing is left,
 *                                                                or it is removed: who removes it vouches for it
 *
 *     a zhost that was removed comes back with copies that were forsaken ──► remains, until it says that they are gone
 *
 * Copies that are exclusive themselves are none of these: `topo rm` is refused until they have certainly ended.
 * The list is that of the applications (state/application.h).
 * Source: [topology.exclusive.meaning].
 */
#ifndef SAMOZA_CORE_CONTROL_REMAINS_H
#define SAMOZA_CORE_CONTROL_REMAINS_H

#include "proto/record.pb-c.h"
#include "proto/wire.pb-c.h"

struct control;
struct control_application;
struct control_zhost;

/* Before the application is removed: remembers what may still run. */
void remains_note(struct control *c, const struct control_application *a);
/* Its zhost is back: what it does not name any more has ended, and what nobody knows any more is there. */
void remains_hello(struct control *c, struct control_zhost *z, const Samoza__V1__Hello *hello);
/* It reports a copy of which no application knows. */
void remains_report(struct control *c, struct control_zhost *z,
		    const Samoza__V1__InstanceReport *report);
/* It is removed from the cluster, or forgotten. */
void remains_drop(struct control *c, struct control_zhost *z);
/* From the record, and into it: `ret_items` are borrowed, the caller frees the arrays. */
void remains_load(struct control *c, struct control_zhost *z,
		  const Samoza__V1__ZhostRecord *record);
void remains_fill(const struct control *c, const struct control_zhost *z,
		  Samoza__V1__ZhostRecord *record);
void remains_free_filled(Samoza__V1__ZhostRecord *record);

#endif
