#include "zsim/fuzz/draw/draw_leaders.h"

#include <inttypes.h>

#include "zsim/fuzz/check/check.h"
#include "zsim/fuzz/check/check_order.h"
#include "zsim/fuzz/life/commits.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/controller.h"
#include "zsim/world/hooks.h"
#include "zsim/world/members.h"
#include "zsim/world/simulation.h"
#include "zsim/world/world.h"

/* Without faults one leads within this. */
#define LEADS_WITHIN_MS INT64_C(20000)
/* A client waits for a minute, also for commits that take long themselves. */
#define CUT_MAX_MS INT64_C(20000)
/* A lease, and what it takes to campaign. */
#define STEP_MS 500

static struct leaders_counts *counts_of(struct fuzz *f)
{
	return &f->counts->leaders;
}

/* ---- what the world asks ---- */

static int64_t election_delay(void *user)
{
	struct fuzz *f = user;
	if (!f->election_is_slow || !draws_percent(f, DRAW_LEADERS, 20))
		return 0;
	struct random *r = draws_random(f, DRAW_LEADERS);
	return (int64_t)random_below(r, random_percent(r, 10) ? 5000 : 300);
}

static bool election_is_lost(void *user)
{
	struct fuzz *f = user;
	bool is_lost = f->election_is_slow && draws_percent(f, DRAW_LEADERS, 5);
	counts_of(f)->lost_answers += is_lost;
	return is_lost;
}

static bool commit_is_unknown(void *user, bool *ret_is_written)
{
	struct fuzz *f = user;
	if (!draws_percent(f, DRAW_LEADERS, 3))
		return false;
	counts_of(f)->unknown_commits++;
	*ret_is_written = random_percent(draws_random(f, DRAW_LEADERS), 50);
	return true;
}

static bool watch_is_late(void *user)
{
	return draws_percent(user, DRAW_LEADERS, 30);
}

static bool watch_is_lost(void *user)
{
	return draws_percent(user, DRAW_LEADERS, 2);
}

static void read_ahead(void *user)
{
	struct fuzz *f = user;
	counts_of(f)->read_ahead++;
}

static bool reaches_former(void *user)
{
	struct fuzz *f = user;
	bool reaches = draws_percent(f, DRAW_LEADERS, 30);
	counts_of(f)->to_former += reaches;
	return reaches;
}

static void zrms_starts(void *user)
{
	struct fuzz *f = user;
	if (f->born)
		counts_of(f)->takeovers++;
	if (f->born)
		draws_happened(f, DRAW_LEADERS);
	counts_of(f)->deposed += f->world.formers.count > f->formers_seen;
	f->formers_seen = f->world.formers.count;
	check_order_start(f);
}

static void write_refused(void *user)
{
	struct fuzz *f = user;
	counts_of(f)->writes_refused++;
}

static void zrms_started(void *user)
{
	check_loaded(user);
}

void leaders_hooks(struct fuzz *f, struct world_hooks *hooks)
{
	if (!draws_have(f, DRAW_LEADERS))
		return;
	hooks->election_delay = election_delay;
	hooks->election_is_lost = election_is_lost;
	hooks->commit_is_unknown = commit_is_unknown;
	hooks->watch_is_late = watch_is_late;
	hooks->watch_is_lost = watch_is_lost;
	hooks->read_ahead = read_ahead;
	hooks->reaches_former = reaches_former;
	hooks->zrms_starts = zrms_starts;
	hooks->zrms_started = zrms_started;
	hooks->write_refused = write_refused;
}

/* ---- lives ---- */

void leaders_start_zrms(struct fuzz *f)
{
	struct world *w = &f->world;
	if (!draws_have(f, DRAW_LEADERS)) {
		if (f->born)
			check_order_start(f);
		controller_start(w);
		if (f->born)
			check_loaded(f);
		return;
	}
	if (w->members.count == 0)
		members_begin(w, 2 + random_below(draws_random(f, DRAW_LEADERS), 2));
	for (int64_t passed = 0;
	     w->control == NULL && passed < LEADS_WITHIN_MS && w->violation == NULL;
	     passed += STEP_MS)
		world_advance(w, STEP_MS);
	if (w->control == NULL && w->violation == NULL && (f->calm || !f->born))
		world_violate(w, "no zrms leads");
}

bool leaders_were_cut(const struct fuzz *f, int64_t since_ms)
{
	vector_for_each (&f->world.members, m)
		if ((*m)->cut_until_ms > since_ms)
			return true;
	return false;
}

void leaders_calm(struct fuzz *f)
{
	if (draws_have(f, DRAW_LEADERS))
		members_calm(&f->world);
}

static void trouble(struct fuzz *f, struct sim_member *m)
{
	struct random *r = draws_random(f, DRAW_LEADERS);
	struct world *w = &f->world;
	bool leads = m == members_leading(w);
	int64_t ms = 1 + (int64_t)random_below(r, random_percent(r, 60) ? 8000 : 90000);
	switch (random_below(r, 4)) {
	case 0:
		counts_of(f)->pauses++;
		world_log(w, "STEP %s is paused", m->name);
		if (leads && !controller_stalls(w))
			controller_stall(w, ms);
		else if (!leads)
			m->paused_until_ms = w->now_ms + ms;
		return;
	case 1:
		counts_of(f)->cuts++;
		member_cut(m, ms < CUT_MAX_MS ? ms : CUT_MAX_MS);
		return;
	case 2:
		counts_of(f)->kills++;
		world_log(w, "STEP %s is killed", m->name);
		member_kill(m, ms);
		return;
	default:
		if (leads && !controller_stalls(w))
			counts_of(f)->moves += member_move(m);
		return;
	}
}

void draw_leaders(struct fuzz *f)
{
	struct world *w = &f->world;
	if (!draws_percent(f, DRAW_LEADERS, 15) || w->violation != NULL)
		return;
	struct random *r = draws_random(f, DRAW_LEADERS);
	struct sim_member *m = members_leading(w);
	if (m == NULL || random_percent(r, 30))
		m = w->members.items[random_below(r, (uint32_t)w->members.count)];
	if (m->leader != NULL)
		trouble(f, m);
	if (random_percent(r, 30))
		f->election_is_slow = random_percent(r, 30);
	f->formers_seen = w->formers.count;
}

/* ---- what must hold ---- */

void leaders_committed(struct fuzz *f, const struct outbox *o)
{
	if (!draws_have(f, DRAW_LEADERS))
		return;
	vector_for_each (&o->events, e) {
		if ((*e)->seq != f->last_event + 1)
			world_violate(&f->world,
				      "event %" PRIu64 " follows event %" PRIu64
				      ": a follower misses one, or sees one twice",
				      (*e)->seq, f->last_event);
		f->last_event = (*e)->seq;
	}
}
