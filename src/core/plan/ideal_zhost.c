#include "core/plan/ideal_zhost.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/slot/copies.h"
#include "core/control/state/state.h"
#include "schema/message.h"

enum { FRAME_MS = 1 };

struct ideal_zhost {
	struct heap_node node; /* of its next heartbeat */
	uint64_t link_id;      /* key */
	char *identity;
	uint64_t incarnation, counter;
	struct resident *residents; /* by epoch */
	UT_hash_handle hh;
};

/* A copy on a zhost. */
struct resident {
	struct heap_node node; /* while an action is under way */
	struct ideal_zhost *zhost;
	uint64_t epoch; /* key: no two copies have the same */
	Samoza__V1__InstanceKey *key;
	Samoza__V1__InstanceSpec *spec; /* NULL: not sent yet */
	uint64_t placement; /* those of one placement are a family, by their paths */
	int64_t grace_ms;   /* as its zhost knows it; NEVER_MS: it is not known here */
	Samoza__V1__Phase phase;
	Samoza__V1__Target target;
	uint64_t generation, answered, retry_generation;
	uint64_t imports_version, wanted_imports;
	uint64_t updating; /* to that version, while an action is under way */
	bool is_listed;	   /* in the full set that is being taken */
	bool is_exhausted, is_unhealthy;
	Samoza__V1__Variable **exports;
	size_t export_count;
	UT_hash_handle hh;
};

/* A message of a zhost to the core. */
struct ideal_frame {
	struct ideal_frame *next;
	int64_t at_ms;
	uint64_t link_id;
	Samoza__V1__FrameType type;
	ProtobufCMessage *message;
};

struct ideal_zhosts {
	struct control *control; /* borrowed */
	struct ideal_zhost *by_link;
	struct heap heartbeats, actions;
	struct ideal_frame *first, **last; /* by time */
	int64_t heartbeat_ms;
	struct ideal_times times;
};

/* ---- frames ---- */

static void send_at(struct ideal_zhosts *all, int64_t at_ms, uint64_t link_id,
		    Samoza__V1__FrameType type, ProtobufCMessage *take)
{
	struct ideal_frame *f = mem_new(struct ideal_frame);
	f->at_ms = at_ms;
	f->link_id = link_id;
	f->type = type;
	f->message = take;
	*all->last = f;
	all->last = &f->next;
}

static void take_input(const struct ideal_zhosts *all, struct instant now,
		       const struct ideal_frame *f, struct outbox *outbox)
{
	struct control_input input = {0};
	switch ((int)f->type) {
	case SAMOZA__V1__FRAME_TYPE__FRAME_REPORT:
		input.type = CONTROL_REPORT;
		input.report.link_id = f->link_id;
		input.report.message = (const Samoza__V1__Report *)f->message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_APPLIED:
		input.type = CONTROL_MESH_APPLIED;
		input.applied.link_id = f->link_id;
		input.applied.message = (const Samoza__V1__MeshApplied *)f->message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN:
		input.type = CONTROL_FORGOTTEN;
		input.forgotten.link_id = f->link_id;
		input.forgotten.message = (const Samoza__V1__DataForgotten *)f->message;
		break;
	default:
		IMPOSSIBLE("send_at() is asked for no other");
	}
	control_handle(all->control, now, &input, outbox);
}

/* ---- reports ---- */

static void report(struct ideal_zhosts *all, struct resident *r, int64_t now_ms)
{
	Samoza__V1__InstanceReport item = SAMOZA__V1__INSTANCE_REPORT__INIT;
	Samoza__V1__InstanceReport *items[] = {&item};
	Samoza__V1__Report message = SAMOZA__V1__REPORT__INIT;
	message.n_instances = 1;
	message.instances = items;
	item.key = r->key;
	item.observed_generation = r->answered = r->generation;
	item.phase = r->phase;
	item.has_exhausted = item.exhausted = r->is_exhausted;
	if (r->phase == SAMOZA__V1__PHASE__PHASE_STARTED) {
		item.has_healthy = true;
		item.healthy = !r->is_unhealthy;
		item.exports = r->exports;
		item.n_exports = r->export_count;
		item.has_imports_version = true;
		item.imports_version = r->imports_version;
	}
	send_at(all, now_ms + FRAME_MS, r->zhost->link_id, SAMOZA__V1__FRAME_TYPE__FRAME_REPORT,
		schema_message_copy(&message.base));
}

