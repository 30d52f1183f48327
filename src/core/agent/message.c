/* What the agent sends to zrms: HELLO, reports, heartbeats. */
#include "core/agent/message.h"

#include "core/mesh_sum.h"

#include "core/agent/family.h"
#include "schema/message.h"

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
	if (copy == NULL) /* what was just packed can be read */
		out_of_memory(1, size);
	return copy;
}

static void send(struct agent *agent, Samoza__V1__FrameType type, ProtobufCMessage *message)
{
	vector_push(&agent->outbox->messages,
		    ((struct agent_message){.type = type, .message = message}));
}

/* A further attempt follows without a request. */
static bool waits_for_retry(const struct agent *agent, const struct agent_copy *copy)
{
	if ((copy->action != 0 && copy->phase != PHASE_DEPLOYED) || copy->exhausted ||
	    copy->finished || (copy->failures.count == 0 && copy->unreached == 0) ||
	    agent->removed)
		return false;
	if (copy->phase == PHASE_ABSENT)
		return copy->desired->target != SAMOZA__V1__TARGET__TARGET_NONE;
	return copy->phase == PHASE_DEPLOYED &&
	       copy->desired->target == SAMOZA__V1__TARGET__TARGET_STARTED;
}

/* zrms asks for a start that has to wait; it may believe that the start has begun. */
static bool waits_for_parent(const struct agent *agent, const struct agent_copy *copy)
{
	return copy->action == 0 && copy->phase == PHASE_DEPLOYED && !copy->finished &&
	       !copy_is_unwanted(agent, copy) &&
	       copy->desired->target == SAMOZA__V1__TARGET__TARGET_STARTED &&
	       !family_may_start(agent, copy);
}

/* Its error says that a start has ended, and needs no other word. */
static bool is_of_start(const struct agent_copy *copy)
{
	return copy->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_START ||
	       copy->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_PROCESS ||
	       copy->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_ENDED;
}

static Samoza__V1__InstanceReport *report_new(const struct agent *agent,
					      const struct agent_copy *copy)
{
	/* Built from borrowed parts, then copied. */
	Samoza__V1__InstanceReport r = SAMOZA__V1__INSTANCE_REPORT__INIT;
	r.key = copy->key;
	r.observed_generation = copy->desired->generation;
	r.phase = (Samoza__V1__Phase)copy->phase;
	r.error = copy->error;
	r.failed_action = copy->failed_action;
	if (!is_of_start(copy) && waits_for_parent(agent, copy)) {
		r.error = (char *)"start: its ancestor does not run here";
		r.failed_action = SAMOZA__V1__FAILED_ACTION__FAILED_START;
	}
	CLEANUP(freep)
	char *waited = copy->waited != NULL
			       ? str_printf("waited without zrms: %s", copy->waited)
			       : NULL;
	r.waited = waited;
	r.has_failed_action = r.error != NULL;
	r.has_error_wall_ms = copy->error != NULL;
	r.error_wall_ms = copy->error_wall_ms;
	r.has_failures = true;
	r.failures = (uint32_t)copy->failures.count;
	r.has_exhausted = copy->exhausted;
	r.exhausted = copy->exhausted;
	r.has_finished = copy->finished;
	r.finished = copy->finished;
	r.has_restarts = true;
	r.restarts = copy->restarts;
	r.has_retry_ms = waits_for_retry(agent, copy);
	if (r.has_retry_ms && copy->retry_not_before_ms > agent->now.mono_ms)
		r.retry_ms = (uint64_t)(copy->retry_not_before_ms - agent->now.mono_ms);
	if (copy->phase == PHASE_STARTED) {
		r.has_healthy = true;
		r.healthy = copy->is_healthy;
		r.has_well = r.well = copy->well;
		r.exports = copy->exports;
		r.n_exports = copy->n_exports;
		r.has_imports_version = true;
		r.imports_version = copy->imports_version;
		r.has_settings = copy->settings.sum != 0;
		r.settings = copy->settings.sum;
		r.has_settings_unset = copy->settings.unset != 0;
		r.settings_unset = copy->settings.unset;
	}
	return message_copy(&r);
}

void agent_report_add(struct agent *agent, struct agent_copy *copy)
{
	copy->answered_generation = copy->desired->generation;
	copy->waiting_reported = waits_for_parent(agent, copy);
	if (agent->linked)
		vector_push(&agent->reports, report_new(agent, copy));
}

void report_add_absent(struct agent *agent, const Samoza__V1__DesiredInstance *entry,
		       Samoza__V1__FailedAction failed, const char *error)
{
	if (!agent->linked)
		return;
	Samoza__V1__InstanceReport r = SAMOZA__V1__INSTANCE_REPORT__INIT;
	r.key = entry->key;
	r.observed_generation = entry->generation;
	r.phase = SAMOZA__V1__PHASE__PHASE_ABSENT;
	r.error = (char *)error;
	r.has_failed_action = error != NULL;
	r.failed_action = failed;
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

void hello_send(struct agent *agent, const uint64_t *mesh_sums)
{
	VECTOR(Samoza__V1__InstanceReport *) held = {0};
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next) {
		vector_push(&held, report_new(agent, copy));
		copy->answered_generation = copy->desired->generation;
		copy->waiting_reported = waits_for_parent(agent, copy);
	}
	Samoza__V1__Hello h = SAMOZA__V1__HELLO__INIT;
	h.protocol = AGENT_PROTOCOL;
	h.spec = agent->spec;
	h.identity = agent->identity;
	h.incarnation = agent->incarnation;
	h.zedge = agent->zedge;
	h.mesh = agent->mesh;
	h.platform = agent->platform;
	h.version = agent->version;
	h.address = agent->address;
	h.limits = agent->limits;
	h.machine = agent->machine;
	h.has_exec = true;
	h.exec = agent->allows_exec;
	h.has_page_access = h.page_access = true;
	h.has_api_token = h.api_token = true;
	h.has_settings = h.settings = true;
	h.has_secrets = h.secrets = agent->gives_secrets;
	h.instances = held.items;
	h.n_instances = held.count;
	h.mesh_sums = (uint64_t *)(uintptr_t)mesh_sums;
	h.n_mesh_sums = mesh_sums != NULL ? MESH_PARTS : 0;
	h.has_refused_term = h.has_term = agent->refused_term != 0;
	h.refused_term = agent->refused_term;
	h.term = agent->term;
	send(agent, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO, message_copy(&h));
	vector_for_each (&held, r)
		samoza__v1__instance_report__free_unpacked(*r, NULL);
	vector_done(&held);
}

void heartbeat_send(struct agent *agent)
{
	Samoza__V1__Heartbeat *h =
		(Samoza__V1__Heartbeat *)schema_message_new(&samoza__v1__heartbeat__descriptor);
	h->identity = mem_strdup(agent->identity);
	h->incarnation = agent->incarnation;
	h->counter = ++agent->counter;
	h->usage = message_copy(agent->usage);
	send(agent, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT, &h->base);
	vector_push(&agent->unacknowledged,
		    ((struct sent_heartbeat){agent->counter, agent->now.mono_ms}));
	heap_set(&agent->timers, &agent->heartbeat_timer.node,
		 agent->now.mono_ms + agent->heartbeat_ms);
}
