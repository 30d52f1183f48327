#include "zsim/fuzz/check/check_settings.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/agent/agent.h"
#include "core/control/control.h"
#include "core/settings/settings.h"
#include "zsim/fuzz/check/place.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

static const struct sim_process *process_of(struct fuzz *f, const struct submitted *s,
					    const Samoza__V1__SpaceView *v)
{
	const struct sim_machine *n = mirror_machine(f, v->zhost);
	CLEANUP(freep) char *id = str_printf("%s/%s#%" PRIu64, s->id, v->path, v->epoch);
	return n != NULL ? process_find(n, id) : NULL;
}

/* ---- what starts ---- */

/* The process that serves the slot; NULL: there is none. */
static const struct sim_process *serving_process(const struct fuzz *f, const char *name,
						 uint64_t epoch)
{
	vector_for_each (&f->world.machines, n)
		for (const struct sim_process *p = (*n)->processes; p != NULL; p = p->hh.next)
			if (p->started && p->epoch == epoch && str_equal(p->name, name))
				return p;
	return NULL;
}

/* By the record of its root, which is committed before it is ordered to start. */
static bool is_of_reload(const struct fuzz *f, const struct agent_order *order)
{
	CLEANUP(freep)
	char *root = mem_strndup(order->key->path, strcspn(order->key->path, "/"));
	const struct mirrored *m = mirror_find(f, order->key->topology, root);
	const Samoza__V1__HandoverRecord *h =
		m != NULL && m->record != NULL ? m->record->handover : NULL;
	return h != NULL && h->has_reloads &&
	       h->kind == SAMOZA__V1__HANDOVER_KIND__HANDOVER_KIND_START_FIRST &&
	       order->key->epoch > m->record->serving;
}

static void check_start(struct fuzz *f, const struct agent_order *order)
{
	const struct mirrored *m = mirror_find(f, order->key->topology, order->key->path);
	if (m == NULL || m->record == NULL || !m->record->has_serving ||
	    settings_in_place(order->spec) || !is_of_reload(f, order))
		return;
	CLEANUP(freep)
	char *name = str_printf("%s/%s", order->spec->topology_name, order->key->path);
	const struct sim_process *p = serving_process(f, name, m->record->serving);
	for (size_t k = 0; p != NULL && p->given != NULL && k < order->spec->n_references;
	     k++) {
		const char *reference = order->spec->references[k];
		CLEANUP(freep) char *given = str_printf("%s ", reference);
		if (strstr(p->given, given) != NULL &&
		    !settings_has(order->spec, order->imports, order->n_imports, reference))
			world_violate(&f->world,
				      "%s is handed over for new values, and the new copy has "
				      "none of %s",
				      name, reference);
	}
}

void check_settings_action(struct fuzz *f, const struct agent_order *order)
{
	if (order->kind == ACTION_UPDATE && order->spec->n_env > 0 &&
	    settings_in_place(order->spec))
		draws_happened(f, DRAW_RELOADS);
	if (order->kind == ACTION_START && draws_have(f, DRAW_RELOADS))
		check_start(f, order);
}

/* ---- that it ends ---- */

/* As many in a row as there are of units that make each other's values, and one that was under way. */
#define RELOADS_ALONE 9

void check_settings_alone(struct fuzz *f)
{
	for (struct mirrored *m = f->instances; m != NULL; m = m->hh.next)
		m->reloads = 0;
}

static bool reloads(const Samoza__V1__SlotRecord *r)
{
	return r != NULL && r->handover != NULL && r->handover->has_reloads;
}

void check_settings_slot(struct fuzz *f, struct mirrored *m,
			 const Samoza__V1__SlotRecord *before)
{
	if (!reloads(m->record) || reloads(before))
		return;
	draws_happened(f, DRAW_RELOADS);
	if (f->alone && ++m->reloads > RELOADS_ALONE)
		world_violate(&f->world,
			      "%s is handed over for new values for the %uth time, and nothing "
			      "else has changed",
			      m->id, m->reloads);
}

/* ---- what runs ---- */

/* All of the space serve, and none is handed over: none of them has to wait for another one. */
static bool all_serve(const struct submitted *s, const Samoza__V1__SpaceView *const *views,
		      const char *space)
{
	for (unsigned i = 0; i < s->topology->instance_count; i++)
		if (views[i] != NULL && str_equal(views[i]->space, space) &&
		    (!str_equal(views[i]->state, "deployed-started") ||
		     views[i]->handover != NULL)) /* which may wait for room */
			return false;
	return true;
}

static void check_one(struct fuzz *f, const struct submitted *s,
		      const Samoza__V1__SpaceView *const *views, const Samoza__V1__SpaceView *v,
		      const struct sim_process *p)
{
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__SpaceView *whole = NULL;
	if (control_view_space(f->world.control, s->id, v->path, &whole, &err) < 0) {
		world_violate(&f->world, "%s: %s", v->name, err->message);
		return;
	}
	const char *waits = whole->settings != NULL ? whole->settings->waits : NULL;
	bool others = waits != NULL && strstr(waits, "waits for others") != NULL;
	CLEANUP(freep) char *root = mem_strndup(v->path, strcspn(v->path, "/"));
	const char *place = waits != NULL && strstr(waits, "waits for room") != NULL
				    ? place_elsewhere(f, s, root)
				    : NULL;
	if (place != NULL)
		world_violate(&f->world,
			      "%s waits for room for new values, and %s would take it", v->name,
			      place);
	bool stands = waits != NULL && strstr(waits, "stood still") != NULL;
	if (waits == NULL || stands || (others && all_serve(s, views, v->space)))
		world_violate(&f->world, "%s runs with %s, and would get %s: %s", v->name,
			      p->settings, p->would, waits != NULL ? waits : "no reason");
	samoza__v1__space_view__free_unpacked(whole, NULL);
}

void check_settings(struct fuzz *f, const struct submitted *s,
		    const Samoza__V1__SpaceView *const *views)
{
	if (!draws_have(f, DRAW_RELOADS))
		return;
	for (unsigned i = 0; i < s->topology->instance_count; i++) {
		const Samoza__V1__SpaceView *v = views[i];
		if (v == NULL || v->zhost == NULL || !str_equal(v->state, "deployed-started"))
			continue;
		const struct sim_process *p = process_of(f, s, v);
		if (p == NULL || p->would == NULL || str_equal(p->settings, p->would))
			continue;
		check_one(f, s, views, v, p);
	}
}
