/* All of it, line by line, read from the core itself: what checkpoints forget is seen here. */
#include "core/control/checkpoint/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buffer.h"
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

#define LINE(...)   ((void)buffer_printf(b, __VA_ARGS__))
#define LL(number)  ((long long)(number))
#define LLU(number) ((unsigned long long)(number))
/* When it ends, and which of several that end then it is; for "%lld/%llu". */
#define TIMER(node) \
	LL(heap_has(&(node)) ? (node).key : 0), LLU(heap_has(&(node)) ? (node).order : 0)
#define TEXT(string) ((string) != NULL ? (string) : "-")

/* FNV-1a */
static uint64_t sum_of(const uint8_t *data, size_t size)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	for (size_t k = 0; k < size; k++)
		sum = (sum ^ data[k]) * UINT64_C(0x100000001b3);
	return sum;
}

static void add_records(struct control *c, struct buffer *b)
{
	struct outbox outbox;
	struct outbox *before = c->emitter.outbox;
	outbox_init(&outbox);
	c->emitter.outbox = &outbox;
	records_write_all(c);
	c->emitter.outbox = before;
	vector_for_each (&outbox.records, r)
		if (r->kind !=
		    RECORD_SECRET) /* sealed otherwise in a recording; listed by itself */
			LINE("record %d %s %016" PRIx64 "\n", (int)r->kind, r->id,
			     sum_of(r->data, r->size));
	outbox_done(&outbox);
}

static int64_t first_key(const struct heap *heap)
{
	const struct heap_node *n = heap_first(heap);
	return n != NULL ? n->key : 0;
}

static void add_control(const struct control *c, struct buffer *b)
{
	LINE("control cluster %s, epoch %llu, sequence %llu, event %llu, audit %llu, awake "
	     "%lld, "
	     "check %lld, drains %u%s, list %llu\n",
	     c->cluster, LLU(c->next_epoch), LLU(c->next_sequence), LLU(c->emitter.next_event),
	     LLU(c->emitter.next_audit), LL(c->awake_ms), LL(c->next_check_ms), c->drains,
	     c->drains_due ? " due" : "", LLU(c->provider_lists.next_id));
	LINE("term %llu, promise %lld\n", LLU(c->term), LL(c->promise_ms));
	LINE("rebalance%s, blocked since %lld, stopped by %s\n", c->rebalance_due ? " due" : "",
	     LL(c->rebalance != NULL ? c->rebalance->blocked_since_ms : 0),
	     TEXT(c->rebalance != NULL ? c->rebalance->stopped_by : NULL));
	for (size_t k = 0; c->rebalance != NULL && k < c->rebalance->moves.count; k++)
		LINE("  move of %s, %d %s\n", c->rebalance->moves.items[k].path,
		     (int)c->rebalance->moves.items[k].state,
		     TEXT(c->rebalance->moves.items[k].why));
	LINE("timers deadlines %zu %lld, exclusions %zu %lld, losses %zu %lld, handovers %zu "
	     "%lld, "
	     "ends %zu %lld, kept sets %zu %lld\n",
	     c->deadlines.count, LL(first_key(&c->deadlines)), c->exclusion_timers.count,
	     LL(first_key(&c->exclusion_timers)), c->loss_timers.count,
	     LL(first_key(&c->loss_timers)), c->handover_timers.count,
	     LL(first_key(&c->handover_timers)), c->ends_by_timers.count,
	     LL(first_key(&c->ends_by_timers)), c->kept_set_timers.count,
	     LL(first_key(&c->kept_set_timers)));
	LINE("config %lld %lld %lld %lld %lld %u\n", LL(c->config.heartbeat_ms),
	     LL(c->config.failure_timeout_ms), LL(c->config.check_ms),
	     LL(c->config.on_disconnect_ms), LL(c->config.margin_ms), c->config.drain_units);
}

/* ---- zhosts ---- */

