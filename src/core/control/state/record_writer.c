#include "core/control/state/record_writer.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/drain.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/loss.h"
#include "core/control/state/rebalance.h"
#include "core/control/state/record_id.h"
#include "core/control/state/remains.h"
#include "core/control/state/state.h"
#include "core/control/state/unit_devices.h"
#include "schema/message.h"

static void put(struct control *c, enum record_kind kind, char *take_id,
		const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *data = mem_calloc(size + 1, 1);
	size_t packed = protobuf_c_message_pack(message, data);
	INVARIANT(packed == size);
	*vector_add(&c->emitter.outbox->records) =
		(struct record_change){.kind = kind, .id = take_id, .data = data, .size = size};
}

static void delete (struct control *c, enum record_kind kind, char *take_id)
{
	*vector_add(&c->emitter.outbox->records) =
		(struct record_change){.kind = kind, .id = take_id};
}

/* ---- slots and copies ---- */

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)SAMOZA__V1__##theirs, "differs")
SAME(ROLE_STANDBY + 1, ROLE__ROLE_STANDBY);
SAME(ROLE_KEPT + 1, ROLE__ROLE_KEPT);
SAME(HANDOVER_STOP_FIRST, HANDOVER_KIND__HANDOVER_KIND_STOP_FIRST);
SAME(HANDOVER_REMOVING, HANDOVER_STATE__HANDOVER_STATE_REMOVING);
SAME(HANDOVER_READY, HANDOVER_STATE__HANDOVER_STATE_READY);

static Samoza__V1__HandoverRecord *fill_handover(Samoza__V1__HandoverRecord *r,
						 const struct unit_handover *h)
{
	samoza__v1__handover_record__init(r);
	r->kind = (Samoza__V1__HandoverKind)h->handover.kind;
	r->state = (Samoza__V1__HandoverState)h->handover.state;
	r->cause = h->cause;
	r->to = h->to;
	r->has_placed_ms = h->handover.placed_wall_ms != 0;
	r->placed_ms = h->handover.placed_wall_ms;
	r->has_revision = h->revision != NULL;
	r->revision = h->revision != NULL ? h->revision->number : 0;
	r->has_returns = r->returns = h->returns;
	r->has_leaving = h->handover.leaving != 0;
	r->leaving = h->handover.leaving;
	r->has_drains = r->drains = h->drains;
	r->has_rebalances = r->rebalances = h->rebalances;
	r->has_held = r->held = h->held;
	r->has_reloads = h->reloads != 0;
	r->reloads = h->reloads;
	return r;
}

/* Its record under a former name. */
static void delete_recorded(struct control *c, struct slot_control *sc)
{
	if (sc->recorded == NULL)
		return;
	delete (c, RECORD_SLOT, record_id_slot(application_of(sc->slot)->id, sc->recorded));
	free(steal_ptr(&sc->recorded));
}

