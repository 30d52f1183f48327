#include "core/control/state/exclusions.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "core/control/state/state.h"
#include "core/control/state/topology_state.h"
#include "core/lifecycle/goal.h"

static int64_t window_ms(const struct copy *copy)
{
	return slot_declared_space(copy->sc->slot)->restart_window_ms;
}

/* ---- one exclusion ---- */

static void drop(struct control *c, struct exclusion *e)
{
	struct slot_control *root = e->root;
	for (struct exclusion **p = &root->exclusions; *p != NULL; p = &(*p)->next) {
		if (*p == e) {
			*p = e->next;
			break;
		}
	}
	heap_remove(&c->exclusion_timers, &e->timer);
	free(e->zhost);
	failure_done(&e->reason);
	free(e);
	mark_slot(root);
}

/* Why it is not to be there, as a FailureReason. */
static struct failure_reason reason_new(const struct copy *failed, const char *zhost)
{
	const char *path = failed->of_slot.slot->path;
	const char *error = failed->sc->last_error;
	CLEANUP(freep)
	char *times = failed->failures == 1 ? mem_strdup("once")
					    : str_printf("%u times", failed->failures);
	if (failed->ended_last) /* [lifecycle.failure.exit-0] */
		return failure_new(FAILURE_EXITED,
				   "%s has ended %s%s with exit status 0 on %s; a service is "
				   "expected to run on",
				   path, times, failed->ended_only ? "" : ", the last time",
				   zhost);
	return failure_new(FAILURE_ATTEMPTS, "%s failed %s on %s: %s", path, times, zhost,
			   error != NULL ? error : "unknown");
}

void exclusion_add(struct control *c, struct slot_control *root, const struct copy *failed)
{
	const struct control_zhost *z = copy_zhost(failed);
	for (struct exclusion *e = root->exclusions, *next; e != NULL; e = next) {
		next = e->next;
		if (str_equal(e->zhost, z->name))
			drop(c, e);
	}
	struct exclusion *e = mem_new(struct exclusion);
	e->root = root;
	e->zhost = mem_strdup(z->name);
	e->incarnation = z->incarnation;
	e->until_wall_ms = c->now.wall_ms + window_ms(failed);
	e->reason = reason_new(failed, z->name);
	e->next = root->exclusions;
	root->exclusions = e;
	heap_set(&c->exclusion_timers, &e->timer, c->now.mono_ms + window_ms(failed));
	mark_slot(root);
}

bool exclusion_exists(const struct slot_control *root, const struct control_zhost *z)
{
	for (const struct exclusion *e = root->exclusions; e != NULL; e = e->next)
		if (str_equal(e->zhost, z->name))
			return true;
	return false;
}

/* The longest that one of the unit may last. */
static int64_t longest_window_ms(const struct slot_control *root)
{
	int64_t longest = 0;
	slot_for_each_below (root->slot, s)
		if (slot_declared_space(s)->restart_window_ms > longest)
			longest = slot_declared_space(s)->restart_window_ms;
	return longest;
}

/* The wall clock may have been set back meanwhile: that makes no exclusion longer than its window. */
static int64_t left_ms(const struct control *c, const struct slot_control *root,
		       int64_t until_wall_ms)
{
	int64_t left = until_wall_ms - c->now.wall_ms;
	int64_t longest = longest_window_ms(root);
	if (left > longest)
		left = longest;
	return left > 0 ? left : 0;
}

void exclusion_restore(struct control *c, struct slot_control *root,
		       const Samoza__V1__Exclusion *record)
{
	struct exclusion *e = mem_new(struct exclusion);
	int64_t left = left_ms(c, root, record->until_ms);
	enum failure_code known = failure_code_find(record->code); /* older ones have none */
	e->root = root;
	e->zhost = mem_strdup(record->zhost);
	e->incarnation = record->incarnation;
	e->until_wall_ms = c->now.wall_ms + left;
	e->reason = failure_take(known != FAILURE_NONE ? known : FAILURE_ATTEMPTS,
				 mem_strdup(record->sentence));
	e->next = root->exclusions;
	root->exclusions = e;
	heap_set(&c->exclusion_timers, &e->timer, c->now.mono_ms + left);
}

