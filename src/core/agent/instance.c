/* The state machine of one instance: one action at a time, failures and their back-off, leases.
 */
#include <inttypes.h>

#include "core/agent/internal.h"

/* ---- what the specification of the instance says, with defaults ---- */

static int64_t action_timeout_ms(const struct instance *i)
{
	uint64_t ms = i->spec->has_action_timeout_ms ? i->spec->action_timeout_ms : 0;
	return ms > 0 && ms < INT32_MAX ? (int64_t)ms : 60000;
}

static int64_t restart_window_ms(const struct instance *i)
{
	return i->spec->has_restart_window_ms ? (int64_t)i->spec->restart_window_ms : 600000;
}

static uint32_t restart_attempts(const struct instance *i)
{
	return i->spec->has_restart_attempts ? i->spec->restart_attempts : 5;
}

/* Of an exclusive one: at most the timeout less two heartbeats [topology.exclusive.zhost]. */
static int64_t stop_grace_ms(const struct agent *agent, const struct instance *i)
{
	int64_t grace = i->spec->has_stop_grace_ms ? (int64_t)i->spec->stop_grace_ms : 10000;
	if (i->spec->exclusive) {
		int64_t most = agent->failure_timeout_ms - 2 * agent->heartbeat_ms;
		if (grace > most)
			grace = most > 0 ? most : 0;
	}
	return grace;
}

/* ---- small steps ---- */

static void set_error(struct instance *i, const char *action, const char *error)
{
	free(i->error);
	i->error = error != NULL ? str_printf("%s: %s", action, error) : NULL;
}

static void drop_exports(struct instance *i)
{
	for (size_t n = 0; n < i->n_exports; n++)
		samoza__v1__variable__free_unpacked(i->exports[n], NULL);
	free(i->exports);
	i->exports = NULL;
	i->n_exports = 0;
}

/* The gate of the phases: every move is recorded and reported. Errors are set before. */
static void enter(struct agent *agent, struct instance *i, enum agent_phase phase)
{
	if (phase != PHASE_STARTED)
		drop_exports(i);
	state_machine_move(&phase_machine, i, &i->phase, phase);
	instance_touch(agent, i, phase != PHASE_STOPPING);
	report_add(agent, i);
}

static void set_retry(struct agent *agent, struct instance *i, bool wanted)
{
	bool set = heap_has(&i->retry_timer.node);
	if (wanted && !set)
		agent->retry_count++;
	if (!wanted && set)
		agent->retry_count--;
	if (wanted)
		heap_set(&agent->timers, &i->retry_timer.node, i->not_before_ms);
	else
		heap_remove(&agent->timers, &i->retry_timer.node);
}

void instance_adopt(struct instance *i, enum agent_phase phase)
{
	state_machine_adopt(&phase_machine, i, &i->phase, phase);
}

void instance_touch(struct agent *agent, struct instance *i, bool dirty)
{
	i->dirty |= dirty;
	if (i->touched)
		return;
	i->touched = true;
	i->next_touched = agent->touched;
	agent->touched = i;
}

struct instance *instance_new(struct agent *agent, const Samoza__V1__InstanceKey *key,
			      const Samoza__V1__InstanceSpec *spec)
{
	struct instance *i = mem_new(struct instance);
	i->id = str_printf("%s/%s", key->topology, key->path);
	i->key = message_copy(key);
	i->spec = message_copy(spec);
	i->desired = mem_new(Samoza__V1__DesiredInstance);
	samoza__v1__desired_instance__init(i->desired);
	i->desired->key = message_copy(key);
	i->action_timer = (struct timer){.kind = TIMER_ACTION, .instance = i};
	i->retry_timer = (struct timer){.kind = TIMER_RETRY, .instance = i};
	i->lease_timer = (struct timer){.kind = TIMER_LEASE, .instance = i};
	state_machine_begin(&phase_machine, i, &i->phase, PHASE_ABSENT);
	HASH_ADD_KEYPTR(hh, agent->instances, i->id, strlen(i->id), i);
	if (spec->exclusive)
		DL_APPEND2(agent->exclusive, i, exclusive_prev, exclusive_next);
	family_join(agent, i);
	return i;
}

static void leave_indexes(struct agent *agent, struct instance *i)
{
	if (i->action != 0) {
		HASH_DELETE(hh_action, agent->actions, i);
		agent->action_count--;
		i->action = 0;
	}
	set_retry(agent, i, false);
	heap_remove(&agent->timers, &i->action_timer.node);
	heap_remove(&agent->timers, &i->lease_timer.node);
	if (i->spec->exclusive)
		DL_DELETE2(agent->exclusive, i, exclusive_prev, exclusive_next);
	family_leave(agent, i);
}

