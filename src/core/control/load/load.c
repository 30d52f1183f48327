/*
 * From the records of a store back to a living control: states as they were last published,
 * placements as they were last decided. What zhosts report then is compared with that.
 */
#include "core/control/control.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/authorities.h"
#include "core/access/secrets.h"
#include "core/control/application/applications.h"
#include "core/control/application/forget.h"
#include "core/control/handover/kept_set.h"
#include "core/control/load/load_copies.h"
#include "core/control/load/load_resume.h"
#include "core/control/load/load_revision.h"
#include "core/control/machine/making.h"
#include "core/control/notice/backup_age.h"
#include "core/control/notice/notice_targets.h"
#include "core/control/relocate/drains.h"
#include "core/control/relocate/rebalancing.h"
#include "core/control/rollout/rollouts.h"
#include "core/control/slot/members.h"
#include "core/control/slot/slot_names.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/format1.h"
#include "core/control/state/loss.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/remains.h"
#include "core/control/state/state.h"
#include "core/control/state/tap.h"
#include "core/control/zhost/zhosts.h"
#include "core/lifecycle/patience.h"
#include "core/lifecycle/rules.h"
#include "core/lifecycle/slot_set.h"
#include "schema/message.h"

const ProtobufCMessageDescriptor *control_record_type(enum record_kind kind)
{
	switch (kind) {
	case RECORD_META:
		return &samoza__v1__meta_record__descriptor;
	case RECORD_TOPOLOGY:
		return &samoza__v1__topology_record__descriptor;
	case RECORD_INSTANCE:
		return &samoza__v1__instance_record__descriptor;
	case RECORD_ZHOST:
		return &samoza__v1__zhost_record__descriptor;
	case RECORD_FORGOTTEN:
		return &samoza__v1__forgotten_record__descriptor;
	case RECORD_APPLICATION:
		return &samoza__v1__application_record__descriptor;
	case RECORD_REVISION:
		return &samoza__v1__revision_record__descriptor;
	case RECORD_SLOT:
		return &samoza__v1__slot_record__descriptor;
	case RECORD_COPY:
		return &samoza__v1__copy_record__descriptor;
	case RECORD_REBALANCE:
		return &samoza__v1__rebalance_record__descriptor;
	case RECORD_CREDENTIAL:
		return &samoza__v1__credential_record__descriptor;
	case RECORD_JOIN_TOKEN:
		return &samoza__v1__join_token_record__descriptor;
	case RECORD_IDENTITY:
		return &samoza__v1__identity_record__descriptor;
	case RECORD_SIGN_IN:
		return &samoza__v1__sign_in_record__descriptor;
	case RECORD_MACHINE:
		return &samoza__v1__machine_record__descriptor;
	case RECORD_AUTHORITIES:
		return &samoza__v1__authorities_record__descriptor;
	case RECORD_SIGNING_KEY:
		return &samoza__v1__signing_key_record__descriptor;
	case RECORD_IDEMPOTENCY:
		return &samoza__v1__idempotency_record__descriptor;
	case RECORD_NOTICE_TARGET:
		return &samoza__v1__notice_target_record__descriptor;
	case RECORD_BACKUP_AGE:
		return &samoza__v1__backup_age_record__descriptor;
	case RECORD_SECRET:
		return &samoza__v1__secret_record__descriptor;
	}
	return NULL;
}

static int take_meta(struct control *c, Samoza__V1__MetaRecord *take, struct error **err)
{
	uint32_t format = take->format;
	c->next_epoch = take->next_epoch;
	c->next_sequence = take->next_sequence;
	c->emitter.next_event = take->next_event;
	c->emitter.next_audit = take->next_audit;
	c->term = take->term;
	c->secrets.floor = take->secret_floor;
	c->has_term_gap |= !take->has_term;
	c->written.format = format;
	free(c->cluster);
	c->cluster = mem_strdup(take->cluster);
	samoza__v1__meta_record__free_unpacked(take, NULL);
	if (format <= STORE_FORMAT)
		return 0;
	return error_set(err, ERR_UNSUPPORTED,
			 "the store is of format %u, which a newer version has written; this "
			 "one reads formats 1 to %d",
			 format, STORE_FORMAT);
}

static int take_authorities(struct control *c, Samoza__V1__AuthoritiesRecord *take,
			    struct error **err)
{
	int r = authorities_check(take, err);
	if (r < 0) {
		schema_message_free(take);
		return r;
	}
	schema_message_free(c->authorities);
	c->authorities = take;
	return 0;
}

