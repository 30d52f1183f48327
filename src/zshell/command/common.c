#include "zshell/command/common.h"

const struct cli_argument topology_argument[] = {
	{.name = "ID", .kind = ARGUMENT_TOPOLOGY},
	{0},
};

const struct cli_option wait_option[] = {
	{.name = "wait",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct wait_options, wait_ms),
	 .implied = WAIT_DEFAULT,
	 .min = 1,
	 .max = WAIT_MAX_MS,
	 .help = "wait until it is done, at most TIME"},
	{0},
};

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

void print_placements(const struct output *o, const Samoza__V1__TopologyView *t)
{
	struct output_table *table =
		output_table_new(o, placement_columns, OUTPUT_RULED | OUTPUT_INDENTED);
	bool why = false;

	output_line(o, "%s", "");
	output_line(o, "Placements:");
	for (size_t i = 0; i < t->n_placements; i++) {
		const Samoza__V1__PlacementView *p = t->placements[i];

		output_table_row(table,
				 (const char *[]){p->space, p->zhost, state_shown(p->state)});
		why = why || p->why != NULL;
	}
	output_table_print(table);
	if (!why)
		return;
	output_line(o, "%s", "");
	output_line(o, "Why:");
	for (size_t i = 0; i < t->n_placements; i++) {
		if (t->placements[i]->why != NULL)
			output_line(o, "  %s", t->placements[i]->why);
	}
}

void print_notice(const struct shell *shell, const Samoza__V1__TopologyView *view)
{
	if (view->notice != NULL)
		output_note(&shell->output, "%s", view->notice);
}

int request_topology(struct shell *shell, const struct topology_ref *ref,
		     const struct topology_request *request,
		     Samoza__V1__TopologyView **ret_view, struct error **err)
{
	CLEANUP(freep)
	char *path = api_path("/v1/topologies/", ref->id, "/", request->action, NULL);
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
