/*
 * From the records of a store back to a living control: states as they were last published,
 * placements as they were last decided. What zhosts report then is compared with that.
 */
#include "core/control/control.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/applications.h"
#include "core/control/copies.h"
#include "core/control/exclusions.h"
#include "core/control/forget.h"
#include "core/control/format1.h"
#include "core/control/handovers.h"
#include "core/control/loss.h"
#include "core/control/placement.h"
#include "core/control/record_writer.h"
#include "core/control/rollouts.h"
#include "core/control/state.h"
#include "core/control/topology_state.h"
#include "core/control/zhosts.h"
#include "core/lifecycle/ordered_stop.h"
#include "core/lifecycle/rules.h"
#include "model/compile.h"
#include "schema/message.h"

static const ProtobufCMessageDescriptor *descriptor_of(enum record_kind kind)
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
	}
	return NULL;
}

static int take_meta(struct control *c, Samoza__V1__MetaRecord *take, struct error **err)
{
	uint32_t format = take->format;
	c->next_epoch = take->next_epoch;
	c->next_sequence = take->next_sequence;
	c->emitter.next_event = take->next_event;
	c->written.format = format;
	free(c->cluster);
	c->cluster = mem_strdup(take->cluster);
	samoza__v1__meta_record__free_unpacked(take, NULL);
	if (format <= STORE_FORMAT)
		return 0;
	return error_set(err, ERR_INVALID,
			 "the store is of format %u, written by a newer zrms; this one reads "
			 "formats 1 to %d",
			 format, STORE_FORMAT);
}

int control_load(struct control *c, enum record_kind kind, const void *data, size_t size,
		 struct error **err)
{
	const ProtobufCMessageDescriptor *type = descriptor_of(kind);
	if (type == NULL)
		return error_set(err, ERR_INVALID,
				 "the store holds a record of unknown kind %d", (int)kind);
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
};

int control_load_without(struct control *c, enum record_kind kind, const char *id,
			 struct error **err)
{
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
	case RECORD_FORGOTTEN:
		return 0; /* some zhost may keep data that it should have deleted */
	case RECORD_META:
	case RECORD_ZHOST:
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
	c->next_epoch += EPOCH_GAP;
	c->emitter.next_event += EVENT_GAP;
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
	z->address = mem_strdup(r->address);
	z->platform = mem_strdup(r->platform);
	z->machine = mem_strdup(r->machine);
	z->since_ms = r->since_ms;
	z->forgotten_epoch = r->forgotten_epoch;
	z->lease_timeout_ms = (int64_t)r->lease_timeout_ms;
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
	a->reason = mem_strdup(r->reason);
	a->was_running = r->was_running;
	a->ever_started = r->ever_started;
	a->created_ms = r->created_ms;
	a->updated_ms = r->updated_ms;
}

/* Compiles it and tells the engine its needs, unless that was done. */
static int open_revision(struct control *c, struct control_application *a, uint32_t number,
			 struct revision **ret_revision, struct error **err)
{
	struct revision *revision = application_revision(&a->application, number);
	if (revision == NULL)
		return error_set(err, ERR_INVALID, "topology %s in the store lacks revision %u",
				 a->name, number);
	*ret_revision = revision;
	if (revision->topology != NULL)
		return 0;
	CLEANUP(topology_unrefp) struct topology *topology = NULL;
	int r = topology_compile(revision->record->topology, NULL, NULL, NULL, &topology, err);
	if (r < 0)
		return error_wrap(err, "topology %s, revision %u in the store", a->name,
				  number);
	application_open_revision(a, c->place, revision, topology);
	return 0;
}