/* ---- copies ---- */

static void free_exports(struct resident *r)
{
	for (size_t k = 0; k < r->export_count; k++)
		schema_message_free(&r->exports[k]->base);
	free(r->exports);
	r->exports = NULL;
	r->export_count = 0;
}

static void resident_free(struct ideal_zhosts *all, struct resident *r)
{
	heap_remove(&all->actions, &r->node);
	HASH_DEL(r->zhost->residents, r);
	free_exports(r);
	schema_message_free(&r->key->base);
	schema_message_free(r->spec != NULL ? &r->spec->base : NULL);
	free(r);
}

static struct resident *resident_new(struct ideal_zhost *z, const char *topology,
				     const char *path, uint64_t epoch)
{
	struct resident *r = mem_new(struct resident);
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	key.topology = (char *)topology;
	key.path = (char *)path;
	key.epoch = epoch;
	r->key = (Samoza__V1__InstanceKey *)schema_message_copy(&key.base);
	r->zhost = z;
	r->epoch = epoch;
	r->phase = SAMOZA__V1__PHASE__PHASE_ABSENT;
	r->grace_ms = NEVER_MS;
	HASH_ADD(hh, z->residents, epoch, sizeof(r->epoch), r);
	return r;
}

static void add_export(struct resident *r, const char *name, const char *value)
{
	Samoza__V1__Variable v = SAMOZA__V1__VARIABLE__INIT;
	v.name = (char *)name;
	v.value = (char *)value;
	r->exports = mem_resize(r->exports, r->export_count + 1, sizeof(*r->exports));
	r->exports[r->export_count++] = (Samoza__V1__Variable *)schema_message_copy(&v.base);
}

/* What a start fills in is not known before. */
static void export_all(struct resident *r)
{
	free_exports(r);
	add_export(r, "ip", "0.0.0.0");
	for (size_t k = 0; r->spec != NULL && k < r->spec->n_exports; k++) {
		const Samoza__V1__Variable *v = r->spec->exports[k];
		if (!str_equal(v->name, "ip"))
			add_export(r, v->name, v->value[0] != '\0' ? v->value : "0");
	}
}

/* ---- actions ---- */

static bool has_process(const struct resident *r)
{
	return r->phase == SAMOZA__V1__PHASE__PHASE_STARTING ||
	       r->phase == SAMOZA__V1__PHASE__PHASE_STARTED ||
	       r->phase == SAMOZA__V1__PHASE__PHASE_STOPPING;
}

static bool are_beside(const struct resident *a, const struct resident *b)
{
	return (a->spec != NULL && a->spec->has_beside && a->spec->beside == b->epoch) ||
	       (b->spec != NULL && b->spec->has_beside && b->spec->beside == a->epoch);
}

/* Another copy of the instance has a process there. */
static bool waits_for_other(const struct resident *r)
{
	if (r->spec == NULL || !r->spec->alone)
		return false;
	for (const struct resident *o = r->zhost->residents; o != NULL; o = o->hh.next)
		if (o != r && has_process(o) && str_equal(o->key->path, r->key->path) &&
		    str_equal(o->key->topology, r->key->topology) && !are_beside(o, r))
			return true;
	return false;
}

static bool is_inside(const struct resident *r, const struct resident *of)
{
	size_t length = strlen(of->key->path);
	return r->placement == of->placement &&
	       str_equal(r->key->topology, of->key->topology) &&
	       strncmp(r->key->path, of->key->path, length) == 0 && r->key->path[length] == '/';
}

/* What is inside of it stops, and is undeployed, before it [lifecycle.stop.bottom-up] [lifecycle.deploy.undeploy]. */
static bool waits_for_inside(const struct resident *r)
{
	bool stops = has_process(r);
	for (const struct resident *o = r->zhost->residents; o != NULL; o = o->hh.next) {
		bool holds = stops ? has_process(o)
				   : o->phase != SAMOZA__V1__PHASE__PHASE_ABSENT &&
					     o->target == SAMOZA__V1__TARGET__TARGET_NONE;
		if (holds && is_inside(o, r))
			return true;
	}
	return false;
}

