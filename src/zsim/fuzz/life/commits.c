/* The commit loops: how long commits take, how they end, and what dies between two steps. */

#include "zsim/fuzz/life/commits.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/outages.h"
#include "zsim/world/hooks.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/world.h"

static bool chance(struct fuzz *f, uint32_t permille)
{
	return !f->calm && permille > 0 && random_below(&f->random, 1000) < permille;
}

/* Many items are delivered for each commit: each of them kills less often. */
#define DELIVERED_LESS_OFTEN 8

static bool dies(struct fuzz *f, unsigned side, enum commit_step step, uint32_t permille)
{
	struct fuzz_commit_counts *counts = &f->counts->sides[side];
	counts->steps[step]++;
	bool is_dead =
		chance(f, permille) && (step != COMMIT_STEP_DELIVERED ||
					random_below(&f->random, DELIVERED_LESS_OFTEN) == 0);
	counts->kills[step] += is_dead;
	return is_dead;
}

static void count_in_flight(size_t *most, size_t now)
{
	if (now > *most)
		*most = now;
}

static bool zrms_dies_here(void *user, enum commit_step step)
{
	struct fuzz *f = user;
	count_in_flight(&f->counts->sides[SIDE_ZRMS].most_in_flight,
			control_loop_in_flight(f->world.commits));
	return dies(f, SIDE_ZRMS, step, f->crash_permille);
}

static enum machine_death zhost_dies_here(void *user, const struct sim_machine *machine,
					  enum commit_step step)
{
	struct fuzz *f = user;
	count_in_flight(&f->counts->sides[SIDE_ZHOST].most_in_flight,
			agent_loop_in_flight(machine->commits));
	if (!dies(f, SIDE_ZHOST, step, f->zhost_crash_permille))
		return MACHINE_LIVES;
	return random_percent(&f->random, 70) ? MACHINE_AGENT_DIES : MACHINE_DIES;
}

static size_t written_at_crash(void *user, size_t waiting)
{
	struct fuzz *f = user;
	return random_below(&f->random, (uint32_t)waiting + 1);
}

/* A client waits for a minute. */
#define ZRMS_COMMIT_MAX_MS  40000
#define ZHOST_COMMIT_MAX_MS 90000

static int64_t commit_delay(void *user, const struct sim_machine *machine)
{
	struct fuzz *f = user;
	bool is_zrms = machine == NULL;
	int64_t left = outages_left_ms(f, machine);
	if (left > 0)
		return left;
	if (f->born && draws_percent(f, DRAW_DISKS, 1)) {
		draws_happened(f, DRAW_DISKS);
		return random_below(draws_random(f, DRAW_DISKS),
				    is_zrms ? ZRMS_COMMIT_MAX_MS : ZHOST_COMMIT_MAX_MS);
	}
	if (f->calm || !random_percent(&f->random, f->slow_commits_percent))
		return 0;
	f->counts->sides[is_zrms ? SIDE_ZRMS : SIDE_ZHOST].slow++;
	return 1 +
	       (int64_t)random_below(&f->random, random_percent(&f->random, 20) ? 3000 : 50);
}

static enum commit_outcome commit_outcome(void *user, const struct sim_machine *machine,
					  bool *ret_is_written)
{
	struct fuzz *f = user;
	bool is_zrms = machine == NULL;
	struct fuzz_commit_counts *counts = &f->counts->sides[is_zrms ? SIDE_ZRMS : SIDE_ZHOST];
	*ret_is_written = true;
	if (outages_fail(f, machine)) {
		*ret_is_written = false;
		counts->failed++;
		return COMMIT_FAILED;
	}
	if (!chance(f, f->commit_fails_permille))
		return COMMIT_DURABLE;
	*ret_is_written = random_percent(&f->random, 50);
	if (is_zrms && random_percent(&f->random, 30)) {
		*ret_is_written = false; /* it was refused */
		counts->lost_leadership++;
		return COMMIT_LOST_LEADERSHIP;
	}
	counts->failed++;
	return COMMIT_FAILED;
}

