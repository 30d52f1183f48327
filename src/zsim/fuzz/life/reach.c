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

static bool disk_is_stuck(const struct world *w, const struct sim_machine *n)
{
	return n->commit_ms - w->now_ms > COMMIT_MAX_MS ||
	       w->zrms_commit_ms - w->now_ms > COMMIT_MAX_MS;
}

static struct reach reach_now(const struct world *w, const struct sim_machine *n)
{
	return (struct reach){
		.link = n->link_id,
		.life = n->life,
		.zrms_life = w->zrms_life,
		.link_changes = w->control != NULL ? control_link_changes(w->control) : 0,
		.is_whole = link_is_whole(w, n) && machine_executes(n) && w->control != NULL &&
			    !controller_stalls(w) && !disk_is_stuck(w, n),
		.since_ms = w->now_ms,
	};
}

/* Zrms and what it has of links are as they were: so is whether it has one with the machine. */
static bool has_same_links(const struct reach *a, const struct reach *b)
{
	return a->zrms_life == b->zrms_life && a->link_changes == b->link_changes;
}

static bool is_same(const struct reach *a, const struct reach *b)
{
	return a->link == b->link && a->life == b->life && a->zrms_life == b->zrms_life &&
	       a->is_whole == b->is_whole;
}

static bool is_unlinked(const struct fuzz *f, const struct sim_machine *n)
{
	return f->world.control != NULL && control_link_of(f->world.control, n->name) == 0;
}

void reach_watch(struct fuzz *f)
{
	vector_for_each (&f->world.machines, n) {
		struct reach now = reach_now(&f->world, *n);
		bool is_new = (*n)->index >= f->reaches.count;
		if (is_new)
			vector_push(&f->reaches, now);
		struct reach *known = &f->reaches.items[(*n)->index];
		now.is_unlinked = !is_new && has_same_links(known, &now) ? known->is_unlinked
									 : is_unlinked(f, *n);
		now.unlinked_ms = now.is_unlinked ? f->world.now_ms : known->unlinked_ms;
		if (is_same(known, &now))
			now.since_ms = known->since_ms;
		*known = now;
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
