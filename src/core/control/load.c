/*
 * From the records of a store back to a living control: states as they were last published,
 * placements as they were last decided. What zhosts report then is compared with that.
 */
#include "core/control/control.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/deployments.h"
#include "core/control/exclusions.h"
#include "core/control/forget.h"
#include "core/control/placement.h"
#include "core/control/residence.h"
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
	}
	return NULL;
}

static void take_meta(struct control *c, Samoza__V1__MetaRecord *take)
{
	c->next_epoch = take->next_epoch;
	c->next_sequence = take->next_sequence;
	c->emitter.next_event = take->next_event;
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
	z->since_ms = r->since_ms;
	z->forgotten_epoch = r->forgotten_epoch;
	if (!z->removed)
		z->place = place_zhost_set(c->place, &z->spec, z->state == ZHOST_STARTED,
					   z->cordoned);
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

static void load_exports(struct copy *copy, const Samoza__V1__InstanceRecord *r)
{
	struct instance_variable *exports =
		mem_new_array(struct instance_variable, r->n_exports);
	for (size_t k = 0; k < r->n_exports; k++) {
		exports[k].name = mem_strdup(r->exports[k]->name);
		exports[k].value = mem_strdup(r->exports[k]->value);
	}
	copy_set_exports(copy, exports, r->n_exports);
}

static void load_slot(struct slot *s, const Samoza__V1__InstanceRecord *r)
{
	slot_restore(s, (enum instance_goal)r->goal, (enum instance_state)r->state);
	s->since_ms = r->since_ms;
	s->goal_cause = mem_strdup(r->goal_cause);
	s->goal_ms = r->goal_ms;
	s->finished = r->finished;
	s->moving = r->evacuating;
}

static void load_copy(struct copy *copy, const Samoza__V1__InstanceRecord *r)
{
	copy->target = (uint8_t)r->target;
	if (r->epoch > 0)
		slot_copy_placed(&copy->of_path, r->epoch);
	copy->generation = r->order;
	copy->retry_generation = r->fresh;
	copy->last_error = mem_strdup(r->last_error);
	copy->placed_before = r->placed_before;
	copy->no_place = r->no_place;
	copy->imports_version = r->imports_version;
	copy->imports_hash = r->imports_hash;
	copy->exhausted = r->gave_up;
	copy->restarts = r->restarts;
	copy->failures = r->failures;
	copy->undeploy_failed = r->undeploy_failed;
	copy->zhost_lost = r->lost;
	load_exports(copy, r);
}

static void load_instance(struct control *c, const Samoza__V1__InstanceRecord *r)
{
	const struct deployment *d = deployment_find(&c->deployments, r->topology);
	struct slot *s = d != NULL ? slot_find(&d->slots, r->path) : NULL;
	if (s == NULL)
		return; /* of a topology that was removed in the same commit */
	struct copy *copy = copy_of(s);
	load_slot(s, r);
	load_copy(copy, r);
	copy->of_path.active = state_is_active(s->state);
	for (size_t k = r->n_exclusions; k-- > 0;) /* the newest is the first */
		exclusion_restore(c, copy, r->exclusions[k]);
	copy->last_zhost = zhost_find(&c->zhosts, r->last_zhost);
	struct control_zhost *z = zhost_find(&c->zhosts, r->zhost);
	if (z != NULL)
		copy_link(copy, z);
	/* A lost copy may have been heard last just before zrms ended: count from now. */
	if (r->held || (r->lost && slot_declared_space(s)->exclusive))
		copy_hold(c, copy,
			  c->now.mono_ms + c->config.failure_timeout_ms + c->config.margin_ms);
	copy_publish_facts(copy);
	topology_state_count(copy);
}

/* A child that waits under a started parent: the parent was about to stop, and had others to
 * wait for. If it stays, they are evaluated again. */
static bool was_closing(const struct slot *s)
{
	if (s->state != STATE_DEPLOYED_STARTED)
		return false;
	slot_for_each_child (s, child)
		if (child->state == STATE_WAITING_FOR_ANCESTOR)
			return true;
	return false;
}

/* Placements into the engine; stops that were under way continue in their order. */
static void resume(struct control *c, struct deployment *d)
{
	slot_list stopping = {0};
	vector_for_each (&d->slots.slots, item) {
		struct slot *s = *item;
		if (s->parent == NULL && copy_is_placed(copy_of(s)))
			placement_restore(c, copy_of(s));
		if (state_is_active(s->state) && s->goal != GOAL_DEPLOYED_STARTED)
			vector_push(&stopping, s);
		s->closing = was_closing(s);
		copy_publish_facts(copy_of(s)); /* now that all copies of its slot are known */
		/* What is on a zhost waits for that zhost's report. */
		if (!copy_is_placed(copy_of(s)))
			lifecycle_push(s);
	}
	if (stopping.count > 0)
		ordered_stop_begin(&d->slots, stopping.items, stopping.count);
	vector_done(&stopping);
	mark_deployment(d, DEPLOYMENT_STATE | DEPLOYMENT_PLACE);
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
	loaded_records_done(&c->loaded);
	for (struct deployment *d = c->deployments.first; d != NULL; d = d->next)
		resume(c, d);
	zhosts_start(c);
	return 0;
}
