/*
 * deploying, starting, stopping, undeploying: each lasts as long as its action, which has a time limit
 * [lifecycle.failure.timeout]. The action may have to wait for one that runs, and a start for the end of
 * an older copy: so it is given some of these limits. Only the time counts in which zrms and the zhost
 * have heard each other.
 */
#include "zsim/fuzz/check/check_timeouts.h"

#include "base/str.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/reach.h"
#include "zsim/world/world.h"

#define LOOK_EVERY_MS 5000
/* Three actions of 60 s, or an update, children that stop and a stop. */
#define STATE_MAX_MS 190000

static bool is_transitive(const char *state)
{
	return str_equal(state, "deploying") || str_equal(state, "starting") ||
	       str_equal(state, "stopping") || str_equal(state, "undeploying");
}

static void check_slot(struct fuzz *f, const struct mirrored *m)
{
	const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
	const struct sim_machine *n =
		serving != NULL && !serving->lost ? mirror_machine(f, serving->zhost) : NULL;
	int64_t since = n != NULL ? reach_since(f, n) : NEVER_MS;
	if (since < m->since_ms)
		since = m->since_ms;
	if (since != NEVER_MS && f->world.now_ms - since > STATE_MAX_MS)
		world_violate(&f->world, "%s is %s for %lld s, longer than its action may take",
			      m->id, m->state, (long long)(f->world.now_ms - since) / 1000);
}

void check_timeouts(struct fuzz *f)
{
	if (f->world.now_ms - f->timeouts_checked_ms < LOOK_EVERY_MS)
		return;
	f->timeouts_checked_ms = f->world.now_ms;
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next)
		if (m->state != NULL && is_transitive(m->state))
			check_slot(f, m);
}
