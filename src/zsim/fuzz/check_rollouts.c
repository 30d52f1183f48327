#include "zsim/fuzz/check_rollouts.h"

#include <string.h>

#include "zsim/fuzz/fuzz.h"
#include "zsim/world/world.h"

/* [change.rollout] Nothing waits but for a place, for people, or for what does not run. */
void check_rollouts(struct fuzz *f)
{
	vector_for_each (&f->submitted, s) {
		Samoza__V1__TopologyView *v = NULL;
		CLEANUP(error_freep) struct error *err = NULL;
		if (control_view_topology(f->world.control, s->id, &v, &err) < 0)
			continue;
		const Samoza__V1__RolloutView *r = v->rollout;
		if (r != NULL && strcmp(r->state, "paused") != 0 &&
		    strcmp(v->state, "running") == 0 &&
		    strstr(r->detail, " waits for a place") == NULL &&
		    strstr(r->detail, " waits for its move") == NULL)
			world_violate(
				&f->world,
				"%s is running, and its rollout is still %s, %u of %u (%s)",
				s->name, r->state, r->done, r->all, r->detail);
		samoza__v1__topology_view__free_unpacked(v, NULL);
	}
}
