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
		"problem: then they are re-placed first. Whoever removes a silent zhost "
		"vouches for\n"
		"it: zrms waits no longer for what may still run there without a lease. Make "
		"sure\n"
		"that its machine is off.",
	.arguments = arguments,
	.run = run,
};

static int is_silent(struct shell *shell, const char *path, bool *ret_silent,
		     struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__ZhostView *view = NULL;
	int r = api_get(shell->api, path, &samoza__v1__zhost_view__descriptor, (void **)&view,
			err);
	if (r == 0)
		*ret_silent = str_equal(view->state, "problem");
	return r;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const char *name = cli_argument(line, 0);
	CLEANUP(freep) char *path = NULL;
	const char *done;
	bool silent = false;
	int r = 0;

	if (line->command == &command_cluster_rm) {
		path = api_path("/v1/zhosts/", name, NULL);
		done = "removed";
		r = is_silent(shell, path, &silent, err);
		if (r == 0)
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
		return hint_zhosts(r, err);
	if (shell->output.format == OUTPUT_TABLE)
		output_line(&shell->output, "Zhost %s %s.", name, done);
	if (silent)
		output_note(
			&shell->output,
			"%s was silent: what still runs there goes on until it can be reached; "
			"switch its machine off, or end its processes.",
			name);
	return CLI_DONE;
}