int control_load(struct control *c, enum record_kind kind, const void *data, size_t size,
		 struct error **err)
{
	const ProtobufCMessageDescriptor *type = control_record_type(kind);
	if (type == NULL)
		return error_set(err, ERR_UNSUPPORTED,
				 "a newer version has written it: this one knows no records "
				 "of kind %d",
				 (int)kind);
	if (c->tap != NULL)
		c->tap->load(c->tap_user, kind, data, size);
	ProtobufCMessage *message = NULL;
	int r = schema_message_unpack(type, data, size, &message, err);
	if (r < 0)
		return error_wrap(err, "a record of the store cannot be read");
	if (kind == RECORD_META)
		return take_meta(c, (Samoza__V1__MetaRecord *)message, err);
	if (kind == RECORD_FORGOTTEN) {
		forget_load(c, (Samoza__V1__ForgottenRecord *)message);
		schema_message_free(message);
		return 0;
	}
	if (kind == RECORD_REBALANCE) {
		rebalancing_load(c, (Samoza__V1__RebalanceRecord *)message);
		schema_message_free(message);
		return 0;
	}
	if (kind == RECORD_JOIN_TOKEN) {
		r = join_tokens_put(&c->join_tokens,
				    (const Samoza__V1__JoinTokenRecord *)message, err);
		schema_message_free(message);
		return r;
	}
	if (kind == RECORD_IDENTITY) {
		r = identities_put(&c->identities, (const Samoza__V1__IdentityRecord *)message,
				   err);
		schema_message_free(message);
		return r;
	}
	if (kind == RECORD_SIGN_IN) {
		r = sign_ins_put(&c->sign_ins, (const Samoza__V1__SignInRecord *)message, err);
		schema_message_free(message);
		return r;
	}
	if (kind == RECORD_SIGNING_KEY) {
		r = signing_keys_put(&c->signing_keys,
				     (const Samoza__V1__SigningKeyRecord *)message, err);
		schema_message_free(message);
		return r;
	}
	if (kind == RECORD_SECRET) {
		r = secrets_put(&c->secrets, (const Samoza__V1__SecretRecord *)message, err);
		schema_message_free(message);
		return r;
	}
	if (kind == RECORD_IDEMPOTENCY) {
		r = idempotency_keys_put(&c->idempotency,
					 (const Samoza__V1__IdempotencyRecord *)message, err);
		schema_message_free(message);
		return r;
	}
	if (kind == RECORD_MACHINE) {
		r = made_zhosts_put(&c->made, (const Samoza__V1__MachineRecord *)message, err);
		schema_message_free(message);
		return r;
	}
	if (kind == RECORD_NOTICE_TARGET) {
		notice_targets_load(c, (Samoza__V1__NoticeTargetRecord *)message);
		return 0;
	}
	if (kind == RECORD_BACKUP_AGE) {
		backup_age_load(c, (Samoza__V1__BackupAgeRecord *)message);
		return 0;
	}
	if (kind == RECORD_AUTHORITIES)
		return take_authorities(c, (Samoza__V1__AuthoritiesRecord *)message, err);
	if (kind == RECORD_CREDENTIAL) {
		r = credentials_put(&c->credentials,
				    (const Samoza__V1__CredentialRecord *)message, err);
		schema_message_free(message);
		return r;
	}
	loaded_records_add(&c->loaded, kind, message);
	return 0;
}

bool control_is_to_convert(const struct control *c)
{
	return c->loaded.topologies.count > 0 && c->written.format < STORE_FORMAT;
}

/* ---- what a store has lost ---- */

enum {
	EPOCH_GAP = 1000000,
	EVENT_GAP = 10000, /* of a history that keeps a million */
	SECRET_GAP = 1000,
};

