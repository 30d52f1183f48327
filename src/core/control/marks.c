/*
 * What changed since the last flush, written once with its final value; and the small change
 * of the outbox: events, messages, replies.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/cluster.h"

void mark_instance(struct instance *i, unsigned marks)
{
	struct control *c = deployment_of(i)->control;
	if ((i->marks & (MARK_RECORD | MARK_ORDER)) == 0)
		vector_push(&c->marked, i);
	i->marks |= marks;
}

void mark_zhost(struct zhost *z)
{
	if (!z->record_marked)
		vector_push(&z->control->zhosts_marked, z);
	z->record_marked = true;
}

void mark_meta(struct control *c)
{
	c->meta_marked = true;
}

void emit_event(struct control *c, const char *kind, const char *subject, const char *from,
		const char *to, const char *topology, const char *cause)
{
	Samoza__V1__EventRecord *e = mem_new(Samoza__V1__EventRecord);
	samoza__v1__event_record__init(e);
	e->seq = c->next_event++;
	e->time_ms = c->now.wall_ms;
	e->kind = mem_strdup(kind);
	e->subject = mem_strdup(subject);
	e->from = mem_strdup(from != NULL ? from : "");
	e->to = mem_strdup(to != NULL ? to : "");
	e->topology = mem_strdup(topology);
	e->cause = mem_strdup(cause);
	vector_push(&c->outbox->events, e);
	mark_meta(c);
}

void emit_message(struct control *c, uint64_t link, Samoza__V1__FrameType type, void *message,
		  bool close)
{
	*vector_add(&c->outbox->messages) = (struct link_message){
		.link = link, .type = type, .message = message, .close = close};
}

void emit_reply(struct control *c, uint64_t request, struct error *take_error,
		const char *topology, const char *path, const char *notice)
{
	if (take_error != NULL)
		c->count.refusals++;
	if (request == 0) {
		error_free(take_error);
		return;
	}
	*vector_add(&c->outbox->replies) = (struct reply){
		.request = request,
		.code = take_error != NULL ? (int)take_error->code : 0,
		.message = mem_strdup(take_error != NULL ? take_error->message : notice),
		.error = take_error,
		.topology = mem_strdup(topology),
		.path = mem_strdup(path),
	};
}

/* ---- records ---- */

static void put(struct control *c, enum record_kind kind, char *take_id,
		const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *data = mem_calloc(size + 1, 1);
	size_t packed = protobuf_c_message_pack(message, data);
	INVARIANT(packed == size);
	*vector_add(&c->outbox->records) =
		(struct record_change){.kind = kind, .id = take_id, .data = data, .size = size};
}

static void write_instance(struct control *c, struct instance *i)
{
	const struct deployment *d = deployment_of(i);
	const struct zhost *z = i->zhost, *last = i->last_zhost;
	Samoza__V1__InstanceRecord r = SAMOZA__V1__INSTANCE_RECORD__INIT;
	r.topology = (char *)d->id;
	r.path = (char *)instance_decl(i)->path;
	r.goal = (Samoza__V1__Goal)i->goal;
	r.state = (Samoza__V1__State)i->state;
	r.zhost = z != NULL ? z->name : NULL;
	r.last_zhost = last != NULL ? last->name : NULL;
	r.has_epoch = i->epoch != 0;
	r.epoch = i->epoch;
	r.has_order = true;
	r.order = i->order;
	r.has_target = true;
	r.target = (Samoza__V1__Target)i->target;
	r.has_fresh = i->fresh != 0;
	r.fresh = i->fresh;
	r.last_error = i->last_error;
	r.has_placed_before = r.placed_before = i->placed_before;
	r.has_since_ms = i->since_ms != 0;
	r.since_ms = i->since_ms;
	r.has_imports_version = i->imports_version != 0;
	r.imports_version = i->imports_version;
	r.has_imports_hash = i->imports_hash != 0;
	r.imports_hash = i->imports_hash;
	r.has_gave_up = r.gave_up = i->gave_up;
	r.goal_cause = i->goal_cause;
	r.has_goal_ms = i->goal_ms != 0;
	r.goal_ms = i->goal_ms;
	r.has_restarts = i->restarts != 0;
	r.restarts = i->restarts;
	r.has_lost = r.lost = i->lost;
	r.has_failures = i->failures != 0;
	r.failures = i->failures;
	r.has_undeploy_failed = r.undeploy_failed = i->undeploy_failed;
	r.has_finished = r.finished = i->finished;
	r.has_evacuating = r.evacuating = i->evacuating;
	r.has_no_place = r.no_place = i->no_place;
	r.has_held = r.held = i->hold_until_ms > c->now.mono_ms;
	CLEANUP(freep)
	Samoza__V1__Variable *variables = mem_new_array(Samoza__V1__Variable, i->export_count);
	CLEANUP(freep)
	Samoza__V1__Variable **exports = mem_new_array(Samoza__V1__Variable *, i->export_count);
	for (size_t k = 0; k < i->export_count; k++) {
		samoza__v1__variable__init(&variables[k]);
		variables[k].name = i->exports[k].name;
		variables[k].value = i->exports[k].value;
		exports[k] = &variables[k];
	}
	r.n_exports = i->export_count;
	r.exports = exports;
	VECTOR(Samoza__V1__Exclusion) list = {0};
	for (const struct exclusion *e = i->control; e != NULL; e = e->next) {
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

static void write_deployment(struct control *c, struct deployment *d)
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

static void write_zhost(struct control *c, struct zhost *z)
{
	Samoza__V1__ZhostRecord r = SAMOZA__V1__ZHOST_RECORD__INIT;
	r.spec = z->message;
	r.identity = z->identity;
	r.incarnation = z->incarnation;
	r.state = (Samoza__V1__State)z->state;
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
	r.next_event = c->next_event;
	put(c, RECORD_META, mem_strdup(""), &r.base);
}

void write_records(struct control *c)
{
	vector_for_each (&c->zhosts_marked, z) {
		(*z)->record_marked = false;
		write_zhost(c, *z);
	}
	vector_clear(&c->zhosts_marked);
	vector_for_each (&c->deployments_marked, d) {
		if ((*d)->record_marked)
			write_deployment(c, *d);
		(*d)->record_marked = false;
	}
	vector_clear(&c->deployments_marked);
	vector_for_each (&c->marked, i) {
		if (((*i)->marks & MARK_RECORD) != 0)
			write_instance(c, *i);
		(*i)->marks &= ~(MARK_RECORD | MARK_ORDER);
	}
	vector_clear(&c->marked);
	if (c->meta_marked)
		write_meta(c);
	c->meta_marked = false;
}