void instance_free(struct agent *agent, struct instance *i)
{
	leave_indexes(agent, i);
	HASH_DELETE(hh, agent->instances, i);
	drop_exports(i);
	vector_done(&i->failures);
	samoza__v1__instance_key__free_unpacked(i->key, NULL);
	samoza__v1__instance_spec__free_unpacked(i->spec, NULL);
	samoza__v1__desired_instance__free_unpacked(i->desired, NULL);
	samoza__v1__desired_instance__free_unpacked(i->next, NULL);
	free(i->error);
	free(i->gone);
	free(i->id);
	free(i);
}

bool instance_is_unwanted(const struct agent *agent, const struct instance *i)
{
	return agent->removed || i->next != NULL ||
	       i->desired->target == SAMOZA__V1__TARGET__TARGET_NONE;
}

bool instance_is_gone(const struct agent *agent, const struct instance *i)
{
	return i->phase == PHASE_ABSENT && i->action == 0 && instance_is_unwanted(agent, i);
}

void instance_replace(struct agent *agent, struct instance *i)
{
	PRE(i->phase == PHASE_ABSENT && i->action == 0 && i->next != NULL);
	leave_indexes(agent, i);
	samoza__v1__instance_key__free_unpacked(i->key, NULL);
	samoza__v1__instance_spec__free_unpacked(i->spec, NULL);
	samoza__v1__desired_instance__free_unpacked(i->desired, NULL);
	i->desired = steal_ptr(&i->next);
	i->spec = steal_ptr(&i->desired->spec);
	i->key = message_copy(i->desired->key);
	if (i->spec->exclusive)
		DL_APPEND2(agent->exclusive, i, exclusive_prev, exclusive_next);
	family_join(agent, i);
	vector_clear(&i->failures);
	set_error(i, "", NULL);
	i->not_before_ms = 0;
	i->restarts = 0;
	i->answered_order = 0;
	i->imports_version = 0;
	i->gave_up = i->finished = i->undeploy_failed = i->counts_restart = i->fenced = false;
	instance_touch(agent, i, true);
}

/* ---- failures ---- */

void instance_forget_failures(struct agent *agent, struct instance *i)
{
	vector_clear(&i->failures);
	i->not_before_ms = 0;
	i->gave_up = i->finished = i->undeploy_failed = false;
	set_retry(agent, i, false);
}

static void count_failure(struct agent *agent, struct instance *i)
{
	int64_t oldest = agent->now.mono_ms - restart_window_ms(i);
	while (i->failures.count > 0 && i->failures.items[0] < oldest)
		vector_remove_at(&i->failures, 0);
	vector_push(&i->failures, agent->now.mono_ms);

	int64_t backoff = BACKOFF_FIRST_MS;
	for (size_t n = 1; n < i->failures.count && backoff < BACKOFF_MAX_MS; n++)
		backoff *= 2;
	if (backoff > BACKOFF_MAX_MS)
		backoff = BACKOFF_MAX_MS;
	i->not_before_ms = agent->now.mono_ms + backoff;
	i->gave_up = i->failures.count > restart_attempts(i);
}

static void fail(struct agent *agent, struct instance *i, enum agent_phase phase,
		 const char *action, const char *error)
{
	set_error(i, action, error);
	count_failure(agent, i);
	if (phase == PHASE_DEPLOYED)
		i->counts_restart = true;
	enter(agent, i, phase);
}

/* The process of a started one is gone. */
static void process_is_gone(struct agent *agent, struct instance *i, const char *error)
{
	heap_remove(&agent->timers, &i->lease_timer.node);
	if (family_is_fenced(agent, i)) { /* the lease ended it: no failure */
		set_error(i, "", NULL);
		enter(agent, i, PHASE_DEPLOYED);
	} else if (error[0] == '\0') {
		i->finished = true;
		set_error(i, "", NULL);
		enter(agent, i, PHASE_DEPLOYED);
	} else {
		fail(agent, i, PHASE_DEPLOYED, "process", error);
	}
}

/* ---- leases of exclusive instances ---- */

static int64_t lease_stop_ms(const struct agent *agent, const struct instance *i)
{
	return agent->lease_from_ms + agent->failure_timeout_ms - stop_grace_ms(agent, i);
}

