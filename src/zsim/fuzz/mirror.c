/* What zrms commits, checked as it comes: transitions, records. */

#include "zsim/fuzz/mirror.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/str.h"
#include "core/application/scaled.h"
#include "core/lifecycle/state.h"
#include "model/compile.h"
#include "schema/message.h"
#include "zsim/fuzz/check/check_asked.h"
#include "zsim/fuzz/check/check_data.h"
#include "zsim/fuzz/check/check_drains.h"
#include "zsim/fuzz/check/check_ends.h"
#include "zsim/fuzz/check/check_heard.h"
#include "zsim/fuzz/check/check_messages.h"
#include "zsim/fuzz/check/check_order.h"
#include "zsim/fuzz/check/check_patience.h"
#include "zsim/fuzz/check/check_places.h"
#include "zsim/fuzz/check/check_quotas.h"
#include "zsim/fuzz/check/check_rebalances.h"
#include "zsim/fuzz/check/check_rollouts.h"
#include "zsim/fuzz/check/check_room.h"
#include "zsim/fuzz/check/check_scaled.h"
#include "zsim/fuzz/check/check_sets.h"
#include "zsim/fuzz/check/check_settings.h"
#include "zsim/fuzz/check/check_silence.h"
#include "zsim/fuzz/check/check_unload.h"
#include "zsim/fuzz/check/check_values.h"
#include "zsim/fuzz/check/each.h"
#include "zsim/fuzz/check/kept_from.h"
#include "zsim/fuzz/check/rules.h"
#include "zsim/fuzz/life/commits.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/legal.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/machine.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

/* ---- instances ---- */

/* [lifecycle.failure.exit-0] */
static void check_sentences(struct fuzz *f, const Samoza__V1__SlotRecord *r)
{
	for (size_t k = 0; k < r->n_exclusions; k++) {
		const char *sentence = r->exclusions[k]->sentence;
		if (strstr(sentence, " failed ") != NULL &&
		    strstr(sentence, PROCESS_EXITED_ERROR) != NULL)
			world_violate(&f->world,
				      "%s/%s calls an end with exit status 0 a failure: %s",
				      r->application, r->path, sentence);
	}
}

static bool is_handed_over_in(const Samoza__V1__SlotRecord *r, Samoza__V1__HandoverState state)
{
	return r != NULL && r->handover != NULL && r->handover->state == state;
}

/* The revision of a successor that has no place yet, or is not to start yet; 0: there is none. */
static uint32_t waiting_revision(const Samoza__V1__SlotRecord *r)
{
	bool waits = is_handed_over_in(r, SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_PLACING) ||
		     is_handed_over_in(r, SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_PREPARING);
	return waits ? r->handover->revision : 0;
}

/* [change.handover.stop-first]: no process of the incumbent `epoch` is left. */
static void check_ended(struct fuzz *f, const Samoza__V1__SlotRecord *r, uint64_t epoch)
{
	vector_for_each (&f->world.machines, n)
		for (const struct sim_process *p = (*n)->processes; p != NULL; p = p->hh.next)
			if (p->epoch == epoch && names_same(p->path, r->path) &&
			    str_equal(p->topology, r->application))
				world_violate(&f->world,
					      "the successor of %s starts beside its "
					      "incumbent, which runs on %s",
					      p->name, (*n)->name);
}

/* By a drain, or by a rebalance. */
static bool is_handed_over_unasked(const Samoza__V1__SlotRecord *r)
{
	return r != NULL && r->handover != NULL &&
	       (r->handover->drains || r->handover->rebalances);
}

/* The record of a slot that has another name from this commit on. */
static bool is_former_name(const struct outbox *o, const struct record_change *r)
{
	if (r->kind != RECORD_SLOT || r->data != NULL)
		return false;
	vector_for_each (&o->records, other)
		if (other->kind == RECORD_SLOT && other->data != NULL &&
		    names_same(other->id, r->id))
			return true;
	return false;
}