/* ---- their ends ---- */

/* It may be tried there again: copies that are exhausted on this very zhost try at once, others are
 * placed again with one more choice. `still_failed`: nothing but time has passed. */
static void exclusion_ended(struct control *c, struct slot_control *root,
			    const struct control_zhost *z, bool still_failed)
{
	struct control_application *a = application_of(root->slot);
	slot_for_each_below (root->slot, s) {
		struct slot_control *sc = control_of_slot(s);
		if (!slot_is_exhausted(sc) || slot_zhost(sc) != z)
			continue;
		slot_retry(s);
		sc->still_failed = still_failed;
		topology_state_count(sc);
	}
	place_wait_wake(c->place, a->ticket);
	mark_application(a, APPLICATION_PLACE);
}

void exclusions_clear(struct control *c, struct slot_control *root)
{
	while (root->exclusions != NULL)
		drop(c, root->exclusions);
}

void exclusions_forgive(struct control *c, struct slot_control *root)
{
	/* Without a place it waits for one that it may take: that is another list now. */
	if (root->exclusions != NULL)
		mark_application(application_of(root->slot), APPLICATION_PLACE);
	exclusions_clear(c, root);
	slot_for_each_below (root->slot, s)
		if (slot_is_exhausted(control_of_slot(s)))
			slot_retry(s);
}

/* As they would end by themselves. */
static int compare_timers(const void *pa, const void *pb)
{
	const struct exclusion *a = *(struct exclusion *const *)pa;
	const struct exclusion *b = *(struct exclusion *const *)pb;
	if (a->timer.key != b->timer.key)
		return a->timer.key < b->timer.key ? -1 : 1;
	return (a->timer.order > b->timer.order) - (a->timer.order < b->timer.order);
}

void exclusions_end_for(struct control *c, const struct control_zhost *z)
{
	/* Exclusions are few: they exist only after repeated failure. */
	VECTOR(struct exclusion *) ended = {0};
	for (size_t k = 0; k < c->exclusion_timers.count; k++) {
		struct exclusion *e =
			container_of(c->exclusion_timers.nodes[k], struct exclusion, timer);
		if (str_equal(e->zhost, z->name) && e->incarnation < z->incarnation)
			vector_push(&ended, e);
	}
	/* Where each of them is in the heap follows from what else was in it. */
	if (ended.count > 1)
		qsort(ended.items, ended.count, sizeof(*ended.items), compare_timers);
	vector_for_each (&ended, e) {
		struct slot_control *root = (*e)->root;
		drop(c, *e);
		exclusion_ended(c, root, z, false);
	}
	vector_done(&ended);
}

void exclusions_tick(struct control *c)
{
	for (struct heap_node *n;
	     (n = heap_first(&c->exclusion_timers)) != NULL && n->key <= c->now.mono_ms;) {
		struct exclusion *e = container_of(n, struct exclusion, timer);
		struct slot_control *root = e->root;
		const struct control_zhost *z = zhost_find(&c->zhosts, e->zhost);
		drop(c, e);
		exclusion_ended(c, root, z, true);
	}
}

int64_t exclusions_next_ms(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->exclusion_timers);
	return n != NULL ? n->key : NEVER_MS;
}

struct place_exclusion *exclusions_for_engine(const struct control *c,
					      const struct slot_control *root,
					      uint32_t *ret_count)
{
	VECTOR(struct place_exclusion) list = {0};
	for (const struct exclusion *e = root->exclusions; e != NULL; e = e->next) {
		const struct control_zhost *z = zhost_find(&c->zhosts, e->zhost);
		if (z != NULL && z->place != PLACE_NONE)
			*vector_add(&list) =
				(struct place_exclusion){.zhost = z->place,
							 .code = e->reason.code,
							 .sentence = e->reason.text};
	}
	*ret_count = (uint32_t)list.count;
	return list.items;
}