static int load_rollout(struct control *c, struct control_application *a,
			const Samoza__V1__ApplicationRecord *r, struct error **err)
{
	struct revision *revision = NULL;
	int result = 0;
	if (r->rollout != NULL)
		result = open_revision(c, a, r->rollout->target, &revision, err);
	if (result >= 0 && r->rollout != NULL && r->rollout->has_back_to)
		result = open_revision(c, a, r->rollout->back_to, &revision, err);
	return result < 0 ? result : rollout_load(c, a, r, err);
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
		int result = open_revision(c, a, (*r)->served, &served, err);
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

static void load_slot(struct control *c, const Samoza__V1__SlotRecord *r)
{
	const struct control_application *a =
		application_by_id(&c->applications, r->application);
	struct slot *s = slot_find(&a->slots, r->path);
	if (s == NULL)
		return; /* of an earlier revision */
	struct slot_control *sc = control_of_slot(s);
	slot_restore(s, (enum instance_goal)r->goal, (enum instance_state)r->state);
	s->since_ms = r->since_ms;
	s->goal_cause = mem_strdup(r->goal_cause);
	s->goal_ms = r->goal_ms;
	s->finished = r->finished;
	s->moving = r->moving;
	sc->of_path->writer = r->writer;
	sc->last_zhost = zhost_find(&c->zhosts, r->last_zhost);
	sc->last_error = mem_strdup(r->last_error);
	sc->last_error_ms = r->last_error_ms;
	sc->placed_before = r->placed_before;
	sc->no_place = r->no_place;
	sc->lost = r->lost;
	sc->still_failed = r->still_failed;
	for (size_t k = r->n_exclusions; k-- > 0;) /* the newest is the first */
		exclusion_restore(c, sc, r->exclusions[k]);
	if (r->has_waits_since_ms)
		loss_restore(c, sc, r->waits_since_ms);
}

/* ---- copies ---- */

/* Copies of one placement beside each other, parents before their children. */
static int compare_copies(const void *pa, const void *pb)
{
	const Samoza__V1__CopyRecord *a = *(Samoza__V1__CopyRecord *const *)pa;
	const Samoza__V1__CopyRecord *b = *(Samoza__V1__CopyRecord *const *)pb;
	int order = strcmp(a->application, b->application);
	if (order == 0)
		order = (a->placement > b->placement) - (a->placement < b->placement);
	if (order == 0)
		order = strcmp(a->zhost, b->zhost);
	if (order == 0)
		order = (a->revision > b->revision) - (a->revision < b->revision);
	if (order == 0)
		order = a->role < b->role ? -1 : a->role > b->role;
	return order != 0 ? order : strcmp(a->path, b->path);
}

static bool same_placement(const Samoza__V1__CopyRecord *a, const Samoza__V1__CopyRecord *b)
{
	return str_equal(a->application, b->application) && a->placement == b->placement &&
	       str_equal(a->zhost, b->zhost) && a->revision == b->revision &&
	       a->role == b->role;
}

static void load_exports(struct copy *copy, const Samoza__V1__CopyRecord *r)
{
	struct instance_variable *exports =
		mem_new_array(struct instance_variable, r->n_exports);
	for (size_t k = 0; k < r->n_exports; k++) {
		exports[k].name = mem_strdup(r->exports[k]->name);
		exports[k].value = mem_strdup(r->exports[k]->value);
	}
	copy_set_exports(copy, exports, r->n_exports);
}

static int load_copy(struct control *c, struct unit_placement *unit,
		     const Samoza__V1__CopyRecord *r, struct error **err)
{
	const struct control_application *a = unit->application;
	int instance = topology_find_instance(unit->revision->topology, r->path);
	bool serves = unit->placement.role == ROLE_SERVING;
	bool retired = unit->placement.role == ROLE_RETIRED;
	const struct slot *s = retired ? NULL : slot_find(&a->slots, r->path);
	if (instance < 0 || (!retired && s == NULL))
		return error_set(err, ERR_INVALID, "a copy of %s/%s in the store has no slot",
				 a->name, r->path);
	const struct space *space =
		instance_space(unit->revision->topology, (unsigned)instance);
	struct slot_control *sc = retired ? NULL : control_of_slot(s);
	struct copy *copy =
		unit_copy_new(unit, application_slot(&unit->application->application, r->path),
			      sc, r->epoch, space->exclusive);
	copy->target = (uint8_t)r->target;
	copy->generation = r->generation;
	copy->retry_generation = r->retry_generation;
	copy->imports_version = r->imports_version;
	copy->imports_hash = r->imports_hash;
	copy->exhausted = r->exhausted;
	copy->undeploy_failed = r->undeploy_failed;
	copy->forsaken = r->forsaken;
	copy->failures = r->failures;
	copy->ended_last = r->ended_last;
	copy->ended_only = r->ended_only;
	copy->restarts = r->restarts;
	/* A slot that the served revision has not has no record that names the writer. */
	if (r->writes && copy->of_slot.slot->writer == 0)
		slot_copy_set_writer(&copy->of_slot);
	copy->of_slot.active = serves ? state_is_active(s->state) : r->active;
	/* Of one that was never asked for there is nothing; whether its zhost heard the rest, it says. */
	copy->absent = !retired && (!serves || s->state == STATE_NOT_DEPLOYED) &&
		       copy->target == TARGET_NONE && copy->generation <= 1;
	load_exports(copy, r);
	/* A lost copy may have been heard last just before zrms ended: count from now. */
	if (unit->lost)
		copy_set_ends_by(c, copy,
				 space->exclusive
					 ? zhost_leases_end_ms(c, unit->zhost, c->now.mono_ms)
					 : NEVER_MS);
	return 0;
}

static int load_placement(struct control *c, const Samoza__V1__CopyRecord *r,
			  struct unit_placement **ret_unit, struct error **err)
{
	struct control_application *a = application_by_id(&c->applications, r->application);
	struct control_zhost *z = zhost_find(&c->zhosts, r->zhost);
	struct revision *revision = NULL;
	if (z == NULL)
		return error_set(
			err, ERR_INVALID,
			"a copy of %s/%s in the store is on %s, which is not a known zhost",
			a->name, r->path, r->zhost);
	int result = open_revision(c, a, r->revision, &revision, err);
	if (result < 0)
		return result;
	enum placement_role role =
		(enum placement_role)(r->role - SAMOZA__V1__ROLE__ROLE_SERVING);
	if (role != ROLE_RETIRED)
		application_declare(a, revision);
	struct unit_placement *unit =
		unit_placement_new(a, revision, z, r->placement, PLACE_NONE, role);
	unit->lost = r->lost;
	unit->key_topology = mem_strdup(r->key_topology);
	*ret_unit = unit;
	return 0;
}

/* The unit that its root has in the engine is of the served revision. */
static void take_root_place(struct control *c, struct slot_control *root,
			    struct unit_placement *unit)
{
	const struct control_application *a = unit->application;
	if (root->place_revision != unit->revision) {
		uint32_t own = application_new_unit(a, c->place, unit->revision, root->slot,
						    root->place_unit);
		place_unit_free(c->place, root->place_unit);
		root->place_unit = own;
		root->place_revision = unit->revision;
	}
	unit->place_unit = root->place_unit;
	if (!unit->lost)
		place_add(c->place, unit->place_unit, unit->zhost->place);
}

/* A retired unit has its place in the engine until it is gone. */
static void restore_place(struct control *c, struct unit_placement *unit)
{
	const struct slot_copy *first = unit->placement.copies.items[0];
	struct control_application *a = unit->application;
	CLEANUP(freep) char *root_path = mem_strdup(first->slot->path);
	root_path[strcspn(root_path, "/")] = '\0';
	const struct slot *s = slot_find(&a->slots, root_path);
	if (unit->placement.role == ROLE_SERVING) {
		take_root_place(c, control_of_slot(s), unit);
		return;
	}
	int instance = topology_find_instance(unit->revision->topology, root_path);
	unit->place_unit =
		place_unit_new(c->place, unit->revision->place, (uint32_t)instance,
			       s != NULL ? control_of_slot(s)->place_unit : PLACE_NONE);
	/* Those beside the one that serves may share its room: load_beside(). */
	if (!unit->lost && !unit->zhost->removed && unit->placement.role == ROLE_RETIRED)
		place_add(c->place, unit->place_unit, unit->zhost->place);
}

static int load_copies(struct control *c, struct error **err)
{
	struct loaded_records *loaded = &c->loaded;
	struct unit_placement *unit = NULL;
	if (loaded->copies.count > 1)
		qsort(loaded->copies.items, loaded->copies.count, sizeof(*loaded->copies.items),
		      compare_copies);
	for (size_t k = 0; k < loaded->copies.count; k++) {
		const Samoza__V1__CopyRecord *r = loaded->copies.items[k];
		if (k == 0 || !same_placement(r, loaded->copies.items[k - 1])) {
			int result = load_placement(c, r, &unit, err);
			if (result < 0)
				return result;
		}
		int result = load_copy(c, unit, r, err);
		if (result < 0)
			return result;
		if (k + 1 == loaded->copies.count ||
		    !same_placement(r, loaded->copies.items[k + 1]))
			restore_place(c, unit);
	}
	return 0;
}

/* ---- handovers ---- */

/* Its place in the engine: of the two copies of a stop-first handover at most one runs. */
static void load_beside(struct control *c, const struct slot_control *root,
			const struct slot_copy *copy)
{
	const struct unit_placement *unit = unit_of(copy);
	const struct unit_placement *serving = unit_of(root->of_path->serving);
	if (unit == NULL || unit->lost || unit->zhost->removed)
		return;
	if (serving != NULL && !serving->lost && serving->zhost == unit->zhost &&
	    root->handover != NULL && root->handover->handover.kind == HANDOVER_STOP_FIRST)
		place_share_room(c->place, unit->place_unit, serving->place_unit);
	place_add(c->place, unit->place_unit, unit->zhost->place);
}

static int load_handover(struct control *c, const Samoza__V1__SlotRecord *r, struct error **err)
{
	struct control_application *a = application_by_id(&c->applications, r->application);
	const struct slot *s = slot_find(&a->slots, r->path);
	if (s == NULL || s->parent != NULL)
		return 0;
	const struct slot_control *root = control_of_slot(s);
	if (r->handover != NULL && r->handover->has_revision) {
		struct revision *revision = NULL;
		int result = open_revision(c, a, r->handover->revision, &revision, err);
		if (result < 0)
			return result;
		application_declare(a, revision);
	}
	if (r->handover != NULL)
		handover_load(c, control_of_slot(s), r->handover);
	load_beside(c, root, root->of_path->next);
	load_beside(c, root, root->of_path->standby);
	return 0;
}

/* ---- going on ---- */

/* Started, and about to stop, but others inside of it have to stop first: it lacks a provider, or a child
 * waits for it. If it stays, they are evaluated again. */
static bool was_closing(const struct slot *s)
{
	if (s->state != STATE_DEPLOYED_STARTED)
		return false;
	if (slot_missing_import(s) != NULL)
		return true;
	slot_for_each_child (s, child)
		if (child->state == STATE_WAITING_FOR_ANCESTOR)
			return true;
	return false;
}

/* One that was about to stop without a reason of its own: its parent was. The children first. */
static void restore_closing_above(const struct control_application *a)
{
	for (size_t k = a->slots.slots.count; k-- > 0;) {
		const struct slot *s = a->slots.slots.items[k];
		if (s->closing && s->parent != NULL &&
		    s->parent->state == STATE_DEPLOYED_STARTED &&
		    slot_effective_goal(s) == GOAL_DEPLOYED_STARTED &&
		    slot_missing_import(s) == NULL)
			s->parent->closing = true;
	}
}

/* What is inside of those stops, too, whether anything waits there or not. */
static void restore_closing_below(const struct control_application *a)
{
	vector_for_each (&a->slots.slots, s)
		if ((*s)->state == STATE_DEPLOYED_STARTED && (*s)->parent != NULL &&
		    !slot_is_up((*s)->parent))
			(*s)->closing = true;
}

/* Stops that were under way continue in their order. */
static void resume(struct control_application *a)
{
	slot_list stopping = {0};
	vector_for_each (&a->slots.slots, item) {
		struct slot *s = *item;
		struct slot_control *sc = control_of_slot(s);
		slot_publish_facts(sc);
		topology_state_count(sc);
		if (state_is_active(s->state) &&
		    (s->goal != GOAL_DEPLOYED_STARTED || s->root->yields))
			vector_push(&stopping, s);
		s->closing = was_closing(s);
		/* What is on a zhost waits for that zhost's report. */
		if (!slot_is_placed(sc))
			lifecycle_push(s);
	}
	restore_closing_above(a);
	restore_closing_below(a);
	if (stopping.count > 0)
		ordered_stop_begin(&a->slots, stopping.items, stopping.count);
	vector_done(&stopping);
	mark_application(a, APPLICATION_STATE | APPLICATION_PLACE | APPLICATION_UNLOAD);
}

/* All of it is written in the present format, before the old records are deleted. */
static void write_converted(struct control *c)
{
	application_for_each (&c->applications, a) {
		vector_for_each (&a->application.revisions, revision)
			records_write_revision(c, *revision);
		for (size_t k = 0; k < a->slots.slots.count; k++)
			mark_slot(&a->slot_controls[k]);
		mark_application(a, APPLICATION_RECORD);
	}
	zhost_for_each (&c->zhosts, z)
		for (struct copy *copy = z->first_copy; copy != NULL;
		     copy = copy->next_on_zhost)
			mark_copy(copy, COPY_RECORD);
}

int control_start(struct control *c, struct instant now, struct outbox *outbox,
		  struct error **err)
{
	control_enter(c, now, outbox);
	c->awake_ms = now.mono_ms;
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
	vector_for_each (&c->loaded.slots, record)
		load_slot(c, *record);
	r = load_copies(c, err);
	if (r < 0)
		return r;
	vector_for_each (&c->loaded.slots, record) {
		r = load_handover(c, *record, err);
		if (r < 0)
			return r;
	}
	loaded_records_done(&c->loaded);
	application_for_each (&c->applications, a)
		resume(a);
	if (converts)
		write_converted(c);
	zhosts_start(c);
	return 0;
}