static void begin(struct ideal_zhosts *all, struct resident *r, Samoza__V1__Phase phase,
		  int64_t now_ms, int64_t duration_ms)
{
	r->phase = phase;
	heap_set(&all->actions, &r->node, now_ms + duration_ms);
	report(all, r, now_ms);
}

/* Its phase stays. */
static void begin_update(struct ideal_zhosts *all, struct resident *r, int64_t now_ms)
{
	r->updating = r->wanted_imports;
	heap_set(&all->actions, &r->node, now_ms + all->times.update_ms);
}

static void toward_started(struct ideal_zhosts *all, struct resident *r, int64_t now_ms)
{
	if (r->phase == SAMOZA__V1__PHASE__PHASE_STARTED) {
		if (r->imports_version < r->wanted_imports)
			begin_update(all, r, now_ms);
		else if (r->answered != r->generation)
			report(all, r, now_ms);
	} else if (r->is_exhausted) {
		if (r->answered != r->generation)
			report(all, r, now_ms);
	} else if (!waits_for_other(r)) { /* its start is the answer */
		begin(all, r, SAMOZA__V1__PHASE__PHASE_STARTING, now_ms, all->times.start_ms);
	}
}

/* It is killed when its grace is over. */
static void toward_stopped(struct ideal_zhosts *all, struct resident *r, int64_t now_ms)
{
	int64_t duration_ms = all->times.stop_ms;
	if (waits_for_inside(r))
		return;
	if (r->grace_ms < duration_ms)
		duration_ms = r->grace_ms;
	begin(all, r, SAMOZA__V1__PHASE__PHASE_STOPPING, now_ms, duration_ms);
}

static void toward_absent(struct ideal_zhosts *all, struct resident *r, int64_t now_ms)
{
	if (r->phase == SAMOZA__V1__PHASE__PHASE_STARTED) {
		toward_stopped(all, r, now_ms);
	} else if (r->phase == SAMOZA__V1__PHASE__PHASE_DEPLOYED) {
		if (!waits_for_inside(r))
			begin(all, r, SAMOZA__V1__PHASE__PHASE_UNDEPLOYING, now_ms,
			      all->times.undeploy_ms);
	} else {
		report(all, r, now_ms);
		resident_free(all, r);
	}
}

/* The next action of what has none. The copy may be freed. */
static void advance(struct ideal_zhosts *all, struct resident *r, int64_t now_ms)
{
	if (heap_has(&r->node))
		return;
	if (r->target == SAMOZA__V1__TARGET__TARGET_NONE)
		toward_absent(all, r, now_ms);
	else if (r->phase == SAMOZA__V1__PHASE__PHASE_ABSENT && !r->is_exhausted)
		begin(all, r, SAMOZA__V1__PHASE__PHASE_DEPLOYING, now_ms, all->times.deploy_ms);
	else if (r->target == SAMOZA__V1__TARGET__TARGET_STARTED)
		toward_started(all, r, now_ms);
	else if (r->phase == SAMOZA__V1__PHASE__PHASE_STARTED)
		toward_stopped(all, r, now_ms);
	else if (r->answered != r->generation)
		report(all, r, now_ms);
}

/* It is to start, to stop or to be undeployed, and something else may have to end first. */
static bool may_wait(const struct resident *r)
{
	bool starts = r->target == SAMOZA__V1__TARGET__TARGET_STARTED;
	return r->phase == SAMOZA__V1__PHASE__PHASE_DEPLOYED
		       ? starts || r->target == SAMOZA__V1__TARGET__TARGET_NONE
		       : r->phase == SAMOZA__V1__PHASE__PHASE_STARTED && !starts;
}

/* Copies that had to wait for one that has ended. */
static void advance_others(struct ideal_zhosts *all, struct ideal_zhost *z, int64_t now_ms)
{
	for (struct resident *r = z->residents, *next; r != NULL; r = next) {
		next = r->hh.next;
		if (may_wait(r))
			advance(all, r, now_ms);
	}
}

