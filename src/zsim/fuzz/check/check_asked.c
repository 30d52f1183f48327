/*
 * What zrms has withdrawn, a zhost that can hear it does not begin, not after a back-off either. A zhost
 * that cannot hear zrms goes by what it knows.
 */
#include "zsim/fuzz/check/check_asked.h"

#include <inttypes.h>

#include "base/str.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/reach.h"
#include "zsim/world/world.h"

/* For commits that take long, on both sides. */
#define HEARS_WITHIN_MS 10000

/* What is on each zhost that fits is to start when one comes to fit [change.counts.each]. */
static bool appears(const Samoza__V1__SlotRecord *r)
{
	return instance_path_is_each(r->path) && r->goal_cause != NULL &&
	       (str_has_suffix(r->goal_cause, " fits, and there is one on each") ||
		str_equal(r->goal_cause, "its zhost fits again"));
}

void check_goal(struct fuzz *f, const Samoza__V1__SlotRecord *before,
		const Samoza__V1__SlotRecord *now)
{
	Samoza__V1__Goal from =
		before != NULL ? before->goal : SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED;
	if (now->goal > from && !appears(now) &&
	    !str_has_suffix(now->goal_cause, " by operator"))
		world_violate(&f->world, "the goal of %s/%s has risen without a request (%s)",
			      now->application, now->path,
			      now->goal_cause != NULL ? now->goal_cause : "");
}

void check_asked(struct fuzz *f, const struct sim_machine *n, const struct agent_order *order)
{
	Samoza__V1__Target needed = SAMOZA__V1__TARGET__TARGET_NONE;
	if (order->kind == ACTION_DEPLOY)
		needed = SAMOZA__V1__TARGET__TARGET_DEPLOYED;
	else if (order->kind == ACTION_START)
		needed = SAMOZA__V1__TARGET__TARGET_STARTED;
	const struct mirrored_copy *m =
		mirror_copy(f, order->key->topology, order->key->path, order->key->epoch);
	if (m == NULL || (m->record != NULL && m->record->target >= needed) ||
	    needed == SAMOZA__V1__TARGET__TARGET_NONE)
		return; /* without any record: life.c */
	int64_t since = reach_since(f, n);
	if (since < m->asked_ms)
		since = m->asked_ms;
	if (since != NEVER_MS && f->world.now_ms - since > HEARS_WITHIN_MS)
		world_violate(&f->world,
			      "%s is %s on %s, which has not been requested for %lld s", m->id,
			      order->kind == ACTION_DEPLOY ? "deployed" : "started", n->name,
			      (long long)(f->world.now_ms - since) / 1000);
}
