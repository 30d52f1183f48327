/* What people ask of a rollout that is under way. */
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

const struct cli_command command_topo_promote = {
	.words = "topo promote",
	.summary = "let a rollout that waits continue",
	.details = ID_DETAILS,
	.arguments = topology_argument,
	.run = run,
};

const struct cli_command command_topo_abort = {
	.words = "topo abort",
	.summary = "end a rollout and go back to the last completed revision",
	.details = ID_DETAILS,
	.arguments = topology_argument,
	.run = run,
};

const struct cli_command command_topo_pause = {
	.words = "topo pause",
	.summary = "let a rollout begin nothing new",
	.details = ID_DETAILS "\nWhat is being handed over is finished.",
	.arguments = topology_argument,
	.run = run,
};

const struct cli_command command_topo_resume = {
	.words = "topo resume",
	.summary = "let a paused rollout continue",
	.details = ID_DETAILS,
	.arguments = topology_argument,
	.run = run,
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL;
	const struct output *o = &shell->output;
	const struct topology_request request = {.action = line->command->words +
							   strlen("topo ")};
	int r = resolve_topology(shell, cli_argument(line, 0), &ref, err);

	if (r == 0)
		r = request_topology(shell, &ref, &request, &view, err);
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE)
		output_message(o, &view->base);
	else
		print_rollout(o, view);
	return CLI_DONE;
}
