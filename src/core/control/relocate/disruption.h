/*
 * What allows a handover that nobody waits for: of a drain, or of a rebalance. Both share the limits, so that
 * together they hand over as many units at a time as one alone would.
 *
 *   turns        drain.units units in the cluster at a time
 *   disruption   of a space, disruption.max_unavailable instances unserved or being handed over
 *
 * Source: [change.drain.drain].
 */
#ifndef SAMOZA_CORE_CONTROL_DISRUPTION_H
#define SAMOZA_CORE_CONTROL_DISRUPTION_H

#include <stdbool.h>
#include <stdint.h>

struct control;
struct control_application;
struct slot_control;

/* What one look counts once, for all units that it is about. */
struct tally {
	uint32_t under_way; /* handed over by drains and rebalances, in the cluster */
	/* Instances of the space that are to run, and are unserved or being handed over. NULL: not counted. */
	const struct control_application *application;
	const char *space;
	uint32_t unavailable;
};

struct tally tally_begin(const struct control *c);
/* One more is handed over. */
void tally_add(struct tally *tally);

/* All turns are taken: says so; the caller frees. NULL: there is one. */
char *turns_taken(const struct control *c, const struct tally *tally);
/* A space of the unit cannot do without it now: says which; the caller frees. NULL: they can. PRE: it is not
 * being handed over. */
char *disruption_of(struct tally *tally, const struct slot_control *root);
/* How far the handover that it has is; the caller frees. */
char *handover_on_its_way(const struct slot_control *root);
/* Why its handover cannot begin now; the caller frees. NULL: it can, as far as the unit itself is concerned. */
char *handover_obstacle(const struct slot_control *root);

#endif
