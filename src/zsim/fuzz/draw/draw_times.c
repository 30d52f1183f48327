#include "zsim/fuzz/draw/draw_times.h"

#include "zsim/fuzz/check/check_silence.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/outages.h"
#include "zsim/world/controller.h"
#include "zsim/world/machine.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/simulation.h"
#include "zsim/world/world.h"

#define DAY_MS 86400000

static int64_t one_of(struct random *r, const int64_t *list, uint32_t count)
{
	return list[random_below(r, count)];
}

/* As zrms accepts them: a timeout of two heartbeats and six checks at least. */
void draw_settings(struct fuzz *f)
{
	static const int64_t timeouts_ms[] = {8000, 20000, 30000, 60000, 180000};
	static const int64_t heartbeats_ms[] = {1000, 4000, 10000};
	static const int64_t margins_ms[] = {500, 2000, 10000};
	struct world_options *o = &f->world.options;
	if (!draws_percent(f, DRAW_SETTINGS, 70))
		return;
	struct random *r = draws_random(f, DRAW_SETTINGS);
	draws_happened(f, DRAW_SETTINGS);
	o->timeout_ms = one_of(r, timeouts_ms, ARRAY_SIZE(timeouts_ms));
	o->heartbeat_ms = one_of(r, heartbeats_ms, ARRAY_SIZE(heartbeats_ms));
	if (o->heartbeat_ms * 2 > o->timeout_ms)
		o->heartbeat_ms = o->timeout_ms / 2;
	o->margin_ms = one_of(r, margins_ms, ARRAY_SIZE(margins_ms));
	o->check_ms = o->timeout_ms / 6 < 5000 ? o->timeout_ms / 6 : 5000;
	o->on_disconnect_ms = random_percent(r, 30) ? 3000 : 0;
	world_log(&f->world, "zrms is to start with a timeout of %lld ms",
		  (long long)o->timeout_ms);
}

static void stall(struct fuzz *f)
{
	static const int64_t most_ms[] = {3000, 20000, 60000, 200000};
	struct random *r = draws_random(f, DRAW_STALLS);
	if (f->world.control == NULL || controller_stalls(&f->world))
		return;
	draws_happened(f, DRAW_STALLS);
	uint32_t most = (uint32_t)one_of(r, most_ms, ARRAY_SIZE(most_ms));
	int64_t ms = 1 + (int64_t)random_below(r, most);
	silence_stands_still(f, ms);
	controller_stall(&f->world, ms);
}

/* What has come for it at this instant waits with what came before. */
static void resume(struct fuzz *f, struct sim_machine *n)
{
	world_drain(&f->world);
	if (n->suspended)
		machine_resume(&f->world, n);
}

static void suspend(struct fuzz *f)
{
	struct world *w = &f->world;
	struct sim_machine *n = w->machines.items[random_below(draws_random(f, DRAW_SUSPENDS),
							       (uint32_t)w->machines.count)];
	if (n->suspended) {
		resume(f, n);
	} else if (n->powered) {
		draws_happened(f, DRAW_SUSPENDS);
		machine_suspend(w, n);
	}
}

static void set_clocks(struct fuzz *f)
{
	static const int64_t most_ms[] = {1000, 60000, 3600000, DAY_MS};
	struct random *r = draws_random(f, DRAW_CLOCKS);
	int64_t step = random_below(r, (uint32_t)one_of(r, most_ms, ARRAY_SIZE(most_ms)));
	draws_happened(f, DRAW_CLOCKS);
	f->world.wall_step_ms += random_percent(r, 50) ? step : -step;
	world_log(&f->world, "wall clocks are off by %lld ms now",
		  (long long)f->world.wall_step_ms);
}

void draw_times(struct fuzz *f)
{
	if (draws_percent(f, DRAW_STALLS, 5))
		stall(f);
	if (draws_percent(f, DRAW_SUSPENDS, 10))
		suspend(f);
	if (draws_percent(f, DRAW_OUTAGES, 5))
		outages_begin(f);
	if (draws_percent(f, DRAW_CLOCKS, 5))
		set_clocks(f);
}

void draw_times_end(struct fuzz *f)
{
	f->world.zrms_stalls_until_ms = 0;
	silence_goes_on(f);
	vector_for_each (&f->world.machines, n)
		if ((*n)->suspended)
			resume(f, *n);
}