/* [change.counts.numbered] There is one record of a slot, under the name that it has. */
static void check_name(struct fuzz *f, const Samoza__V1__SlotRecord *before,
		       const Samoza__V1__SlotRecord *now)
{
	if (before == NULL || now == NULL || str_equal(before->path, now->path))
		return;
	CLEANUP(freep) char *id = str_printf("%s/%s", before->application, before->path);
	if (sim_disk_get(&f->world.disk, RECORD_SLOT, id) != NULL)
		world_violate(&f->world, "%s is %s now, and has a record as both", id,
			      now->path);
	draws_happened(f, DRAW_NAMES);
}

static void take_slot(struct fuzz *f, const struct record_change *r)
{
	struct mirrored *m = mirrored_instance(f, r->id);
	m->was_first = m->record == NULL || m->is_first;
	m->was_moving = m->record != NULL && (m->record->moving || m->record->handover != NULL);
	m->is_first = true;
	if (m->taken != f->commits)
		m->goal_before = m->record != NULL ? m->record->goal
						   : SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED;
	if (m->taken != f->commits)
		m->served = m->record != NULL ? m->record->serving : 0;
	if (m->taken != f->commits)
		m->waited = waiting_revision(m->record);
	if (m->taken != f->commits)
		m->was_placing = is_handed_over_in(
			m->record, SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_PLACING);
	if (m->taken != f->commits)
		m->was_stopping = is_handed_over_in(
			m->record, SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_STOPPING);
	m->taken = f->commits;
	uint64_t writer = m->record != NULL ? m->record->writer : 0;
	uint64_t incumbent = m->record != NULL ? m->record->serving : 0;
	bool was_lost = m->record != NULL && m->record->lost;
	bool drained = is_handed_over_unasked(m->record);
	/* One that was being proven is begun again by a start of zrms. */
	bool starts = is_handed_over_in(m->record,
					SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_STARTING) ||
		      is_handed_over_in(m->record,
					SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_PROVING);
	Samoza__V1__SlotRecord *before = steal_ptr(&m->record);
	if (r->data != NULL)
		m->record = samoza__v1__slot_record__unpack(NULL, r->size, r->data);
	if (m->record != NULL)
		check_goal(f, before, m->record);
	check_name(f, before, m->record);
	check_settings_slot(f, m, before);
	samoza__v1__slot_record__free_unpacked(before, NULL);
	if (r->data == NULL) {
		m->added_to = m->served_revision = m->changes_to = 0;
		return;
	}
	/* The right to write is given back to the incumbent of a handover. */
	if (m->record != NULL && m->record->writer < writer && m->wrote > m->record->writer)
		m->wrote = m->record->writer;
	if (m->record != NULL && m->record->lost && !was_lost)
		m->lost_ms = f->world.now_ms;
	if (m->record == NULL)
		world_violate(&f->world, "the record of %s cannot be read", r->id);
	else
		m->is_first = m->record->goal == SAMOZA__V1__GOAL__GOAL_NOT_DEPLOYED ||
			      (!m->record->has_serving && !m->record->lost);
	if (m->record != NULL) {
		check_sentences(f, m->record);
		check_messages_slot(f, m->record);
	}
	if (!drained && is_handed_over_unasked(m->record))
		m->drain_began = f->commits;
	/* One that was being proven starts once more with zrms, and serves already. */
	if (!starts && m->record != NULL && m->record->serving != incumbent &&
	    is_handed_over_in(m->record, SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_STARTING))
		check_ended(f, m->record, incumbent);
}

static bool has_handover(const struct fuzz *f, const Samoza__V1__SlotRecord *r)
{
	CLEANUP(freep) char *root = mem_strndup(r->path, strcspn(r->path, "/"));
	const struct mirrored *m = mirror_find(f, r->application, root);
	return m != NULL && m->record != NULL && m->record->handover != NULL;
}

/* In this commit another copy took over that had been there before, or two did in turn: the state that
 * its zhost had reported of it is taken. */