/* That it names. */
static void add_lists_of(const struct copy *copy, struct buffer *b)
{
	size_t count;
	CLEANUP(freep) uint64_t *ids = import_lists_ids(copy, &count);
	if (count == 0)
		return;
	LINE("    imports by lists");
	for (size_t k = 0; k < count; k++)
		LINE(" %llu", LLU(ids[k]));
	LINE("\n");
}

static void add_copy(const struct copy *copy, struct buffer *b)
{
	const struct unit_placement *unit = copy->unit;
	LINE("  copy %s/%s #%llu of %llu, revision %u of %u in %u, role %d%s%s%s%s, target %u, "
	     "generation "
	     "%llu %llu %llu, imports %llu %llu\n",
	     unit->application->name, copy->of_slot.slot->path, LLU(copy->of_slot.epoch),
	     LLU(unit->epoch), copy->revision->number, unit->revision->number,
	     unit->room->number, (int)unit->placement.role, unit->lost ? " lost" : "",
	     unit->draining ? " draining" : "", unit->answered ? " answered" : "",
	     copy_serves(copy) ? " serves" : "", copy->target, LLU(copy->generation),
	     LLU(copy->retry_generation), LLU(copy->forgiven), LLU(copy->imports_version),
	     LLU(copy->imports_hash));
	if (copy->settings.sum != 0)
		LINE("    settings %llu unset %llu\n", LLU(copy->settings.sum),
		     LLU(copy->settings.unset));
	LINE("    %s, phase %u%s%s%s%s%s%s%s%s%s%s, observed %llu, retry %lld, ends %lld "
	     "%lld/%llu, "
	     "failures %u, ran with %lld, restarts %u, exports %zu, alone %lld\n",
	     copy_is_sent(copy) ? "sent" : "to send", copy->phase, copy->heard ? " heard" : "",
	     copy->healthy ? " healthy" : "", copy->absent ? " absent" : "",
	     copy->exhausted ? " exhausted" : "",
	     copy->undeploy_failed ? " undeploy-failed" : "", copy->forsaken ? " forsaken" : "",
	     copy->ended_last ? " ended-last" : "", copy->ended_only ? " ended-only" : "",
	     copy->of_slot.active ? " active" : "",
	     (copy->marks & COPY_LISTED) != 0 ? " listed" : "", LLU(copy->observed),
	     LL(copy->retry_at_ms), LL(copy->of_slot.ends_by_ms), TIMER(copy->ends_by_timer),
	     copy->failures, LL(copy->ran ? (int64_t)copy->ran_with : -1), copy->restarts,
	     copy->export_count,
	     LL(slot_copy_alone_at_ms(&copy->of_slot, unit->application->control->awake_ms)));
	add_lists_of(copy, b);
}