static void write_slot(struct control *c, const struct slot_control *sc)
{
	const struct slot *s = sc->slot;
	const struct control_application *a = application_of(s);
	const struct slot_copy *serving = sc->of_path->serving;
	Samoza__V1__SlotRecord r = SAMOZA__V1__SLOT_RECORD__INIT;
	r.application = (char *)a->id;
	r.path = (char *)s->path;
	r.goal = (Samoza__V1__Goal)s->goal;
	r.state = (Samoza__V1__State)s->state;
	r.goal_cause = s->goal_cause;
	r.has_goal_ms = s->goal_ms != 0;
	r.goal_ms = s->goal_ms;
	r.has_since_ms = s->since_ms != 0;
	r.since_ms = s->since_ms;
	r.has_finished = r.finished = s->finished;
	r.has_serving = serving != NULL;
	r.serving = serving != NULL ? serving->epoch : 0;
	r.has_writer = sc->of_path->writer != 0;
	r.writer = sc->of_path->writer;
	r.last_zhost = sc->last_zhost != NULL ? sc->last_zhost->name : NULL;
	r.last_error = sc->last_error;
	r.has_last_error_ms = sc->last_error != NULL && sc->last_error_ms != 0;
	r.last_error_ms = sc->last_error_ms;
	r.has_placed_before = r.placed_before = sc->placed_before;
	r.has_no_place = r.no_place = sc->no_place;
	r.has_lost = r.lost = sc->lost;
	r.has_waits_since_ms = loss_waits(sc);
	r.waits_since_ms = loss_waits(sc) ? sc->loss->heard_wall_ms : 0;
	r.has_returned_until_ms = s->returned_until_ms != 0;
	r.returned_until_ms = s->returned_until_ms - c->now.mono_ms + c->now.wall_ms;
	r.has_moving = r.moving = s->moving;
	r.has_unplaced = r.unplaced = s->unplaced;
	r.has_reloaded = sc->reloaded != 0;
	r.reloaded = sc->reloaded;
	r.has_still_failed = r.still_failed = sc->still_failed;
	Samoza__V1__HandoverRecord handover;
	if (sc->handover != NULL)
		r.handover = fill_handover(&handover, sc->handover);
	VECTOR(Samoza__V1__Exclusion) list = {0};
	for (const struct exclusion *e = sc->exclusions; e != NULL; e = e->next) {
		Samoza__V1__Exclusion *x = vector_add(&list);
		samoza__v1__exclusion__init(x);
		x->zhost = e->zhost;
		x->incarnation = e->incarnation;
		x->until_ms = e->until_wall_ms;
		x->sentence = e->reason.text;
		x->code = (char *)failure_code_name(e->reason.code);
	}
	CLEANUP(freep)
	Samoza__V1__Exclusion **exclusions = mem_new_array(Samoza__V1__Exclusion *, list.count);
	for (size_t k = 0; k < list.count; k++)
		exclusions[k] = &list.items[k];
	r.n_exclusions = list.count;
	r.exclusions = exclusions;
	put(c, RECORD_SLOT, record_id_slot(a->id, s->path), &r.base);
	vector_done(&list);
}

static void write_copy(struct control *c, const struct copy *copy)
{
	const struct unit_placement *unit = copy->unit;
	Samoza__V1__CopyRecord r = SAMOZA__V1__COPY_RECORD__INIT;
	r.application = (char *)unit->application->id;
	r.path = (char *)copy_path(copy);
	r.slot = copy->path != NULL ? copy->of_slot.slot->path : NULL;
	r.epoch = copy->of_slot.epoch;
	r.placement = unit->epoch;
	r.zhost = unit->zhost->name;
	r.revision = copy->revision->number;
	r.has_unit_revision = unit->revision != copy->revision;
	r.unit_revision = unit->revision->number;
	r.has_room = unit->room != unit->revision;
	r.room = unit->room->number;
	r.role = (Samoza__V1__Role)(unit->placement.role + SAMOZA__V1__ROLE__ROLE_SERVING);
	r.has_lost = r.lost = unit->lost;
	r.target = (Samoza__V1__Target)copy->target;
	r.generation = copy->generation;
	r.has_retry_generation = copy->retry_generation != 0;
	r.retry_generation = copy->retry_generation;
	r.has_exhausted = r.exhausted = copy->exhausted;
	r.has_undeploy_failed = r.undeploy_failed = copy->undeploy_failed;
	r.has_failures = copy->failures != 0;
	r.failures = copy->failures;
	r.has_ended_last = r.ended_last = copy->ended_last;
	r.has_ended_only = r.ended_only = copy->ended_only;
	r.has_restarts = copy->restarts != 0;
	r.restarts = copy->restarts;
	r.has_imports_version = copy->imports_version != 0;
	r.imports_version = copy->imports_version;
	r.has_imports_hash = copy->imports_hash != 0;
	r.imports_hash = copy->imports_hash;
	r.has_active = r.active = copy->of_slot.active;
	r.has_forsaken = r.forsaken = copy->forsaken;
	r.has_writes = r.writes = copy_is_retired(copy) && slot_copy_writes(&copy->of_slot);
	r.key_topology = unit->key_topology;
	CLEANUP(freep)
	Samoza__V1__DeviceChoice **devices = unit_devices_record(copy, &r.n_devices);
	r.devices = devices;
	CLEANUP(freep)
	Samoza__V1__Variable *variables =
		mem_new_array(Samoza__V1__Variable, copy->export_count);
	CLEANUP(freep)
	Samoza__V1__Variable **exports =
		mem_new_array(Samoza__V1__Variable *, copy->export_count);
	for (size_t k = 0; k < copy->export_count; k++) {
		samoza__v1__variable__init(&variables[k]);
		variables[k].name = copy->exports[k].name;
		variables[k].value = copy->exports[k].value;
		exports[k] = &variables[k];
	}
	r.n_exports = copy->export_count;
	r.exports = exports;
	put(c, RECORD_COPY,
	    record_id_copy(copy->unit->application->id, copy_path(copy), copy->of_slot.epoch),
	    &r.base);
}

