#include "zhost/space/residents.h"

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/str.h"
#include "zhost/space/log_budget.h"
#include "zhost/space/residents_private.h"

#define HELLO_MS 1000

/* ---- tasks ---- */

static void begin(struct residents *rs, struct task *t)
{
	struct resident *r = resident_find(rs, t->key);
	INVARIANT((r == NULL) == (t->kind == ACTION_DEPLOY));
	if (r == NULL)
		r = resident_new(rs, space_runtime_of(t->spec->type), t->key, t->spec, t);
	resident_set_rights(r, t->writes, t->serves);
	resident_begin(r, t);
}

static void renew(struct residents *rs, const struct task *t)
{
	struct resident *r = resident_find(rs, t->key);
	if (r == NULL)
		return;
	r->stop_ms = t->stop_ms;
	r->deadline_ms = t->deadline_ms;
	if (r->runtime->renew != NULL)
		r->runtime->renew(r);
}

void residents_carry_out(struct residents *rs, struct task *t)
{
	struct resident *r;
	switch (t->type) {
	case ORDER_ACTION:
		begin(rs, t);
		return;
	case ORDER_KILL:
		r = resident_find(rs, t->key);
		if (r != NULL)
			resident_kill(r, t->action != 0 && t->kind == ACTION_UPDATE);
		return;
	case ORDER_RENEW:
		renew(rs, t);
		return;
	case ORDER_RIGHTS:
		r = resident_find(rs, t->key);
		if (r != NULL)
			resident_set_rights(r, t->writes, t->serves);
		return;
	case ORDER_TRY:
	case ORDER_WAITS:
		break; /* not of a resident */
	case ORDER_END:
		log_info("zhost", "removed", LOG_S("zhost", rs->parts.zhost),
			 LOG_S("why", "removed from the cluster; all its spaces are stopped"));
		rs->listener->removed(rs->user);
		return;
	}
	IMPOSSIBLE("an order of an unknown type");
}

/* ---- after a restart ---- */

/* Whether a process of the instance may have been left: none runs between its actions. */
static bool may_run(Samoza__V1__Phase phase)
{
	return phase == SAMOZA__V1__PHASE__PHASE_STARTING ||
	       phase == SAMOZA__V1__PHASE__PHASE_STARTED ||
	       phase == SAMOZA__V1__PHASE__PHASE_STOPPING;
}

void residents_load(struct residents *rs, const Samoza__V1__DesiredInstance *desired,
		    Samoza__V1__Phase phase)
{
	const struct space_runtime *runtime = space_runtime_of(desired->spec->type);
	struct resident *r = resident_new(rs, runtime, desired->key, desired->spec, NULL);
	r->loaded_phase = phase;
	resident_set_rights(r, desired->writes, desired->serves);
	if (may_run(phase) && r->runtime->find != NULL)
		r->runtime->find(r);
}

int residents_await_hello(struct residents *rs, struct error **err)
{
	int r = zrun_processes_found(rs->parts.processes, err);
	if (r == 0)
		zrun_processes_await_hello(rs->parts.processes, HELLO_MS);
	return r;
}

bool residents_take_up(struct residents *rs, const Samoza__V1__InstanceKey *key,
		       struct exit_report *ret_report)
{
	struct resident *r = resident_find(rs, key);
	*ret_report = (struct exit_report){0};
	if (r == NULL || !may_run(r->loaded_phase))
		return false;
	*ret_report = r->last_report;
	r->last_report = (struct exit_report){0};
	if (!r->runtime->probe(r))
		return false;
	bool is_started = r->loaded_phase != SAMOZA__V1__PHASE__PHASE_STARTING;
	if (!is_started && r->process == NULL)
		return false; /* its start is repeated */
	resident_adopt(r, is_started);
	return true;
}

void residents_forget_data(struct residents *rs, const char *topology, uint64_t epoch)
{
	if (rs->parts.native != NULL)
		native_forget(rs->parts.native, topology, epoch);
}

bool residents_forgets_data(const struct residents *rs, const char *topology)
{
	return rs->parts.native != NULL && native_forgets(rs->parts.native, topology);
}

void residents_data_settled(struct residents *rs, const char *topology)
{
	if (rs->parts.native != NULL)
		native_forget_settled(rs->parts.native, topology);
}