static int64_t lease_end_ms(const struct agent *agent)
{
	return agent->lease_from_ms + agent->failure_timeout_ms;
}

static void add_kill(struct agent *agent, struct instance *i)
{
	i->killed = true;
	vector_push(&agent->outbox->orders,
		    ((struct agent_order){
			    .type = ORDER_KILL,
			    .action = i->action,
			    .kind = i->action != 0 ? i->kind : ACTION_STOP,
			    .key = i->key,
			    .spec = i->spec,
			    .parent = i->spec->parent,
			    .deadline_ms = NEVER_MS,
		    }));
}

void instance_renew(struct agent *agent, struct instance *i)
{
	if (agent->now.mono_ms >= lease_stop_ms(agent, i))
		return;
	bool was_fenced = i->fenced;
	i->fenced = false;
	if (phase_has_process(i->phase)) {
		heap_set(&agent->timers, &i->lease_timer.node, lease_stop_ms(agent, i));
		vector_push(&agent->outbox->orders, ((struct agent_order){
							    .type = ORDER_RENEW,
							    .key = i->key,
							    .spec = i->spec,
							    .parent = i->spec->parent,
							    .deadline_ms = lease_end_ms(agent),
						    }));
	}
	instance_reconcile(agent, i);
	if (was_fenced)
		family_follow(agent, i); /* those that have stopped already */
}

void instance_kill(struct agent *agent, struct instance *i)
{
	if (phase_has_process(i->phase) && !i->killed)
		add_kill(agent, i);
}

static void lease_timer(struct agent *agent, struct instance *i)
{
	i->fenced = true;
	if (agent->now.mono_ms >= lease_end_ms(agent)) {
		family_kill(agent, i);
		instance_kill(agent, i);
		return;
	}
	heap_set(&agent->timers, &i->lease_timer.node, lease_end_ms(agent));
	family_follow(agent, i);
	instance_reconcile(agent, i);
}

/* ---- actions ---- */

/* Of the providers and their variables, in their order. */
static uint64_t hash_imports(const Samoza__V1__DesiredInstance *desired)
{
	uint64_t hash = 1;
	for (size_t n = 0; n < desired->n_imports; n++) {
		const Samoza__V1__Provider *p = desired->imports[n];
		hash = hash * 31 + str_hash(p->import);
		hash = hash * 31 + str_hash(p->path);
		for (size_t v = 0; v < p->n_variables; v++) {
			hash = hash * 31 + str_hash(p->variables[v]->name);
			hash = hash * 31 + str_hash(p->variables[v]->value);
		}
	}
	return hash;
}

static void begin_action(struct agent *agent, struct instance *i, enum agent_action kind)
{
	struct agent_order o = {
		.type = ORDER_ACTION,
		.action = ++agent->next_action,
		.kind = kind,
		.key = i->key,
		.spec = i->spec,
		.parent = i->spec->parent,
		.deadline_ms = NEVER_MS,
	};
	if (kind == ACTION_START || kind == ACTION_UPDATE) {
		o.imports = i->desired->imports;
		o.n_imports = i->desired->n_imports;
		o.imports_version = i->desired->imports_version;
	}
	if (kind == ACTION_START && i->spec->exclusive) {
		o.deadline_ms = lease_end_ms(agent);
		heap_set(&agent->timers, &i->lease_timer.node, lease_stop_ms(agent, i));
	}
	i->action_ms = action_timeout_ms(i);
	if (kind == ACTION_STOP) {
		int64_t grace = stop_grace_ms(agent, i);
		int64_t left = lease_end_ms(agent) - agent->now.mono_ms;
		if (family_is_fenced(agent, i) && grace > left)
			grace = left > 0 ? left : 0;
		o.grace_ms = i->action_ms = grace;
	}
	i->action = o.action;
	i->kind = kind;
	i->action_imports_version = o.imports_version;
	i->action_imports_hash = hash_imports(i->desired);
	i->killed = false;
	HASH_ADD(hh_action, agent->actions, action, sizeof(i->action), i);
	agent->action_count++;
	set_retry(agent, i, false);
	heap_set(&agent->timers, &i->action_timer.node, agent->now.mono_ms + i->action_ms);
	vector_push(&agent->outbox->orders, o);
}

