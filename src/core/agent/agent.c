/* Inputs, timers and the link; internal.h lists the other files of the agent. */
#include "core/agent/alone.h"
#include "core/agent/alone_events.h"
#include "core/agent/attempts.h"
#include "core/agent/copy.h"
#include "core/agent/desired.h"
#include "core/agent/import_list.h"
#include "core/agent/import_set.h"
#include "core/agent/lease.h"
#include "core/agent/link_record.h"
#include "core/agent/message.h"
#include "core/agent/reconcile.h"
#include "core/agent/record.h"
#include "core/agent/result.h"

const char *agent_action_name(enum agent_action action)
{
	switch (action) {
	case ACTION_DEPLOY:
		return "deploy";
	case ACTION_START:
		return "start";
	case ACTION_UPDATE:
		return "update";
	case ACTION_STOP:
		return "stop";
	case ACTION_UNDEPLOY:
		return "undeploy";
	}
	IMPOSSIBLE("no such action");
}

/* ---- outbox ---- */

void agent_outbox_init(struct agent_outbox *o)
{
	*o = (struct agent_outbox){0};
}

void agent_outbox_clear(struct agent_outbox *o)
{
	vector_for_each (&o->records, r) {
		free(r->id);
		free(r->data);
	}
	vector_for_each (&o->orders, order)
		import_set_unref(order->import_set);
	vector_for_each (&o->messages, m)
		protobuf_c_message_free_unpacked(m->message, NULL);
	vector_clear(&o->records);
	vector_clear(&o->orders);
	vector_clear(&o->messages);
}

void agent_outbox_done(struct agent_outbox *o)
{
	agent_outbox_clear(o);
	vector_done(&o->records);
	vector_done(&o->orders);
	vector_done(&o->messages);
}

/* ---- begin and end ---- */

struct agent *agent_new(const struct agent_config *config)
{
	PRE(config->heartbeat_ms > 0 && config->failure_timeout_ms > 0);
	struct agent *agent = mem_new(struct agent);
	agent->identity = mem_strdup(config->identity);
	agent->zedge = mem_strdup(config->zedge);
	agent->mesh = mem_strdup(config->mesh);
	agent->platform = mem_strdup(config->platform);
	agent->version = mem_strdup(config->version);
	agent->address = mem_strdup(config->address);
	agent->boot = mem_strdup(config->boot);
	agent->machine = mem_strdup(config->machine);
	agent->limits = message_copy(config->limits);
	agent->allows_exec = config->allows_exec;
	agent->gives_secrets = config->gives_secrets;
	agent->incarnation = config->incarnation;
	agent->spec = message_copy(config->spec);
	agent->heartbeat_ms = config->heartbeat_ms;
	agent->failure_timeout_ms = config->failure_timeout_ms;
	agent->defaults = space_defaults();
	agent->heartbeat_timer = (struct timer){.kind = TIMER_HEARTBEAT};
	agent->alone_timer = (struct timer){.kind = TIMER_ALONE};
	agent->try_timer = (struct timer){.kind = TIMER_TRY};
	return agent;
}

void agent_free(struct agent *agent)
{
	if (agent == NULL)
		return;
	struct agent_copy *next = NULL;
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = next) {
		next = copy->hh.next;
		copy_free(agent, copy);
	}
	import_lists_clear(agent);
	alone_free(agent);
	vector_for_each (&agent->reports, r)
		samoza__v1__instance_report__free_unpacked(*r, NULL);
	vector_done(&agent->reports);
	vector_done(&agent->changed);
	vector_done(&agent->unacknowledged);
	heap_done(&agent->timers);
	samoza__v1__zhost_spec__free_unpacked(agent->spec, NULL);
	samoza__v1__usage__free_unpacked(agent->usage, NULL);
	samoza__v1__link_record__free_unpacked(agent->link_record, NULL);
	free(agent->identity);
	free(agent->zedge);
	free(agent->mesh);
	free(agent->platform);
	free(agent->version);
	samoza__v1__limits__free_unpacked(agent->limits, NULL);
	free(agent->address);
	free(agent->boot);
	free(agent->machine);
	free(agent);
}

static void lease_from(struct agent *agent, int64_t sent_ms)
{
	agent->lease_from_ms = sent_ms;
	agent->lease_timeout_ms = agent->failure_timeout_ms;
	agent->lease_heartbeat_ms = agent->heartbeat_ms;
}

/* The first input gives the time: copies that were loaded begin. */
static void begin_loaded(struct agent *agent)
{
	agent->begun = true;
	lease_from(agent, agent->now.mono_ms);
	link_record_begin(agent);
	records_convert(agent);
	/* All of them first: a parent that has ended stops what is inside it. */
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next)
		lease_begin(agent, copy);
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next) {
		attempts_begin(agent, copy);
		copy_watch_well(agent, copy);
		if (agent->removed) /* none stays */
			copy_touch(agent, copy, true);
	}
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next)
		result_begin_exited(agent, copy);
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next)
		reconcile(agent, copy);
	alone_watch(agent);
}