bool residents_has_file(const struct residents *rs, const char *file_name)
{
	for (const struct resident *r = rs->by_id; r != NULL; r = r->hh.next)
		if (strcmp(r->file_name, file_name) == 0)
			return true;
	return false;
}

void residents_adjust_log(struct residents *rs, const Samoza__V1__DesiredInstance *desired)
{
	struct resident *r = desired->spec != NULL ? resident_find(rs, desired->key) : NULL;
	if (r != NULL)
		log_budget_take(r->log, &r->log_revision, desired->spec);
}

void residents_log(struct residents *rs, const Samoza__V1__InstanceKey *key, const char *level,
		   const char *text)
{
	struct resident *r = resident_find(rs, key);
	PRE(r != NULL);
	resident_log(r, level, "%s", text);
}

static void name_templates(struct residents *rs, const Samoza__V1__InstanceSpec *spec)
{
	for (size_t k = 0; spec != NULL && k < spec->n_config; k++)
		artifact_needed(rs->parts.artifacts, spec->config[k]->digest);
}

void residents_name_needed(void *residents)
{
	struct residents *rs = residents;
	for (const struct resident *r = rs->by_id; r != NULL; r = r->hh.next)
		name_templates(rs, r->asked != NULL ? r->asked : r->spec);
}

/* ---- figures ---- */

void residents_connected(struct residents *rs)
{
	struct resident *r, *next;
	if (rs == NULL)
		return;
	HASH_ITER (hh, rs->by_id, r, next)
		if (r->process != NULL || r->api.go_on != NULL)
			api_token_connected(&r->api);
}

void residents_token_taken(struct residents *rs, const Samoza__V1__ApiTokenTaken *taken)
{
	struct resident *r = resident_find(rs, taken->key);
	if (r != NULL)
		api_token_take(&r->api, taken);
}

struct residents_counters residents_counters(const struct residents *rs)
{
	struct residents_counters c = rs->counters;
	c.instances = HASH_COUNT(rs->by_id);
	c.starting = start_queue_held(rs->starts);
	for (const struct resident *r = rs->by_id; r != NULL; r = r->hh.next)
		c.processes += r->process != NULL;
	return c;
}

/* In the order of enum resident_state. */
const char *const resident_state_names[] = {"deploying", "deployed",	"queued",
					    "starting",	 "started",	"updating",
					    "stopping",	 "undeploying", "removed"};
const size_t resident_state_count = ARRAY_SIZE(resident_state_names);

void residents_visit(const struct residents *rs, int proc_fd,
		     void (*visit)(void *user, const struct resident_view *view), void *user)
{
	for (const struct resident *r = rs->by_id; r != NULL; r = r->hh.next) {
		struct resident_view view = {
			.key = r->key,
			.spec = r->spec,
			.state = r->state,
			.pid = r->process != NULL ? zrun_process_pid(r->process) : -1,
			.restarts = r->starts > 0 ? r->starts - 1 : 0,
			.has_usage = r->runtime->usage != NULL,
			.usage = {.proc_fd = proc_fd},
			.peer = r->peer,
		};

		if (view.has_usage)
			r->runtime->usage(r, &view.usage);
		visit(user, &view);
	}
}

void residents_usage(const struct residents *rs, struct usage_sum *sum)
{
	for (const struct resident *r = rs->by_id; r != NULL; r = r->hh.next)
		if (r->runtime->usage != NULL)
			r->runtime->usage(r, sum);
}

/* ---- life ---- */

struct residents *residents_new(const struct residents_parts *parts,
				const struct residents_listener *listener, void *user)
{
	struct residents *rs = mem_new(struct residents);
	rs->parts = *parts;
	rs->listener = listener;
	rs->user = user;
	rs->starts = start_queue_new(parts->starts_at_once);
	return rs;
}

void residents_close(struct residents *rs)
{
	rs->is_closing = true;
}

void residents_free(struct residents *rs)
{
	if (rs == NULL)
		return;
	struct resident *r, *next;
	HASH_ITER (hh, rs->by_id, r, next)
		resident_free(r);
	start_queue_free(rs->starts);
	free(rs);
}
