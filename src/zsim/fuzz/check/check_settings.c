#include "zsim/fuzz/check/check_settings.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/agent/agent.h"
#include "core/control/control.h"
#include "core/settings/settings.h"
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

void check_settings_action(struct fuzz *f, const struct agent_order *order)
{
	if (order->kind == ACTION_UPDATE && order->spec->n_env > 0 &&
	    settings_in_place(order->spec))
		draws_happened(f, DRAW_RELOADS);
}

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
	if (waits == NULL || (others && all_serve(s, views, v->space)))
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
