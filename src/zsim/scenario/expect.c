/* Steps that look: expect, trace, order, reason, live, knows, away, moves. */

#include "zsim/scenario/expect.h"

#include <inttypes.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/application/submission_effect.h"
#include "model/quantity.h"
#include "zhost/mesh/mesh.h"
#include "zsim/scenario/availability.h"
#include "zsim/scenario/history.h"
#include "zsim/scenario/step_run.h"
#include "zsim/world/machine.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

static const char *or_none(const char *s)
{
	return s != NULL && s[0] != '\0' ? s : "none";
}

/* ---- expect ---- */

/* What it is when it is not said: a first revision has none [shell]. */
#define FIRST_REVISION 1u

static const char *rollout_of(const Samoza__V1__TopologyView *view)
{
	/* [change.rollout.failure] After an abort there is no rollout any more. */
	if (view->rollout == NULL)
		return view->last_rollout != NULL &&
				       strcmp(view->last_rollout->result, "failed") == 0
			       ? "failed"
			       : "none";
	if (strcmp(view->rollout->state, "paused") == 0)
		return "paused";
	if (strcmp(view->rollout->state, "waiting") == 0)
		return "waiting";
	bool waits = view->rollout->detail != NULL &&
		     strstr(view->rollout->detail, " waits ") != NULL;
	return waits ? "waiting" : "under-way";
}

/* "replicas=3, region=eu-west (default)"; the caller frees. */
static char *values_of(const Samoza__V1__RevisionView *v)
{
	struct buffer text = BUFFER_INIT(1 << 20);
	for (size_t k = 0; k < v->n_values; k++)
		(void)buffer_printf(&text, "%s%s=%s%s", k > 0 ? ", " : "", v->values[k]->name,
				    v->values[k]->value,
				    v->values[k]->is_default ? " (default)" : "");
	return buffer_steal(&text);
}

static void expect_values(struct step_run *run, const char *name, const char *id,
			  const char *expected)
{
	Samoza__V1__RevisionListView *view = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	if (expected == NULL)
		return;
	if (control_view_revisions(run->world->control, id, &view, &err) < 0) {
		step_fail(run, "%s: %s", name, err->message);
		return;
	}
	CLEANUP(freep)
	char *seen = view->n_revisions > 0 ? values_of(view->revisions[view->n_revisions - 1])
					   : mem_strdup("");
	if (!str_equal(seen, expected))
		step_fail(run, "topology %s: expected values '%s', seen '%s'", name, expected,
			  seen);
	samoza__v1__revision_list_view__free_unpacked(view, NULL);
}

/* A part of the text, or, where that is "", no text at all. */
static bool is_part(const char *part, const char *text)
{
	return part == NULL || (part[0] == '\0' ? text[0] == '\0' : strstr(text, part) != NULL);
}

static void expect_topology(struct step_run *run, const char *name,
			    const Samoza__V1__ExpectTopology *e)
{
	const char *id = NULL;
	const char *path = NULL;
	if (!step_find(run, name, &id, &path, NULL))
		return;
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__TopologyView *view = NULL;
	if (control_view_topology(run->world->control, id, &view, &err) < 0) {
		step_fail(run, "%s: %s", name, err->message);
		return;
	}
	const char *version = view->version != NULL ? view->version : VERSION_NONE;
	uint32_t revision = view->has_revision ? view->revision : FIRST_REVISION;
	if (e->version != NULL && strcmp(e->version, version) != 0)
		step_fail(run, "topology %s: expected version %s, seen %s", name, e->version,
			  version);
	if (e->has_revision && e->revision != revision)
		step_fail(run, "topology %s: expected revision %u, seen %u", name, e->revision,
			  revision);
	if (e->rollout != NULL && strcmp(e->rollout, rollout_of(view)) != 0)
		step_fail(run, "topology %s: expected rollout %s, seen %s%s%s", name,
			  e->rollout, rollout_of(view), view->rollout != NULL ? ": " : "",
			  view->rollout != NULL ? or_none(view->rollout->detail) : "");
	const char *why = view->rollout != NULL && view->rollout->detail != NULL
				  ? view->rollout->detail
				  : "";
	if (!is_part(e->why, why))
		step_fail(run, "topology %s: expected of its rollout '%s', seen '%s'", name,
			  or_none(e->why), or_none(why));
	if (e->state != NULL && strcmp(view->state, e->state) != 0)
		step_fail(run, "topology %s: expected %s, seen %s%s%s", name, e->state,
			  view->state, view->failure_reason != NULL ? ": " : "",
			  view->failure_reason != NULL ? view->failure_reason : "");
	samoza__v1__topology_view__free_unpacked(view, NULL);
	expect_values(run, name, id, e->values);
}

