#include "core/control/dry_run.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/iso8601.h"
#include "core/control/state.h"
#include "schema/message.h"

Samoza__V1__TopologyView *dry_run_view(struct control *c, const struct control_submit *s)
{
	struct topology *t = s->topology;
	Samoza__V1__TopologyView *v = (Samoza__V1__TopologyView *)schema_message_new(
		&samoza__v1__topology_view__descriptor);
	VECTOR(struct place_unit_request) wants = {0};
	struct place_result result;
	uint32_t handle = place_topology_add(c->place, t, UINT64_MAX);
	CLEANUP(freep) uint32_t *units = mem_new_array(uint32_t, t->instance_count);
	place_units_new(c->place, handle, units);
	for (uint32_t k = 0; k < t->instance_count; k += t->instances[k].subtree_count)
		vector_add(&wants)->unit = units[k];
	place_try(c->place,
		  &(struct place_request){.mode = PLACE_TOGETHER,
					  .units = wants.items,
					  .unit_count = wants.count,
					  .dry_run = true},
		  &result);
	v->id = mem_strdup("");
	v->name = mem_strdup(t->name);
	v->version = mem_strdup(s->record->version);
	v->state = mem_strdup(topology_state_name(TOPOLOGY_PENDING));
	v->spaces = t->instance_count;
	v->created = iso8601_text(c->now.wall_ms);
	v->updated = iso8601_text(c->now.wall_ms);
	v->notice = mem_strdup("dry run: nothing was changed");
	v->placements = mem_new_array(Samoza__V1__PlacementView *, t->instance_count);
	const char *zhost = NULL;
	for (uint32_t k = 0, root = 0; k < t->instance_count; k++) {
		if (t->instances[k].parent < 0) {
			uint32_t at = result.complete ? result.zhosts[root] : PLACE_NONE;
			zhost = at != PLACE_NONE ? place_zhost_name(c->place, at) : NULL;
			root++;
		}
		Samoza__V1__PlacementView *p = (Samoza__V1__PlacementView *)schema_message_new(
			&samoza__v1__placement_view__descriptor);
		p->space = mem_strdup(t->instances[k].path);
		p->zhost = mem_strdup(zhost);
		p->state = mem_strdup(state_name(STATE_NOT_DEPLOYED));
		v->placements[v->n_placements++] = p;
	}
	if (!result.complete) {
		v->failure_reason = place_reason_text(&result.reason);
		if (result.reason.change != NULL) {
			free(v->notice);
			v->notice =
				str_printf("dry run: nothing was changed; it would fit with %s",
					   result.reason.change);
		}
	}
	place_result_done(&result);
	vector_done(&wants);
	for (uint32_t k = 0; k < t->instance_count; k++)
		place_unit_free(c->place, units[k]);
	place_topology_remove(c->place, handle);
	return v;
}
