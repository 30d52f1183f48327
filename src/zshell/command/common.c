#include "zshell/command/common.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

const struct cli_argument topology_argument[] = {
	{.name = "ID", .kind = ARGUMENT_TOPOLOGY},
	{0},
};

const struct cli_argument space_argument[] = {
	{.name = "TOPOLOGY/PATH", .kind = ARGUMENT_SPACE},
	{0},
};

const struct cli_option wait_option[] = {
	OPTION_WAIT(struct wait_options),
	{0},
};

/* ---------------------------------------------------------------- what it is about */

int topology_to_end(struct shell *shell, const char *text, const char *doing, bool yes,
		    struct topology_ref *ret_ref, struct error **err)
{
	int r = resolve_topology(shell, text, ret_ref, err);

	return r < 0 ? r : confirm(shell, ret_ref, doing, NULL, yes, false, err);
}

/* Of other topologies: what they are, and what becomes of them. */
static void print_dependents(const struct shell *shell, const Samoza__V1__TopologyView *view)
{
	for (size_t i = 0; i < view->n_dependents; i++) {
		const Samoza__V1__DependentView *d = view->dependents[i];

		output_note(&shell->output,
			    d->optional_import ? "%s imports from %s, and runs on without it"
					       : "%s needs %s, and stops until it is back",
			    d->space, d->from);
	}
}

/* The same, after the spaces of other topologies that depend on it are named [change.imports.public]. */
static int topology_to_stop(struct shell *shell, const char *text, const char *doing, bool yes,
			    struct topology_ref *ret_ref, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL;
	int r = resolve_topology(shell, text, ret_ref, err);

	if (r == 0)
		r = get_topology(shell, ret_ref->id, &view, err);
	if (r < 0)
		return r;
	print_dependents(shell, view);
	return confirm(shell, ret_ref, doing, NULL, yes, view->n_dependents > 0, err);
}

int space_to_end(struct shell *shell, const char *text, bool topology_too, const char *doing,
		 bool yes, struct space_ref *ret_ref, struct error **err)
{
	int r = topology_too ? resolve_space_or_topology(shell, text, ret_ref, err)
			     : resolve_space(shell, text, ret_ref, err);

	return r < 0 ? r
		     : confirm(shell, &ret_ref->topology, doing, ret_ref->path, yes, false,
			       err);
}