int control_load_without(struct control *c, enum record_kind kind, const char *id,
			 struct error **err)
{
	if (c->tap != NULL)
		c->tap->load_without(c->tap_user, kind, id);
	switch (kind) {
	case RECORD_APPLICATION:
	case RECORD_REVISION:
	case RECORD_SLOT:
	case RECORD_COPY: {
		CLEANUP(freep) char *application = mem_strndup(id, strcspn(id, "/"));
		if (loaded_records_drop_application(&c->loaded, application))
			*vector_add(&c->converted) = (struct converted_record){
				RECORD_APPLICATION, steal_ptr(&application)};
		return 0;
	}
	case RECORD_FORGOTTEN:	   /* some zhost may keep data that it should have deleted */
	case RECORD_REBALANCE:	   /* what it has not moved yet stays */
	case RECORD_CREDENTIAL:	   /* its owner is unknown, and gets another one */
	case RECORD_JOIN_TOKEN:	   /* nobody joins with it */
	case RECORD_IDENTITY:	   /* its zhost is unknown, and joins again */
	case RECORD_SIGN_IN:	   /* somebody signs in again */
	case RECORD_IDEMPOTENCY:   /* a repeated request is a new one */
	case RECORD_NOTICE_TARGET: /* it begins with the next event */
	case RECORD_BACKUP_AGE:	   /* an old backup is said once more */
		return 0;
	case RECORD_SECRET: /* as if it were removed; which versions it had is not known */
		secrets_skip(&c->secrets, SECRET_GAP);
		return 0;
	case RECORD_META:
	case RECORD_ZHOST:
	case RECORD_MACHINE:	 /* somebody may pay for it */
	case RECORD_AUTHORITIES: /* whom zhosts believe */
	case RECORD_SIGNING_KEY: /* it may have been removed, and be in a file still */
	case RECORD_TOPOLOGY:
	case RECORD_INSTANCE:
		break;
	}
	return error_set(err, ERR_INVALID,
			 "there is no sound way to continue without this record; restore a "
			 "backup");
}

void control_load_gap(struct control *c)
{
	if (c->tap != NULL)
		c->tap->load_gap(c->tap_user);
	c->next_epoch += EPOCH_GAP;
	c->emitter.next_event += EVENT_GAP;
	c->emitter.next_audit += EVENT_GAP;
	secrets_skip(&c->secrets, SECRET_GAP);
	c->has_term_gap = true;
}

void control_set_term(struct control *c, uint64_t elected)
{
	c->elected = elected;
}

/* Higher than any before it, also of lives of which this store knows nothing: of a copy that was restored
 * later, and of one of which an earlier version has dropped the term. */
static void term_begin(struct control *c)
{
	c->term++;
	if (c->has_term_gap && c->now.wall_ms > 0 && (uint64_t)c->now.wall_ms > c->term)
		c->term = (uint64_t)c->now.wall_ms;
	if (c->elected > c->term)
		c->term = c->elected;
}

void control_load_restored(struct control *c, int64_t after_ms, int64_t until_ms)
{
	if (c->tap != NULL)
		c->tap->load_restored(c->tap_user, after_ms, until_ms);
	for (struct identity *i = c->identities.by_name; i != NULL; i = i->hh.next)
		if (!identity_is_removed(i))
			identity_forgot(i, after_ms, until_ms);
	c->is_restored = true;
}

/* ---- zhosts ---- */

static int load_zhost(struct control *c, const Samoza__V1__ZhostRecord *r, struct error **err)
{
	struct control_zhost *z = zhost_new(&c->zhosts, &c->dirty, r->spec->name);
	int result = zhost_take_spec(z, r->spec, err);
	if (result < 0)
		return error_wrap(err, "zhost %s in the store", r->spec->name);
	z->identity = mem_strdup(r->identity);
	z->incarnation = r->incarnation;
	zhost_restore_state(z, zhost_state_of((enum instance_state)r->state));
	z->cordoned = r->cordoned;
	z->removed = r->removed;
	z->zedge = mem_strdup(r->zedge);
	z->mesh = mem_strdup(r->mesh);
	z->address = mem_strdup(r->address);
	z->platform = mem_strdup(r->platform);
	z->version = mem_strdup(r->version);
	z->machine = mem_strdup(r->machine);
	z->protocol = r->protocol;
	z->since_ms = r->since_ms;
	z->forgotten_epoch = r->forgotten_epoch;
	z->lease_timeout_ms = (int64_t)r->lease_timeout_ms;
	remains_load(c, z, r);
	drains_load(c, z, r->drain);
	if (!z->removed)
		z->place = place_zhost_set(c->place, &z->spec, z->state == ZHOST_STARTED,
					   z->cordoned);
	return 0;
}

/* ---- records of format 1, and what a crash left ---- */

static void drop_orphan(void *user, enum record_kind kind, char *take_id)
{
	struct control *c = user;
	*vector_add(&c->emitter.outbox->records) =
		(struct record_change){.kind = kind, .id = take_id};
}

