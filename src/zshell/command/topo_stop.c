#include "zshell/command/common.h"

static int run(struct shell *shell, const struct invocation *in, struct error **err);

static const struct command_option options[] = {
	{"wait", 0, OPTION_TIME, "wait at most TIME"},
	{"no-wait", 0, OPTION_FLAG, "do not wait until every space is unloaded"},
	{0},
};

const struct command command_topo_stop = {
	.words = "topo stop",
	.summary = "stop a topology and unload its spaces",
	.details = ID_DETAILS
	"\nWaits until every space is unloaded, with status 4 when the time is "
	"over (60s).\nData stays; `topo start` brings it back.",
	.arguments = topology_argument,
	.options = options,
	.run = run,
};

static int run(struct shell *shell, const struct invocation *in, struct error **err)
{
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL;
	const struct output *o = &shell->output;
	const struct topology_request request = {
		.action = "stop",
		.what = WAIT_UNLOADED,
		.wait = !invocation_has(in, "no-wait"),
		.timeout_ms = invocation_number(in, "wait", WAIT_DEFAULT_MS),
	};
	int r = resolve_topology(shell, invocation_argument(in, 0), &ref, err);

	if (r < 0)
		return r;
	if (o->format == OUTPUT_TABLE)
		output_line(o, "Stopping topology %s", ref.id);
	r = request_topology(shell, &ref, &request, &view, err);
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE)
		output_message(o, &view->base);
	else if (r == EXIT_DONE && request.wait)
		output_line(o, "Topology %s stopped.", ref.id);
	return r;
}