/* ---- applications ---- */

SAME(ROLLOUT_RETURNING, ROLLOUT_STATE__ROLLOUT_STATE_RETURNING);
SAME(ROLLOUT_WAITING, ROLLOUT_STATE__ROLLOUT_STATE_WAITING);

static Samoza__V1__RolloutRecord *fill_rollout(const struct control *c,
					       Samoza__V1__RolloutRecord *r,
					       const struct application_rollout *rollout)
{
	if (rollout == NULL)
		return NULL;
	samoza__v1__rollout_record__init(r);
	r->target = rollout->target->number;
	r->has_back_to = rollout->base != NULL;
	r->back_to = rollout->base != NULL ? rollout->base->number : 0;
	r->state = (Samoza__V1__RolloutState)rollout->rollout.state;
	r->has_aborted = r->aborted = rollout->rollout.aborted;
	r->has_at_once = r->at_once = rollout->at_once;
	r->has_no_surge = r->no_surge = rollout->no_surge;
	r->has_steps_back = r->steps_back = rollout->steps_back;
	r->has_step = rollout->rollout.step != 0;
	r->step = rollout->rollout.step;
	r->has_promote_ms = rollout->promote_at_ms != NEVER_MS;
	if (r->has_promote_ms)
		r->promote_ms = c->now.wall_ms + (rollout->promote_at_ms - c->now.mono_ms);
	r->by = rollout->by;
	r->cause = rollout->cause;
	return r;
}

static Samoza__V1__LastRolloutRecord *fill_last(Samoza__V1__LastRolloutRecord *r,
						const struct last_rollout *last)
{
	if (last->result == NULL)
		return NULL;
	samoza__v1__last_rollout_record__init(r);
	r->revision = last->revision;
	r->result = (char *)last->result;
	r->cause = last->cause;
	r->time_ms = last->time_ms;
	r->has_back_on = last->back_on != 0;
	r->back_on = last->back_on;
	return r;
}

