/*
 * First the records, as at a start of zrms; then what only the memory of the first core had. What a start
 * has guessed (times that begin again, what was about to stop) is overwritten, and nothing is left to do
 * that was not left to do there.
 */
#include "core/control/checkpoint/checkpoint.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/application/each.h"
#include "core/control/checkpoint/checkpoint_order.h"
#include "core/control/handover/handovers.h"
#include "core/control/load/load_revision.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/mesh_tables.h"
#include "core/control/slot/wants.h"
#include "core/control/state/drain.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/loss.h"
#include "core/control/state/rebalance.h"
#include "core/control/state/state.h"
#include "core/control/state/topology_state.h"
#include "core/control/state/unit_devices.h"
#include "core/control/state/unit_reload.h"
#include "core/control/zhost/zhosts.h"
#include "core/lifecycle/ordered_stop.h"
#include "core/lifecycle/patience.h"
#include "schema/message.h"

/* ---- copies ---- */

typedef VECTOR(struct copy *) copy_vector;

static int compare_epochs(const void *pa, const void *pb)
{
	const struct copy *a = *(struct copy *const *)pa, *b = *(struct copy *const *)pb;
	return (a->of_slot.epoch > b->of_slot.epoch) - (a->of_slot.epoch < b->of_slot.epoch);
}

static struct copy *copy_of_epoch(const copy_vector *sorted, uint64_t epoch)
{
	size_t first = 0, after = sorted->count;
	while (first < after) {
		size_t middle = first + (after - first) / 2;
		if (sorted->items[middle]->of_slot.epoch < epoch)
			first = middle + 1;
		else
			after = middle;
	}
	bool found = first < sorted->count && sorted->items[first]->of_slot.epoch == epoch;
	return found ? sorted->items[first] : NULL;
}

static void restore_copy(struct control *c, struct copy *copy,
			 const Samoza__V1__VolatileCopy *v)
{
	copy->phase = (uint8_t)v->phase;
	copy->heard = v->heard;
	copy->healthy = v->healthy;
	copy->ran = v->has_ran_with;
	copy->ran_with = v->ran_with;
	copy->settings = (struct settings_sum){v->settings, v->settings_unset};
	copy->observed = v->observed;
	copy->absent = v->absent;
	copy->forgiven = v->forgiven;
	copy->retry_at_ms = v->retry_at_ms;
	copy->of_slot.active = v->active;
	copy->unit->draining = v->draining;
	copy->unit->answered = v->answered;
	copy->marks = v->listed ? COPY_LISTED : 0;
	copy->of_slot.ends_by_ms = v->ends_by_ms;
	if (v->ends_timer)
		heap_restore(&c->ends_by_timers, &copy->ends_by_timer, v->ends_by_ms,
			     v->ends_order);
	else
		heap_remove(&c->ends_by_timers, &copy->ends_by_timer);
}

static void push_copy(struct control_zhost *z, struct copy *copy)
{
	copy->previous_on_zhost = NULL;
	copy->next_on_zhost = z->first_copy;
	if (z->first_copy != NULL)
		z->first_copy->previous_on_zhost = copy;
	z->first_copy = copy;
}