/* ---- link ---- */

static void link_down(struct agent *agent)
{
	bool was_accepted = agent->accepted;
	agent->linked = agent->accepted = false;
	agent->link_fault = NULL;
	vector_clear(&agent->unacknowledged);
	import_lists_clear(agent);
	heap_remove(&agent->timers, &agent->heartbeat_timer.node);
	vector_for_each (&agent->reports, r)
		samoza__v1__instance_report__free_unpacked(*r, NULL);
	vector_clear(&agent->reports);
	if (was_accepted)
		alone_watch(agent);
}

/* Removed from the cluster: all is stopped and undeployed [lifecycle.root.removed]. */
static void remove_all(struct agent *agent)
{
	if (agent->removed)
		return;
	agent->removed = true;
	link_record_update(agent);
	alone_end(agent);
	for (struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next) {
		copy_touch(agent, copy, true);
		reconcile(agent, copy);
	}
}

/* It would act on half of what zrms knows, or on what another zrms has decided differently. */
static void give_up_link(struct agent *agent, const char *why)
{
	link_down(agent);
	agent->link_fault = why;
}

/* A link is that of one life of a zrms, so what it says first holds for all of it [machines.replicated.standby].
 * False: another one has led since, and whatever this one says is out of date. */
static bool follows(struct agent *agent, const Samoza__V1__HelloAck *ack)
{
	if (ack->has_term && ack->term < agent->term) {
		agent->refused_term = ack->term;
		give_up_link(agent, "this zrms leads no more: another one has begun a later "
				    "term since");
		return false;
	}
	if (ack->has_term)
		agent->term = ack->term;
	return true;
}

static void hello_ack(struct agent *agent, const Samoza__V1__HelloAck *ack)
{
	if (!agent->linked || !follows(agent, ack))
		return;
	if (ack->has_heartbeat_ms && ack->heartbeat_ms > 0 && ack->heartbeat_ms < INT32_MAX)
		agent->heartbeat_ms = (int64_t)ack->heartbeat_ms;
	if (ack->has_failure_timeout_ms && ack->failure_timeout_ms > 0 &&
	    ack->failure_timeout_ms < INT32_MAX)
		agent->failure_timeout_ms = (int64_t)ack->failure_timeout_ms;
	link_record_update(agent);
	switch (ack->verdict) {
	case SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED:
		agent->accepted = true;
		agent->refused_term = 0;
		alone_end(agent);
		heartbeat_send(agent);
		return;
	case SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED:
		remove_all(agent);
		return;
	case SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED:
	case _SAMOZA__V1__HELLO_ACK__VERDICT_IS_INT_SIZE:
		break;
	}
	/* The caller logs the reason, closes the link and connects again. */
	agent->refused = true;
	alone_end(agent);
	link_down(agent);
	desired_supersede(agent, ack);
}

static void heartbeat_ack(struct agent *agent, const Samoza__V1__HeartbeatAck *ack)
{
	size_t known = 0;
	while (known < agent->unacknowledged.count &&
	       agent->unacknowledged.items[known].counter < ack->counter)
		known++;
	if (known == agent->unacknowledged.count ||
	    agent->unacknowledged.items[known].counter != ack->counter)
		return; /* sent on another link */
	lease_from(agent, agent->unacknowledged.items[known].mono_ms);
	agent->heard_ms = agent->lease_from_ms;
	agent->has_lease = true;
	for (size_t n = 0; n <= known; n++)
		vector_remove_at(&agent->unacknowledged, 0);
	struct agent_copy *copy = NULL;
	DL_FOREACH2 (agent->leased, copy, leased_next)
		lease_renew(agent, copy);
	link_record_update(agent);
}

const char *agent_link_fault(const struct agent *agent)
{
	return agent->link_fault;
}

bool agent_is_removed(const struct agent *agent)
{
	return agent->removed;
}

void agent_set_spec(struct agent *agent, const Samoza__V1__ZhostSpec *spec)
{
	samoza__v1__zhost_spec__free_unpacked(agent->spec, NULL);
	agent->spec = message_copy(spec);
}

int64_t agent_heartbeat_ms(const struct agent *agent)
{
	return agent->heartbeat_ms;
}

int64_t agent_failure_timeout_ms(const struct agent *agent)
{
	return agent->failure_timeout_ms;
}

/* ---- timers ---- */

static void tick(struct agent *agent)
{
	struct heap_node *node;
	while ((node = heap_first(&agent->timers)) != NULL && node->key <= agent->now.mono_ms) {
		heap_remove(&agent->timers, node);
		struct timer *timer = container_of(node, struct timer, node);
		if (timer->kind == TIMER_HEARTBEAT)
			heartbeat_send(agent);
		else if (timer->kind == TIMER_ALONE)
			alone_begin(agent);
		else if (timer->kind == TIMER_TRY)
			alone_try_again(agent);
		else
			result_timer(agent, timer);
	}
}