static void write_application(struct control *c, const struct control_application *a)
{
	const struct application *of = &a->application;
	Samoza__V1__ApplicationRecord r = SAMOZA__V1__APPLICATION_RECORD__INIT;
	r.id = (char *)a->id;
	r.name = (char *)a->name;
	r.sequence = a->sequence;
	r.newest = of->newest;
	r.served = of->served->number;
	r.has_completed = of->completed != 0;
	r.completed = of->completed;
	r.state = (char *)topology_state_name(a->state);
	r.reason = a->reason.text;
	r.reason_code = (char *)failure_code_name(a->reason.code);
	r.has_was_running = r.was_running = a->was_running;
	r.has_ever_started = r.ever_started = a->ever_started;
	r.has_starts_each = r.starts_each = a->starts_each;
	r.created_ms = a->created_ms;
	r.updated_ms = a->updated_ms;
	CLEANUP(freep) char **aliases = mem_new_array(char *, of->ids.count);
	for (size_t k = 1; k < of->ids.count; k++)
		aliases[r.n_aliases++] = of->ids.items[k]->text;
	r.aliases = aliases;
	VECTOR(Samoza__V1__CompletedRevision) completions = {0};
	vector_for_each (&of->revisions, revision) {
		if ((*revision)->completed_ms == 0)
			continue;
		Samoza__V1__CompletedRevision *done = vector_add(&completions);
		samoza__v1__completed_revision__init(done);
		done->number = (*revision)->number;
		done->time_ms = (*revision)->completed_ms;
	}
	CLEANUP(freep)
	Samoza__V1__CompletedRevision **list =
		mem_new_array(Samoza__V1__CompletedRevision *, completions.count);
	for (size_t k = 0; k < completions.count; k++)
		list[k] = &completions.items[k];
	r.n_completions = completions.count;
	r.completions = list;
	Samoza__V1__RolloutRecord rollout;
	Samoza__V1__LastRolloutRecord last;
	r.rollout = fill_rollout(c, &rollout, a->rollout);
	r.last_rollout = fill_last(&last, &a->last_rollout);
	Samoza__V1__KeptSetRecord kept_set = SAMOZA__V1__KEPT_SET_RECORD__INIT;
	if (a->kept.revision != NULL) {
		kept_set.revision = a->kept.revision->number;
		kept_set.until_ms = a->kept.until_wall_ms;
		r.kept_set = &kept_set;
	}
	VECTOR(Samoza__V1__RevisionResultRecord) results = {0};
	vector_for_each (&of->revisions, revision) {
		if ((*revision)->result == NULL)
			continue;
		Samoza__V1__RevisionResultRecord *result = vector_add(&results);
		samoza__v1__revision_result_record__init(result);
		result->number = (*revision)->number;
		result->result = (char *)(*revision)->result;
	}
	CLEANUP(freep)
	Samoza__V1__RevisionResultRecord **pointers =
		mem_new_array(Samoza__V1__RevisionResultRecord *, results.count);
	for (size_t k = 0; k < results.count; k++)
		pointers[k] = &results.items[k];
	r.n_results = results.count;
	r.results = pointers;
	CLEANUP(freep)
	Samoza__V1__DataOwnerRecord *owners =
		mem_new_array(Samoza__V1__DataOwnerRecord, of->owners.count);
	CLEANUP(freep)
	Samoza__V1__DataOwnerRecord **owner_list =
		mem_new_array(Samoza__V1__DataOwnerRecord *, of->owners.count);
	for (size_t k = 0; k < of->owners.count; k++) {
		samoza__v1__data_owner_record__init(&owners[k]);
		owners[k].path = of->owners.items[k].path;
		owners[k].owner = of->owners.items[k].owner;
		owner_list[k] = &owners[k];
	}
	r.n_data_owners = of->owners.count;
	r.data_owners = owner_list;
	kept_import_records kept = {0};
	import_lists_record(a, &kept);
	r.n_kept_imports = kept.count;
	r.kept_imports = kept.items;
	put(c, RECORD_APPLICATION, mem_strdup(a->id), &r.base);
	vector_for_each (&kept, import)
		schema_message_free(*import);
	vector_done(&kept);
	vector_done(&completions);
	vector_done(&results);
}

void records_write_revision(struct control *c, const struct revision *revision)
{
	put(c, RECORD_REVISION,
	    record_id_revision(revision->record->application, revision->number),
	    &revision->record->base);
}

static Samoza__V1__DrainRecord *fill_drain(Samoza__V1__DrainRecord *r,
					   const struct zhost_drain *d)
{
	if (d == NULL)
		return NULL;
	samoza__v1__drain_record__init(r);
	r->state = (Samoza__V1__DrainState)(d->state + 1);
	r->by = d->by;
	r->began_ms = d->began_wall_ms;
	r->has_deadline_ms = d->deadline_wall_ms != 0;
	r->deadline_ms = d->deadline_wall_ms;
	r->has_force = r->force = d->force;
	return r;
}