static bool is_allowed_zhost(const Samoza__V1__ExpectSpace *e, const char *zhost)
{
	for (size_t i = 0; i < e->n_zhost; i++)
		if (strcmp(e->zhost[i], zhost != NULL ? zhost : "") == 0)
			return true;
	return false;
}

static void expect_zhost_of(struct step_run *run, const char *name,
			    const Samoza__V1__ExpectSpace *e, const char *zhost)
{
	if (e->n_zhost == 0 || is_allowed_zhost(e, zhost))
		return;
	CLEANUP(freep) char *list = mem_strdup("");
	for (size_t i = 0; i < e->n_zhost; i++) {
		char *longer =
			str_printf("%s%s%s", list, i > 0 ? " or " : "", or_none(e->zhost[i]));
		free(list);
		list = longer;
	}
	step_fail(run, "space %s: expected on %s, seen on %s", name, list, or_none(zhost));
}

static void expect_devices(struct step_run *run, const char *name, const char *expected,
			   const Samoza__V1__SpaceView *view)
{
	CLEANUP(buffer_done) struct buffer seen = BUFFER_INIT(SIZE_MAX);
	(void)buffer_reserve(&seen, 1);
	for (size_t k = 0; k < view->n_devices; k++) {
		const Samoza__V1__DeviceChoiceView *d = view->devices[k];
		(void)buffer_printf(&seen, "%s%s%s%s %u", k > 0 ? ", " : "", d->kind,
				    d->model != NULL ? " " : "",
				    d->model != NULL ? d->model : "", d->index);
	}
	const char *text = seen.size > 0 ? seen.data : "";
	if (!str_equal(text, expected))
		step_fail(run, "space %s: expected the devices '%s', seen '%s'", name, expected,
			  text);
}

static void expect_space(struct step_run *run, const char *name,
			 const Samoza__V1__ExpectSpace *e)
{
	const char *id = NULL;
	const char *path = NULL;
	if (!step_find(run, name, &id, &path, NULL))
		return;
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__SpaceView *view = NULL;
	if (control_view_space(run->world->control, id, path, &view, &err) < 0) {
		step_fail(run, "%s: %s", name, err->message);
		return;
	}
	if (e->state != NULL && strcmp(e->state, view->state) != 0)
		step_fail(run, "space %s: expected %s, seen %s%s%s%s", name, e->state,
			  view->state, view->last_error != NULL ? " (last error: " : "",
			  view->last_error != NULL ? view->last_error : "",
			  view->last_error != NULL ? ")" : "");
	const char *version = view->version != NULL ? view->version : VERSION_NONE;
	if (e->version != NULL && strcmp(e->version, version) != 0)
		step_fail(run, "space %s: expected version %s, seen %s", name, e->version,
			  version);
	expect_zhost_of(run, name, e, view->zhost);
	if (e->goal != NULL && strcmp(e->goal, view->goal) != 0)
		step_fail(run, "space %s: expected the goal %s, seen %s", name, e->goal,
			  view->goal);
	const char *error = view->last_error != NULL ? view->last_error : "";
	const char *why = view->why != NULL ? view->why : "";
	if (!is_part(e->why, why))
		step_fail(run, "space %s: expected the reason %s, seen %s", name,
			  or_none(e->why), or_none(why));
	if (e->code != NULL && !str_equal(e->code, view->failure_code))
		step_fail(run, "space %s: expected the reason's code %s, seen %s", name,
			  e->code, or_none(view->failure_code));
	if (!is_part(e->error, error))
		step_fail(run, "space %s: expected the last error %s, seen %s", name,
			  or_none(e->error), or_none(error));
	if (e->devices != NULL)
		expect_devices(run, name, e->devices, view);
	samoza__v1__space_view__free_unpacked(view, NULL);
}