static bool is_handed_over(struct fuzz *f, const struct mirrored *m)
{
	if (m->taken != f->commits || m->record == NULL)
		return false;
	/* The last of them is of a version without it, as the first may have been. */
	if (!m->record->has_serving)
		return has_handover(f, m->record);
	if (m->record->serving == m->served)
		return false;
	if (has_handover(f, m->record))
		return true;
	CLEANUP(freep) char *id = str_printf("%s#%" PRIu64, m->id, m->record->serving);
	vector_for_each (&f->new_copies, new)
		if (str_equal(*new, id))
			return false;
	return true;
}

/* [change.handover.start-first] What was served stays so. */
static void check_switch(struct fuzz *f, const struct mirrored *m,
			 const Samoza__V1__EventRecord *e)
{
	CLEANUP(freep) char *root = mem_strndup(m->record->path, strcspn(m->record->path, "/"));
	const struct mirrored *r = mirror_find(f, m->record->application, root);
	const Samoza__V1__HandoverRecord *h =
		r != NULL && r->record != NULL ? r->record->handover : NULL;
	if (h != NULL && h->kind == SAMOZA__V1__HANDOVER_KIND__HANDOVER_KIND_START_FIRST &&
	    h->state == SAMOZA__V1__HANDOVER_STATE__HANDOVER_STATE_DRAINING &&
	    str_equal(e->from, "deployed-started") && str_equal(e->cause, h->cause))
		world_violate(&f->world,
			      "%s was served, and is so no longer after a switch: %s",
			      e->subject, e->to);
}

/* [change.counts.numbered] It goes under one name, and comes in the same state under the other: no move. */
static bool takes_name(struct fuzz *f, const struct mirrored *m,
		       const Samoza__V1__EventRecord *e)
{
	const char *known = m->state != NULL ? m->state : "not-deployed";
	bool goes = str_has_prefix(e->cause, "it is ") &&
		    strstr(e->cause, " from now on: ") != NULL;
	if (!goes && !str_has_prefix(e->cause, "it was "))
		return false;
	if (!str_equal(known, goes ? e->from : e->to) ||
	    !str_equal("not-deployed", goes ? e->to : e->from))
		world_violate(&f->world,
			      "%s is %s, and has another name as it goes from %s to %s",
			      e->subject, known, e->from, e->to);
	return true;
}

static void take_instance_event(struct fuzz *f, const Samoza__V1__EventRecord *e)
{
	const char *slash = strchr(e->subject, '/');
	if (slash == NULL || e->topology == NULL || e->from == NULL || e->to == NULL) {
		world_violate(&f->world, "an event of %s lacks something", e->subject);
		return;
	}
	CLEANUP(freep) char *id = str_printf("%s/%s", e->topology, slash + 1);
	struct mirrored *m = mirrored_instance(f, id);
	struct submitted *s = fuzz_submitted(f, e->topology);
	if (s != NULL)
		s->moved = true;
	if (takes_name(f, m, e))
		return;
	/* What a zhost does by itself is reported late: world/action.c looks at the processes. */
	if (s != NULL)
		check_patience_moved(f, s, m, e);
	if (s != NULL && strcmp(e->to, "stopping") == 0 &&
	    strcmp(e->cause, "its zhost stops it") != 0) {
		rules_check_stop(f, s, slash + 1);
		check_order_stop(f, s, slash + 1);
	}
	if (s != NULL && strcmp(e->to, "undeploying") == 0 && !f->adopts)
		rules_check_undeploy(f, s, slash + 1);
	const char *known = m->state != NULL ? m->state : "not-deployed";
	if (strcmp(known, e->from) != 0)
		world_violate(&f->world, "%s goes from %s to %s, but it was %s", e->subject,
			      e->from, e->to, known);
	bool adopts = f->adopts || is_handed_over(f, m);
	if (!legal_move(e->from, e->to, adopts))
		world_violate(&f->world, "%s may not go from %s to %s%s", e->subject, e->from,
			      e->to, adopts ? ", not even adopted" : "");
	if (adopts && !f->adopts && m->record->has_serving)
		check_switch(f, m, e);
	free(m->state);
	m->state = mem_strdup(e->to);
	m->since_ms = f->world.now_ms;
	m->moved = f->commits;
	m->moved_by = e->seq;
	check_order_moved(f, e->topology, slash + 1);
}

