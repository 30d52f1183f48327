#include "core/control/request/dry_run.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/slot/each_fit.h"
#include "core/control/state/iso8601.h"
#include "core/control/state/state.h"
#include "schema/message.h"

/* An optional one that would have no place. */
static struct failure_reason why_unplaced(struct place *p, const char *path, uint32_t unit)
{
	struct place_explanation e;
	place_explain(p, &(struct place_unit_request){.unit = unit}, &e);
	CLEANUP(failure_done) struct failure_reason reason = place_reason_whole(&e.reason);
	place_explanation_done(&e);
	return failure_new(reason.text != NULL ? reason.code : FAILURE_NO_PLACE,
			   "%s would have no place: %s", path,
			   reason.text != NULL ? reason.text : "all places are taken");
}

static Samoza__V1__PlacementView *add_view(Samoza__V1__TopologyView *v,
					   const struct topology *t, uint32_t instance,
					   char *take_path, const char *zhost)
{
	Samoza__V1__PlacementView *p = (Samoza__V1__PlacementView *)schema_message_new(
		&samoza__v1__placement_view__descriptor);
	p->space = take_path;
	p->zhost = mem_strdup(zhost);
	p->state = mem_strdup(state_name(STATE_NOT_DEPLOYED));
	p->has_optional_part = p->optional_part = instance_space(t, instance)->optional;
	v->placements = mem_resize(v->placements, v->n_placements + 1, sizeof(*v->placements));
	v->placements[v->n_placements++] = p;
	v->spaces++;
	return p;
}

/* On each zhost that fits, whether it has room or not. */
static void add_each(struct control *c, Samoza__V1__TopologyView *v, const struct topology *t,
		     uint32_t handle, uint32_t root)
{
	zhost_for_each (&c->zhosts, z) {
		if (z->removed || !drain_allows_each(z) ||
		    !place_fits_description(c->place, handle, root, z->place) ||
		    !place_has_company(c->place, handle, root, z->place))
			continue;
		for (uint32_t k = 0; k < t->instances[root].subtree_count; k++)
			(void)add_view(v, t, root + k,
				       instance_path_on(t->instances[root + k].path, z->name),
				       z->name);
	}
}

Samoza__V1__TopologyView *dry_run_view(struct control *c, const struct control_submit *s)
{
	struct topology *t = s->topology;
	Samoza__V1__TopologyView *v = (Samoza__V1__TopologyView *)schema_message_new(
		&samoza__v1__topology_view__descriptor);
	struct place_result result;
	uint32_t handle = place_topology_add(c->place, t, UINT64_MAX);
	CLEANUP(freep) uint32_t *units = mem_new_array(uint32_t, t->instance_count);
	place_units_new(c->place, handle, units);
	place_try_topology(c->place, t, units, &result); /* the places go with the units */
	v->id = mem_strdup("");
	v->name = mem_strdup(t->name);
	v->version = mem_strdup(s->record->version);
	v->state = mem_strdup(topology_state_name(TOPOLOGY_PENDING));
	v->created = iso8601_text(c->now.wall_ms);
	v->updated = iso8601_text(c->now.wall_ms);
	v->notice = mem_strdup("dry run: nothing was changed");
	const char *zhost = NULL;
	for (uint32_t k = 0; k < t->instance_count; k++) {
		if (t->instances[k].is_pattern) {
			if (t->instances[k].parent < 0)
				add_each(c, v, t, handle, k);
			continue;
		}
		if (t->instances[k].parent < 0) {
			uint32_t at = place_where(c->place, units[k]);
			zhost = at != PLACE_NONE ? place_zhost_name(c->place, at) : NULL;
		}
		Samoza__V1__PlacementView *p =
			add_view(v, t, k, mem_strdup(t->instances[k].path), zhost);
		if (result.complete && zhost == NULL && t->instances[k].parent < 0)
			failure_show(why_unplaced(c->place, p->space, units[k]), &p->why,
				     &p->failure_code);
	}
	if (!result.complete) {
		failure_show(place_reason_whole(&result.reason), &v->failure_reason,
			     &v->failure_code);
		if (result.reason.change != NULL) {
			free(v->notice);
			v->notice =
				str_printf("dry run: nothing was changed; it would fit with %s",
					   result.reason.change);
		}
	}
	place_result_done(&result);
	for (uint32_t k = 0; k < t->instance_count; k++)
		place_unit_free(c->place, units[k]);
	place_topology_remove(c->place, handle);
	return v;
}
