#include "zsim/fuzz/check/check_alone.h"

#include "base/str.h"
#include "model/topology.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/world.h"

/* The shortest that is drawn, and the usual one. */
#define TIMEOUT_LEAST_MS 8000
#define TIMEOUT_MS	 30000

static struct begun_zhost *of_machine(struct fuzz *f, const struct sim_machine *n)
{
	while (f->begun.count <= n->index)
		vector_push(&f->begun, ((struct begun_zhost){0}));
	return &f->begun.items[n->index];
}

void alone_frame(struct fuzz *f, const struct sim_machine *n, Samoza__V1__FrameType type,
		 const ProtobufCMessage *message)
{
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED &&
	    ((const Samoza__V1__Desired *)message)->full)
		of_machine(f, n)->told_life = n->life;
}

void alone_watch_machines(struct fuzz *f)
{
	vector_for_each (&f->world.machines, n) {
		struct begun_zhost *b = of_machine(f, *n);
		if (b->life != (*n)->life)
			b->since_ms = f->world.now_ms;
		b->life = (*n)->life;
	}
}

static bool has_provider(const struct agent_order *order, const char *import)
{
	for (size_t k = 0; k < order->n_imports; k++)
		if (str_equal(order->imports[k]->import, import))
			return true;
	return false;
}

static void check_space(struct fuzz *f, const struct sim_machine *n,
			const struct agent_order *order, const struct space *space)
{
	if (!space->offline_start)
		world_violate(&f->world,
			      "%s is started on %s without zrms, for which it has to wait",
			      order->key->path, n->name);
	for (unsigned k = 0; k < space->import_count; k++)
		if (!space->imports[k].optional && !has_provider(order, space->imports[k].from))
			world_violate(
				&f->world,
				"%s is started on %s without zrms and without a provider of "
				"%s",
				order->key->path, n->name, space->imports[k].from);
}

void check_alone(struct fuzz *f, const struct sim_machine *n, const struct agent_order *order)
{
	const struct begun_zhost *b = of_machine(f, n);
	const struct submitted *s = fuzz_submitted(f, order->key->topology);
	if (order->kind != ACTION_START || b->told_life == n->life || s == NULL)
		return;
	int64_t least = draws_have(f, DRAW_SETTINGS) ? TIMEOUT_LEAST_MS : TIMEOUT_MS;
	if (b->life != n->life || f->world.now_ms - b->since_ms < least)
		world_violate(&f->world, "%s is started on %s without zrms, and too early",
			      order->key->path, n->name);
	const struct topology *t =
		order->spec->has_revision ? fuzz_revision(s, order->spec->revision) : NULL;
	int i = t != NULL ? names_find(t, order->key->path) : -1;
	if (i >= 0)
		check_space(f, n, order, instance_space(t, (unsigned)i));
}