/* ---- copies ---- */

static void take_copy(struct fuzz *f, const struct record_change *r)
{
	struct mirrored_copy *m = mirrored_copy(f, r->id);
	Samoza__V1__Target asked =
		m->record != NULL ? m->record->target : SAMOZA__V1__TARGET__TARGET_NONE;
	bool was_retired =
		m->record != NULL && m->record->role == SAMOZA__V1__ROLE__ROLE_RETIRED;
	bool was_lost = m->record != NULL && m->record->lost;
	if (m->record == NULL)
		vector_push(&f->new_copies, m->id);
	samoza__v1__copy_record__free_unpacked(m->record, NULL);
	m->record = NULL;
	if (r->data == NULL) {
		m->asked_ms = f->world.now_ms;
		return;
	}
	m->record = samoza__v1__copy_record__unpack(NULL, r->size, r->data);
	if (m->record == NULL || m->record->target != asked)
		m->asked_ms = f->world.now_ms;
	check_unload_copy(f, m->id, asked, m->record);
	if (m->record == NULL)
		world_violate(&f->world, "the record of %s cannot be read", r->id);
	else if (was_retired && m->record->role != SAMOZA__V1__ROLE__ROLE_RETIRED)
		world_violate(&f->world, "%s was retired, and is so no longer", r->id);
	else if (m->record->role == SAMOZA__V1__ROLE__ROLE_RETIRED && m->record->target > asked)
		world_violate(&f->world, "%s is retired, and asked for more", r->id);
	if (m->record == NULL)
		return;
	if ((m->record->role == SAMOZA__V1__ROLE__ROLE_RETIRED && !was_retired) ||
	    (m->record->lost && !was_lost))
		m->left = f->commits;
	check_messages_copy(f, m->record, asked);
}

/* A slot is served by the copy that its record names, and by no other. */
static void check_serving(struct fuzz *f, const struct mirrored_copy *m)
{
	const Samoza__V1__CopyRecord *r = m->record;
	if (r == NULL)
		return;
	const struct mirrored *slot = mirror_find(f, r->application, r->path);
	bool named = slot != NULL && slot->record != NULL && slot->record->has_serving &&
		     slot->record->serving == r->epoch;
	if (named != (r->role == SAMOZA__V1__ROLE__ROLE_SERVING))
		world_violate(&f->world, "%s is %s, and its slot is served by %" PRIu64, m->id,
			      named ? "retired" : "to serve",
			      slot != NULL && slot->record != NULL ? slot->record->serving : 0);
}

/* ---- applications ---- */

static void take_revision(struct fuzz *f, const struct record_change *r)
{
	if (r->data == NULL)
		return;
	Samoza__V1__RevisionRecord *record =
		samoza__v1__revision_record__unpack(NULL, r->size, r->data);
	struct submitted *s = record != NULL ? fuzz_submitted(f, record->application) : NULL;
	struct topology *topology = NULL;
	if (s == NULL || each_compile(f, record->topology, &topology) < 0) {
		world_violate(&f->world, "the record of revision %s cannot be used", r->id);
	} else {
		while (s->revisions.count < record->number)
			(void)vector_add(&s->revisions);
		while (s->packages.count < record->number)
			(void)vector_add(&s->packages);
		const Samoza__V1__RevisionRecord *before =
			record->number > 1 ? s->packages.items[record->number - 2] : NULL;
		/* The first one may come in the commit that removes an application of that name. */
		if (before != NULL && record->what == NULL &&
		    str_equal(s->newest_digest, record->package_digest) &&
		    scaled_is_same(record, before))
			world_violate(&f->world,
				      "revision %s is the package of the one before it", r->id);
		free(s->newest_digest);
		s->newest_digest = mem_strdup(record->package_digest);
		while (s->policies.count < record->number)
			(void)vector_add(&s->policies);
		if (rollout_spec_read(record->rollout, &s->policies.items[record->number - 1],
				      NULL) < 0)
			world_violate(&f->world, "the policy of revision %s cannot be used",
				      r->id);
		topology_unref(s->revisions.items[record->number - 1]);
		s->revisions.items[record->number - 1] = topology;
		const struct kept_from from = kept_from(f, s, record->number);
		check_scaled(f, record, &from);
		check_values(f, s, record, &from);
		s->taken = f->commits;
		Samoza__V1__RevisionRecord *former = s->packages.items[record->number - 1];
		s->packages.items[record->number - 1] = record;
		record = former;
	}
	if (record != NULL)
		samoza__v1__revision_record__free_unpacked(record, NULL);
}

