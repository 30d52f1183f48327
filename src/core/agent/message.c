/* What the agent tells zrms: HELLO, reports, heartbeats. */
#include "core/agent/internal.h"

void *message_copy(const void *message)
{
	if (message == NULL)
		return NULL;
	const ProtobufCMessage *m = message;
	size_t size = protobuf_c_message_get_packed_size(m);
	uint8_t *data = mem_calloc(1, size + 1);
	protobuf_c_message_pack(m, data);
	void *copy = protobuf_c_message_unpack(m->descriptor, NULL, size, data);
	free(data);
	if (copy == NULL)
		IMPOSSIBLE("a packed message cannot be read");
	return copy;
}

static void send(struct agent *agent, Samoza__V1__FrameType type, ProtobufCMessage *message)
{
	vector_push(&agent->outbox->messages,
		    ((struct agent_message){.type = type, .message = message}));
}

/* A try follows by itself. */
static bool waits_for_retry(const struct agent *agent, const struct instance *i)
{
	if ((i->action != 0 && i->phase != PHASE_DEPLOYED) || i->gave_up || i->finished ||
	    i->failures.count == 0 || agent->removed || i->next != NULL)
		return false;
	if (i->phase == PHASE_ABSENT)
		return i->desired->target != SAMOZA__V1__TARGET__TARGET_NONE;
	return i->phase == PHASE_DEPLOYED &&
	       i->desired->target == SAMOZA__V1__TARGET__TARGET_STARTED;
}

/* zrms asks for a start that has to wait, and may believe that it has begun. */
static bool waits_for_parent(const struct agent *agent, const struct instance *i)
{
	return i->action == 0 && i->phase == PHASE_DEPLOYED && !i->finished &&
	       !instance_is_unwanted(agent, i) &&
	       i->desired->target == SAMOZA__V1__TARGET__TARGET_STARTED &&
	       !family_may_start(agent, i);
}

static Samoza__V1__InstanceReport *report_new(const struct agent *agent,
					      const struct instance *i)
{
	/* Put together of borrowed parts, then copied whole. */
	Samoza__V1__InstanceReport r = SAMOZA__V1__INSTANCE_REPORT__INIT;
	r.key = i->key;
	r.order = i->desired->order;
	r.phase = (Samoza__V1__Phase)i->phase;
	r.error = i->error;
	if (r.error == NULL && waits_for_parent(agent, i))
		r.error = (char *)"start: its ancestor does not run here";
	r.has_failures = true;
	r.failures = (uint32_t)i->failures.count;
	r.has_gave_up = i->gave_up;
	r.gave_up = i->gave_up;
	r.has_finished = i->finished;
	r.finished = i->finished;
	r.has_restarts = true;
	r.restarts = i->restarts;
	r.has_retry_ms = waits_for_retry(agent, i);
	if (r.has_retry_ms && i->not_before_ms > agent->now.mono_ms)
		r.retry_ms = (uint64_t)(i->not_before_ms - agent->now.mono_ms);
	if (i->phase == PHASE_STARTED) {
		r.exports = i->exports;
		r.n_exports = i->n_exports;
		r.has_imports_version = true;
		r.imports_version = i->imports_version;
	}
	return message_copy(&r);
}

void report_add(struct agent *agent, struct instance *i)
{
	i->answered_order = i->desired->order;
	i->told_waiting = waits_for_parent(agent, i);
	if (agent->linked)
		vector_push(&agent->reports, report_new(agent, i));
}

void report_add_absent(struct agent *agent, const Samoza__V1__InstanceKey *key, uint64_t order,
		       const char *error)
{
	if (!agent->linked)
		return;
	Samoza__V1__InstanceReport r = SAMOZA__V1__INSTANCE_REPORT__INIT;
	r.key = (Samoza__V1__InstanceKey *)key;
	r.order = order;
	r.phase = SAMOZA__V1__PHASE__PHASE_ABSENT;
	r.error = (char *)error;
	vector_push(&agent->reports, message_copy(&r));
}

void reports_send(struct agent *agent)
{
	if (agent->reports.count == 0)
		return;
	Samoza__V1__Report *report = mem_new(Samoza__V1__Report);
	samoza__v1__report__init(report);
	report->n_instances = agent->reports.count;
	report->instances = mem_memdup(agent->reports.items,
				       agent->reports.count * sizeof(*agent->reports.items));
	vector_clear(&agent->reports);
	send(agent, SAMOZA__V1__FRAME_TYPE__FRAME_REPORT, &report->base);
}

void hello_send(struct agent *agent)
{
	VECTOR(Samoza__V1__InstanceReport *) held = {0};
	for (struct instance *i = agent->instances; i != NULL; i = i->hh.next) {
		vector_push(&held, report_new(agent, i));
		i->answered_order = i->desired->order;
		i->told_waiting = waits_for_parent(agent, i);
	}
	Samoza__V1__Hello h = SAMOZA__V1__HELLO__INIT;
	h.protocol = 1;
	h.spec = agent->spec;
	h.identity = agent->identity;
	h.incarnation = agent->incarnation;
	h.zedge = agent->zedge;
	h.platform = agent->platform;
	h.version = agent->version;
	h.address = agent->address;
	h.has_heartbeat_counter = true;
	h.heartbeat_counter = agent->counter;
	h.instances = held.items;
	h.n_instances = held.count;
	send(agent, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO, message_copy(&h));
	vector_for_each (&held, r)
		samoza__v1__instance_report__free_unpacked(*r, NULL);
	vector_done(&held);
}

void heartbeat_send(struct agent *agent)
{
	VECTOR(Samoza__V1__InstanceKey *) running = {0};
	for (struct instance *i = agent->instances; i != NULL; i = i->hh.next)
		if (i->phase == PHASE_STARTED)
			vector_push(&running, i->key);
	Samoza__V1__Heartbeat h = SAMOZA__V1__HEARTBEAT__INIT;
	h.identity = agent->identity;
	h.incarnation = agent->incarnation;
	h.counter = ++agent->counter;
	h.usage = agent->usage;
	h.running = running.items;
	h.n_running = running.count;
	send(agent, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT, message_copy(&h));
	vector_done(&running);
	vector_push(&agent->unacknowledged,
		    ((struct sent_heartbeat){agent->counter, agent->now.mono_ms}));
	heap_set(&agent->timers, &agent->heartbeat_timer.node,
		 agent->now.mono_ms + agent->heartbeat_ms);
}
