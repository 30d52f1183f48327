#include "zsim/fuzz/life/outages.h"

#include <inttypes.h>

#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/world.h"

/* As the stores do: they try again for so long, then the program ends. */
#define TRIES_FOR_MS 30000

static struct outage *outage_of(struct fuzz *f, const struct sim_machine *machine)
{
	if (machine == NULL)
		return &f->outage;
	while (f->outages.count <= machine->index)
		(void)vector_add(&f->outages);
	return &f->outages.items[machine->index];
}

static uint64_t life_of(const struct fuzz *f, const struct sim_machine *machine)
{
	return machine == NULL ? f->world.zrms_life : machine->life;
}

int64_t outages_left_ms(struct fuzz *f, const struct sim_machine *machine)
{
	int64_t now = f->world.now_ms;
	if (f->calm || !f->born || !draws_have(f, DRAW_OUTAGES))
		return 0;
	struct outage *o = outage_of(f, machine);
	if (now >= o->until_ms)
		return 0;
	if (o->life != life_of(f, machine)) {
		o->life = life_of(f, machine);
		o->first_ms = now;
		draws_happened(f, DRAW_OUTAGES);
	}
	o->fails = o->until_ms - o->first_ms > TRIES_FOR_MS;
	return (o->fails ? o->first_ms + TRIES_FOR_MS : o->until_ms) - now;
}

bool outages_fail(struct fuzz *f, const struct sim_machine *machine)
{
	if (f->calm || !f->born || !draws_have(f, DRAW_OUTAGES))
		return false;
	const struct outage *o = outage_of(f, machine);
	return o->fails && o->life == life_of(f, machine) &&
	       f->world.now_ms >= o->first_ms + TRIES_FOR_MS;
}

void outages_begin(struct fuzz *f)
{
	static const uint32_t most_ms[] = {2000, 20000, 30000, 60000};
	struct random *r = draws_random(f, DRAW_OUTAGES);
	uint32_t which = random_below(r, (uint32_t)f->world.machines.count + 1);
	const struct sim_machine *machine =
		which > 0 ? f->world.machines.items[which - 1] : NULL;
	int64_t ms = 1 + random_below(r, most_ms[random_below(r, ARRAY_SIZE(most_ms))]);
	*outage_of(f, machine) = (struct outage){.until_ms = f->world.now_ms + ms};
	world_log(&f->world, "the store of %s takes no writes for %" PRId64 " ms",
		  machine != NULL ? machine->name : "zrms", ms);
}