static void end_action(struct ideal_zhosts *all, struct resident *r, int64_t now_ms)
{
	struct ideal_zhost *z = r->zhost;
	bool has_ended = r->phase == SAMOZA__V1__PHASE__PHASE_STOPPING ||
			 r->phase == SAMOZA__V1__PHASE__PHASE_UNDEPLOYING;
	heap_remove(&all->actions, &r->node);
	if (r->phase == SAMOZA__V1__PHASE__PHASE_STARTING) {
		r->phase = SAMOZA__V1__PHASE__PHASE_STARTED;
		r->imports_version = r->wanted_imports;
		r->is_unhealthy = false;
		export_all(r);
	} else if (r->phase == SAMOZA__V1__PHASE__PHASE_STARTED) {
		r->imports_version = r->updating;
	} else {
		r->phase = r->phase == SAMOZA__V1__PHASE__PHASE_UNDEPLOYING
				   ? SAMOZA__V1__PHASE__PHASE_ABSENT
				   : SAMOZA__V1__PHASE__PHASE_DEPLOYED;
	}
	if (r->phase != SAMOZA__V1__PHASE__PHASE_ABSENT ||
	    r->target != SAMOZA__V1__TARGET__TARGET_NONE)
		report(all, r, now_ms);
	advance(all, r, now_ms);
	if (has_ended)
		advance_others(all, z, now_ms);
}

/* ---- what zrms asks ---- */

static void take_spec(struct resident *r, const Samoza__V1__InstanceSpec *spec)
{
	if (spec == NULL)
		return;
	schema_message_free(r->spec != NULL ? &r->spec->base : NULL);
	r->spec = (Samoza__V1__InstanceSpec *)schema_message_copy(&spec->base);
	if (spec->has_stop_grace_ms)
		r->grace_ms = (int64_t)spec->stop_grace_ms;
	if (spec->has_placement)
		r->placement = spec->placement;
}

static struct resident *find(const struct ideal_zhost *z, const Samoza__V1__InstanceKey *key)
{
	struct resident *r = NULL;
	HASH_FIND(hh, z->residents, &key->epoch, sizeof(key->epoch), r);
	return r;
}

static void take_instance(struct ideal_zhost *z, const Samoza__V1__DesiredInstance *d)
{
	struct resident *r = find(z, d->key);
	if (r == NULL)
		r = resident_new(z, d->key->topology, d->key->path, d->key->epoch);
	take_spec(r, d->spec);
	r->is_listed = true;
	r->generation = d->generation;
	r->target = d->target;
	r->wanted_imports = d->imports_version;
	if (d->retry_generation != r->retry_generation)
		r->is_exhausted = false;
	r->retry_generation = d->retry_generation;
}

/* All of it is known before anything begins. */
static void take_desired(struct ideal_zhosts *all, struct ideal_zhost *z, int64_t now_ms,
			 const Samoza__V1__Desired *desired)
{
	for (struct resident *r = z->residents; r != NULL; r = r->hh.next)
		r->is_listed = !desired->full;
	for (size_t k = 0; k < desired->n_instances; k++)
		take_instance(z, desired->instances[k]);
	for (struct resident *r = z->residents; r != NULL; r = r->hh.next)
		if (!r->is_listed)
			r->target = SAMOZA__V1__TARGET__TARGET_NONE;
	for (size_t k = 0; k < desired->n_instances; k++) {
		struct resident *r = find(z, desired->instances[k]->key);
		if (r != NULL)
			advance(all, r, now_ms);
	}
	for (struct resident *r = z->residents, *next; r != NULL; r = next) {
		next = r->hh.next;
		if (!r->is_listed)
			advance(all, r, now_ms);
	}
}

static void take_table(struct ideal_zhosts *all, uint64_t link_id, int64_t now_ms,
		       const Samoza__V1__MeshTable *table)
{
	Samoza__V1__MeshApplied applied = SAMOZA__V1__MESH_APPLIED__INIT;
	applied.topology = table->topology;
	applied.version = table->version;
	if (table->confirm)
		send_at(all, now_ms + FRAME_MS, link_id,
			SAMOZA__V1__FRAME_TYPE__FRAME_MESH_APPLIED,
			schema_message_copy(&applied.base));
}

