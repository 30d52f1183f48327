#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

struct options {
	int64_t wait_ms;
	uint32_t to;
};

static const struct cli_option options[] = {
	{.name = "to",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, to),
	 .value = "REVISION",
	 .min = 1,
	 .max = UINT32_MAX,
	 .help = "the revision whose content is wanted; otherwise the completed one before"},
	{.name = "wait",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct options, wait_ms),
	 .implied = WAIT_DEFAULT,
	 .min = 1,
	 .max = WAIT_MAX_MS,
	 .help = "show progress until it is running, at most TIME"},
	{0},
};

const struct cli_command command_topo_rollback = {
	.words = "topo rollback",
	.summary = "go back to the content of an earlier revision, at once",
	.details = ID_DETAILS
	"\nIt becomes a new revision; a second rollback returns. Data is not rolled back. "
	"`topo history`\nlists the revisions. Refused where the package is gone, or signed by "
	"a "
	"key that is no longer\ntrusted. With --wait: status 1 when it fails, 4 after the "
	"timeout "
	"(60s).",
	.arguments = topology_argument,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	CLEANUP(freep) char *to = given->to != 0 ? str_printf("%u", given->to) : NULL;
	const struct topology_request request = {
		.action = "rollback",
		.query = to != NULL ? "?to=" : NULL,
		.value = to,
		.doing = "Rolling back",
		.done = "is running",
		.rollout = true,
		.what = WAIT_ROLLOUT,
		.wait = given->wait_ms > 0,
		.progress = true,
		.timeout_ms = (uint64_t)given->wait_ms,
	};

	return request_topology(context, line, &request, err);
}
