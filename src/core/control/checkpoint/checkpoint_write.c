#include "core/control/checkpoint/checkpoint.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/wants.h"
#include "core/control/state/drain.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/loss.h"
#include "core/control/state/rebalance.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"
#include "core/control/state/unit_reload.h"
#include "core/lifecycle/ordered_stop.h"
#include "schema/message.h"

#define NEW(type, name) \
	((Samoza__V1__##type *)schema_message_new(&samoza__v1__##name##__descriptor))

/* Room for one more: the capacity is the next power of two. */
#define APPEND(message, field, item)                                                         \
	do {                                                                                 \
		size_t n_ = (message)->n_##field;                                            \
		if ((n_ & (n_ - 1)) == 0)                                                    \
			(message)->field = mem_resize((message)->field, n_ > 0 ? 2 * n_ : 1, \
						      sizeof(*(message)->field));            \
		(message)->field[(message)->n_##field++] = (item);                           \
	} while (0)

/* Of a timer that runs (base/heap.h: heap_number()). */
#define ORDER(message, field, node)                         \
	do {                                                \
		(message)->has_##field = heap_has(&(node)); \
		(message)->field = (node).order;            \
	} while (0)

/* ---- records ---- */

static void add_records(struct control *c, Samoza__V1__Checkpoint *to)
{
	struct outbox outbox;
	struct outbox *before = c->emitter.outbox;
	outbox_init(&outbox);
	c->emitter.outbox = &outbox;
	records_write_all(c);
	c->emitter.outbox = before;
	to->records = mem_new_array(Samoza__V1__CheckpointRecord *, outbox.records.count);
	vector_for_each (&outbox.records, record) {
		Samoza__V1__CheckpointRecord *r = NEW(CheckpointRecord, checkpoint_record);
		r->kind = record->kind;
		r->data.data = record->data;
		record->data = NULL;
		r->data.len = record->size;
		to->records[to->n_records++] = r;
	}
	outbox_done(&outbox);
}

/* ---- zhosts and copies ---- */

/* Of the first copy of a placement: the oldest one there with which it shares room; 0: none before it. */
static uint64_t shares_room(const struct control *c, const struct copy *copy)
{
	const struct unit_placement *unit = copy->unit;
	uint64_t oldest = unit->epoch;
	if (unit->place_unit == PLACE_NONE || unit->placement.copies.items[0] != &copy->of_slot)
		return 0;
	for (const struct copy *other = unit->zhost->first_copy; other != NULL;
	     other = other->next_on_zhost) {
		const struct unit_placement *mate = other->unit;
		if (mate->epoch < oldest && mate->place_unit != PLACE_NONE &&
		    place_shares_room(c->place, unit->place_unit, mate->place_unit))
			oldest = mate->epoch;
	}
	return oldest != unit->epoch ? oldest : 0;
}

static Samoza__V1__VolatileCopy *copy_state(const struct control *c, const struct copy *copy)
{
	Samoza__V1__VolatileCopy *v = NEW(VolatileCopy, volatile_copy);
	v->epoch = copy->of_slot.epoch;
	v->phase = copy->phase;
	v->heard = copy->heard;
	v->healthy = copy->healthy;
	v->has_ran_with = copy->ran;
	v->ran_with = copy->ran_with;
	v->has_settings = copy->settings.sum != 0;
	v->settings = copy->settings.sum;
	v->has_settings_unset = copy->settings.unset != 0;
	v->settings_unset = copy->settings.unset;
	v->observed = copy->observed;
	v->absent = copy->absent;
	v->forgiven = copy->forgiven;
	v->retry_at_ms = copy->retry_at_ms;
	v->ends_by_ms = copy->of_slot.ends_by_ms;
	v->ends_timer = heap_has(&copy->ends_by_timer);
	ORDER(v, ends_order, copy->ends_by_timer);
	v->active = copy->of_slot.active;
	v->listed = (copy->marks & COPY_LISTED) != 0;
	v->draining = copy->unit->draining;
	v->answered = copy->unit->answered;
	v->has_sent = v->sent = copy_is_sent(copy);
	v->has_names_lists = v->names_lists = copy->lists != NULL;
	v->lists = import_lists_ids(copy, &v->n_lists);
	v->shares_room = shares_room(c, copy);
	v->has_shares_room = v->shares_room != 0;
	return v;
}

static void add_drain(Samoza__V1__VolatileZhost *v, const struct zhost_drain *d)
{
	v->has_drain_deadline_ms = true;
	v->drain_deadline_ms = d->deadline_ms;
	vector_for_each (&d->left, left) {
		Samoza__V1__VolatileDrainLeft *item =
			NEW(VolatileDrainLeft, volatile_drain_left);
		item->name = mem_strdup(left->name);
		item->why = mem_strdup(left->why);
		APPEND(v, left, item);
	}
}

static Samoza__V1__VolatileZhost *zhost_volatile(const struct control *c,
						 const struct control_zhost *z)
{
	Samoza__V1__VolatileZhost *v = NEW(VolatileZhost, volatile_zhost);
	v->name = mem_strdup(z->name);
	v->link = z->link_id;
	v->counter = z->counter;
	v->heard_ms = z->heard_ms;
	v->heard_wall_ms = z->heard_wall_ms;
	v->has_hello_waits = v->hello_waits = z->hello_waits;
	v->has_answered_ms = z->answered_ms != 0;
	v->answered_ms = z->answered_ms;
	v->long_leases_end_ms = z->long_leases_end_ms;
	v->has_deadline_ms = heap_has(&z->deadline);
	v->deadline_ms = z->deadline.key;
	ORDER(v, deadline_order, z->deadline);
	v->has_order_all = v->order_all = z->order_all;
	v->usage = (Samoza__V1__Usage *)schema_message_copy(&z->usage.base);
	if (z->limits != NULL)
		v->limits = (Samoza__V1__Limits *)schema_message_copy(&z->limits->base);
	v->disk_full = z->disk_full;
	v->has_full_data = z->has_full_data;
	v->has_is_overdue = v->is_overdue = z->is_overdue;
	v->refused_machine = mem_strdup(z->refused_machine);
	v->refused_ms = z->refused_ms;
	v->refused_told = z->refused_told;
	v->mesh_syncs = z->mesh_syncs;
	v->mesh_kept = z->mesh_kept;
	v->desired_version = z->desired_version;
	for (const struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		APPEND(v, copies, copy_state(c, copy));
	if (z->drain != NULL)
		add_drain(v, z->drain);
	return v;
}

/* ---- slots ---- */

static Samoza__V1__VolatileHandover *handover_state(const struct unit_handover *h)
{
	Samoza__V1__VolatileHandover *v = NEW(VolatileHandover, volatile_handover);
	v->state = (Samoza__V1__HandoverState)h->handover.state;
	v->late_at_ms = h->handover.late_at_ms;
	v->healthy_since_ms = h->handover.healthy_since_ms;
	v->drain_from_ms = h->handover.drain_from_ms;
	v->drained_at_ms = h->handover.drained_at_ms;
	v->route_version = h->route_version;
	v->held = h->held;
	v->unwanted = h->unwanted;
	v->waits = mem_strdup(h->waits);
	v->room_on = mem_strdup(h->room_on);
	v->error = mem_strdup(h->error);
	v->has_due_ms = heap_has(&h->timer);
	v->due_ms = h->timer.key;
	ORDER(v, due_order, h->timer);
	return v;
}

static void add_moving(const struct control *c, Samoza__V1__VolatileSlot *v,
		       const struct slot_control *sc)
{
	uint32_t zhost = place_where(c->place, sc->moving_place);
	v->has_moving_revision = true;
	v->moving_revision = sc->moving_revision->number;
	if (zhost != PLACE_NONE)
		v->moving_zhost = mem_strdup(place_zhost_name(c->place, zhost));
}

/* It has no copy, and is to be placed in some revision: a start of zrms may take another one. */
static bool is_unplaced_root(const struct slot_control *sc)
{
	return sc->slot->parent == NULL && serving_copy(sc) == NULL;
}

static int64_t may_run_at_ms(const struct control *c, const struct slot_control *sc)
{
	const struct copy *copy = serving_copy(sc);
	return copy != NULL ? slot_copy_alone_at_ms(&copy->of_slot, c->now.mono_ms) : 0;
}

static Samoza__V1__VolatileReload *reload_state(const struct unit_reload *r)
{
	Samoza__V1__VolatileReload *v = NEW(VolatileReload, volatile_reload);
	v->due = r->due;
	v->need = r->need;
	v->wanted = r->wanted;
	v->since_ms = r->since_ms;
	v->count = r->count;
	v->begun_ms = r->begun_ms;
	v->room_ms = r->room_ms;
	v->room_due = r->room_due;
	return v;
}

static void add_slot(const struct control *c, Samoza__V1__VolatileApplication *to,
		     const struct slot_control *sc)
{
	bool moves = sc->moving_place != PLACE_NONE;
	bool is_unplaced = is_unplaced_root(sc);
	bool has_may_run = sc->slot->serving.may_run_at_ms != 0 || may_run_at_ms(c, sc) != 0;
	if (!sc->slot->closing && !sc->placed_again && !sc->seeking && !moves && !is_unplaced &&
	    !has_may_run && !sc->slot->leaves && sc->turn == TURN_NOW &&
	    sc->slot->returned_until_ms == 0 && sc->exclusions == NULL && sc->loss == NULL &&
	    sc->handover == NULL && sc->reload == NULL)
		return;
	Samoza__V1__VolatileSlot *v = NEW(VolatileSlot, volatile_slot);
	v->path = mem_strdup(sc->slot->path);
	v->closing = sc->slot->closing;
	v->placed_again = sc->placed_again;
	v->seeking = sc->seeking;
	v->has_place_revision = is_unplaced;
	v->place_revision =
		is_unplaced && sc->place_revision != NULL ? sc->place_revision->number : 0;
	v->leaves = sc->slot->leaves;
	v->turn = sc->turn;
	v->has_returned_until_ms = sc->slot->returned_until_ms != 0;
	v->returned_until_ms = sc->slot->returned_until_ms;
	ORDER(v, returned_order, sc->slot->returned_timer);
	v->has_may_run_at_ms = has_may_run;
	v->may_run_at_ms = sc->slot->serving.may_run_at_ms;
	if (moves)
		add_moving(c, v, sc);
	for (const struct exclusion *e = sc->exclusions; e != NULL; e = e->next) {
		APPEND(v, exclusion_ends_ms, e->timer.key);
		APPEND(v, exclusion_order, e->timer.order);
		APPEND(v, exclusion_until_wall_ms, e->until_wall_ms);
	}
	if (sc->loss != NULL) {
		v->loss = NEW(VolatileLoss, volatile_loss);
		v->loss->heard_wall_ms = sc->loss->heard_wall_ms;
		v->loss->replace_at_ms = sc->loss->replace_at_ms;
		ORDER(v->loss, replace_order, sc->loss->timer);
	}
	if (sc->reload != NULL)
		v->reload = reload_state(sc->reload);
	if (sc->handover != NULL)
		v->handover = handover_state(sc->handover);
	APPEND(to, slots, v);
}

/* ---- applications ---- */

/* The units under its ticket, in the order of the request. */
static void add_waiting(const struct control *c, Samoza__V1__VolatileApplication *v,
			const struct control_application *a)
{
	uint32_t count = 0;
	const uint32_t *units = place_wait_units(c->place, a->ticket, &count);
	for (uint32_t k = 0; k < count; k++) {
		for_each_root (a, root) {
			if (root->place_unit != units[k] && root->moving_place != units[k])
				continue;
			Samoza__V1__VolatileWant *want = NEW(VolatileWant, volatile_want);
			want->path = mem_strdup(root->slot->path);
			want->moves = root->moving_place == units[k];
			want->has_hopeless = want->hopeless =
				place_wait_hopeless(c->place, a->ticket) == units[k];
			APPEND(v, waiting, want);
		}
	}
}

/* NULL: nothing is being stopped. */
static Samoza__V1__VolatileStop *stop_state(const struct slot_set *set)
{
	struct stop_image image;
	ordered_stop_image(set, &image);
	Samoza__V1__VolatileStop *v =
		image.nodes.count > 0 ? NEW(VolatileStop, volatile_stop) : NULL;
	vector_for_each (&image.nodes, node) {
		Samoza__V1__VolatileStopNode *item = NEW(VolatileStopNode, volatile_stop_node);
		item->path = mem_strdup(node->path);
		item->left = node->left;
		APPEND(v, nodes, item);
	}
	vector_for_each (&image.edges, edge)
		APPEND(v, edges, *edge);
	stop_image_done(&image);
	return v;
}

static void add_subscribers(Samoza__V1__VolatileApplication *v, const struct mesh_routes *r)
{
	v->routes_version = r->version;
	v->has_pages = r->has_pages;
	v->all_subscribe = r->all_subscribe;
	vector_for_each (&r->subscribers, s) {
		Samoza__V1__VolatileSubscriber *item =
			NEW(VolatileSubscriber, volatile_subscriber);
		item->zhost = mem_strdup(s->zhost->name);
		item->has_table = s->sent_link != 0 && s->sent_link == s->zhost->link_id;
		item->is_outdated = s->is_outdated;
		item->applied = s->applied;
		APPEND(v, subscribers, item);
	}
}

static uint32_t number_of(const struct control_application *a, const struct declarations *d)
{
	vector_for_each (&a->application.revisions, r)
		if ((*r)->declared == d)
			return (*r)->number;
	IMPOSSIBLE("its slots follow no revision that it does not have");
}

static void add_order(Samoza__V1__VolatileApplication *v, const struct control_application *a)
{
	vector_for_each (&a->slots.declarations, d)
		APPEND(v, declared, number_of(a, *d));
	vector_for_each (&a->slots.spaces, space)
		APPEND(v, spaces, mem_strdup((*space)->name));
	vector_for_each (&a->slots.slots, s) {
		Samoza__V1__VolatileOrder *item = NEW(VolatileOrder, volatile_order);
		item->path = mem_strdup((*s)->path);
		item->serial = (*s)->serial;
		APPEND(v, order, item);
	}
	v->next_serial = a->slots.next_serial;
}

static Samoza__V1__VolatileProviderLoss *provider_loss_state(const struct provider_loss *lost)
{
	if (!lost->is_lost)
		return NULL;
	Samoza__V1__VolatileProviderLoss *v = NEW(VolatileProviderLoss, volatile_provider_loss);
	v->at_ms = lost->at_ms;
	v->not_before_ms = lost->not_before_ms;
	return v;
}

static Samoza__V1__VolatilePatience *patience_state(const struct provider_set *set)
{
	Samoza__V1__VolatilePatience *v = NEW(VolatilePatience, volatile_patience);
	v->name = mem_strdup(set->name);
	v->last = provider_loss_state(&set->lost[0]);
	v->other = provider_loss_state(&set->lost[1]);
	v->has_timer_ms = heap_has(&set->patience_timer);
	v->timer_ms = set->patience_timer.key;
	ORDER(v, timer_order, set->patience_timer);
	return v;
}

static bool has_lost(const struct provider_set *set)
{
	return set->lost[0].is_lost || set->lost[1].is_lost;
}

static Samoza__V1__VolatilePublicSet *public_set(const struct provider_set *set)
{
	Samoza__V1__VolatilePublicSet *v = NEW(VolatilePublicSet, volatile_public_set);
	v->topology = mem_strdup(set->topology);
	v->name = mem_strdup(set->name + strlen(set->topology) + 1);
	return v;
}

static void add_patience(Samoza__V1__VolatileApplication *v, const struct slot_set *slots)
{
	for (const struct provider_set *set = slots->providers; set != NULL; set = set->hh.next)
		if (has_lost(set))
			APPEND(v, patiences, patience_state(set));
	vector_for_each (&slots->shared, shared)
		if (has_lost(*shared))
			APPEND(v, publics, public_set(*shared));
}

static Samoza__V1__VolatileWriter *writer_state(const struct application_slot *s)
{
	Samoza__V1__VolatileWriter *v = NEW(VolatileWriter, volatile_writer);
	v->path = mem_strdup(s->path);
	v->epoch = s->writer;
	return v;
}

static Samoza__V1__VolatileFormerName *former_name(const struct application_alias *alias)
{
	Samoza__V1__VolatileFormerName *v = NEW(VolatileFormerName, volatile_former_name);
	v->path = mem_strdup(alias->path);
	v->slot = mem_strdup(alias->slot->path);
	return v;
}

static Samoza__V1__VolatileApplication *
application_volatile(const struct control *c, const struct control_application *a)
{
	Samoza__V1__VolatileApplication *v = NEW(VolatileApplication, volatile_application);
	v->id = mem_strdup(a->id);
	v->to_place = (a->marks & APPLICATION_PLACE) != 0;
	v->rollout_failed = a->rollout != NULL && a->rollout->failed;
	v->moves_begun = a->rollout != NULL && a->rollout->moves_begun;
	v->blocker = a->slots.blocker != NULL ? mem_strdup(a->slots.blocker->path) : NULL;
	v->has_promote_at_ms = a->rollout != NULL;
	v->promote_timer = a->rollout != NULL && heap_has(&a->rollout->timer);
	v->promote_at_ms = a->rollout != NULL ? a->rollout->promote_at_ms : 0;
	v->has_kept_until_ms = a->kept.revision != NULL;
	v->kept_until_ms = a->kept.until_ms;
	v->kept_timer = heap_has(&a->kept.timer);
	ORDER(v, kept_order, a->kept.timer);
	if (a->rollout != NULL)
		ORDER(v, promote_order, a->rollout->timer);
	add_order(v, a);
	add_patience(v, &a->slots);
	kept_import_records kept = {0};
	import_lists_record(a, &kept);
	v->n_kept_imports = kept.count;
	v->kept_imports = kept.items;
	list_images lists = {0};
	import_lists_image(a, &lists);
	v->n_lists = lists.count;
	v->lists = lists.items;
	add_subscribers(v, &a->routes);
	add_waiting(c, v, a);
	v->stop = stop_state(&a->slots);
	vector_for_each (&a->handovers, root)
		APPEND(v, handovers, mem_strdup((*root)->slot->path));
	vector_for_each (&a->retired, unit)
		APPEND(v, retired, (*unit)->epoch);
	for (size_t k = 0; k < a->slots.slots.count; k++)
		add_slot(c, v, a->slot_controls.items[k]);
	for (const struct application_slot *s = a->application.slots; s != NULL; s = s->hh.next)
		if (s->data_full)
			APPEND(v, data_full, mem_strdup(s->path));
	for (const struct application_slot *s = a->application.slots; s != NULL; s = s->hh.next)
		if (s->writer != 0)
			APPEND(v, writers, writer_state(s));
	for (const struct application_alias *alias = a->application.aliases; alias != NULL;
	     alias = alias->hh.next)
		APPEND(v, former_names, former_name(alias));
	return v;
}

/* ---- machines ---- */

static void add_machines(const struct control *c, Samoza__V1__Checkpoint *to)
{
	const char *const *drivers = c->config.drivers;
	for (size_t k = 0; drivers != NULL && drivers[k] != NULL; k++) {
		APPEND(to, drivers, mem_strdup(drivers[k]));
		APPEND(to, list_calls, c->made.list_calls[k]);
	}
	made_zhost_for_each(&c->made, m)
	{
		Samoza__V1__VolatileMachine *v = NEW(VolatileMachine, volatile_machine);
		v->record = (Samoza__V1__MachineRecord *)schema_message_copy(&m->record->base);
		v->record->state = (Samoza__V1__MadeState)(m->state + 1);
		v->call = m->call;
		v->operation = m->operation;
		v->deadline_ms = m->deadline_ms;
		v->ask_ms = m->ask_ms;
		v->missed = m->is_missed;
		APPEND(to, machines, v);
	}
	to->has_last_call = to->has_list_ms = true;
	to->last_call = c->made.last_call;
	to->list_ms = c->made.list_ms;
	vector_for_each (&c->made.strangers, key)
		APPEND(to, strangers, mem_strdup(*key));
}

void checkpoint_number_timers(struct control *c)
{
	struct heap *const all[] = {&c->deadlines,
				    &c->exclusion_timers,
				    &c->loss_timers,
				    &c->handover_timers,
				    &c->kept_set_timers,
				    &c->rollout_timers,
				    &c->ends_by_timers,
				    &c->lifecycle.patience_timers,
				    &c->lifecycle.returned_timers};
	for (size_t k = 0; k < ARRAY_SIZE(all); k++)
		heap_number(all[k]);
}

Samoza__V1__Checkpoint *checkpoint_new(struct control *c, struct instant now)
{
	PRE(c->dirty.copies.count == 0 && c->dirty.slots.count == 0 &&
	    c->lifecycle.first == NULL);
	const struct instant before = c->now;
	c->now = c->lifecycle.now = now;
	checkpoint_number_timers(c);
	Samoza__V1__Checkpoint *to = NEW(Checkpoint, checkpoint);
	Samoza__V1__CheckpointConfig *config = NEW(CheckpointConfig, checkpoint_config);
	config->heartbeat_ms = c->config.heartbeat_ms;
	config->failure_timeout_ms = c->config.failure_timeout_ms;
	config->check_ms = c->config.check_ms;
	config->on_disconnect_ms = c->config.on_disconnect_ms;
	config->margin_ms = c->config.margin_ms;
	config->drain_units = c->config.drain_units;
	config->has_says_answered = config->says_answered = c->config.says_answered;
	to->config = config;
	to->now_ms = now.mono_ms;
	to->wall_ms = now.wall_ms;
	to->term = c->term;
	to->promise_ms = c->promise_ms;
	to->awake_ms = c->awake_ms;
	to->next_check_ms = c->next_check_ms;
	to->drains_due = c->drains_due;
	to->rebalance_due = c->rebalance_due;
	to->has_reloads_next_ms = c->applications.reloads_next_ms != 0;
	to->reloads_next_ms = c->applications.reloads_next_ms;
	to->has_rebalance_blocked_ms = c->rebalance != NULL;
	to->rebalance_blocked_ms = c->rebalance != NULL ? c->rebalance->blocked_since_ms : 0;
	to->next_list = c->provider_lists.next_id;
	add_records(c, to);
	for (const struct signing_key *k = c->signing_keys.in_files; k != NULL; k = k->hh.next)
		APPEND(to, key_files,
		       (Samoza__V1__SigningKeyRecord *)schema_message_copy(&k->record->base));
	for (const struct provider_set *s = c->lifecycle.shared; s != NULL; s = s->hh.next)
		if (has_lost(s))
			APPEND(to, shared, patience_state(s));
	zhost_for_each (&c->zhosts, z)
		APPEND(to, zhosts, zhost_volatile(c, z));
	application_for_each (&c->applications, a) {
		APPEND(to, applications, application_volatile(c, a));
	}
	add_machines(c, to);
	c->now = c->lifecycle.now = before;
	return to;
}