static void add_zhost(const struct control *c, const struct control_zhost *z, struct buffer *b)
{
	LINE("zhost %s, state %d, link %llu, counter %llu, heard %lld %lld, leases %lld %lld, "
	     "deadline %lld/%llu, protocol %u\n",
	     z->name, (int)z->state, LLU(z->link_id), LLU(z->counter), LL(z->heard_ms),
	     LL(z->heard_wall_ms), LL(z->lease_timeout_ms), LL(z->long_leases_end_ms),
	     TIMER(z->deadline), z->protocol);
	if (z->is_overdue)
		LINE("  overdue\n");
	if (z->hello_waits || z->answered_ms != 0)
		LINE("  answered %lld%s\n", LL(z->answered_ms),
		     z->hello_waits ? ", waits" : "");
	LINE("  usage %llu %llu %llu%s%s%s, refused %s %lld%s, mesh%s %llu, desired %llu\n",
	     LLU(z->usage.cpu_millicores), LLU(z->usage.memory_bytes), LLU(z->usage.disk_bytes),
	     z->order_all ? " order-all" : "", z->disk_full ? " full" : "",
	     z->has_full_data ? " data-full" : "", TEXT(z->refused_machine), LL(z->refused_ms),
	     z->refused_told ? " told" : "", z->mesh_syncs ? " syncs" : "", LLU(z->mesh_kept),
	     LLU(z->desired_version));
	if (z->limits != NULL)
		LINE("  limits %s %s %s %s\n", TEXT(z->limits->memory), TEXT(z->limits->cpu),
		     TEXT(z->limits->processes), TEXT(z->limits->why));
	if (z->place != PLACE_NONE) {
		struct place_usage usage = place_zhost_usage(c->place, z->place);
		LINE("  place cpu %llu/%llu, memory %llu/%llu, devices %u/%u, units %u\n",
		     LLU(usage.cpu_reserved), LLU(usage.cpu_offered),
		     LLU(usage.memory_reserved), LLU(usage.memory_offered),
		     usage.devices_whole_free, usage.devices_offered, usage.units);
	}
	for (const struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		add_copy(copy, b);
	if (z->drain == NULL)
		return;
	LINE("  drain %d%s, deadline %lld\n", (int)z->drain->state,
	     z->drain->force ? " force" : "", LL(z->drain->deadline_ms));
	vector_for_each (&z->drain->left, left)
		LINE("    left %s: %s\n", left->name, left->why);
}

/* ---- slots ---- */

static void add_root(const struct control *c, const struct slot_control *root, struct buffer *b)
{
	const struct unit_handover *h = root->handover;
	if (root->moving_place != PLACE_NONE) {
		uint32_t at = place_where(c->place, root->moving_place);
		LINE("    moving, revision %u, to %s\n", root->moving_revision->number,
		     at != PLACE_NONE ? place_zhost_name(c->place, at) : "-");
	}
	for (const struct exclusion *e = root->exclusions; e != NULL; e = e->next)
		LINE("    excluded from %s until %lld/%llu: %s\n", e->zhost, TIMER(e->timer),
		     TEXT(e->reason.text));
	if (root->loss != NULL)
		LINE("    lost since %lld, until %lld %lld/%llu\n",
		     LL(root->loss->heard_wall_ms), LL(root->loss->replace_at_ms),
		     TIMER(root->loss->timer));
	if (h == NULL)
		return;
	LINE("    handover %d %d, revision %u%s%s%s%s, placed %lld, late %lld, healthy %lld, "
	     "drain "
	     "%lld %lld, leaving %llu, routes %llu, due %lld/%llu\n",
	     (int)h->handover.kind, (int)h->handover.state,
	     h->revision != NULL ? h->revision->number : 0, h->returns ? " returns" : "",
	     h->drains	     ? " drains"
	     : h->rebalances ? " rebalances"
	     : h->reloads    ? " reloads"
			     : "",
	     h->held ? " held" : "", h->unwanted ? " unwanted" : "",
	     LL(h->handover.placed_wall_ms), LL(h->handover.late_at_ms),
	     LL(h->handover.healthy_since_ms), LL(h->handover.drain_from_ms),
	     LL(h->handover.drained_at_ms), LLU(h->handover.leaving), LLU(h->route_version),
	     TIMER(h->timer));
	LINE("    handover to %s, cause %s, waits %s, room on %s, error %s\n", TEXT(h->to),
	     TEXT(h->cause), TEXT(h->waits), TEXT(h->room_on), TEXT(h->error));
}

static void add_slot(const struct control *c, const struct slot_control *sc, struct buffer *b)
{
	const struct slot *s = sc->slot;
	const struct serving_facts *f = &s->serving;
	uint32_t at = sc->place_unit != PLACE_NONE ? place_where(c->place, sc->place_unit)
						   : PLACE_NONE;
	LINE("  slot %u %s, turn %d, returned %lld %lld/%llu, goal %d, state "
	     "%d%s%s%s%s%s%s%s%s, below "
	     "%u %u\n",
	     s->serial, s->path, (int)sc->turn, LL(s->returned_until_ms),
	     TIMER(s->returned_timer), (int)s->goal, (int)s->state, s->moving ? " moving" : "",
	     s->yields ? " yields" : "", s->closing ? " closing" : "",
	     s->finished ? " finished" : "", s->leaves ? " leaves" : "",
	     s->unplaced ? " unplaced" : "", s->stop != NULL ? " stops" : "",
	     s->stop != NULL && ordered_stop_holds(s) ? " held" : "", s->active_below,
	     s->deployed_children);
	if (sc->reloaded != 0)
		LINE("    reloaded for %llu\n", LLU(sc->reloaded));
	const struct unit_reload *r = sc->reload;
	if (r != NULL)
		LINE("    reload %u%s wanted %llu since %lld, %u begun %lld, room %lld%s\n",
		     r->need, r->due ? " due" : "", LLU(r->wanted), LL(r->since_ms), r->count,
		     LL(r->begun_ms), LL(r->room_ms), r->room_due ? " due" : "");
	LINE("    facts%s%s%s%s%s%s%s, waits for %s, retry %lld, run %lld, error "
	     "%s\n",
	     f->placed ? " placed" : "", f->zhost_lost ? " lost" : "",
	     f->no_place ? " no-place" : "", f->placed_again ? " again" : "",
	     f->exhausted ? " exhausted" : "", f->undeploy_failed ? " undeploy-failed" : "",
	     f->failed ? " failed" : "", TEXT(f->waits_for), LL(f->retry_at_ms),
	     LL(f->may_run_at_ms), TEXT(f->last_error));
	LINE("    control%s%s%s%s%s%s%s, last %s, writer %llu%s, at %s, revision %u\n",
	     sc->lost ? " lost" : "", sc->placed_again ? " again" : "",
	     sc->placed_before ? " before" : "", sc->no_place ? " no-place" : "",
	     sc->still_failed ? " still-failed" : "", sc->seeking ? " seeking" : "",
	     sc->unhealthy ? " unhealthy" : "",
	     sc->last_zhost != NULL ? sc->last_zhost->name : "-", LLU(sc->of_path->writer),
	     sc->of_path->data_full ? " full" : "",
	     at != PLACE_NONE ? place_zhost_name(c->place, at) : "-",
	     sc->place_revision != NULL ? sc->place_revision->number : 0);
	slot_copy_for_each (sc->of_path, copy)
		LINE("    has #%llu\n", LLU(copy->epoch));
	if (s->parent == NULL)
		add_root(c, sc, b);
}

/* ---- applications ---- */

static void add_rollout(const struct application_rollout *r, struct buffer *b)
{
	LINE("  rollout %d to %u from %u, step %u, next %lld %lld/%llu%s%s%s%s%s%s%s, by %s, "
	     "cause "
	     "%s\n",
	     (int)r->rollout.state, r->target->number, r->base != NULL ? r->base->number : 0,
	     r->rollout.step, LL(r->promote_at_ms), TIMER(r->timer),
	     r->rollout.spec.pauses ? " pauses" : "", r->at_once ? " at-once" : "",
	     r->no_surge ? " no-surge" : "", r->steps_back ? " steps-back" : "",
	     r->failed ? " failed" : "", r->moves_begun ? " moves-begun" : "",
	     r->rollout.aborted ? " aborted" : "", TEXT(r->by), TEXT(r->cause));
}

static int compare_names(const void *pa, const void *pb)
{
	const struct provider_set *const *a = pa, *const *b = pb;
	return strcmp((*a)->name, (*b)->name);
}

static int compare_ms(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
	return (a > b) - (a < b);
}

/* Their order decides nothing. */
static void add_patiences(const struct provider_set *set, struct buffer *b)
{
	CLEANUP(freep) uint32_t *sorted = mem_new_array(uint32_t, set->patiences.count);
	for (size_t k = 0; k < set->patiences.count; k++)
		sorted[k] = set->patiences.items[k].ms;
	if (set->patiences.count > 1)
		qsort(sorted, set->patiences.count, sizeof(*sorted), compare_ms);
	for (size_t k = 0; k < set->patiences.count; k++)
		LINE("    patience %u\n", sorted[k]);
}

/* Those that some revision still names; their order decides nothing. */
static void add_providers(const struct provider_set *sets, struct buffer *b)
{
	VECTOR(const struct provider_set *) sorted = {0};
	for (const struct provider_set *set = sets; set != NULL; set = set->hh.next)
		if (set->slots.count > 0 || set->importers.count > 0)
			vector_push(&sorted, set);
	if (sorted.count > 1)
		qsort(sorted.items, sorted.count, sizeof(*sorted.items), compare_names);
	vector_for_each (&sorted, item) {
		const struct provider_set *set = *item;
		LINE("  provides %s %u%s%s, timer %lld/%llu\n", set->name, set->started,
		     set->lost[0].is_lost ? " lost" : "", set->lost[1].is_lost ? " own" : "",
		     TIMER(set->patience_timer));
		for (unsigned left = 0; left < 2; left++)
			if (set->lost[left].is_lost)
				LINE("    at %lld, not before %lld\n",
				     LL(set->lost[left].at_ms),
				     LL(set->lost[left].not_before_ms));
		vector_for_each (&set->slots, s)
			LINE("    by %s\n", (*s)->path);
		vector_for_each (&set->importers, importer)
			LINE("    for %s\n",
			     importer->set->spaces.items[importer->space]->name);
		add_patiences(set, b);
	}
	vector_done(&sorted);
}

static void add_lists(const struct control_application *a, struct buffer *b)
{
	list_images lists = {0};
	import_lists_image(a, &lists);
	vector_for_each (&lists, list) {
		LINE("  list %llu of %s, version %llu, patience %u%s%s%s, on", LLU((*list)->id),
		     (*list)->from, LLU((*list)->version), (*list)->patience_ms,
		     (*list)->of_providers ? " own" : "", (*list)->apart ? " apart" : "",
		     (*list)->recorded ? " recorded" : "");
		for (size_t k = 0; k < (*list)->n_zhosts; k++)
			LINE(" %s%s", (*list)->zhosts[k], (*list)->sent[k] ? "" : " (to send)");
		LINE("\n");
		if ((*list)->differs)
			LINE("    with %zu that differ\n", (*list)->n_providers);
		for (size_t k = 0; k < (*list)->n_providers; k++)
			LINE("      %s with %zu\n", (*list)->providers[k]->path,
			     (*list)->providers[k]->n_variables);
		schema_message_free(*list);
	}
	vector_done(&lists);
}

static void add_application(const struct control *c, const struct control_application *a,
			    struct buffer *b)
{
	uint32_t waiting = 0;
	const uint32_t *units = place_wait_units(c->place, a->ticket, &waiting);
	LINE("application %s %s, state %d, serves %u, unhealthy %u, counts %u %u %u, blocker "
	     "%s%s%s\n",
	     a->id, a->name, (int)a->state,
	     a->application.served != NULL ? a->application.served->number : 0, a->unhealthy,
	     a->slots.to_start, a->slots.to_start_started, a->slots.not_gone,
	     a->slots.blocker != NULL ? a->slots.blocker->path : "-",
	     waiting > 0 ? " waits" : "",
	     (a->marks & APPLICATION_PLACE) != 0 ? " to-place" : "");
	for (unsigned s = 0; s < STATE_COUNT; s++)
		if (a->slots.in_state[s] > 0)
			LINE("  %u slots are %s\n", a->slots.in_state[s],
			     state_name((enum instance_state)s));
	for (uint32_t k = 0; k < waiting; k++)
		for_each_root (a, root)
			if (root->place_unit == units[k] || root->moving_place == units[k])
				LINE("  waits %s%s\n", root->slot->path,
				     root->moving_place == units[k] ? " moving" : "");
	if (a->rollout != NULL)
		add_rollout(a->rollout, b);
	if (a->kept.revision != NULL)
		LINE("  kept %u until %lld %lld, timer %lld/%llu\n", a->kept.revision->number,
		     LL(a->kept.until_ms), LL(a->kept.until_wall_ms), TIMER(a->kept.timer));
	vector_for_each (&a->handovers, root)
		LINE("  handover of %s\n", (*root)->slot->path);
	vector_for_each (&a->retired, unit)
		LINE("  retired %llu\n", LLU((*unit)->epoch));
	LINE("  leaving %u\n", a->leaving);
	LINE("  routes %llu%s%s%s\n", LLU(a->routes.version),
	     a->routes.has_pages ? " pages" : "", a->routes.all_subscribe ? " all" : "",
	     a->routes.has_shares ? " shares" : "");
	LINE("  next slot %u, declares", a->slots.next_serial);
	vector_for_each (&a->application.revisions, r)
		if ((*r)->declared != NULL)
			LINE(" %u", (*r)->number);
	LINE("\n");
	vector_for_each (&a->routes.subscribers, s)
		LINE("  subscriber %s, placed %u%s%s, applied %llu\n", s->zhost->name,
		     s->placed,
		     s->sent_link != 0 && s->sent_link == s->zhost->link_id ? " sent" : "",
		     s->is_outdated ? " outdated" : "", LLU(s->applied));
	for (const struct application_alias *alias = a->application.aliases; alias != NULL;
	     alias = alias->hh.next)
		LINE("  %s was %s\n", alias->slot->path, alias->path);
	add_lists(a, b);
	add_providers(a->slots.providers, b);
	for (size_t k = 0; k < a->slots.slots.count; k++)
		add_slot(c, a->slot_controls.items[k], b);
}

/* ---- machines ---- */

static void add_machines(const struct control *c, struct buffer *b)
{
	LINE("machines, last call %llu, asked %lld, strangers %zu\n", LLU(c->made.last_call),
	     LL(c->made.list_ms), c->made.strangers.count);
	for (size_t k = 0; c->config.drivers != NULL && c->config.drivers[k] != NULL; k++)
		LINE("  driver %s, call %llu\n", c->config.drivers[k],
		     LLU(c->made.list_calls[k]));
	made_zhost_for_each(&c->made, m)
		LINE("  machine %s of %s, state %d, call %llu %d, deadline %lld, ask %lld%s\n",
		     m->record->name, m->record->driver, (int)m->state, LLU(m->call),
		     (int)m->operation, LL(m->deadline_ms), LL(m->ask_ms),
		     m->is_missed ? " missed" : "");
}

char *control_digest(struct control *c, struct instant now)
{
	const struct instant before = c->now;
	c->now = c->lifecycle.now = now;
	checkpoint_number_timers(c);
	struct buffer text = BUFFER_INIT(SIZE_MAX), *b = &text;
	add_control(c, b);
	zhost_for_each (&c->zhosts, z)
		add_zhost(c, z, b);
	application_for_each (&c->applications, a)
		add_application(c, a, b);
	const struct signing_key **keys = signing_keys_sorted(&c->signing_keys);
	for (const struct signing_key **k = keys; *k != NULL; k++) {
		CLEANUP(freep) char *id = signing_key_id((*k)->key);
		LINE("key %s %s%s\n", id, (*k)->record->name,
		     signing_key_is_trusted((*k)->record) ? "" : " removed");
	}
	free(keys);
	const struct secret **secrets = secrets_sorted(&c->secrets);
	LINE("secrets above %llu\n", LLU(c->secrets.floor));
	for (const struct secret **s = secrets; *s != NULL; s++)
		for (size_t k = 0; k < (*s)->record->n_versions; k++)
			LINE("secret %s %llu for %s\n", (*s)->record->name,
			     LLU((*s)->record->versions[k]->number),
			     (*s)->record->versions[k]->topologies);
	free(secrets);
	LINE("public\n");
	add_providers(c->lifecycle.shared, b);
	add_records(c, b);
	add_machines(c, b);
	c->now = c->lifecycle.now = before;
	return buffer_steal(b);
}
