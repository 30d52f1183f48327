/*
 * Root instances: zhosts that join, are heard, fall silent, return, and are removed.
 *
 *   not-deployed ──hello──► deployed-started ──silent too long──► problem
 *        ▲                     ▲     │                              │  │
 *        │                     └─────┼────────heartbeat─────────────┘  │
 *        └──── undeploying ◄─────────┴─────────── removed ─────────────┘
 *
 * Silence is looked for when it is due, and at least every check_interval. When zrms itself
 * slept (a paused machine), no zhost is judged before another check_interval has passed.
 *
 * Source: [lifecycle.root], [topology.detection], [topology.recovery].
 */
#ifndef SAMOZA_CORE_CONTROL_ZHOSTS_H
#define SAMOZA_CORE_CONTROL_ZHOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#include "core/control/state/input.h"

struct control;
struct control_zhost;

void zhost_hello(struct control *c, uint64_t link_id, const Samoza__V1__Hello *hello);
void zhost_heartbeat(struct control *c, uint64_t link_id,
		     const Samoza__V1__Heartbeat *heartbeat);
/* It may not join: says why, and closes the link. */
void zhost_refuse(struct control *c, uint64_t link_id, const char *reason);
/* It was removed: it ends what it runs. Closes the link. */
void zhost_turn_away(struct control *c, uint64_t link_id, const char *reason);
/* The link is gone. */
void zhost_closed(struct control *c, uint64_t link_id);
/* How many removed zhosts are remembered; one of before may join again as if it were new. */
#define REMOVED_ZHOSTS_KEPT 1000
/* ERR_CONFLICT: something is placed there, and it is not in state problem. */
int zhost_remove(struct control *c, struct control_zhost *z, const char *cause,
		 struct error **err) must_check;
/* Its silence is too long, and its loss is decided with a later tick: nothing is placed there until then. */
void zhost_set_overdue(struct control *c, struct control_zhost *z, bool is_overdue);
void zhost_set_cordon(struct control *c, struct control_zhost *z, bool cordoned);
/* Cordon, uncordon, remove. */
void zhost_request(struct control *c, const struct control_input *input);

/* When every lease that it counts from a heartbeat of then has certainly ended (monotonic): by the
 * longest timeout that it was told and may still count by. */
int64_t zhost_leases_end_ms(const struct control *c, const struct control_zhost *z,
			    int64_t heard_ms);

/* Silence is counted from now. */
void zhosts_start(struct control *c);
void zhosts_tick(struct control *c);
/* The next tick is due then at the latest; NEVER_MS: nobody is waited for. */
int64_t zhosts_next_ms(const struct control *c);

#endif
