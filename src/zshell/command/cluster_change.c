/*
 * Commands that change a zhost: cordon, uncordon, rm.
 */
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument arguments[] = {
	{.name = "ZHOST", .kind = ARGUMENT_ZHOST},
	{0},
};

const struct cli_command command_cluster_cordon = {
	.words = "cluster cordon",
	.summary = "exclude a zhost from new placements",
	.details = "Instances that are there stay and are restarted there.",
	.arguments = arguments,
	.run = run,
};

const struct cli_command command_cluster_uncordon = {
	.words = "cluster uncordon",
	.summary = "allow placements on a zhost again",
	.arguments = arguments,
	.run = run,
};

const struct cli_command command_cluster_rm = {
	.words = "cluster rm",
	.summary = "remove a zhost",
	.details =
		"Refused while instances are placed there, unless the zhost is in the state\n"
		"problem: then they are re-placed first.",
	.arguments = arguments,
	.run = run,
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const char *name = cli_argument(line, 0);
	CLEANUP(freep) char *path = NULL;
	const char *done;
	int r;

	if (line->command == &command_cluster_rm) {
		path = api_path("/v1/zhosts/", name, NULL);
		done = "removed";
		r = api_send(shell->api, "DELETE", path, NULL, NULL, NULL, err);
	} else if (line->command == &command_cluster_cordon) {
		path = api_path("/v1/zhosts/", name, "/cordon", NULL);
		done = "cordoned";
		r = api_send(shell->api, "POST", path, NULL, NULL, NULL, err);
	} else {
		path = api_path("/v1/zhosts/", name, "/uncordon", NULL);
		done = "uncordoned";
		r = api_send(shell->api, "POST", path, NULL, NULL, NULL, err);
	}
	if (r < 0)
		return r;
	if (shell->output.format == OUTPUT_TABLE)
		output_line(&shell->output, "Zhost %s %s.", name, done);
	return CLI_DONE;
}
