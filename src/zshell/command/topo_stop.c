#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

struct options {
	int64_t wait_ms;
	bool no_wait, yes;
};

static const struct cli_option options[] = {
	OPTION_WAIT_ALWAYS(struct options, "wait at most TIME"),
	OPTION_NO_WAIT(struct options, "do not wait until every space is unloaded"),
	OPTION_YES(struct options),
	{0},
};

const struct cli_command command_topo_stop = {
	.words = "topo stop",
	.summary = "stop a topology and unload its spaces",
	.details = ID_DETAILS
	"\nWaits until every space is unloaded; exits with status 4 after the timeout "
	"(60s).\nData is kept; `topo start` starts it again.",
	.arguments = topology_argument,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	const struct topology_request request = {
		.action = "stop",
		.ends = "Stop",
		.yes = given->yes,
		.doing = "Stopping",
		.done = "stopped",
		.what = WAIT_UNLOADED,
		.wait = !given->no_wait,
		.timeout_ms = (uint64_t)given->wait_ms,
	};

	return request_topology(context, line, &request, err);
}