static void expect_zhost(struct step_run *run, const char *name, const char *state)
{
	if (run->world->control == NULL) {
		step_fail(run, "zrms is not running");
		return;
	}
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__ZhostView *view = NULL;
	const char *seen = "not-deployed"; /* removed, or never there */
	if (control_view_zhost(run->world->control, name, &view, &err) == 0)
		seen = view->state;
	if (strcmp(seen, state) != 0)
		step_fail(run, "zhost %s: expected %s, seen %s", name, state, seen);
	samoza__v1__zhost_view__free_unpacked(view, NULL);
}

static const char *why_left(const Samoza__V1__DrainView *view, const char *name)
{
	for (size_t k = 0; view != NULL && k < view->n_left; k++)
		if (strcmp(view->left[k]->name, name) == 0)
			return view->left[k]->why;
	return "";
}

static void expect_drain(struct step_run *run, const char *name,
			 const Samoza__V1__ExpectDrain *e)
{
	if (run->world->control == NULL) {
		step_fail(run, "zrms is not running");
		return;
	}
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__ZhostView *view = NULL;
	if (control_view_zhost(run->world->control, name, &view, &err) < 0) {
		step_fail(run, "%s", err->message);
		return;
	}
	const char *seen = view->drain != NULL ? view->drain->state : "none";
	if (e->state != NULL && strcmp(seen, e->state) != 0)
		step_fail(run, "drain of %s: expected %s, seen %s", name, e->state, seen);
	for (size_t k = 0; k < e->n_left; k++) {
		const char *part = e->left[k]->value;
		const char *why = why_left(view->drain, e->left[k]->key);
		if (part[0] == '\0' ? why[0] != '\0' : strstr(why, part) == NULL)
			step_fail(run, "drain of %s: expected of %s '%s', seen '%s'", name,
				  e->left[k]->key, part, why);
	}
	samoza__v1__zhost_view__free_unpacked(view, NULL);
}

/* The move of that unit; NULL: it has none. */
static const Samoza__V1__RebalanceMoveView *move_of(const Samoza__V1__RebalanceView *view,
						    const char *name, const char *state)
{
	for (size_t k = 0; k < view->n_moves; k++)
		if (strcmp(view->moves[k]->name, name) == 0 &&
		    strcmp(view->moves[k]->state, state) == 0)
			return view->moves[k];
	return NULL;
}

static void expect_rebalance(struct step_run *run, const Samoza__V1__ExpectRebalance *e)
{
	if (run->world->control == NULL) {
		step_fail(run, "zrms is not running");
		return;
	}
	Samoza__V1__RebalanceView *view = control_view_rebalance(run->world->control);
	if (e->state != NULL && strcmp(view->state, e->state) != 0)
		step_fail(run, "rebalance: expected %s, seen %s", e->state, view->state);
	for (size_t k = 0; k < e->n_moved; k++) {
		const char *name = e->moved[k]->key;
		const Samoza__V1__RebalanceMoveView *m = move_of(view, name, "moved");
		if (strcmp(m != NULL ? m->to : "", e->moved[k]->value) != 0)
			step_fail(run, "rebalance: expected of %s moved to '%s', seen '%s'",
				  name, e->moved[k]->value, m != NULL ? m->to : "");
	}
	for (size_t k = 0; k < e->n_stays; k++) {
		const char *name = e->stays[k]->key, *part = e->stays[k]->value;
		const Samoza__V1__RebalanceMoveView *m = move_of(view, name, "stays");
		const char *why = m == NULL ? "" : m->why != NULL ? m->why : "?";
		if (part[0] == '\0' ? why[0] != '\0' : strstr(why, part) == NULL)
			step_fail(run, "rebalance: expected that %s stays: '%s', seen '%s'",
				  name, part, why);
	}
	samoza__v1__rebalance_view__free_unpacked(view, NULL);
}