/* Before the records of its commit. */
static void take_rollout_event(struct fuzz *f, const Samoza__V1__EventRecord *e)
{
	struct submitted *s =
		strcmp(e->kind, "rollout") == 0 ? fuzz_submitted(f, e->topology) : NULL;
	if (s != NULL && (str_equal(e->to, "returning") || str_equal(e->cause, "aborted") ||
			  str_equal(e->cause, "superseded")))
		s->went_back = f->commits;
}

static void take_application(struct fuzz *f, const struct record_change *r)
{
	if (r->data == NULL)
		return;
	Samoza__V1__ApplicationRecord *record =
		samoza__v1__application_record__unpack(NULL, r->size, r->data);
	struct submitted *s = record != NULL ? fuzz_submitted(f, record->id) : NULL;
	if (s == NULL || record->served < 1 || record->served > s->revisions.count) {
		world_violate(&f->world, "the record of application %s cannot be used", r->id);
	} else {
		struct topology *served = s->revisions.items[record->served - 1];
		topology_unref(s->topology);
		s->topology = topology_ref(served);
		check_ends_take(f, s, record);
		check_rollouts_take(f, s, record);
	}
	samoza__v1__application_record__free_unpacked(record, NULL);
}

/* ---- zhosts ---- */

/* That is said of a new one, too. */
static bool misses_something(const Samoza__V1__ZhostSpec *spec)
{
	for (size_t k = 0; k < spec->n_offers; k++)
		if (spec->offers[k]->missing != NULL)
			return true;
	return false;
}

/* Also of one that was removed in the same batch: that says nothing of its settings. */
static bool has_other_settings(const Samoza__V1__ZhostRecord *a,
			       const Samoza__V1__ZhostRecord *b)
{
	if (a == NULL || a->removed)
		return b != NULL && misses_something(b->spec);
	return b != NULL && !schema_message_equal(&a->spec->base, &b->spec->base);
}

static void take_zhost(struct fuzz *f, const struct record_change *r)
{
	struct mirrored_zhost *z = mirrored_zhost(f, r->id);
	Samoza__V1__ZhostRecord *before = z->record;
	z->was_cordoned = before != NULL && before->cordoned;
	z->taken = f->commits;
	z->record = NULL;
	zhost_spec_done(&z->spec);
	z->spec = (struct zhost_spec){0};
	if (r->data != NULL)
		z->record = samoza__v1__zhost_record__unpack(NULL, r->size, r->data);
	z->changed = z->changed || has_other_settings(before, z->record);
	samoza__v1__zhost_record__free_unpacked(before, NULL);
	if (r->data == NULL)
		return;
	CLEANUP(error_freep) struct error *err = NULL;
	if (z->record != NULL && z->joined != NULL &&
	    !str_equal(z->joined, z->record->identity))
		draws_happened(f, DRAW_TWINS);
	free(z->joined);
	z->joined = z->record != NULL ? mem_strdup(z->record->identity) : NULL;
	if (z->record == NULL ||
	    zhost_spec_compile(z->record->spec, "", NULL, NULL, &z->spec, &err) < 0)
		world_violate(&f->world, "the record of zhost %s cannot be read", r->id);
}