static void write_zhost(struct control *c, const struct control_zhost *z)
{
	Samoza__V1__DrainRecord drain;
	Samoza__V1__ZhostRecord r = SAMOZA__V1__ZHOST_RECORD__INIT;
	r.spec = z->message;
	r.identity = z->identity;
	r.incarnation = z->incarnation;
	r.state = (Samoza__V1__State)zhost_state_public(z->state);
	r.has_cordoned = r.cordoned = z->cordoned;
	r.has_removed = r.removed = z->removed;
	r.zedge = z->zedge;
	r.mesh = z->mesh;
	r.address = z->address;
	r.platform = z->platform;
	r.version = z->version;
	r.machine = z->machine;
	r.has_protocol = z->protocol != 0;
	r.protocol = z->protocol;
	r.has_since_ms = true;
	r.since_ms = z->since_ms;
	r.has_forgotten_epoch = z->forgotten_epoch != 0;
	r.forgotten_epoch = z->forgotten_epoch;
	r.has_lease_timeout_ms = z->lease_timeout_ms != 0;
	r.lease_timeout_ms = (uint64_t)z->lease_timeout_ms;
	r.drain = fill_drain(&drain, z->drain);
	remains_fill(c, z, &r);
	put(c, RECORD_ZHOST, mem_strdup(z->name), &r.base);
	remains_free_filled(&r);
}

static void write_rebalance(struct control *c)
{
	Samoza__V1__RebalanceRecord record;
	if (c->rebalance == NULL)
		return;
	rebalance_fill_record(c->rebalance, &record);
	put(c, RECORD_REBALANCE, mem_strdup(""), &record.base);
	free(record.moves[0]);
	free(record.moves);
	c->rebalance->changed = false;
}

static void write_meta(struct control *c)
{
	Samoza__V1__MetaRecord r = SAMOZA__V1__META_RECORD__INIT;
	r.next_epoch = c->next_epoch;
	r.next_sequence = c->next_sequence;
	r.cluster = c->cluster;
	r.has_next_event = true;
	r.has_format = true;
	r.format = STORE_FORMAT;
	r.next_event = c->emitter.next_event;
	r.has_next_audit = true;
	r.next_audit = c->emitter.next_audit;
	r.has_term = true;
	r.term = c->term;
	r.has_secret_floor = c->secrets.floor != 0;
	r.secret_floor = c->secrets.floor;
	put(c, RECORD_META, mem_strdup(""), &r.base);
}

/* Numbers were drawn since the last MetaRecord, or it is of an earlier format. */
static bool meta_changed(const struct control *c)
{
	return c->written.format != STORE_FORMAT || c->written.next_epoch != c->next_epoch ||
	       c->written.next_sequence != c->next_sequence || c->written.term != c->term ||
	       c->written.next_event != c->emitter.next_event ||
	       c->written.next_audit != c->emitter.next_audit ||
	       c->written.secret_floor != c->secrets.floor;
}

/* A plan has no drivers, and what is known of machines decides nothing there: it is not in records_write_all(). */
static void write_made_zhosts(struct control *c)
{
	for (struct made_zhost *m = c->made.by_name; m != NULL; m = m->hh.next) {
		if (!m->changed)
			continue;
		m->changed = false;
		put(c, RECORD_MACHINE, mem_strdup(m->record->name), &m->record->base);
	}
}

void records_delete_made_zhost(struct control *c, const struct made_zhost *made)
{
	delete (c, RECORD_MACHINE, mem_strdup(made->record->name));
}