void expect_states(struct step_run *run, const Samoza__V1__ExpectStep *step)
{
	for (size_t i = 0; i < step->n_topologies; i++)
		expect_topology(run, step->topologies[i]->key, step->topologies[i]->value);
	for (size_t i = 0; i < step->n_spaces; i++)
		expect_space(run, step->spaces[i]->key, step->spaces[i]->value);
	for (size_t i = 0; i < step->n_zhosts; i++)
		expect_zhost(run, step->zhosts[i]->key, step->zhosts[i]->value);
	for (size_t i = 0; i < step->n_drains; i++)
		expect_drain(run, step->drains[i]->key, step->drains[i]->value);
	if (step->rebalance != NULL)
		expect_rebalance(run, step->rebalance);
}

/* ---- trace and order ---- */

static char *state_now(struct step_run *run, const char *id, const char *path)
{
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__SpaceView *view = NULL;
	if (control_view_space(run->world->control, id, path, &view, &err) < 0)
		return str_printf("(%s)", err->message);
	char *state = mem_strdup(view->state);
	samoza__v1__space_view__free_unpacked(view, NULL);
	return state;
}

void expect_trace(struct step_run *run, const Samoza__V1__ScenarioStep *step)
{
	for (size_t i = 0; i < step->n_trace; i++) {
		const char *name = step->trace[i]->key;
		const char *id = NULL;
		const char *path = NULL;
		if (!step_find(run, name, &id, &path, NULL))
			continue;
		CLEANUP(freep) char *now = state_now(run, id, path);
		CLEANUP(freep) char *seen = history_trace(run->history, id, path, now);
		CLEANUP(freep) char *expected = mem_strdup("");
		const Samoza__V1__StateList *list = step->trace[i]->value;
		for (size_t k = 0; k < list->n_states; k++) {
			char *longer = str_printf("%s%s%s", expected, k > 0 ? ", " : "",
						  list->states[k]);
			free(expected);
			expected = longer;
		}
		if (strcmp(expected, seen) != 0)
			step_fail(
				run,
				"trace of %s:\n           expected %s\n           seen     %s",
				name, expected, seen);
	}
}

void expect_order(struct step_run *run, const Samoza__V1__ScenarioStep *step)
{
	uint64_t last = 0;
	for (size_t i = 0; i < step->n_order; i++) {
		const char *id = NULL;
		const char *path = NULL;
		if (!step_find(run, step->order[i], &id, &path, NULL))
			return;
		uint64_t started = history_started(run->history, id, path);
		if (started == 0) {
			step_fail(run, "order: %s never reached deployed-started",
				  step->order[i]);
			return;
		}
		if (started < last)
			step_fail(run, "order: expected %s before %s, seen after it",
				  step->order[i - 1], step->order[i]);
		last = started;
	}
}

/* ---- reason ---- */

void expect_reason(struct step_run *run, const Samoza__V1__ReasonStep *step)
{
	const char *id = NULL;
	const char *path = NULL;
	if (!step_find(run, step->topology, &id, &path, NULL))
		return;
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__TopologyView *view = NULL;
	if (control_view_topology(run->world->control, id, &view, &err) < 0) {
		step_fail(run, "%s: %s", step->topology, err->message);
		return;
	}
	const char *reason = view->failure_reason != NULL ? view->failure_reason : "";
	bool none = step->contains[0] == '\0' && reason[0] != '\0';
	if (none || strstr(reason, step->contains) == NULL)
		step_fail(run, "reason of %s: expected '%s', seen '%s'", step->topology,
			  step->contains, reason);
	if (step->code != NULL && !str_equal(step->code, view->failure_code))
		step_fail(run, "code of the reason of %s: expected %s, seen %s", step->topology,
			  step->code, or_none(view->failure_code));
	samoza__v1__topology_view__free_unpacked(view, NULL);
}