static void take_zhost_event(struct fuzz *f, const Samoza__V1__EventRecord *e)
{
	struct mirrored_zhost *z = mirrored_zhost(f, e->subject);
	if (e->from == NULL || e->to == NULL)
		return;
	const char *known = z->state != NULL ? z->state : "not-deployed";
	if (str_has_prefix(e->cause, "drain asked for by "))
		z->drained_by = e->seq;
	z->told = z->told || str_has_prefix(e->cause, "its settings changed") ||
		  str_has_prefix(e->cause, "capability "); /* that is withdrawn, or back */
	/* The same once more, for each topology with instances there. */
	if (e->topology != NULL && e->topology[0] != '\0') {
		if (strcmp(known, e->to) != 0)
			world_violate(&f->world, "%s hears that zhost %s is %s, but it is %s",
				      e->topology, e->subject, e->to, known);
		return;
	}
	if (draws_have(f, DRAW_LEADERS) &&
	    str_has_prefix(e->cause, "it refused a zrms of term "))
		f->counts->leaders.refused++;
	if (strcmp(known, e->from) != 0)
		world_violate(&f->world, "zhost %s goes from %s to %s, but it was %s",
			      e->subject, e->from, e->to, known);
	if (strcmp(e->from, e->to) == 0 &&
	    (str_has_prefix(e->cause, "cordoned by ") ||
	     str_has_prefix(e->cause, "uncordoned by ") || strncmp(e->cause, "drain", 5) == 0 ||
	     str_has_prefix(e->cause, "its settings changed") ||
	     str_has_prefix(e->cause, "capability sensors.camera is ") ||
	     str_has_prefix(e->cause, "it refused a zrms of term ") ||
	     strcmp(e->cause, "another machine with the same identity was refused") == 0))
		return;
	/* What a driver makes of it, and what its heartbeats would make otherwise. */
	if (strcmp(e->from, e->to) == 0 && draws_have(f, DRAW_MACHINES) &&
	    (strcmp(e->to, "deploying") == 0 || strcmp(e->to, "undeploying") == 0))
		return;
	check_silence(f, e);
	if (!legal_zhost_move(e->from, e->to))
		world_violate(&f->world, "zhost %s may not go from %s to %s", e->subject,
			      e->from, e->to);
	z->rejoined = z->rejoined || (z->left && strcmp(e->from, "not-deployed") == 0);
	z->left = z->left || strcmp(e->to, "not-deployed") == 0;
	free(z->state);
	z->state = mem_strdup(e->to);
}

/* ---- data ---- */

/* The epoch that may write, as records say: that of the slot, or, where the served revision has no such
 * slot, of the copy. */
static uint64_t writer_in(const struct fuzz *f, const struct mirrored *m,
			  const struct data_access *put)
{
	CLEANUP(freep) char *name = str_printf("%s#%" PRIu64, put->slot, put->epoch);
	CLEANUP(freep) char *id = names_slot(name);
	const struct mirrored_copy *copy = NULL;
	HASH_FIND_STR(f->copies, id, copy);
	if (m->record != NULL)
		return m->record->writer;
	return copy != NULL && copy->record != NULL && copy->record->writes ? put->epoch : 0;
}

static uint64_t writer_of(struct fuzz *f, const struct data_change *data)
{
	PRE(data->request >= 1 && data->request <= f->accesses.count);
	const struct data_access *put = &f->accesses.items[data->request - 1];
	return writer_in(f, mirrored_instance(f, put->slot), put);
}

/* `before`: the writer that the slot's record named before this commit, which may have changed it
 * after it took the write. */