static void asked(void *user)
{
	struct fuzz *f = user;
	if (f->asked_life != f->world.zrms_life)
		vector_clear(&f->adopts_asked); /* of a zrms that died with them */
	f->asked_life = f->world.zrms_life;
	vector_push(&f->adopts_asked, f->adopts_open);
	f->adopts_open = false;
}

void commits_hooks(struct fuzz *f, struct world_hooks *hooks)
{
	(void)f;
	hooks->crash_here = zrms_dies_here;
	hooks->machine_dies_here = zhost_dies_here;
	hooks->written_at_crash = written_at_crash;
	hooks->commit_delay = commit_delay;
	hooks->commit_outcome = commit_outcome;
	hooks->asked = asked;
}

/* ---- counts ---- */

static const char *const side_names[SIDES] = {"zrms", "zhost"};
static const char *const step_names[COMMIT_STEPS] = {
	[COMMIT_STEP_HANDLED] = "after handle",	   [COMMIT_STEP_FLUSHED] = "after flush",
	[COMMIT_STEP_ASKED] = "commit asked",	   [COMMIT_STEP_DURABLE] = "durable",
	[COMMIT_STEP_DELIVERED] = "in delivering",
};

static void leaders_counts_print(const struct leaders_counts *c)
{
	printf("leaders: %" PRIu64 " takeovers, %" PRIu64
	       " of them from one that lived on, %" PRIu64
	       " with records that were read ahead; %" PRIu64 " pauses, %" PRIu64
	       " cut off from the store, %" PRIu64 " killed, %" PRIu64 " moves\n",
	       c->takeovers, c->deposed, c->read_ahead, c->pauses, c->cuts, c->kills, c->moves);
	printf("         %" PRIu64 " answers of the election lost, %" PRIu64
	       " commits of unknown outcome, %" PRIu64 " writes refused; %" PRIu64
	       " times a zhost reached a former leader, %" PRIu64 " times it refused one\n",
	       c->lost_answers, c->unknown_commits, c->writes_refused, c->to_former,
	       c->refused);
}

void fuzz_counts_print(const struct fuzz_counts *counts)
{
	printf("killed %14s", "");
	for (unsigned step = 0; step < COMMIT_STEPS; step++)
		printf(" %15s", step_names[step]);
	printf(" %12s %12s %12s %9s\n", "slow commits", "failed", "leader lost", "in flight");
	for (unsigned side = 0; side < SIDES; side++) {
		const struct fuzz_commit_counts *c = &counts->sides[side];
		printf("%-21s", side_names[side]);
		for (unsigned step = 0; step < COMMIT_STEPS; step++)
			printf(" %15" PRIu64, c->kills[step]);
		printf(" %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %9zu\n", c->slow, c->failed,
		       c->lost_leadership, c->most_in_flight);
	}
	if (counts->leaders.takeovers > 0)
		leaders_counts_print(&counts->leaders);
	draws_print(&counts->draws);
}

char *fuzz_counts_missing(const struct fuzz_counts *counts)
{
	struct buffer missing = BUFFER_INIT(4096);
	for (unsigned side = 0; side < SIDES; side++) {
		const struct fuzz_commit_counts *c = &counts->sides[side];
		const char *name = side_names[side];
		for (unsigned step = 0; step < COMMIT_STEPS; step++)
			if (c->kills[step] == 0)
				(void)buffer_printf(&missing, "%s%s was never killed %s",
						    missing.size > 0 ? "; " : "", name,
						    step_names[step]);
		if (c->failed == 0)
			(void)buffer_printf(&missing, "%sno commit of %s failed",
					    missing.size > 0 ? "; " : "", name);
		if (c->most_in_flight < 2)
			(void)buffer_printf(&missing, "%s%s never had two batches in flight",
					    missing.size > 0 ? "; " : "", name);
	}
	if (counts->sides[SIDE_ZRMS].lost_leadership == 0)
		(void)buffer_printf(&missing, "%szrms never lost the leadership",
				    missing.size > 0 ? "; " : "");
	const char *never = draws_missing(&counts->draws);
	if (never != NULL)
		(void)buffer_printf(&missing, "%snothing of '%s' ever happened",
				    missing.size > 0 ? "; " : "", never);
	if (missing.size > 0)
		return buffer_steal(&missing);
	buffer_done(&missing);
	return NULL;
}