static int restore_copies(struct control *c, struct control_zhost *z,
			  const Samoza__V1__VolatileZhost *v, struct error **err)
{
	copy_vector sorted = {0};
	int result = 0;
	for (struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		vector_push(&sorted, copy);
	if (sorted.count > 1)
		qsort(sorted.items, sorted.count, sizeof(*sorted.items), compare_epochs);
	if (sorted.count != v->n_copies)
		result = checkpoint_broken(err, "copies of zhost", z->name);
	else
		z->first_copy = NULL;
	for (size_t k = v->n_copies; result == 0 && k-- > 0;) {
		struct copy *copy = copy_of_epoch(&sorted, v->copies[k]->epoch);
		if (copy == NULL) {
			result = checkpoint_broken(err, "a copy of zhost", z->name);
			break;
		}
		restore_copy(c, copy, v->copies[k]);
		push_copy(z, copy);
	}
	vector_done(&sorted);
	return result;
}

/* Which older placement its room is that of: records do not say. */
static int restore_room(struct control *c, const struct unit_placement *unit, uint64_t with,
			struct error **err)
{
	for (const struct copy *other = unit->zhost->first_copy; other != NULL;
	     other = other->next_on_zhost) {
		const struct unit_placement *mate = other->unit;
		if (mate->epoch != with || mate->place_unit == PLACE_NONE)
			continue;
		if (place_shares_room(c->place, unit->place_unit, mate->place_unit))
			return 0;
		place_remove(c->place, unit->place_unit);
		place_share_room(c->place, unit->place_unit, mate->place_unit);
		unit_devices_name(c, unit);
		place_add(c->place, unit->place_unit, unit->zhost->place);
		unit_place_restored(c, unit);
		return 0;
	}
	return checkpoint_broken(err, "copies that share room on zhost", unit->zhost->name);
}

static int restore_rooms(struct control *c, const Samoza__V1__VolatileZhost *v,
			 struct error **err)
{
	struct control_zhost *z = zhost_find(&c->zhosts, v->name);
	size_t k = 0;
	for (struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost) {
		const Samoza__V1__VolatileCopy *of = v->copies[k++];
		if (!of->has_shares_room || copy->unit->place_unit == PLACE_NONE)
			continue;
		int result = restore_room(c, copy->unit, of->shares_room, err);
		if (result < 0)
			return result;
	}
	return 0;
}

/* ---- zhosts ---- */

static void restore_drain(struct control_zhost *z, const Samoza__V1__VolatileZhost *v)
{
	if (z->drain == NULL)
		return;
	z->drain->deadline_ms = v->drain_deadline_ms;
	for (size_t k = 0; k < v->n_left; k++)
		*vector_add(&z->drain->left) =
			(struct drain_left){.name = mem_strdup(v->left[k]->name),
					    .why = mem_strdup(v->left[k]->why)};
}

static int restore_zhost(struct control *c, const Samoza__V1__VolatileZhost *v,
			 struct error **err)
{
	struct control_zhost *z = zhost_find(&c->zhosts, v->name);
	if (z == NULL)
		return checkpoint_broken(err, "zhost", v->name);
	zhost_set_link(&c->zhosts, z, v->link);
	z->counter = v->counter;
	z->heard_ms = v->heard_ms;
	z->heard_wall_ms = v->heard_wall_ms;
	z->hello_waits = v->hello_waits;
	z->answered_ms = v->answered_ms;
	z->long_leases_end_ms = v->long_leases_end_ms;
	heap_remove(&c->deadlines, &z->deadline);
	if (v->has_deadline_ms)
		heap_restore(&c->deadlines, &z->deadline, v->deadline_ms, v->deadline_order);
	z->usage.cpu_millicores = v->usage->cpu_millicores;
	z->usage.memory_bytes = v->usage->memory_bytes;
	z->usage.disk_bytes = v->usage->disk_bytes;
	if (v->limits != NULL)
		z->limits = (Samoza__V1__Limits *)schema_message_copy(&v->limits->base);
	z->disk_full = v->disk_full;
	z->has_full_data = v->has_full_data;
	zhost_set_overdue(c, z, v->is_overdue);
	z->refused_machine = mem_strdup(v->refused_machine);
	z->refused_ms = v->refused_ms;
	z->refused_told = v->refused_told;
	z->mesh_syncs = v->mesh_syncs;
	z->mesh_kept = v->mesh_kept;
	z->desired_version = v->desired_version;
	restore_drain(z, v);
	int result = restore_copies(c, z, v, err);
	return result == 0 ? restore_rooms(c, v, err) : result;
}

/* ---- slots ---- */

static void restore_handover(struct control *c, struct unit_handover *h,
			     const Samoza__V1__VolatileHandover *v)
{
	handover_continue(&h->handover, (enum handover_state)v->state);
	h->handover.late_at_ms = v->late_at_ms;
	h->handover.healthy_since_ms = v->healthy_since_ms;
	h->handover.drain_from_ms = v->drain_from_ms;
	h->handover.drained_at_ms = v->drained_at_ms;
	h->route_version = v->route_version;
	h->held = v->held;
	h->unwanted = v->unwanted;
	h->waits = mem_strdup(v->waits);
	h->room_on = mem_strdup(v->room_on);
	h->error = mem_strdup(v->error);
	heap_remove(&c->handover_timers, &h->timer);
	if (v->has_due_ms)
		heap_restore(&c->handover_timers, &h->timer, v->due_ms, v->due_order);
}

/* The unit beside it in the engine, which holds a place, or waits for one. */
static int restore_moving(struct control *c, struct slot_control *sc,
			  const Samoza__V1__VolatileSlot *v, struct error **err)
{
	struct control_application *a = application_of(sc->slot);
	struct revision *revision = NULL;
	int result = load_revision(c, a, v->moving_revision, &revision, err);
	if (result < 0)
		return result;
	application_declare(a, revision);
	sc->moving_revision = revision;
	sc->moving_place =
		application_new_unit(a, c->place, revision, sc->slot, sc->place_unit);
	const struct control_zhost *z = zhost_find(&c->zhosts, v->moving_zhost);
	if (z != NULL && z->place != PLACE_NONE)
		place_add(c->place, sc->moving_place, z->place);
	return 0;
}

static int restore_place_revision(struct control *c, struct slot_control *sc, uint32_t number,
				  struct error **err)
{
	struct control_application *a = application_of(sc->slot);
	struct revision *revision = NULL;
	int result = number != 0 ? load_revision(c, a, number, &revision, err) : 0;
	if (result < 0 || sc->place_revision == revision)
		return result;
	uint32_t unit = PLACE_NONE;
	if (revision != NULL) {
		application_declare(a, revision);
		unit = application_new_unit(a, c->place, revision, sc->slot, sc->place_unit);
	}
	place_unit_free(c->place, sc->place_unit);
	sc->place_unit = unit;
	sc->place_revision = revision;
	return 0;
}

static void restore_loss(struct control *c, struct slot_control *sc,
			 const Samoza__V1__VolatileLoss *v)
{
	loss_continue(c, sc, v->heard_wall_ms, v->replace_at_ms);
	if (heap_has(&sc->loss->timer))
		heap_restore(&c->loss_timers, &sc->loss->timer, v->replace_at_ms,
			     v->replace_order);
}

static void restore_reload(struct slot_control *root, const Samoza__V1__VolatileReload *v)
{
	struct unit_reload *r = root->reload != NULL ? root->reload : unit_reload_new(root);
	r->due = v->due;
	r->need = (enum reload_need)v->need;
	r->wanted = v->wanted;
	r->since_ms = v->since_ms;
	r->count = v->count;
	r->begun_ms = v->begun_ms;
	r->room_ms = v->room_ms;
	r->room_due = v->room_due;
}

static int restore_slot(struct control *c, const struct control_application *a,
			const Samoza__V1__VolatileSlot *v, struct error **err)
{
	struct slot *s = slot_find(&a->slots, v->path);
	if (s == NULL)
		return checkpoint_broken(err, "instance", v->path);
	struct slot_control *sc = control_of_slot(s);
	s->closing = v->closing;
	s->leaves = v->leaves;
	sc->turn = (enum rollout_turn)v->turn;
	if (v->reload != NULL)
		restore_reload(sc, v->reload);
	application_of(s)->leaving += v->leaves ? 1 : 0;
	slot_returned(s, v->returned_until_ms);
	if (v->has_returned_order) /* also where it has still to be noticed */
		heap_restore(&c->lifecycle.returned_timers, &s->returned_timer,
			     v->returned_until_ms, v->returned_order);
	sc->placed_again = v->placed_again;
	sc->seeking = v->seeking;
	size_t k = 0;
	for (struct exclusion *e = sc->exclusions;
	     e != NULL && k < v->n_exclusion_ends_ms && k < v->n_exclusion_until_wall_ms;
	     e = e->next, k++) {
		heap_restore(&c->exclusion_timers, &e->timer, v->exclusion_ends_ms[k],
			     k < v->n_exclusion_order ? v->exclusion_order[k] : k);
		e->until_wall_ms = v->exclusion_until_wall_ms[k];
	}
	if (v->loss != NULL)
		restore_loss(c, sc, v->loss);
	if (sc->handover != NULL && v->handover != NULL)
		restore_handover(c, sc->handover, v->handover);
	if (v->has_place_revision) {
		int result = restore_place_revision(c, sc, v->place_revision, err);
		if (result < 0)
			return result;
	} else if (sc->of_path->serving == NULL && sc->place_revision != NULL) {
		place_unit_free(c->place, sc->place_unit);
		sc->place_unit = PLACE_NONE;
		sc->place_revision = NULL;
	}
	return v->has_moving_revision ? restore_moving(c, sc, v, err) : 0;
}

/* ---- applications ---- */

static int sort_handovers(struct control_application *a,
			  const Samoza__V1__VolatileApplication *v, struct error **err)
{
	if (a->handovers.count != v->n_handovers)
		return checkpoint_broken(err, "handovers of", a->name);
	for (size_t k = 0; k < v->n_handovers; k++) {
		const struct slot *s = slot_find(&a->slots, v->handovers[k]);
		if (s == NULL)
			return checkpoint_broken(err, "instance", v->handovers[k]);
		a->handovers.items[k] = control_of_slot(s);
	}
	return 0;
}

static int sort_retired(const struct control_application *a,
			const Samoza__V1__VolatileApplication *v, struct error **err)
{
	if (a->retired.count != v->n_retired)
		return checkpoint_broken(err, "retired copies of", a->name);
	for (size_t k = 0; k < v->n_retired; k++) {
		size_t at = k;
		while (at < v->n_retired && a->retired.items[at]->epoch != v->retired[k])
			at++;
		if (at == v->n_retired)
			return checkpoint_broken(err, "a retired copy of", a->name);
		struct unit_placement *unit = a->retired.items[at];
		a->retired.items[at] = a->retired.items[k];
		a->retired.items[k] = unit;
	}
	return 0;
}

static int restore_stop(struct control_application *a, const Samoza__V1__VolatileApplication *v,
			struct error **err)
{
	struct stop_image image = {0};
	for (size_t k = 0; v->stop != NULL && k < v->stop->n_nodes; k++)
		*vector_add(&image.nodes) = (struct stop_image_node){
			.path = v->stop->nodes[k]->path, .left = v->stop->nodes[k]->left};
	for (size_t k = 0; v->stop != NULL && k < v->stop->n_edges; k++)
		vector_push(&image.edges, v->stop->edges[k]);
	bool restored = ordered_stop_restore(&a->slots, &image);
	stop_image_done(&image);
	return restored ? 0 : checkpoint_broken(err, "an order of stops of", a->name);
}

static int restore_subscribers(struct control *c, struct control_application *a,
			       const Samoza__V1__VolatileApplication *v, struct error **err)
{
	VECTOR(struct subscriber) list = {0};
	int result = 0;
	for (size_t k = 0; k < v->n_subscribers && result == 0; k++) {
		const Samoza__V1__VolatileSubscriber *s = v->subscribers[k];
		struct control_zhost *z = zhost_find(&c->zhosts, s->zhost);
		if (z == NULL)
			result = checkpoint_broken(err, "zhost", s->zhost);
		else
			*vector_add(&list) =
				(struct subscriber){.zhost = z,
						    .sent_link = s->has_table ? z->link_id : 0,
						    .is_outdated = s->is_outdated,
						    .applied = s->applied};
	}
	if (result == 0)
		mesh_tables_restore(a, list.items, list.count);
	vector_done(&list);
	a->routes.version = v->routes_version;
	a->routes.has_pages = v->has_pages;
	a->routes.all_subscribe = v->all_subscribe;
	return result;
}

static void restore_rollout(struct control *c, struct application_rollout *r,
			    const Samoza__V1__VolatileApplication *v)
{
	r->failed = v->rollout_failed;
	r->moves_begun = v->moves_begun;
	r->promote_at_ms = v->promote_at_ms;
	if (v->promote_timer)
		heap_restore(&c->rollout_timers, &r->timer, r->promote_at_ms, v->promote_order);
	else
		heap_remove(&c->rollout_timers, &r->timer);
}

/* The wall clock may have been set since its record was written. */
static void restore_kept_set(struct control *c, struct kept_set *k,
			     const Samoza__V1__VolatileApplication *v)
{
	k->until_ms = v->kept_until_ms;
	if (v->kept_timer)
		heap_restore(&c->kept_set_timers, &k->timer, k->until_ms, v->kept_order);
	else
		heap_remove(&c->kept_set_timers, &k->timer);
}

/* Records tell only those of what has copies under a former name. */
static int restore_former_names(struct control_application *a,
				const Samoza__V1__VolatileApplication *v, struct error **err)
{
	application_forget_names(&a->application);
	for (size_t k = 0; k < v->n_former_names; k++) {
		const Samoza__V1__VolatileFormerName *former = v->former_names[k];
		const struct application_slot *left =
			application_find_slot(&a->application, former->path);
		struct application_slot *slot = application_slot(&a->application, former->slot);
		if (left != NULL && left != slot && left->declared)
			return checkpoint_broken(err, "a former name", former->path);
		application_merge_slot(slot, former->path);
		application_add_name(slot, former->path);
	}
	return 0;
}

static int restore_application(struct control *c, const Samoza__V1__VolatileApplication *v,
			       struct error **err)
{
	struct control_application *a = application_by_id(&c->applications, v->id);
	if (a == NULL)
		return checkpoint_broken(err, "topology", v->id);
	int result = checkpoint_arrange(c, a, v, err);
	if (result < 0)
		return result;
	if (a->rollout != NULL)
		restore_rollout(c, a->rollout, v);
	restore_kept_set(c, &a->kept, v);
	vector_for_each (&a->slots.slots, s) {
		(*s)->closing = false;
		slot_returned(*s, 0);
		control_of_slot(*s)->turn = TURN_NOW;
	}
	for (size_t k = 0; k < v->n_slots; k++) {
		result = restore_slot(c, a, v->slots[k], err);
		if (result < 0)
			return result;
	}
	for (size_t k = 0; k < v->n_data_full; k++)
		application_slot(&a->application, v->data_full[k])->data_full = true;
	for (size_t k = 0; k < v->n_writers; k++)
		application_slot(&a->application, v->writers[k]->path)->writer =
			v->writers[k]->epoch;
	a->slots.blocker = v->blocker != NULL ? slot_find(&a->slots, v->blocker) : NULL;
	result = restore_former_names(a, v, err);
	if (result == 0)
		result = restore_subscribers(c, a, v, err);
	if (result == 0)
		result = checkpoint_restore_patience(a, v, err);
	if (result == 0)
		result = sort_handovers(a, v, err);
	if (result == 0)
		result = sort_retired(a, v, err);
	return result == 0 ? restore_stop(a, v, err) : result;
}

/* ---- what is left to do ---- */

static void add_want(struct control *c, struct wants *w, struct slot_control *root, bool moves)
{
	if (moves)
		wants_add_elsewhere(c, w, root);
	else
		wants_add_lost(c, w, root);
}

/* Under its ticket, what found no place when it was last looked for. */
static int wait_again(struct control *c, const Samoza__V1__VolatileApplication *v,
		      struct error **err)
{
	const struct control_application *a = application_by_id(&c->applications, v->id);
	struct wants all = {0};
	bool is_first = true;
	uint32_t hopeless = PLACE_NONE;
	int result = 0;
	for (size_t k = 0; k < v->n_waiting && result == 0; k++) {
		const struct slot *s = slot_find(&a->slots, v->waiting[k]->path);
		struct slot_control *root = s != NULL ? control_of_slot(s) : NULL;
		bool moves = v->waiting[k]->moves;
		if (root == NULL || s->parent != NULL ||
		    (moves ? root->moving_place : root->place_unit) == PLACE_NONE)
			result = checkpoint_broken(err, "a unit without a place",
						   v->waiting[k]->path);
		else
			add_want(c, &all, root, moves);
		if (result == 0 && v->waiting[k]->hopeless)
			hopeless = moves ? root->moving_place : root->place_unit;
		is_first = is_first && root != NULL && !moves && !root->lost &&
			   !slot_is_optional(s) && !s->each;
	}
	if (result == 0)
		wants_wait_again(c, a, &all, is_first, hopeless);
	wants_done(&all);
	return result;
}

static void restore_published(const struct control *c, const Samoza__V1__VolatileApplication *v)
{
	const struct control_application *a = application_by_id(&c->applications, v->id);
	for (size_t k = 0; k < v->n_slots; k++)
		if (v->slots[k]->has_may_run_at_ms)
			slot_find(&a->slots, v->slots[k]->path)->serving.may_run_at_ms =
				v->slots[k]->may_run_at_ms;
}

/* What the start has marked and queued; what the first core had left to do. */
static int restore_marks(struct control *c, const Samoza__V1__Checkpoint *from,
			 struct error **err)
{
	int result = 0;
	application_for_each (&c->applications, a)
		for (size_t k = 0; k < a->slots.slots.count; k++) {
			slot_publish_facts(a->slot_controls.items[k]);
			topology_state_count(a->slot_controls.items[k]);
		}
	for (size_t k = 0; k < from->n_applications; k++)
		restore_published(c, from->applications[k]);
	each_forget_changes(c);
	while (lifecycle_pop(&c->lifecycle) != NULL)
		;
	while (dirty_set_next_to_place(&c->dirty) != NULL)
		;
	application_for_each (&c->applications, a) {
		vector_for_each (&a->routes.changed, sc)
			(*sc)->marks &= ~(unsigned)SLOT_ROUTE;
		vector_clear(&a->routes.changed);
	}
	dirty_set_clear(&c->dirty);
	for (size_t k = 0; k < from->n_applications && result == 0; k++)
		result = wait_again(c, from->applications[k], err);
	for (size_t k = 0; k < from->n_applications; k++)
		if (from->applications[k]->to_place)
			mark_application(
				application_by_id(&c->applications, from->applications[k]->id),
				APPLICATION_PLACE);
	return result;
}

/* Nothing is known of what was sent over a link. */
static void send_everything(struct control *c)
{
	zhost_for_each (&c->zhosts, z) {
		z->order_all = z->link_id != 0;
		if (z->order_all)
			mark_zhost(z);
	}
}

static int restore_lists(struct control *c, const Samoza__V1__Checkpoint *from, bool is_whole,
			 struct error **err)
{
	for (size_t k = 0; k < from->n_applications; k++) {
		const Samoza__V1__VolatileApplication *v = from->applications[k];
		int result = import_lists_restore(application_by_id(&c->applications, v->id),
						  v->lists, v->n_lists, is_whole, err);
		if (result < 0)
			return result;
	}
	for (size_t k = 0; k < from->n_zhosts; k++) {
		const struct control_zhost *z = zhost_find(&c->zhosts, from->zhosts[k]->name);
		size_t n = 0;
		for (struct copy *copy = z->first_copy; copy != NULL;
		     copy = copy->next_on_zhost) {
			const Samoza__V1__VolatileCopy *v = from->zhosts[k]->copies[n++];
			int result = v->names_lists ? import_lists_hold(copy, v->lists,
									v->n_lists, err)
						    : 0;
			if (result < 0)
				return result;
		}
	}
	c->provider_lists.next_id = from->next_list; /* others were made on the way */
	return 0;
}

/* What is known of what was sent over the links that there are. */
static void restore_sent(struct control *c, const Samoza__V1__Checkpoint *from)
{
	application_for_each (&c->applications, a)
		a->routes.all_due = false; /* each subscriber says whether it has its table */
	for (size_t k = 0; k < from->n_zhosts; k++) {
		const Samoza__V1__VolatileZhost *v = from->zhosts[k];
		struct control_zhost *z = zhost_find(&c->zhosts, v->name);
		size_t n = 0;
		for (struct copy *copy = z->first_copy; copy != NULL;
		     copy = copy->next_on_zhost) {
			bool is_sent = v->copies[n++]->sent;
			copy->sent_epoch = is_sent ? copy->of_slot.epoch : 0;
			copy->sent_link = is_sent ? z->link_id : 0;
		}
		z->order_all = v->order_all;
		if (z->order_all)
			mark_zhost(z);
	}
}

/* It is between two batches: nothing is left to be written. */
static void restore_written(struct control *c)
{
	c->written.format = STORE_FORMAT;
	c->written.next_epoch = c->next_epoch;
	c->written.next_sequence = c->next_sequence;
	c->written.next_event = c->emitter.next_event;
	c->written.next_audit = c->emitter.next_audit;
	c->written.secret_floor = c->secrets.floor;
	c->written.term = c->term;
}

static int load_volatile(struct control *c, const Samoza__V1__Checkpoint *from, bool is_whole,
			 struct error **err)
{
	int result = 0;
	c->term = c->written.term = from->term;
	c->promise_ms = from->promise_ms;
	c->awake_ms = from->awake_ms;
	c->next_check_ms = from->next_check_ms;
	for (size_t k = 0; k < from->n_zhosts && result == 0; k++)
		result = restore_zhost(c, from->zhosts[k], err);
	for (size_t k = 0; k < from->n_applications && result == 0; k++)
		result = restore_application(c, from->applications[k], err);
	if (result == 0)
		result = checkpoint_restore_shared(c, from, err);
	if (result == 0)
		result = restore_lists(c, from, is_whole, err);
	if (result == 0)
		result = restore_marks(c, from, err);
	c->drains_due = from->drains_due;
	c->rebalance_due = from->rebalance_due;
	c->applications.reloads_next_ms = from->reloads_next_ms;
	if (c->rebalance != NULL)
		c->rebalance->blocked_since_ms = from->rebalance_blocked_ms;
	if (result == 0 && is_whole) {
		restore_sent(c, from);
		restore_written(c);
	} else {
		send_everything(c);
	}
	return result;
}

static int load_records(struct control *c, const Samoza__V1__Checkpoint *from,
			struct error **err)
{
	for (size_t k = 0; k < from->n_records; k++) {
		const Samoza__V1__CheckpointRecord *r = from->records[k];
		int result = control_load(c, (enum record_kind)r->kind, r->data.data,
					  r->data.len, err);
		if (result < 0)
			return result;
	}
	return 0;
}

/* ---- machines ---- */

static int restore_machine(struct control *c, const Samoza__V1__VolatileMachine *v,
			   struct error **err)
{
	int result = made_zhosts_put(&c->made, v->record, err);
	if (result < 0)
		return result;
	struct made_zhost *m = made_zhost_find(&c->made, v->record->name);
	m->call = v->call;
	m->operation = (enum driver_operation)v->operation;
	m->deadline_ms = v->deadline_ms;
	m->ask_ms = v->ask_ms;
	m->is_missed = v->missed;
	return 0;
}

/* After the start, which asks drivers about what they had been asked. */
static int restore_machines(struct control *c, const Samoza__V1__Checkpoint *from,
			    const char *const *drivers, struct error **err)
{
	c->config.drivers = drivers;
	free(c->made.list_calls);
	c->made.list_calls = mem_new_array(uint64_t, from->n_drivers + 1);
	for (size_t k = 0; k < from->n_drivers && k < from->n_list_calls; k++)
		c->made.list_calls[k] = from->list_calls[k];
	c->made.list_ms = from->list_ms;
	c->made.last_call = from->last_call;
	for (size_t k = 0; k < from->n_strangers; k++)
		vector_push(&c->made.strangers, mem_strdup(from->strangers[k]));
	for (size_t k = 0; k < from->n_machines; k++) {
		int result = restore_machine(c, from->machines[k], err);
		if (result < 0)
			return result;
	}
	return 0;
}

int checkpoint_load(const Samoza__V1__Checkpoint *from, struct control **ret_control,
		    struct error **err)
{
	return checkpoint_load_whole(from, NULL, ret_control, err);
}

int checkpoint_load_whole(const Samoza__V1__Checkpoint *from, const char *const *drivers,
			  struct control **ret_control, struct error **err)
{
	const struct control_config config = {
		.heartbeat_ms = from->config->heartbeat_ms,
		.failure_timeout_ms = from->config->failure_timeout_ms,
		.check_ms = from->config->check_ms,
		.on_disconnect_ms = from->config->on_disconnect_ms,
		.margin_ms = from->config->margin_ms,
		.drain_units = from->config->drain_units,
		.says_answered = from->config->says_answered,
	};
	const struct instant now = {.mono_ms = from->now_ms, .wall_ms = from->wall_ms};
	struct control *c = control_new(&config, "");
	struct outbox unwanted;
	outbox_init(&unwanted);
	int result = load_records(c, from, err);
	signing_keys_set_files(&c->signing_keys, from->key_files, from->n_key_files);
	if (result == 0)
		result = control_start(c, now, &unwanted, err);
	if (result == 0)
		result = load_volatile(c, from, drivers != NULL, err);
	if (result == 0 && drivers != NULL)
		result = restore_machines(c, from, drivers, err);
	outbox_done(&unwanted);
	if (result < 0) {
		control_free(c);
		return error_wrap(err, "the checkpoint cannot be loaded");
	}
	*ret_control = c;
	return 0;
}
