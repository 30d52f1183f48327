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
	const struct wait_options *given = line->options;
	bool start = line->command == &command_topo_start;
	const struct topology_request request = {
		.action = start ? "start" : "recover",
		.doing = start ? "Starting" : "Recovering",
		.done = "is running",
		.what = WAIT_RUNNING,
		.wait = given->wait_ms > 0,
		.progress = true,
		.timeout_ms = (uint64_t)given->wait_ms,
	};

	return request_topology(context, line, &request, err);
}
