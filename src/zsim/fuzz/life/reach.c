#include "zsim/fuzz/life/reach.h"

#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/controller.h"
#include "zsim/world/link.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/world.h"

/* It is open, and nothing is on its way. */
static bool link_is_whole(const struct world *w, const struct sim_machine *n)
{
	const struct sim_link *link = n->link_id != 0 ? &w->links.items[n->link_id - 1] : NULL;
	if (link == NULL || !link->open || former_find(w, link->life) != NULL)
		return false; /* or it is linked to one that leads no more */
	return link->last_ms[0] <= w->now_ms && link->last_ms[1] <= w->now_ms;
}

static bool is_stuck(const struct world *w, int64_t commit_ms)
{
	return commit_ms - w->now_ms > COMMIT_MAX_MS;
}

/* Of zrms, for all machines. */
struct zrms_now {
	uint64_t life, link_changes;
	bool hears;
};

static struct zrms_now zrms_now(const struct world *w)
{
	return (struct zrms_now){
		.life = w->zrms_life,
		.link_changes = w->control != NULL ? control_link_changes(w->control) : 0,
		.hears = w->control != NULL && !controller_stalls(w) &&
			 !is_stuck(w, w->zrms_commit_ms),
	};
}

static bool is_unlinked(const struct fuzz *f, const struct sim_machine *n)
{
	return f->world.control != NULL && control_link_of(f->world.control, n->name) == 0;
}

/* Zrms and its links are mostly as they were: then so is whether it has one with the machine. */
static void watch_one(struct fuzz *f, const struct zrms_now *zrms, const struct sim_machine *n,
		      struct reach *r)
{
	const struct world *w = &f->world;
	bool is_whole = zrms->hears && machine_executes(n) && !is_stuck(w, n->commit_ms) &&
			link_is_whole(w, n);
	bool is_same = r->link == n->link_id && r->life == n->life &&
		       r->zrms_life == zrms->life && r->is_whole == is_whole;
	if (r->zrms_life != zrms->life || r->link_changes != zrms->link_changes)
		r->is_unlinked = is_unlinked(f, n);
	if (r->is_unlinked)
		r->unlinked_ms = w->now_ms;
	r->link_changes = zrms->link_changes;
	if (is_same)
		return;
	r->link = n->link_id;
	r->life = n->life;
	r->zrms_life = zrms->life;
	r->is_whole = is_whole;
	r->since_ms = w->now_ms;
}

void reach_watch(struct fuzz *f)
{
	const struct zrms_now zrms = zrms_now(&f->world);
	vector_for_each (&f->world.machines, n) {
		if ((*n)->index >= f->reaches.count)
			vector_push(&f->reaches,
				    ((struct reach){.is_unlinked = is_unlinked(f, *n),
						    .zrms_life = zrms.life,
						    .link_changes = zrms.link_changes,
						    .since_ms = f->world.now_ms}));
		watch_one(f, &zrms, *n, &f->reaches.items[(*n)->index]);
	}
}

void reach_check(struct fuzz *f)
{
	const struct zrms_now zrms = zrms_now(&f->world);
	vector_for_each (&f->world.machines, n) {
		const struct reach *r =
			(*n)->index < f->reaches.count ? &f->reaches.items[(*n)->index] : NULL;
		if (r != NULL && r->zrms_life == zrms.life &&
		    r->link_changes == zrms.link_changes &&
		    r->is_unlinked != is_unlinked(f, *n))
			world_violate(&f->world,
				      "the link of %s has changed, and zrms has not counted it",
				      (*n)->name);
	}
}

int64_t reach_since(const struct fuzz *f, const struct sim_machine *n)
{
	if (n->index >= f->reaches.count || !f->reaches.items[n->index].is_whole)
		return NEVER_MS;
	return f->reaches.items[n->index].since_ms;
}

bool reach_unlinked_in_commit(const struct fuzz *f, const struct sim_machine *n)
{
	return n->index >= f->reaches.count ||
	       f->world.now_ms - f->reaches.items[n->index].unlinked_ms <= COMMIT_MAX_MS;
}