void paths_done(struct paths *paths)
{
	vector_for_each (&paths->list, path)
		free(*path);
	vector_done(&paths->list);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int paths_to_run(struct shell *shell, const struct space_ref *ref, struct paths *ret_paths,
		 struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__SpaceListView *list = NULL;
	CLEANUP(freep)
	char *path = api_path("/v1/topologies/", ref->topology.id, "/spaces", NULL);
	int r = api_get(shell->api, path, &samoza__v1__space_list_view__descriptor,
			(void **)&list, err);

	for (size_t i = 0; r == 0 && i < list->n_spaces; i++) {
		const Samoza__V1__SpaceView *s = list->spaces[i];

		if (path_is_at_or_below(s->path, ref->path) &&
		    str_equal(s->goal, "deployed-started"))
			vector_push(&ret_paths->list, mem_strdup(s->path));
	}
	if (ret_paths->list.count > 1)
		qsort(ret_paths->list.items, ret_paths->list.count,
		      sizeof(*ret_paths->list.items), compare_paths);
	return r;
}

/* ---------------------------------------------------------------- requests */

int put_goal(struct shell *shell, const struct topology_ref *topology, const char *path,
	     const char *goal, const char *word, Samoza__V1__SpaceView **ret_view,
	     struct error **err)
{
	CLEANUP(freep)
	char *url = api_path("/v1/topologies/", topology->id, "/spaces/", path, "/goal", NULL);
	CLEANUP(freep) char *body = NULL;
	Samoza__V1__GoalRequest request;

	samoza__v1__goal_request__init(&request);
	/* protobuf-c's strings are not const; they are only read. */
	request.goal = (char *)(uintptr_t)goal;
	request.command = (char *)(uintptr_t)word;
	body = view_write(&request.base);
	return api_send(shell->api, "PUT", url, body,
			ret_view != NULL ? &samoza__v1__space_view__descriptor : NULL,
			(void **)ret_view, err);
}

int get_topology(struct shell *shell, const char *id, Samoza__V1__TopologyView **ret_view,
		 struct error **err)
{
	CLEANUP(freep) char *path = api_path("/v1/topologies/", id, NULL);

	return api_get(shell->api, path, &samoza__v1__topology_view__descriptor,
		       (void **)ret_view, err);
}

static const struct output_column placement_columns[] = {
	{"SPACE", 0, 21},
	{"ZHOST", 0, 15},
	{"STATE", OUTPUT_STATE, 8},
	{0},
};

static void print_why(const struct output *o, const Samoza__V1__TopologyView *t)
{
	output_line(o, "%s", "");
	output_line(o, "Why:");
	for (size_t i = 0; i < t->n_placements; i++) {
		const Samoza__V1__PlacementView *p = t->placements[i];

		if (p->why != NULL && !p->optional_part)
			output_text(o, 4, "  %s", p->why);
	}
}

/* Those that do not run: the topology's state says nothing of them. */
static void print_optional(const struct output *o, const Samoza__V1__TopologyView *t)
{
	output_line(o, "%s", "");
	output_line(o, "Optional:");
	for (size_t i = 0; i < t->n_placements; i++) {
		const Samoza__V1__PlacementView *p = t->placements[i];

		if (p->why != NULL && p->optional_part)
			output_text(o, 4, "  %s: %s", state_shown(p->state), p->why);
	}
}

void print_placements(const struct output *o, const Samoza__V1__TopologyView *t)
{
	struct output_table *table =
		output_table_new(o, placement_columns, OUTPUT_RULED | OUTPUT_INDENTED);
	bool why = false;
	bool optional = false;

	output_line(o, "%s", "");
	output_line(o, "Placements:");
	for (size_t i = 0; i < t->n_placements; i++) {
		const Samoza__V1__PlacementView *p = t->placements[i];

		output_table_row(table,
				 (const char *[]){p->space, p->zhost, state_shown(p->state)});
		why = why || (p->why != NULL && !p->optional_part);
		optional = optional || (p->why != NULL && p->optional_part);
	}
	output_table_print(table);
	if (why)
		print_why(o, t);
	if (optional)
		print_optional(o, t);
}

int hint_zhosts(int r, struct error **err)
{
	CLEANUP(error_freep) struct error *why = NULL;

	if (r != ERR_NOT_FOUND || err == NULL || *err == NULL)
		return r;
	why = steal_ptr(err);
	return error_set(err, ERR_NOT_FOUND, "%s\n`zshell cluster zhosts` lists all zhosts.",
			 why->message);
}

void print_notice(const struct shell *shell, const Samoza__V1__TopologyView *view)
{
	if (view->notice != NULL)
		output_note(&shell->output, "%s", view->notice);
}

char *rollout_text(const Samoza__V1__RolloutView *r)
{
	if (r == NULL)
		return NULL;
	if (str_equal(r->state, "waiting"))
		return str_printf("%s to %s, %s", r->policy,
				  r->version != NULL ? r->version : "0.0.0", r->detail);
	bool stays = str_equal(r->state, "advancing");
	CLEANUP(freep)
	char *step = stays && r->has_step && r->step <= r->steps
			     ? str_printf(", step %u of %u", r->step, r->steps)
			     : mem_strdup("");
	const char *what = stays			   ? r->policy
			   : str_equal(r->state, "paused") ? "paused on its way"
							   : "going back from its way";
	const char *more = stays || r->cause == NULL ? r->detail : r->cause;

	return str_printf("%s to %s%s, %u of %u%s%s%s", what,
			  r->version != NULL ? r->version : "0.0.0", step, r->done, r->all,
			  more != NULL ? " (" : "", more != NULL ? more : "",
			  more != NULL ? ")" : "");
}

void print_rollout(const struct output *o, const Samoza__V1__TopologyView *view)
{
	CLEANUP(freep) char *text = rollout_text(view->rollout);

	if (text != NULL)
		output_line(o, "Rollout: %s", text);
}

char *scaled_text(const Samoza__V1__TopologyView *t)
{
	char *text = NULL;

	for (size_t k = 0; k < t->n_scaled; k++) {
		const Samoza__V1__ScaledView *s = t->scaled[k];
		CLEANUP(freep) char *before = text;
		text = str_printf("%s%s%s %u (scaled; package: %u)",
				  before != NULL ? before : "", before != NULL ? ", " : "",
				  s->space, s->count, s->package);
	}
	return text;
}

/* *ret_view (view_free) is set as soon as zrms has answered. */
static int post_and_wait(struct shell *shell, const struct topology_ref *ref,
			 const struct topology_request *request,
			 Samoza__V1__TopologyView **ret_view, struct error **err)
{
	CLEANUP(freep)
	char *path = request->query == NULL
			     ? api_path("/v1/topologies/", ref->id, "/", request->action, NULL)
			     : api_path("/v1/topologies/", ref->id, "/", request->action,
					request->query, request->value, NULL);
	CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL;
	struct wait wait = {
		.what = request->what,
		.topology = *ref,
		.progress = request->progress,
		.timeout_ms = request->timeout_ms,
	};
	int r = 0;

	if (request->wait)
		r = wait_last_event(shell, &wait.after, err);
	if (r == 0)
		r = api_send(shell->api, "POST", path, NULL,
			     &samoza__v1__topology_view__descriptor, (void **)&view, err);
	if (r < 0)
		return r;
	print_notice(shell, view);
	*ret_view = steal_ptr(&view);
	return request->wait ? wait_until(shell, &wait, err) : CLI_DONE;
}

int request_topology(struct shell *shell, const struct cli_run *line,
		     const struct topology_request *request, struct error **err)
{
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL;
	const struct output *o = &shell->output;
	const char *name = cli_argument(line, 0);
	int r = request->ends != NULL
			? topology_to_stop(shell, name, request->ends, request->yes, &ref, err)
			: resolve_topology(shell, name, &ref, err);

	if (r < 0)
		return r;
	if (request->doing != NULL && o->format == OUTPUT_TABLE)
		output_line(o, "%s topology %s", request->doing, ref.id);
	r = post_and_wait(shell, &ref, request, &view, err);
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE)
		output_message(o, &view->base);
	else if (r == CLI_DONE && request->wait)
		output_line(o, "Topology %s %s.", ref.id, request->done);
	else if (request->rollout)
		print_rollout(o, view);
	return r;
}

char *zrms_lag_text(const Samoza__V1__ZrmsView *zrms)
{
	if (!zrms->has_read_ahead)
		return mem_strdup("reads the records");
	if (zrms->lag_ms == 0)
		return mem_strdup("up to date");
	return str_printf("lacks %" PRIu64 " transaction%s, for %.1f s", zrms->lag,
			  str_plural(zrms->lag), (double)zrms->lag_ms / 1000);
}