static void remember_converted(struct control *c)
{
	vector_for_each (&c->loaded.instances, r)
		*vector_add(&c->converted) = (struct converted_record){
			RECORD_INSTANCE, str_printf("%s/%s", (*r)->topology, (*r)->path)};
	vector_for_each (&c->loaded.topologies, r)
		*vector_add(&c->converted) =
			(struct converted_record){RECORD_TOPOLOGY, mem_strdup((*r)->id)};
}

/* ---- applications ---- */

/* What an older zrms accepted with `count: 1` has the name of its space. */
static void keep_names(Samoza__V1__RevisionRecord *r)
{
	for (size_t k = 0; !r->numbered && k < r->topology->n_spaces; k++)
		if (r->topology->spaces[k]->count == 1)
			r->topology->spaces[k]->has_count = false;
	r->has_numbered = r->numbered = true;
}

static int compare_sequence(const void *pa, const void *pb)
{
	const Samoza__V1__ApplicationRecord *a = *(Samoza__V1__ApplicationRecord *const *)pa;
	const Samoza__V1__ApplicationRecord *b = *(Samoza__V1__ApplicationRecord *const *)pb;
	return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static void load_application(struct control *c, const Samoza__V1__ApplicationRecord *r)
{
	struct control_application *a = application_add(c, r->name, r->id, r->sequence);
	for (size_t k = 0; k < r->n_aliases; k++)
		application_add_alias(&c->applications.registry, &a->application,
				      r->aliases[k]);
	application_restore_state(a, r->state);
	a->application.newest = r->newest;
	a->application.completed = r->completed;
	enum failure_code known = failure_code_find(r->reason_code); /* older ones have none */
	a->reason = failure_take(known != FAILURE_NONE ? known : FAILURE_NO_PLACE,
				 mem_strdup(r->reason));
	a->was_running = r->was_running;
	a->ever_started = r->ever_started;
	a->starts_each = r->starts_each;
	a->created_ms = r->created_ms;
	a->updated_ms = r->updated_ms;
	for (size_t k = 0; k < r->n_data_owners; k++)
		*vector_add(&a->application.owners) =
			(struct data_owner){.path = mem_strdup(r->data_owners[k]->path),
					    .owner = mem_strdup(r->data_owners[k]->owner)};
}

static int load_rollout(struct control *c, struct control_application *a,
			const Samoza__V1__ApplicationRecord *r, struct error **err)
{
	struct revision *revision = NULL;
	int result = 0;
	if (r->rollout != NULL)
		result = load_revision(c, a, r->rollout->target, &revision, err);
	if (result >= 0 && r->kept_set != NULL)
		result = load_revision(c, a, r->kept_set->revision, &revision, err);
	if (result >= 0 && r->rollout != NULL && r->rollout->has_back_to)
		result = load_revision(c, a, r->rollout->back_to, &revision, err);
	if (result < 0)
		return result;
	kept_set_load(c, a, r->kept_set);
	return rollout_load(c, a, r, err);
}

static int load_applications(struct control *c, struct error **err)
{
	struct loaded_records *loaded = &c->loaded;
	if (loaded->applications.count > 1)
		qsort(loaded->applications.items, loaded->applications.count,
		      sizeof(*loaded->applications.items), compare_sequence);
	vector_for_each (&loaded->applications, r)
		load_application(c, *r);
	vector_for_each (&loaded->revisions, r) {
		struct control_application *a =
			application_by_id(&c->applications, (*r)->application);
		keep_names(*r);
		application_add_revision(&a->application, revision_new(steal_ptr(r)));
	}
	vector_for_each (&loaded->applications, r) {
		struct control_application *a = application_by_id(&c->applications, (*r)->id);
		for (size_t k = 0; k < (*r)->n_completions; k++) {
			struct revision *completed = application_revision(
				&a->application, (*r)->completions[k]->number);
			if (completed != NULL)
				completed->completed_ms = (*r)->completions[k]->time_ms;
		}
		struct revision *served = NULL;
		int result = load_revision(c, a, (*r)->served, &served, err);
		if (result < 0)
			return result;
		application_serve(a, &c->lifecycle, c->place, served);
		result = load_rollout(c, a, *r, err);
		if (result < 0)
			return result;
	}
	return 0;
}

/* ---- slots ---- */

/* Until when it stays, for want of a provider whose zhost may return: one heartbeat interval at least, in which
 * zhosts come back. */
static int64_t stays_until_ms(const struct control *c, int64_t until_wall_ms)
{
	int64_t left = until_wall_ms - c->now.wall_ms;
	if (left > c->config.failure_timeout_ms) /* the clock may have been set back */
		left = c->config.failure_timeout_ms;
	if (left < c->config.heartbeat_ms)
		left = c->config.heartbeat_ms;
	return c->now.mono_ms + left;
}

static void load_slot(struct control *c, const Samoza__V1__SlotRecord *r)
{
	const struct control_application *a =
		application_by_id(&c->applications, r->application);
	struct slot *s = slot_find(&a->slots, r->path);
	if (s == NULL)
		return; /* of an earlier revision */
	struct slot_control *sc = control_of_slot(s);
	slot_name_restore(sc, r->path);
	slot_restore(s, (enum instance_goal)r->goal, (enum instance_state)r->state);
	s->since_ms = r->since_ms;
	s->goal_cause = mem_strdup(r->goal_cause);
	s->goal_ms = r->goal_ms;
	s->finished = r->finished;
	s->moving = r->moving;
	slot_set_unplaced(s, r->unplaced);
	sc->of_path->writer = r->writer;
	sc->last_zhost = zhost_find(&c->zhosts, r->last_zhost);
	sc->last_error = mem_strdup(r->last_error);
	sc->last_error_ms = r->last_error_ms;
	sc->placed_before = r->placed_before;
	sc->no_place = r->no_place;
	sc->reloaded = r->reloaded;
	sc->lost = r->lost;
	sc->still_failed = r->still_failed;
	for (size_t k = r->n_exclusions; k-- > 0;) /* the newest is the first */
		exclusion_restore(c, sc, r->exclusions[k]);
	if (r->has_returned_until_ms)
		slot_returned(s, stays_until_ms(c, r->returned_until_ms));
	if (r->has_waits_since_ms)
		loss_restore(c, sc, r->waits_since_ms);
}

/* ---- all of it ---- */

/* All of it is written in the present format, before the old records are deleted. */
static void write_converted(struct control *c)
{
	application_for_each (&c->applications, a) {
		vector_for_each (&a->application.revisions, revision)
			records_write_revision(c, *revision);
		for (size_t k = 0; k < a->slots.slots.count; k++)
			mark_slot(a->slot_controls.items[k]);
		mark_application(a, APPLICATION_RECORD);
	}
	zhost_for_each (&c->zhosts, z)
		for (struct copy *copy = z->first_copy; copy != NULL;
		     copy = copy->next_on_zhost)
			mark_copy(copy, COPY_RECORD);
}

static void write_forgotten(struct control *c)
{
	for (const struct identity *i = c->identities.by_name; i != NULL; i = i->hh.next)
		if (!identity_is_removed(i))
			records_write_identity(c, i);
	c->is_restored = false;
}

int control_start(struct control *c, struct instant now, struct outbox *outbox,
		  struct error **err)
{
	if (c->tap != NULL)
		c->tap->start(c->tap_user, now);
	control_enter(c, now, outbox);
	c->awake_ms = now.mono_ms;
	term_begin(c);
	for (size_t k = 0; k < c->loaded.zhosts.count; k++) {
		int r = load_zhost(c, c->loaded.zhosts.items[k], err);
		if (r < 0)
			return r;
	}
	bool converts = c->loaded.topologies.count > 0;
	loaded_records_drop_orphans(&c->loaded, drop_orphan, c);
	remember_converted(c);
	if (converts)
		format1_convert(&c->loaded);
	int r = load_applications(c, err);
	if (r < 0)
		return r;
	r = load_declare(c, err);
	if (r < 0)
		return r;
	vector_for_each (&c->loaded.slots, record)
		load_slot(c, *record);
	r = load_copies(c, err);
	if (r < 0)
		return r;
	vector_for_each (&c->loaded.slots, record)
		load_handover(c, *record);
	/* What is on its way to the new version keeps its turn. */
	application_for_each (&c->applications, a)
		if (a->rollout != NULL)
			rollouts_resume_turns(a);
	vector_for_each (&c->loaded.applications, record) {
		struct control_application *a =
			application_by_id(&c->applications, (*record)->id);
		import_lists_load(a, (*record)->kept_imports, (*record)->n_kept_imports);
	}
	loaded_records_done(&c->loaded);
	application_for_each (&c->applications, a) {
		mark_application(a, APPLICATION_EACH);
		members_load(a);
		load_units(c, a);
		load_resume(a);
	}
	if (converts)
		write_converted(c);
	if (c->is_restored)
		write_forgotten(c);
	zhosts_start(c);
	making_start(c);
	return 0;
}
