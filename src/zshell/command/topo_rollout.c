/* What people ask of a rollout that is under way. */
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

const struct cli_command command_topo_promote = {
	.words = "topo promote",
	.summary = "let a rollout that waits continue",
	.details = ID_DETAILS
	"\nA canary takes its next step; after the last one, everything changes.",
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
	const struct topology_request request = {
		.action = line->command->words + strlen("topo "),
		.rollout = true,
	};

	return request_topology(context, line, &request, err);
}
