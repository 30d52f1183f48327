/*
 * When zhosts were heard, and of that the heartbeats that change nothing, for recordings: what stays of one in the core are numbers on which hardly anything depends, so
 * it can be written down, and taken over by a replay, long after it came.
 *
 *   zrms      beat ─► kept by the core ─► move, scale, … ─► a zhost is silent: depends on when all were heard
 *   recording         held back           written            the beats, then this
 *   replay                                done, and nobody   zhost_beat_late() of each
 *                                         is silent: zhosts_spare()
 */
#ifndef SAMOZA_CORE_CONTROL_BEATS_H
#define SAMOZA_CORE_CONTROL_BEATS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/control/state/input.h"
#include "core/instant.h"

struct control;
struct control_zhost;

struct zhost_beat {
	uint64_t link_id, counter;
	struct instant at;
	bool has_usage;
	uint64_t cpu_millicores, memory_bytes, disk_bytes;
};

/* Its silence is too long from a failure timeout after zhost_silent_since_ms() on. */
void zhost_watch(struct control *c, struct control_zhost *z);
/* Since it was heard; or since it may send heartbeats, where that is later (silence.h). Monotonic. */
int64_t zhost_silent_since_ms(const struct control_zhost *z);
/* Its HELLO is taken, and the answer waits until that is durable: it is not watched. */
void zhost_hello_waits(struct control *c, struct control_zhost *z);
/* The answer is on its way, or its link is gone: from now on it is. `z`: of that link; NULL: none. */
void zhost_hello_answered(struct control *c, struct control_zhost *z);
/* Its deadline is later than its silence alone makes it (silence.h): nothing else may make it sooner. */
bool zhost_is_forgiven(const struct control *c, const struct control_zhost *z);
/* The core does not take it: it is an old, repeated or foreign one. `z`: of its link; NULL: none. */
bool beat_is_void(const struct control_zhost *z, const Samoza__V1__Heartbeat *heartbeat);
/* Nothing of the heartbeat, which is about to be handled at `at`, will stay but *ret. */
bool beat_is_all(const struct control *c, struct instant at, uint64_t link_id,
		 const Samoza__V1__Heartbeat *heartbeat, struct zhost_beat *ret);

/* ---- for a replay ---- */

/* As if it had been handled when it came. */
void zhost_beat_late(struct control *c, const struct zhost_beat *beat);
/* Those whose silence would be too long at that time were heard since; when, zhost_beat_late() will say. */
void zhosts_spare(struct control *c, int64_t mono_ms);

#endif
