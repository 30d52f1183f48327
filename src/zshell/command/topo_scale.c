#include <stdlib.h>

#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument arguments[] = {
	{.name = "ID", .kind = ARGUMENT_TOPOLOGY},
	{.name = "SPACE=N", .repeated = true},
	{0},
};

const struct cli_command command_topo_scale = {
	.words = "topo scale",
	.summary = "give spaces other counts",
	.details = ID_DETAILS
	"\nIt becomes a new revision in which only counts differ. The space must have a "
	"written `count`;\nN is at least 1, and the highest numbers stop first. The count "
	"stays "
	"over later submits, until\n`topo submit --reset-values`. With --wait: status 1 when "
	"it "
	"fails, 4 after the timeout (60s).",
	.arguments = arguments,
	.options = wait_option,
	.options_size = sizeof(struct wait_options),
	.run = run,
};

/* "api=3,web=2" */
static char *counts_of(const struct cli_run *line)
{
	char *text = mem_strdup(cli_argument(line, 1));

	for (size_t k = 2; cli_argument(line, k) != NULL; k++) {
		CLEANUP(freep) char *before = text;
		text = str_printf("%s,%s", before, cli_argument(line, k));
	}
	return text;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct wait_options *given = line->options;
	if (cli_argument(line, 1) == NULL)
		return error_set(err, ERR_INVALID,
				 "which count? expected SPACE=N, for example `zshell topo "
				 "scale %s api=3`",
				 cli_argument(line, 0));
	CLEANUP(freep) char *counts = counts_of(line);
	const struct topology_request request = {
		.action = "scale",
		.query = "?spaces=",
		.value = counts,
		.doing = "Scaling",
		.done = "is running",
		.rollout = true,
		.what = WAIT_ROLLOUT,
		.wait = given->wait_ms > 0,
		.progress = true,
		.timeout_ms = (uint64_t)given->wait_ms,
	};

	return request_topology(context, line, &request, err);
}