static void take_forget(struct ideal_zhosts *all, uint64_t link_id, int64_t now_ms,
			const Samoza__V1__DataForget *forget)
{
	Samoza__V1__DataForgotten done = SAMOZA__V1__DATA_FORGOTTEN__INIT;
	for (size_t k = 0; k < forget->n_topologies; k++)
		if (forget->topologies[k]->epoch > done.epoch)
			done.epoch = forget->topologies[k]->epoch;
	send_at(all, now_ms + FRAME_MS, link_id, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN,
		schema_message_copy(&done.base));
}

void ideal_zhosts_take(struct ideal_zhosts *all, int64_t now_ms,
		       const struct link_message *message)
{
	struct ideal_zhost *z = NULL;
	HASH_FIND(hh, all->by_link, &message->link_id, sizeof(message->link_id), z);
	if (z == NULL)
		return;
	switch ((int)message->type) {
	case SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED:
		take_desired(all, z, now_ms, (const Samoza__V1__Desired *)message->message);
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE:
		take_table(all, z->link_id, now_ms,
			   (const Samoza__V1__MeshTable *)message->message);
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGET:
		take_forget(all, z->link_id, now_ms,
			    (const Samoza__V1__DataForget *)message->message);
		break;
	default:
		break; /* it asks for no answer */
	}
}

/* ---- time ---- */

int64_t ideal_zhosts_next_ms(const struct ideal_zhosts *all)
{
	int64_t next = all->first != NULL ? all->first->at_ms : NEVER_MS;
	const struct heap_node *action = heap_first(&all->actions);
	const struct heap_node *heartbeat = heap_first(&all->heartbeats);
	if (action != NULL && action->key < next)
		next = action->key;
	return heartbeat != NULL && heartbeat->key < next ? heartbeat->key : next;
}

static void heartbeat(struct ideal_zhosts *all, struct ideal_zhost *z, struct instant now,
		      struct outbox *outbox)
{
	Samoza__V1__Heartbeat message = SAMOZA__V1__HEARTBEAT__INIT;
	message.identity = z->identity;
	message.incarnation = z->incarnation;
	message.counter = ++z->counter;
	const struct control_input input = {
		.type = CONTROL_HEARTBEAT,
		.heartbeat = {.link_id = z->link_id, .message = &message}};
	heap_set(&all->heartbeats, &z->node, now.mono_ms + all->heartbeat_ms);
	control_handle(all->control, now, &input, outbox);
}

size_t ideal_zhosts_run(struct ideal_zhosts *all, struct instant now, struct outbox *outbox)
{
	size_t count = 0;
	for (struct heap_node *n;
	     (n = heap_first(&all->actions)) != NULL && n->key <= now.mono_ms;)
		end_action(all, container_of(n, struct resident, node), now.mono_ms);
	for (struct ideal_frame *f; (f = all->first) != NULL && f->at_ms <= now.mono_ms;) {
		all->first = f->next;
		if (all->first == NULL)
			all->last = &all->first;
		take_input(all, now, f, outbox);
		schema_message_free(f->message);
		free(f);
		count++;
	}
	for (struct heap_node *n;
	     (n = heap_first(&all->heartbeats)) != NULL && n->key <= now.mono_ms; count++)
		heartbeat(all, container_of(n, struct ideal_zhost, node), now, outbox);
	return count;
}

bool ideal_zhosts_are_idle(const struct ideal_zhosts *all)
{
	return all->first == NULL && all->actions.count == 0;
}

/* ---- the beginning ---- */

/* Of the action that is under way; NEVER_MS: none is. */
static int64_t duration_of(const struct ideal_times *times, const struct resident *r)
{
	switch ((int)r->phase) {
	case SAMOZA__V1__PHASE__PHASE_DEPLOYING:
		return times->deploy_ms;
	case SAMOZA__V1__PHASE__PHASE_STARTING:
		return times->start_ms;
	case SAMOZA__V1__PHASE__PHASE_STOPPING:
		return r->grace_ms < times->stop_ms ? r->grace_ms : times->stop_ms;
	case SAMOZA__V1__PHASE__PHASE_UNDEPLOYING:
		return times->undeploy_ms;
	default:
		return NEVER_MS;
	}
}