/* ---- live ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *joined(const char **names, size_t count)
{
	if (count > 0)
		qsort(names, count, sizeof(*names), compare_names);
	char *text = mem_strdup("");
	for (size_t i = 0; i < count; i++) {
		char *longer = str_printf("%s%s%s", text, i > 0 ? ", " : "", names[i]);
		free(text);
		text = longer;
	}
	return text;
}

/* What is expected of one zhost, by the name of the step. `seen` is sorted. */
static void expect_names(struct step_run *run, const char *step, const char *zhost,
			 const char **seen, size_t seen_count,
			 const Samoza__V1__SpaceNameList *list)
{
	VECTOR(const char *) expected = {0};
	for (size_t k = 0; k < list->n_spaces; k++)
		vector_push(&expected, list->spaces[k]);
	CLEANUP(freep) char *seen_text = joined(seen, seen_count);
	CLEANUP(freep) char *expected_text = joined(expected.items, expected.count);
	if (strcmp(seen_text, expected_text) != 0)
		step_fail(run, "%s on %s: expected %s, seen %s", step, zhost,
			  or_none(expected_text), or_none(seen_text));
	vector_done(&expected);
}

void expect_live(struct step_run *run, const Samoza__V1__ScenarioStep *step)
{
	for (size_t i = 0; i < step->n_live; i++) {
		const char *name = step->live[i]->key;
		const struct sim_machine *n = machine_find(run->world, name);
		if (n == NULL) {
			step_fail(run, "live: there is no zhost %s", name);
			continue;
		}
		VECTOR(const char *) seen = {0};
		for (struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
			vector_push(&seen, p->name);
		expect_names(run, "live", name, seen.items, seen.count, step->live[i]->value);
		vector_done(&seen);
	}
}

/* ---- knows ---- */

typedef VECTOR(char *) text_list;

static void add_known(void *data, const struct mesh_peer *peer)
{
	text_list *names = data;
	vector_push(names, str_printf("%s/%s", mesh_topology_name(peer->topology), peer->path));
}

void expect_knows(struct step_run *run, const Samoza__V1__ScenarioStep *step)
{
	for (size_t i = 0; i < step->n_knows; i++) {
		const char *name = step->knows[i]->key;
		const struct sim_machine *n = machine_find(run->world, name);
		if (n == NULL || n->mesh == NULL) {
			step_fail(run, "knows: %s is no zhost that runs", name);
			continue;
		}
		text_list seen = {0};
		mesh_table_visit(mesh_table(n->mesh), add_known, &seen);
		expect_names(run, "knows", name, (const char **)seen.items, seen.count,
			     step->knows[i]->value);
		vector_for_each (&seen, text)
			free(*text);
		vector_done(&seen);
	}
}

static const struct sim_process *newest_process(const struct world *w, const char *name)
{
	const struct sim_process *newest = NULL;
	vector_for_each (&w->machines, n)
		for (const struct sim_process *p = (*n)->processes; p != NULL; p = p->hh.next)
			if (p->started && str_equal(p->name, name) &&
			    (newest == NULL || newest->epoch < p->epoch))
				newest = p;
	return newest;
}

void expect_env(struct step_run *run, const Samoza__V1__ScenarioStep *step)
{
	for (size_t i = 0; i < step->n_env; i++) {
		const char *name = step->env[i]->key, *wanted = step->env[i]->value;
		const struct sim_process *p = newest_process(run->world, name);
		if (p == NULL)
			step_fail(run, "env: %s has no started process", name);
		else if (!str_equal(p->settings != NULL ? p->settings : "", wanted))
			step_fail(run, "env: expected %s for %s, seen %s", wanted, name,
				  p->settings != NULL ? p->settings : "nothing");
	}
}

/* ---- changes ---- */

void expect_away(struct step_run *run, const Samoza__V1__ScenarioStep *step)
{
	for (size_t i = 0; i < step->n_away; i++) {
		const char *name = step->away[i]->key;
		uint64_t most_ms = 0;
		if (duration_parse(step->away[i]->value, &most_ms, NULL) < 0)
			IMPOSSIBLE("the duration was checked when the file was read");
		int64_t ms = availability_take_ms(run->availability, name);
		if (ms > (int64_t)most_ms)
			step_fail(run, "away: expected %s for %s at most, seen %" PRIi64 "ms",
				  name, step->away[i]->value, ms);
	}
}

void expect_moves(struct step_run *run, uint32_t expected)
{
	uint32_t seen = history_take_moves(run->history);
	if (seen != expected)
		step_fail(run, "moves: expected %u, seen %u", expected, seen);
}
