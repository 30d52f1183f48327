#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

const struct cli_command command_topo_start = {
	.words = "topo start",
	.summary = "deploy and start every space of a topology, with new placements",
	.details = ID_DETAILS "\n" WAIT_DETAILS,
	.arguments = topology_argument,
	.options = wait_option,
	.options_size = sizeof(struct wait_options),
	.run = run,
};

const struct cli_command command_topo_recover = {
	.words = "topo recover",
	.summary = "place and start the lost instances of a topology again",
	.details = ID_DETAILS "\n" WAIT_DETAILS,
	.arguments = topology_argument,
	.options = wait_option,
	.options_size = sizeof(struct wait_options),
	.run = run,
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct wait_options *given = line->options;
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL;
	const struct output *o = &shell->output;
	bool start = line->command == &command_topo_start;
	const struct topology_request request = {
		.action = start ? "start" : "recover",
		.what = WAIT_RUNNING,
		.wait = given->wait_ms > 0,
		.progress = true,
		.timeout_ms = (uint64_t)given->wait_ms,
	};
	int r = resolve_topology(shell, cli_argument(line, 0), &ref, err);

	if (r < 0)
		return r;
	if (o->format == OUTPUT_TABLE)
		output_line(o, "%s topology %s", start ? "Starting" : "Recovering", ref.id);
	r = request_topology(shell, &ref, &request, &view, err);
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE)
		output_message(o, &view->base);
	else if (r == CLI_DONE && request.wait)
		output_line(o, "Topology %s is running.", ref.id);
	return r;
}
