/*
 * From the records of a store back to a living control: states as they were last published,
 * placements as they were last decided. What zhosts report then is compared with that.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/cluster.h"
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
	}
	return NULL;
}

static void take_meta(struct control *c, Samoza__V1__MetaRecord *take)
{
	c->next_epoch = take->next_epoch;
	c->next_sequence = take->next_sequence;
	c->next_event = take->next_event;
	free(c->cluster);
	c->cluster = mem_strdup(take->cluster);
	samoza__v1__meta_record__free_unpacked(take, NULL);
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
	switch (kind) {
	case RECORD_META:
		take_meta(c, (Samoza__V1__MetaRecord *)message);
		break;
	case RECORD_TOPOLOGY:
		vector_push(&c->loaded.topologies, (Samoza__V1__TopologyRecord *)message);
		break;
	case RECORD_INSTANCE:
		vector_push(&c->loaded.instances, (Samoza__V1__InstanceRecord *)message);
		break;
	case RECORD_ZHOST:
		vector_push(&c->loaded.zhosts, (Samoza__V1__ZhostRecord *)message);
		break;
	case RECORD_FORGOTTEN:
		forget_load(c, (Samoza__V1__ForgottenRecord *)message);
		schema_message_free(message);
		break;
	}
	return 0;
}

/* ---- zhosts ---- */

static int load_zhost(struct control *c, const Samoza__V1__ZhostRecord *r, struct error **err)
{
	struct zhost *z = zhost_add(c, r->spec->name);
	int result = zhost_take_spec(z, r->spec, err);
	if (result < 0)
		return error_wrap(err, "zhost %s in the store", r->spec->name);
	z->identity = mem_strdup(r->identity);
	z->incarnation = r->incarnation;
	z->state = (enum instance_state)r->state;
	z->cordoned = r->cordoned;
	z->removed = r->removed;
	z->zedge = mem_strdup(r->zedge);
	z->address = mem_strdup(r->address);
	z->platform = mem_strdup(r->platform);
	z->since_ms = r->since_ms;
	z->forgotten_epoch = r->forgotten_epoch;
	if (!z->removed)
		z->place = place_zhost_set(c->place, &z->spec,
					   z->state == STATE_DEPLOYED_STARTED, z->cordoned);
	return 0;
}

/* ---- topologies ---- */