void records_write(struct control *c)
{
	vector_for_each (&c->dirty.zhosts, z)
		write_zhost(c, *z);
	vector_for_each (&c->dirty.slots, sc) {
		delete_recorded(c, *sc);
		write_slot(c, *sc);
	}
	vector_for_each (&c->dirty.copies, copy) {
		if (((*copy)->marks & COPY_RECORD) != 0)
			write_copy(c, *copy);
		(*copy)->marks &= ~(unsigned)COPY_RECORD; /* it may be listed twice */
	}
	vector_for_each (&c->dirty.applications, a) {
		if (((*a)->marks & APPLICATION_RECORD) == 0)
			continue;
		write_application(c, *a);
		import_lists_recorded(*a);
	}
	dirty_set_clear(&c->dirty);
	write_made_zhosts(c);
	if (c->rebalance != NULL && c->rebalance->changed)
		write_rebalance(c);
	records_delete_converted(c);
	if (meta_changed(c))
		write_meta(c);
	c->written.format = STORE_FORMAT;
	c->written.next_epoch = c->next_epoch;
	c->written.next_sequence = c->next_sequence;
	c->written.next_event = c->emitter.next_event;
	c->written.next_audit = c->emitter.next_audit;
	c->written.term = c->term;
	c->written.secret_floor = c->secrets.floor;
}

void records_delete_slot(struct control *c, struct slot_control *sc)
{
	delete_recorded(c, sc);
	delete (c, RECORD_SLOT, record_id_slot(application_of(sc->slot)->id, sc->slot->path));
}

static void write_secrets(struct control *c)
{
	CLEANUP(freep) const struct secret **sorted = secrets_sorted(&c->secrets);
	for (const struct secret **s = sorted; *s != NULL; s++)
		records_write_secret(c, (*s)->record);
}

void records_write_all(struct control *c)
{
	zhost_for_each (&c->zhosts, z)
		write_zhost(c, z);
	application_for_each (&c->applications, a) {
		vector_for_each (&a->application.revisions, revision)
			records_write_revision(c, *revision);
		for (size_t k = 0; k < a->slots.slots.count; k++)
			write_slot(c, a->slot_controls.items[k]);
		write_application(c, a);
	}
	zhost_for_each (&c->zhosts, z)
		for (const struct copy *copy = z->first_copy; copy != NULL;
		     copy = copy->next_on_zhost)
			write_copy(c, copy);
	vector_for_each (&c->forgotten, f)
		records_write_forgotten(c, f->name, f->epoch);
	for (const struct credential *k = c->credentials.by_id; k != NULL; k = k->by_id.next)
		records_write_credential(c, k);
	for (const struct sign_in *s = c->sign_ins.by_hash; s != NULL; s = s->hh.next)
		records_write_sign_in(c, s);
	for (const struct idempotency_key *k = c->idempotency.first; k != NULL; k = k->next)
		records_write_idempotency(c, k);
	for (const struct issued_token *t = c->join_tokens.by_id; t != NULL; t = t->hh.next)
		records_write_join_token(c, t);
	for (const struct identity *i = c->identities.by_name; i != NULL; i = i->hh.next)
		records_write_identity(c, i);
	for (const struct signing_key *k = c->signing_keys.recorded; k != NULL; k = k->hh.next)
		records_write_signing_key(c, k->key);
	write_secrets(c);
	if (c->authorities != NULL)
		records_write_authorities(c);
	vector_for_each (&c->notice_targets, target)
		records_write_notice_target(c, *target);
	if (c->backup_age != NULL)
		records_write_backup_age(c);
	write_rebalance(c);
	write_meta(c);
}

void records_delete_slots(struct control *c, const struct control_application *a)
{
	vector_for_each (&a->slot_controls, sc)
		records_delete_slot(c, *sc);
}

void records_delete_application(struct control *c, const struct control_application *a)
{
	delete (c, RECORD_APPLICATION, mem_strdup(a->id));
	records_delete_slots(c, a);
	vector_for_each (&a->application.revisions, revision)
		records_delete_revision(c, *revision);
}

void records_delete_zhost(struct control *c, const struct control_zhost *z)
{
	delete (c, RECORD_ZHOST, mem_strdup(z->name));
}

void records_delete_copy(struct control *c, const struct copy *copy)
{
	delete (c, RECORD_COPY,
		record_id_copy(copy->unit->application->id, copy_path(copy),
			       copy->of_slot.epoch));
}