int64_t agent_next_ms(const struct agent *agent)
{
	const struct heap_node *node = agent->ended ? NULL : heap_first(&agent->timers);
	return node != NULL ? node->key : NEVER_MS;
}

/* ---- inputs ---- */

static struct agent_copy *find(struct agent *agent, const char *topology, const char *path,
			       uint64_t epoch)
{
	CLEANUP(freep)
	char *id = agent_copy_id(&(Samoza__V1__InstanceKey){
		.topology = (char *)topology, .path = (char *)path, .epoch = epoch});
	struct agent_copy *copy = NULL;
	HASH_FIND_STR(agent->copies, id, copy);
	return copy;
}

static void process_ended(struct agent *agent, const struct agent_input *input)
{
	struct agent_copy *copy =
		find(agent, input->ended.topology, input->ended.path, input->ended.epoch);
	if (copy != NULL)
		result_process_ended(agent, copy, input);
}

static void health(struct agent *agent, const struct agent_input *input)
{
	const Samoza__V1__InstanceKey *key = input->health.key;
	struct agent_copy *copy = find(agent, key->topology, key->path, key->epoch);
	if (copy != NULL)
		result_health(agent, copy, input->health.is_healthy);
}

static void action_done(struct agent *agent, const struct agent_input *input)
{
	struct agent_copy *copy = NULL;
	HASH_FIND(hh_action, agent->actions, &input->done.action, sizeof(uint64_t), copy);
	if (copy != NULL)
		result_take(agent, copy, input);
}

static void take(struct agent *agent, const struct agent_input *input)
{
	switch (input->type) {
	case AGENT_LINK_UP:
		link_down(agent);
		if (agent->removed)
			return; /* zrms would take it back, and it ends all the same */
		hello_send(agent, input->mesh_sums);
		agent->linked = true;
		return;
	case AGENT_LINK_DOWN:
		link_down(agent);
		return;
	case AGENT_HELLO_ACK:
		hello_ack(agent, input->hello_ack);
		return;
	case AGENT_DESIRED:
		if (!desired_apply(agent, input->desired))
			give_up_link(agent, "zrms sent a change of a list of providers "
					    "that this zhost does not have");
		return;
	case AGENT_HEARTBEAT_ACK:
		heartbeat_ack(agent, input->heartbeat_ack);
		return;
	case AGENT_ACTION_DONE:
		action_done(agent, input);
		return;
	case AGENT_PROCESS_ENDED:
		process_ended(agent, input);
		return;
	case AGENT_HEALTH:
		health(agent, input);
		return;
	case AGENT_USAGE:
		samoza__v1__usage__free_unpacked(agent->usage, NULL);
		agent->usage = message_copy(input->usage);
		return;
	case AGENT_TRIED:
		alone_tried(agent, input->tried.address, input->tried.answers);
		return;
	case AGENT_TICK:
		tick(agent);
		return;
	}
	IMPOSSIBLE("no such input");
}

/* Nothing runs and nothing is left to do. */
static bool is_finished(const struct agent *agent)
{
	if (!agent->removed || agent->action_count > 0 || agent->retry_count > 0)
		return false;
	for (const struct agent_copy *copy = agent->copies; copy != NULL; copy = copy->hh.next)
		if (copy->phase == PHASE_STARTED)
			return false;
	return true;
}

void agent_handle(struct agent *agent, struct instant now, const struct agent_input *input,
		  struct agent_outbox *outbox)
{
	if (agent->ended)
		return;
	agent->now = now;
	agent->outbox = outbox;
	if (!agent->begun)
		begin_loaded(agent);
	take(agent, input);

	while (agent->touched != NULL) {
		struct agent_copy *copy = agent->touched;
		agent->touched = copy->next_touched;
		copy->touched = false;
		if (copy->dirty)
			record_write(agent, copy);
		copy->dirty = false;
		if (copy_is_gone(agent, copy))
			copy_free(agent, copy);
	}
	reports_send(agent);
	if (is_finished(agent)) {
		agent->ended = true;
		link_record_update(agent);
		vector_push(&outbox->orders, ((struct agent_order){.type = ORDER_END}));
	}
	agent->outbox = NULL;
}

bool agent_is_busy(const struct agent *agent, char **ret_what)
{
	if (agent->action_count == 0 && agent->retry_count == 0)
		return false;
	if (ret_what == NULL)
		return true;
	*ret_what = NULL;
	for (const struct agent_copy *copy = agent->copies; copy != NULL;
	     copy = copy->hh.next) {
		if (copy->action == 0 && !heap_has(&copy->retry_timer.node))
			continue;
		*ret_what = str_printf("%s/%s on %s: %s", copy->spec->topology_name,
				       copy->key->path, agent->spec->name,
				       copy->action != 0 ? agent_action_name(copy->action_kind)
							 : "a retry");
		break;
	}
	return true;
}