static void check_put(struct fuzz *f, const struct data_access *put, uint64_t before)
{
	struct mirrored *m = mirrored_instance(f, put->slot);
	uint64_t writer = writer_in(f, m, put);
	if (put->epoch != before && put->epoch != writer)
		world_violate(&f->world,
			      "a write to %s under epoch %" PRIu64 " is accepted; %" PRIu64
			      " may write",
			      put->slot, put->epoch, writer);
	if (put->epoch < m->wrote)
		world_violate(&f->world,
			      "a write to %s under epoch %" PRIu64
			      " is accepted after one under %" PRIu64,
			      put->slot, put->epoch, m->wrote);
	m->wrote = put->epoch;
}

/* ---- what holds between commits ---- */

/* Exports are visible exactly while it is started. */
static void check_exports(struct fuzz *f, const struct mirrored *m)
{
	const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
	size_t exports = serving != NULL ? serving->n_exports : 0;
	const struct submitted *s = fuzz_submitted(f, m->record->application);
	int index = s != NULL ? names_find(s->topology, m->record->path) : -1;
	if (index < 0)
		return;
	const struct space *space = instance_space(s->topology, (unsigned)index);
	bool due = m->record->state == SAMOZA__V1__STATE__STATE_DEPLOYED_STARTED &&
		   space->export_count > 0;
	if ((exports > 0) != due)
		world_violate(&f->world, "%s/%s is %s and publishes %zu exports", s->name,
			      m->record->path,
			      state_name((enum instance_state)m->record->state), exports);
}

/* What is inside of another one is where that is. */
static void check_zhost(struct fuzz *f, const struct mirrored *m)
{
	const struct submitted *s = fuzz_submitted(f, m->record->application);
	int index = s != NULL ? names_find(s->topology, m->record->path) : -1;
	int parent = index >= 0 ? s->topology->instances[index].parent : -1;
	const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
	if (parent < 0 || serving == NULL || serving->lost)
		return;
	const char *path = s->topology->instances[parent].path;
	const Samoza__V1__CopyRecord *above = mirror_serving(f, mirror_find(f, s->id, path));
	if (!str_equal(serving->zhost, above != NULL ? above->zhost : NULL))
		world_violate(&f->world, "%s/%s is placed on %s, its parent %s on %s", s->name,
			      m->record->path, serving->zhost, path,
			      above != NULL ? above->zhost : "none");
}

static void note_served(const struct fuzz *f, struct mirrored *m)
{
	const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
	if (serving == NULL || serving->revision == m->served_revision)
		return;
	m->served_revision = serving->revision;
	m->served_since_ms = world_instant(&f->world).wall_ms;
}

/* A copy may have another revision where it is, and its slot stay as it was. */
static void note_all_served(struct fuzz *f, const struct outbox *o)
{
	vector_for_each (&o->records, r) {
		if (r->kind != RECORD_COPY && r->kind != RECORD_SLOT)
			continue;
		CLEANUP(freep) char *id = mem_strndup(r->id, strcspn(r->id, "#"));
		struct mirrored *m = NULL;
		HASH_FIND_STR(f->instances, id, m);
		if (m != NULL && m->record != NULL)
			note_served(f, m);
	}
}

static void check_record(struct fuzz *f, const char *id)
{
	struct mirrored *m = mirrored_instance(f, id);
	if (m->record == NULL)
		return;
	const char *state = state_name((enum instance_state)m->record->state);
	const char *known = m->state != NULL ? m->state : "not-deployed";
	if (strcmp(state, known) != 0)
		world_violate(&f->world, "the record of %s says %s, its events %s", id, state,
			      known);
	check_exports(f, m);
	check_zhost(f, m);
	if (m->record->has_serving && m->record->writer != m->record->serving)
		world_violate(&f->world, "%s is served by %" PRIu64 ", and %" PRIu64 " writes",
			      id, m->record->serving, m->record->writer);
}

/* An event is never without its record. */
static void check_event(struct fuzz *f, const Samoza__V1__EventRecord *e)
{
	const char *slash = strchr(e->subject, '/');
	if (strcmp(e->kind, "space") != 0 || e->topology == NULL || slash == NULL)
		return;
	CLEANUP(freep) char *id = str_printf("%s/%s", e->topology, slash + 1);
	check_record(f, id);
}