static int compare_sequence(const void *pa, const void *pb)
{
	const Samoza__V1__TopologyRecord *a = *(Samoza__V1__TopologyRecord *const *)pa;
	const Samoza__V1__TopologyRecord *b = *(Samoza__V1__TopologyRecord *const *)pb;
	return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

static int load_topologies(struct control *c, struct error **err)
{
	size_t count = c->loaded.topologies.count;
	if (count > 1)
		qsort(c->loaded.topologies.items, count, sizeof(*c->loaded.topologies.items),
		      compare_sequence);
	for (size_t k = 0; k < count; k++) {
		Samoza__V1__TopologyRecord **record = &c->loaded.topologies.items[k];
		CLEANUP(topology_unrefp) struct topology *topology = NULL;
		int r = topology_compile((*record)->topology, NULL, NULL, NULL, &topology, err);
		if (r < 0)
			return error_wrap(err, "topology %s in the store", (*record)->name);
		(void)deployment_add(c, steal_ptr(record), topology);
	}
	vector_clear(&c->loaded.topologies);
	return 0;
}

/* ---- instances ---- */

static void load_exclusions(struct control *c, struct instance *i,
			    const Samoza__V1__InstanceRecord *r)
{
	for (size_t k = r->n_exclusions; k-- > 0;) { /* the newest is the first */
		const Samoza__V1__Exclusion *x = r->exclusions[k];
		struct exclusion *e = mem_new(struct exclusion);
		e->control = c;
		e->root = i;
		e->zhost = mem_strdup(x->zhost);
		e->incarnation = x->incarnation;
		e->until_wall_ms = x->until_ms;
		e->sentence = mem_strdup(x->sentence);
		e->next = i->control;
		i->control = e;
		int64_t left = x->until_ms - c->now.wall_ms;
		heap_set(&c->exclusion_timers, &e->timer,
			 c->now.mono_ms + (left > 0 ? left : 0));
	}
}

static void load_exports(struct instance *i, const Samoza__V1__InstanceRecord *r)
{
	struct instance_variable *exports =
		mem_new_array(struct instance_variable, r->n_exports);
	for (size_t k = 0; k < r->n_exports; k++) {
		exports[k].name = mem_strdup(r->exports[k]->name);
		exports[k].value = mem_strdup(r->exports[k]->value);
	}
	instance_set_exports(i, exports, r->n_exports);
}

static void load_instance(struct control *c, const Samoza__V1__InstanceRecord *r)
{
	struct deployment *d = deployment_find(c, r->topology);
	int index = d != NULL ? topology_find_instance(d->app->topology, r->path) : -1;
	if (index < 0)
		return; /* of a topology that was removed in the same commit */
	struct instance *i = &d->app->instances[index];
	instance_restore(i, (enum instance_goal)r->goal, (enum instance_state)r->state);
	i->target = (enum instance_target)r->target;
	i->epoch = r->epoch;
	i->order = r->order;
	i->fresh = r->fresh;
	i->last_error = mem_strdup(r->last_error);
	i->placed_before = r->placed_before;
	i->no_place = r->no_place;
	i->since_ms = r->since_ms;
	i->imports_version = r->imports_version;
	i->imports_hash = r->imports_hash;
	i->gave_up = r->gave_up;
	i->goal_cause = mem_strdup(r->goal_cause);
	i->goal_ms = r->goal_ms;
	i->restarts = r->restarts;
	i->failures = r->failures;
	i->undeploy_failed = r->undeploy_failed;
	i->finished = r->finished;
	i->evacuating = r->evacuating;
	i->lost = r->lost;
	load_exports(i, r);
	load_exclusions(c, i, r);
	i->last_zhost = zhost_find(c, r->last_zhost);
	struct zhost *z = zhost_find(c, r->zhost);
	if (z != NULL)
		zhost_link_instance(z, i);
	if (i->epoch > 0)
		data_owner_set(i);
	/* A lost copy may have been heard last just before zrms ended: count from now. */
	if (r->held || (r->lost && instance_space_of(i)->exclusive))
		instance_hold(i, c->now.mono_ms + c->config.failure_timeout_ms +
					 c->config.margin_ms);
	update_trouble(i);
}

/* A child that waits under a started parent: the parent was about to stop, and had others to
 * wait for. Should it stay, it tells them. */
static bool was_closing(struct instance *i)
{
	const struct topology *t = i->app->topology;
	if (i->state != STATE_DEPLOYED_STARTED)
		return false;
	instance_for_each_child (t, i->index, c)
		if (i->app->instances[c].state == STATE_WAITING_FOR_ANCESTOR)
			return true;
	return false;
}

/* Placements into the engine; stops that were under way go on in their order. */
static void resume(struct deployment *d)
{
	struct application *app = d->app;
	VECTOR(struct instance *) stopping = {0};
	for (uint32_t k = 0; k < app->topology->instance_count; k++) {
		struct instance *i = &app->instances[k];
		if (instance_parent(i) == NULL && instance_is_placed(i))
			placing_restore(i, i->zhost);
		if (state_is_active(i->state) && i->goal != GOAL_DEPLOYED_STARTED)
			vector_push(&stopping, i);
		i->closing = was_closing(i);
		/* What is on a zhost waits for that zhost's report. */
		if (!instance_is_placed(i))
			lifecycle_push(i);
	}
	if (stopping.count > 0)
		group_order(app, stopping.items, stopping.count);
	vector_done(&stopping);
	deployment_mark_state(d);
	deployment_mark_place(d);
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
	int r = load_topologies(c, err);
	if (r < 0)
		return r;
	vector_for_each (&c->loaded.instances, record)
		load_instance(c, *record);
	vector_for_each (&c->loaded.instances, record)
		samoza__v1__instance_record__free_unpacked(*record, NULL);
	vector_done(&c->loaded.instances);
	vector_for_each (&c->loaded.zhosts, record)
		samoza__v1__zhost_record__free_unpacked(*record, NULL);
	vector_done(&c->loaded.zhosts);
	for (struct deployment *d = c->first; d != NULL; d = d->next)
		resume(d);
	zhosts_start(c);
	mark_meta(c);
	return 0;
}