static void begin(struct agent *agent, struct instance *i, enum agent_action kind,
		  enum agent_phase phase)
{
	begin_action(agent, i, kind);
	if (kind == ACTION_START && i->counts_restart) {
		i->restarts++;
		i->counts_restart = false;
	}
	set_error(i, "", NULL);
	i->undeploy_failed = false;
	enter(agent, i, phase);
}

/* True when it may be tried now; otherwise the timer is set for the time when it may. */
static bool retry_is_due(struct agent *agent, struct instance *i)
{
	if (i->gave_up || i->finished)
		return false;
	if (agent->now.mono_ms >= i->not_before_ms)
		return true;
	set_retry(agent, i, true);
	return false;
}

static void reconcile_deployed(struct agent *agent, struct instance *i)
{
	if (instance_is_unwanted(agent, i)) {
		if (family_holds_undeploy(agent, i))
			return;
		if (!i->undeploy_failed)
			begin(agent, i, ACTION_UNDEPLOY, PHASE_UNDEPLOYING);
		else if (i->next != NULL && retry_is_due(agent, i))
			begin(agent, i, ACTION_UNDEPLOY, PHASE_UNDEPLOYING);
		return;
	}
	if (i->desired->target != SAMOZA__V1__TARGET__TARGET_STARTED || !agent->synced)
		return;
	if (!family_may_start(agent, i)) {
		/* Its parent's start comes back here. */
		if (!i->told_waiting)
			report_add(agent, i);
		return;
	}
	if (i->spec->exclusive &&
	    (!agent->has_lease || agent->now.mono_ms >= lease_stop_ms(agent, i)))
		return; /* the next acknowledged heartbeat comes back here */
	if (retry_is_due(agent, i))
		begin(agent, i, ACTION_START, PHASE_STARTING);
}

/* No update for a set that came back to what the process knows
 * [lifecycle.dependency.unchanged]. */
static void update(struct agent *agent, struct instance *i)
{
	if (hash_imports(i->desired) != i->imports_hash) {
		begin_action(agent, i, ACTION_UPDATE);
		return;
	}
	i->imports_version = i->desired->imports_version;
	instance_touch(agent, i, true);
	report_add(agent, i);
}

void instance_reconcile(struct agent *agent, struct instance *i)
{
	if (i->action != 0)
		return;
	set_retry(agent, i, false);
	if (i->phase == PHASE_ABSENT && i->next != NULL && !agent->removed)
		instance_replace(agent, i);
	switch (i->phase) {
	case PHASE_ABSENT:
		if (instance_is_unwanted(agent, i))
			instance_touch(agent, i, false); /* forgotten at the end of the call */
		else if (agent->synced && retry_is_due(agent, i))
			begin(agent, i, ACTION_DEPLOY, PHASE_DEPLOYING);
		return;
	case PHASE_DEPLOYED:
		reconcile_deployed(agent, i);
		return;
	case PHASE_STARTED:
		if (family_must_stop(agent, i)) {
			if (family_holds_stop(agent, i))
				family_follow(agent, i); /* their last stop comes back here */
			else
				begin(agent, i, ACTION_STOP, PHASE_STOPPING);
		} else if (i->desired->imports_version > i->imports_version && agent->synced) {
			update(agent, i);
		}
		return;
	case PHASE_STARTING:
		INVARIANT(i->orphan);
		i->orphan = false;
		begin(agent, i, ACTION_STOP, PHASE_STOPPING);
		return;
	case PHASE_DEPLOYING:
	case PHASE_STOPPING:
	case PHASE_UNDEPLOYING:
		break;
	}
	IMPOSSIBLE("a phase in passing without its action");
}

/* ---- results ---- */

static void take_exports(struct instance *i, size_t count,
			 const Samoza__V1__Variable *const *exports)
{
	drop_exports(i);
	i->exports = mem_new_array(Samoza__V1__Variable *, count + 1);
	for (size_t n = 0; n < count; n++)
		i->exports[n] = message_copy(exports[n]);
	i->n_exports = count;
}

static void start_done(struct agent *agent, struct instance *i, const struct agent_input *input,
		       const char *error)
{
	if (error != NULL && family_is_fenced(agent, i)) {
		heap_remove(&agent->timers, &i->lease_timer.node);
		set_error(i, "", NULL);
		enter(agent, i, PHASE_DEPLOYED);
		return;
	}
	if (error != NULL) {
		heap_remove(&agent->timers, &i->lease_timer.node);
		fail(agent, i, PHASE_DEPLOYED, "start", error);
		return;
	}
	take_exports(i, input->done.n_exports, input->done.exports);
	i->imports_version = i->action_imports_version;
	i->imports_hash = i->action_imports_hash;
	set_error(i, "", NULL);
	enter(agent, i, PHASE_STARTED);
	if (i->gone != NULL)
		process_is_gone(agent, i, i->gone);
	else if (input->done.finished)
		process_is_gone(agent, i, "");
}

