#include "zshell/command/common.h"

static int run(struct shell *shell, const struct invocation *in, struct error **err);

const struct command command_topo_start = {
	.words = "topo start",
	.summary = "deploy and start all of a topology, with fresh placement",
	.details = ID_DETAILS "\n" WAIT_DETAILS,
	.arguments = topology_argument,
	.options = wait_option,
	.run = run,
};

const struct command command_topo_recover = {
	.words = "topo recover",
	.summary = "try again to place and start what a topology lost",
	.details = ID_DETAILS "\n" WAIT_DETAILS,
	.arguments = topology_argument,
	.options = wait_option,
	.run = run,
};

static int run(struct shell *shell, const struct invocation *in, struct error **err)
{
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL;
	const struct output *o = &shell->output;
	bool start = in->command == &command_topo_start;
	const struct topology_request request = {
		.action = start ? "start" : "recover",
		.what = WAIT_RUNNING,
		.wait = invocation_has(in, "wait"),
		.progress = true,
		.timeout_ms = invocation_number(in, "wait", WAIT_DEFAULT_MS),
	};
	int r = resolve_topology(shell, invocation_argument(in, 0), &ref, err);

	if (r < 0)
		return r;
	if (o->format == OUTPUT_TABLE)
		output_line(o, "%s topology %s", start ? "Starting" : "Recovering", ref.id);
	r = request_topology(shell, &ref, &request, &view, err);
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE)
		output_message(o, &view->base);
	else if (r == EXIT_DONE && request.wait)
		output_line(o, "Topology %s is running.", ref.id);
	return r;
}
