#include "core/control/record_writer.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/exclusions.h"
#include "core/control/state.h"

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

static void write_copy(struct control *c, const struct copy *copy)
{
	const struct slot *s = copy->slot;
	const struct deployment *d = deployment_of(s);
	const struct control_zhost *z = copy->zhost, *last = copy->last_zhost;
	Samoza__V1__InstanceRecord r = SAMOZA__V1__INSTANCE_RECORD__INIT;
	r.topology = (char *)d->id;
	r.path = (char *)s->path;
	r.goal = (Samoza__V1__Goal)s->goal;
	r.state = (Samoza__V1__State)s->state;
	r.zhost = z != NULL ? z->name : NULL;
	r.last_zhost = last != NULL ? last->name : NULL;
	r.has_epoch = copy->of_path.epoch != 0;
	r.epoch = copy->of_path.epoch;
	r.has_order = true;
	r.order = copy->generation;
	r.has_target = true;
	r.target = (Samoza__V1__Target)copy->target;
	r.has_fresh = copy->retry_generation != 0;
	r.fresh = copy->retry_generation;
	r.last_error = copy->last_error;
	r.has_placed_before = r.placed_before = copy->placed_before;
	r.has_since_ms = s->since_ms != 0;
	r.since_ms = s->since_ms;
	r.has_imports_version = copy->imports_version != 0;
	r.imports_version = copy->imports_version;
	r.has_imports_hash = copy->imports_hash != 0;
	r.imports_hash = copy->imports_hash;
	r.has_gave_up = r.gave_up = copy->exhausted;
	r.goal_cause = s->goal_cause;
	r.has_goal_ms = s->goal_ms != 0;
	r.goal_ms = s->goal_ms;
	r.has_restarts = copy->restarts != 0;
	r.restarts = copy->restarts;
	r.has_lost = r.lost = copy->zhost_lost;
	r.has_failures = copy->failures != 0;
	r.failures = copy->failures;
	r.has_undeploy_failed = r.undeploy_failed = copy->undeploy_failed;
	r.has_finished = r.finished = s->finished;
	r.has_evacuating = r.evacuating = s->moving;
	r.has_no_place = r.no_place = copy->no_place;
	r.has_held = r.held = copy->may_run_at_ms > c->now.mono_ms;
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
	VECTOR(Samoza__V1__Exclusion) list = {0};
	for (const struct exclusion *e = copy->exclusions; e != NULL; e = e->next) {
		Samoza__V1__Exclusion *x = vector_add(&list);
		samoza__v1__exclusion__init(x);
		x->zhost = e->zhost;
		x->incarnation = e->incarnation;
		x->until_ms = e->until_wall_ms;
		x->sentence = e->sentence;
	}
	CLEANUP(freep)
	Samoza__V1__Exclusion **exclusions = mem_new_array(Samoza__V1__Exclusion *, list.count);
	for (size_t k = 0; k < list.count; k++)
		exclusions[k] = &list.items[k];
	r.n_exclusions = list.count;
	r.exclusions = exclusions;
	put(c, RECORD_INSTANCE, str_printf("%s/%s", d->id, r.path), &r.base);
	vector_done(&list);
}

static void write_deployment(struct control *c, const struct deployment *d)
{
	Samoza__V1__TopologyRecord r = *d->record; /* shares everything, for the packing only */
	r.state = (char *)topology_state_name(d->state);
	r.failure_reason = d->reason;
	r.has_was_running = true;
	r.was_running = d->was_running;
	r.has_ever_started = true;
	r.ever_started = d->ever_started;
	r.updated_ms = d->updated_ms;
	put(c, RECORD_TOPOLOGY, mem_strdup(d->id), &r.base);
}

static void write_zhost(struct control *c, const struct control_zhost *z)
{
	Samoza__V1__ZhostRecord r = SAMOZA__V1__ZHOST_RECORD__INIT;
	r.spec = z->message;
	r.identity = z->identity;
	r.incarnation = z->incarnation;
	r.state = (Samoza__V1__State)zhost_state_public(z->state);
	r.has_cordoned = r.cordoned = z->cordoned;
	r.has_removed = r.removed = z->removed;
	r.zedge = z->zedge;
	r.address = z->address;
	r.platform = z->platform;
	r.has_since_ms = true;
	r.since_ms = z->since_ms;
	r.has_forgotten_epoch = z->forgotten_epoch != 0;
	r.forgotten_epoch = z->forgotten_epoch;
	put(c, RECORD_ZHOST, mem_strdup(z->name), &r.base);
}

static void write_meta(struct control *c)
{
	Samoza__V1__MetaRecord r = SAMOZA__V1__META_RECORD__INIT;
	r.next_epoch = c->next_epoch;
	r.next_sequence = c->next_sequence;
	r.cluster = c->cluster;
	r.has_next_event = true;
	r.next_event = c->emitter.next_event;
	put(c, RECORD_META, mem_strdup(""), &r.base);
}

/* Numbers were drawn since the last MetaRecord. */
static bool meta_changed(const struct control *c)
{
	return c->written.next_epoch != c->next_epoch ||
	       c->written.next_sequence != c->next_sequence ||
	       c->written.next_event != c->emitter.next_event;
}

void records_write(struct control *c)
{
	vector_for_each (&c->dirty.zhosts, z)
		write_zhost(c, *z);
	vector_for_each (&c->dirty.deployments, d)
		if (((*d)->marks & DEPLOYMENT_RECORD) != 0)
			write_deployment(c, *d);
	vector_for_each (&c->dirty.copies, copy) {
		if (((*copy)->marks & COPY_RECORD) != 0)
			write_copy(c, *copy);
		(*copy)->marks &= ~(unsigned)COPY_RECORD; /* it may be listed twice */
	}
	dirty_set_clear(&c->dirty);
	if (meta_changed(c))
		write_meta(c);
	c->written.next_epoch = c->next_epoch;
	c->written.next_sequence = c->next_sequence;
	c->written.next_event = c->emitter.next_event;
}

void records_delete(struct control *c, const struct deployment *d)
{
	vector_for_each (&d->slots.slots, s)
		delete (c, RECORD_INSTANCE, str_printf("%s/%s", d->id, (*s)->path));
	delete (c, RECORD_TOPOLOGY, mem_strdup(d->id));
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