void mirror_committed(void *user, const struct outbox *o, const struct data_answer *answers)
{
	struct fuzz *f = user;
	bool placed = false;
	VECTOR(uint64_t) writers = {0};
	VECTOR(struct quotas) quotas = {0};
	f->commits++;
	if (f->zrms_life != f->world.zrms_life)
		f->zrms_changed_ms = world_instant(&f->world).wall_ms;
	f->zrms_life = f->world.zrms_life;
	vector_clear(&f->new_copies);
	check_heard_before(f, o);
	vector_for_each (&o->data, data) {
		vector_push(&writers, writer_of(f, data));
		vector_push(&quotas, check_quotas_of(f, data));
	}
	if (f->adopts_asked.count > 0) {
		f->adopts = f->adopts_asked.items[0];
		vector_remove_at(&f->adopts_asked, 0);
	}
	vector_for_each (&o->events, e)
		take_rollout_event(f, *e);
	vector_for_each (&o->records, r) {
		if (is_former_name(o, r))
			continue;
		if (r->kind == RECORD_REVISION)
			take_revision(f, r);
		else if (r->kind == RECORD_APPLICATION)
			take_application(f, r);
		else if (r->kind == RECORD_SLOT)
			take_slot(f, r);
		else if (r->kind == RECORD_COPY)
			take_copy(f, r);
		else if (r->kind == RECORD_ZHOST)
			take_zhost(f, r);
		else if (r->kind == RECORD_REBALANCE)
			check_rebalance_taken(f, r);
		placed |= r->kind == RECORD_COPY || r->kind == RECORD_ZHOST;
	}
	note_all_served(f, o);
	vector_for_each (&o->events, event) {
		const Samoza__V1__EventRecord *e = *event;
		if (e->seq <= f->last_seq)
			world_violate(&f->world, "event %" PRIu64 " comes after %" PRIu64,
				      e->seq, f->last_seq);
		f->last_seq = e->seq;
		f->event_ms = e->time_ms;
		check_rebalance_event(f, e);
		if (strcmp(e->kind, "space") == 0)
			take_instance_event(f, e);
		else if (strcmp(e->kind, "zhost") == 0)
			take_zhost_event(f, e);
		else if (strcmp(e->kind, "topology") == 0)
			check_ends_state(f, e);
	}
	vector_for_each (&o->records, r)
		if (r->kind == RECORD_SLOT)
			check_record(f, r->id);
		else if (r->kind == RECORD_COPY)
			check_serving(f, mirrored_copy(f, r->id));
	vector_for_each (&o->events, e)
		check_event(f, *e);
	check_rollouts_begin(f);
	vector_for_each (&f->new_copies, id)
		check_new_copy(f, mirrored_copy(f, *id));
	check_order_committed(f);
	check_rollouts_committed(f);
	check_ends_committed(f);
	check_sets_committed(f);
	check_drains_committed(f);
	check_rebalances_committed(f);
	check_unload_committed(f);
	check_heard_after(f, o);
	vector_for_each (&o->data_forget, name)
		check_data_removed(f, *name);
	for (size_t k = 0; k < o->data.count; k++) {
		const struct data_change *data = &o->data.items[k];
		check_quotas_put(f, data, answers[k].status, quotas.items[k]);
		check_data_committed(f, data, answers[k].status);
		check_put(f, &f->accesses.items[data->request - 1], writers.items[k]);
	}
	check_quotas_committed(f, o);
	vector_done(&writers);
	vector_done(&quotas);
	if (placed || draws_have(f, DRAW_SHRINKS))
		check_capacity(f);
	bool any_moved = false;
	vector_for_each (&f->submitted, s)
		any_moved |= s->moved;
	vector_for_each (&f->submitted, s) {
		/* What imports from other topologies depends on them. */
		if (s->moved || ((any_moved || placed) && draws_have(f, DRAW_IMPORTS)))
			rules_check(f, s);
		s->moved = false;
	}
	f->adopts = false;
}