/* What is to go is not described to its zhost once more, which knows it. */
static int64_t grace_of(const struct copy *copy)
{
	const struct declaration *d = copy->declared;
	if (d == NULL && copy->sc != NULL && copy->revision->declared != NULL)
		d = declarations_of(copy->revision->declared, copy->sc->slot);
	return d != NULL ? (int64_t)d->space->stop_grace_ms : NEVER_MS;
}

/* As its zhost has reported it. */
static void add_resident(struct ideal_zhosts *all, struct ideal_zhost *z,
			 const struct copy *copy, int64_t now_ms)
{
	struct resident *r =
		resident_new(z, copy_key_topology(copy), copy_path(copy), copy->of_slot.epoch);
	if (copy->heard)
		r->phase = (Samoza__V1__Phase)copy->phase;
	r->answered = copy->observed;
	r->retry_generation = copy->retry_generation;
	r->imports_version = copy->imports_version;
	r->is_exhausted = copy->exhausted;
	r->is_unhealthy = r->phase == SAMOZA__V1__PHASE__PHASE_STARTED && !copy->healthy;
	r->generation = copy->generation;
	r->target = (Samoza__V1__Target)copy->target;
	for (size_t k = 0; k < copy->export_count; k++)
		add_export(r, copy->exports[k].name, copy->exports[k].value);
	r->grace_ms = grace_of(copy);
	r->placement = copy->unit->epoch;
	int64_t duration_ms = duration_of(&all->times, r);
	if (duration_ms != NEVER_MS)
		heap_set(&all->actions, &r->node, now_ms + duration_ms);
}

/* Tables that its zhost has, and has not yet said so of. */
static void apply_tables(struct ideal_zhosts *all, int64_t now_ms)
{
	application_for_each (&all->control->applications, a)
		vector_for_each (&a->routes.subscribers, s) {
			Samoza__V1__MeshApplied applied = SAMOZA__V1__MESH_APPLIED__INIT;
			applied.topology = (char *)a->id;
			applied.version = a->routes.version;
			if (s->zhost->link_id != 0 && s->sent_link == s->zhost->link_id &&
			    s->applied < a->routes.version)
				send_at(all, now_ms + FRAME_MS, s->zhost->link_id,
					SAMOZA__V1__FRAME_TYPE__FRAME_MESH_APPLIED,
					schema_message_copy(&applied.base));
		}
}

struct ideal_zhosts *ideal_zhosts_new(struct control *control, const struct ideal_times *times,
				      int64_t now_ms)
{
	struct ideal_zhosts *all = mem_new(struct ideal_zhosts);
	all->control = control;
	all->times = *times;
	all->last = &all->first;
	all->heartbeat_ms = control->config.heartbeat_ms;
	zhost_for_each (&control->zhosts, z) {
		if (z->link_id == 0 || z->removed)
			continue;
		struct ideal_zhost *ideal = mem_new(struct ideal_zhost);
		int64_t due_ms = z->heard_ms + all->heartbeat_ms;
		ideal->link_id = z->link_id;
		ideal->identity = mem_strdup(z->identity);
		ideal->incarnation = z->incarnation;
		ideal->counter = z->counter;
		HASH_ADD(hh, all->by_link, link_id, sizeof(ideal->link_id), ideal);
		heap_set(&all->heartbeats, &ideal->node, due_ms > now_ms ? due_ms : now_ms + 1);
		for (const struct copy *copy = z->first_copy; copy != NULL;
		     copy = copy->next_on_zhost)
			add_resident(all, ideal, copy, now_ms);
	}
	apply_tables(all, now_ms);
	return all;
}

void ideal_zhosts_free(struct ideal_zhosts *all)
{
	if (all == NULL)
		return;
	for (struct ideal_frame *f = all->first, *next; f != NULL; f = next) {
		next = f->next;
		schema_message_free(f->message);
		free(f);
	}
	for (struct ideal_zhost *z = all->by_link, *next; z != NULL; z = next) {
		next = z->hh.next;
		while (z->residents != NULL)
			resident_free(all, z->residents);
		heap_remove(&all->heartbeats, &z->node);
		HASH_DEL(all->by_link, z);
		free(z->identity);
		free(z);
	}
	heap_done(&all->heartbeats);
	heap_done(&all->actions);
	free(all);
}