static void update_done(struct agent *agent, struct instance *i, const char *error)
{
	if (i->phase != PHASE_STARTED)
		return; /* its process died meanwhile */
	i->imports_version = i->action_imports_version;
	i->imports_hash = i->action_imports_hash;
	set_error(i, "update", error);
	instance_touch(agent, i, true);
	report_add(agent, i);
}

void instance_action_done(struct agent *agent, struct instance *i,
			  const struct agent_input *input)
{
	CLEANUP(freep) char *timeout = NULL;
	const char *error = input->done.error;
	if (i->killed) {
		timeout = i->action_ms % 1000 == 0
				  ? str_printf("%s %" PRId64 " s",
					       i->kind == ACTION_STOP ? "killed after"
								      : "timed out after",
					       i->action_ms / 1000)
				  : str_printf("%s %" PRId64 " ms",
					       i->kind == ACTION_STOP ? "killed after"
								      : "timed out after",
					       i->action_ms);
		error = timeout;
	}
	HASH_DELETE(hh_action, agent->actions, i);
	agent->action_count--;
	i->action = 0;
	i->killed = false;
	heap_remove(&agent->timers, &i->action_timer.node);

	switch (i->kind) {
	case ACTION_DEPLOY:
		if (error != NULL) {
			fail(agent, i, PHASE_ABSENT, "deploy", error);
		} else {
			set_error(i, "", NULL);
			enter(agent, i, PHASE_DEPLOYED);
		}
		break;
	case ACTION_START:
		start_done(agent, i, input, error);
		break;
	case ACTION_UPDATE:
		update_done(agent, i, error);
		break;
	case ACTION_STOP:
		heap_remove(&agent->timers, &i->lease_timer.node);
		set_error(i, "stop", error);
		enter(agent, i, PHASE_DEPLOYED);
		break;
	case ACTION_UNDEPLOY:
		set_error(i, "undeploy", error);
		i->undeploy_failed = error != NULL;
		if (error != NULL && i->next != NULL)
			count_failure(agent, i); /* nobody would ask again: see reconcile */
		i->gave_up = i->gave_up && i->next == NULL;
		enter(agent, i, error != NULL ? PHASE_DEPLOYED : PHASE_ABSENT);
		break;
	}
	free(i->gone);
	i->gone = NULL;
	instance_reconcile(agent, i);
	family_changed(agent, i);
}

void instance_process_ended(struct agent *agent, struct instance *i, bool finished,
			    const char *error)
{
	if (error == NULL || finished)
		error = finished ? "" : "ended";
	if (i->action != 0 && i->kind == ACTION_START) {
		if (i->gone == NULL) /* the answer of the start comes first */
			i->gone = mem_strdup(error);
		return;
	}
	if (i->phase != PHASE_STARTED)
		return; /* it is being stopped, or this is an old story */
	process_is_gone(agent, i, error);
	instance_reconcile(agent, i);
	family_changed(agent, i);
}

void instance_timer(struct agent *agent, struct timer *timer)
{
	struct instance *i = timer->instance;
	switch (timer->kind) {
	case TIMER_ACTION:
		INVARIANT(i->action != 0);
		if (!i->killed)
			add_kill(agent, i);
		return;
	case TIMER_RETRY:
		agent->retry_count--;
		instance_reconcile(agent, i);
		return;
	case TIMER_LEASE:
		lease_timer(agent, i);
		return;
	case TIMER_HEARTBEAT:
		break;
	}
	IMPOSSIBLE("a timer of no instance");
}

void instance_begin_dead(struct agent *agent, struct instance *i)
{
	if (!i->died_away)
		return;
	i->died_away = false;
	if (i->booted)
		enter(agent, i, PHASE_DEPLOYED);
	else
		fail(agent, i, PHASE_DEPLOYED, "process", "ended while the zhost was away");
}

void instance_begin(struct agent *agent, struct instance *i)
{
	if (i->spec->exclusive && phase_has_process(i->phase))
		heap_set(&agent->timers, &i->lease_timer.node, lease_stop_ms(agent, i));
	instance_reconcile(agent, i);
}
