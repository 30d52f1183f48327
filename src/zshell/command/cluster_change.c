/*
 * What changes a zhost: cordon, uncordon, rm.
 */
#include "base/str.h"
#include "zshell/command/common.h"

static int run(struct shell *shell, const struct invocation *in, struct error **err);

static const struct command_argument arguments[] = {
	{"ZHOST", ARGUMENT_ZHOST, false},
	{0},
};

const struct command command_cluster_cordon = {
	.words = "cluster cordon",
	.summary = "place nothing new on a zhost",
	.details = "What is there stays and is restarted there.",
	.arguments = arguments,
	.run = run,
};

const struct command command_cluster_uncordon = {
	.words = "cluster uncordon",
	.summary = "place on a zhost again",
	.arguments = arguments,
	.run = run,
};

const struct command command_cluster_rm = {
	.words = "cluster rm",
	.summary = "remove a zhost",
	.details =
		"Refused while instances are placed there, unless the zhost is in the state\n"
		"problem: then they are placed anew first.",
	.arguments = arguments,
	.run = run,
};

static int run(struct shell *shell, const struct invocation *in, struct error **err)
{
	const char *name = invocation_argument(in, 0);
	CLEANUP(freep) char *path = NULL;
	const char *done;
	int r;

	if (in->command == &command_cluster_rm) {
		path = api_path("/v1/zhosts/", name, NULL);
		done = "removed";
		r = api_send(shell->api, "DELETE", path, NULL, NULL, NULL, err);
	} else if (in->command == &command_cluster_cordon) {
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
	return EXIT_DONE;
}
