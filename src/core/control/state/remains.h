/*
 * What may still run on a zhost, and nothing else remembers: `topo rm` does not wait for a zhost that cannot be reached, and
 * who removes a silent zhost vouches for what has no lease there. A copy of the same NAME/INSTANCE that is exclusive waits
 * for what remains.
 *
 *     topo rm ─────────► remains ────┬─► none    its zhost is back, and says that nothing of it is left
 *                          │     ▲   │
 *     the zhost is removed │     │   │
 *     from the cluster     ▼     │ the zhost joins again, and has it
 *     cluster rm ──────► dormant ────┴─► none    it joins again without it, or is forgotten
 *
 * All of them are what zrms has placed there itself: a zhost can only say what of it there is. Copies that are exclusive
 * themselves are none of these: `topo rm` is refused until they have certainly ended, and their records are kept.
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
struct copy;

/* Before the application is removed: remembers what may still run. */
void remains_note(struct control *c, const struct control_application *a);
/* It will not come back, or so it was said. PRE: the copy is still that of its application. */
void remains_note_forsaken(struct control *c, struct control_zhost *z, const struct copy *copy);
/* The zhost is removed from the cluster: nothing waits for what remains there. */
void remains_vouched(struct control *c, struct control_zhost *z);
/* It is back: what it does not name any more has ended, and what it names is there. */
void remains_hello(struct control *c, struct control_zhost *z, const Samoza__V1__Hello *hello);
/* It reports a copy of which no application knows. */
void remains_report(struct control *c, const struct control_zhost *z,
		    const Samoza__V1__InstanceReport *report);
/* It is forgotten. */
void remains_drop(struct control *c, const struct control_zhost *z);
/* From the record, and into it: `ret_items` are borrowed, the caller frees the arrays. */
void remains_load(struct control *c, struct control_zhost *z,
		  const Samoza__V1__ZhostRecord *record);
void remains_fill(const struct control *c, const struct control_zhost *z,
		  Samoza__V1__ZhostRecord *record);
void remains_free_filled(Samoza__V1__ZhostRecord *record);

#endif