void records_delete_revision(void *control, const struct revision *revision)
{
	delete (control, RECORD_REVISION,
		record_id_revision(revision->record->application, revision->number));
}

void records_delete_converted(struct control *c)
{
	vector_for_each (&c->converted, record)
		delete (c, record->kind, record->id);
	vector_done(&c->converted);
}

void records_write_forgotten(struct control *c, const char *name, uint64_t epoch)
{
	Samoza__V1__ForgottenRecord r = SAMOZA__V1__FORGOTTEN_RECORD__INIT;
	r.topology_name = (char *)name;
	r.epoch = epoch;
	if (epoch != 0)
		put(c, RECORD_FORGOTTEN, mem_strdup(name), &r.base);
	else
		delete (c, RECORD_FORGOTTEN, mem_strdup(name));
}

void records_write_credential(struct control *c, const struct credential *credential)
{
	Samoza__V1__CredentialRecord *record = credential_record(credential);
	put(c, RECORD_CREDENTIAL, mem_strdup(credential->id), &record->base);
	schema_message_free(&record->base);
}

void records_delete_credential(struct control *c, const struct credential *credential)
{
	delete (c, RECORD_CREDENTIAL, mem_strdup(credential->id));
}

void records_write_sign_in(struct control *c, const struct sign_in *one)
{
	put(c, RECORD_SIGN_IN, mem_strdup(one->record->id), &one->record->base);
}

void records_delete_sign_in(struct control *c, const struct sign_in *one)
{
	delete (c, RECORD_SIGN_IN, mem_strdup(one->record->id));
}

void records_write_idempotency(struct control *c, const struct idempotency_key *one)
{
	put(c, RECORD_IDEMPOTENCY, mem_strdup(one->id), &one->record->base);
}

void records_delete_idempotency(struct control *c, const struct idempotency_key *one)
{
	delete (c, RECORD_IDEMPOTENCY, mem_strdup(one->id));
}

void records_write_join_token(struct control *c, const struct issued_token *token)
{
	put(c, RECORD_JOIN_TOKEN, mem_strdup(token->record->id), &token->record->base);
}

void records_delete_join_token(struct control *c, const struct issued_token *token)
{
	delete (c, RECORD_JOIN_TOKEN, mem_strdup(token->record->id));
}

void records_write_identity(struct control *c, const struct identity *identity)
{
	put(c, RECORD_IDENTITY, mem_strdup(identity->record->name), &identity->record->base);
}

void records_delete_identity(struct control *c, const struct identity *identity)
{
	delete (c, RECORD_IDENTITY, mem_strdup(identity->record->name));
}

void records_write_signing_key(struct control *c, const uint8_t *key)
{
	put(c, RECORD_SIGNING_KEY, signing_key_id(key),
	    &signing_keys_find(&c->signing_keys, key)->base);
}

void records_write_authorities(struct control *c)
{
	put(c, RECORD_AUTHORITIES, mem_strdup(""), &c->authorities->base);
}

void records_write_secret(struct control *c, const Samoza__V1__SecretRecord *record)
{
	put(c, RECORD_SECRET, mem_strdup(record->name), &record->base);
}

void records_delete_secret(struct control *c, const char *name)
{
	delete (c, RECORD_SECRET, mem_strdup(name));
}

void records_write_notice_target(struct control *c,
				 const Samoza__V1__NoticeTargetRecord *target)
{
	put(c, RECORD_NOTICE_TARGET, mem_strdup(target->name), &target->base);
}

void records_delete_notice_target(struct control *c, const char *name)
{
	delete (c, RECORD_NOTICE_TARGET, mem_strdup(name));
}

void records_write_backup_age(struct control *c)
{
	put(c, RECORD_BACKUP_AGE, mem_strdup(""), &c->backup_age->base);
}

void records_delete_backup_age(struct control *c)
{
	delete (c, RECORD_BACKUP_AGE, mem_strdup(""));
}
