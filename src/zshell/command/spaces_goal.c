/*
 * Commands that change the goal of an instance, or with --all of everything below it.
 */
#include "base/check.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

struct options {
	bool all, yes;
	int64_t wait_ms;
};

#define OPTION_ALL                                                                        \
	{                                                                                 \
		.name = "all", .offset = offsetof(struct options, all),                   \
		.help = "the instance and everything below it; with TOPOLOGY alone, the " \
			"whole "                                                          \
			"topology"                                                        \
	}

static const struct cli_option options[] = {
	OPTION_ALL,
	OPTION_WAIT(struct options),
	{0},
};

/* Of commands that end something. */
static const struct cli_option ending_options[] = {
	OPTION_ALL,
	OPTION_WAIT(struct options),
	OPTION_YES(struct options),
	{0},
};

const struct cli_command command_spaces_deploy = {
	.words = "spaces deploy",
	.summary = "deploy an instance; with --all, deploy and start all",
	.details = SPACE_DETAILS "\n" WAIT_DETAILS,
	.arguments = space_argument,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

const struct cli_command command_spaces_start = {
	.words = "spaces start",
	.summary = "start an instance; with --all, every deployed one below it, too",
	.details = SPACE_DETAILS "\n" WAIT_DETAILS,
	.arguments = space_argument,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

const struct cli_command command_spaces_stop = {
	.words = "spaces stop",
	.summary = "stop an instance and everything below it",
	.details = SPACE_DETAILS "\n" WAIT_DETAILS,
	.arguments = space_argument,
	.options = ending_options,
	.options_size = sizeof(struct options),
	.run = run,
};

const struct cli_command command_spaces_undeploy = {
	.words = "spaces undeploy",
	.summary = "remove an instance and everything below it from its zhost",
	.details = SPACE_DETAILS "\n" WAIT_DETAILS,
	.arguments = space_argument,
	.options = ending_options,
	.options_size = sizeof(struct options),
	.run = run,
};

static const struct request {
	const struct cli_command *command;
	const char *goal;
	const char *word;    /* sent to zrms, which refuses a stop where nothing is deployed */
	const char *grouped; /* with --all */
	const char *doing;
	const char *confirm; /* NULL: ends nothing */
	bool alone;	     /* without --all, nothing below it is meant */
} requests[] = {
	{&command_spaces_deploy, "deployed-stopped", NULL, "deploy-all", "Deploying", NULL,
	 true},
	{&command_spaces_start, "deployed-started", NULL, "start-all", "Starting", NULL, true},
	{&command_spaces_stop, "deployed-stopped", "stop", "stop-all", "Stopping", "Stop",
	 false},
	{&command_spaces_undeploy, "not-deployed", NULL, "undeploy-all", "Undeploying",
	 "Undeploy", false},
};

static const struct request *request_of(const struct cli_command *command)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		if (requests[i].command == command)
			return &requests[i];
	}
	IMPOSSIBLE("a command without a request");
}

static int find(struct shell *shell, const struct request *q, const struct cli_run *line,
		struct space_ref *ret_ref, struct error **err)
{
	const struct options *given = line->options;
	const char *text = cli_argument(line, 0);

	if (q->confirm != NULL)
		return space_to_end(shell, text, given->all, q->confirm, given->yes, ret_ref,
				    err);
	return given->all ? resolve_space_or_topology(shell, text, ret_ref, err)
			  : resolve_space(shell, text, ret_ref, err);
}

static int send_one(struct shell *shell, const struct request *q, const struct space_ref *ref,
		    struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__SpaceView *view = NULL;
	int r = put_goal(shell, &ref->topology, ref->path, q->goal, q->word, &view, err);

	if (r == 0 && shell->output.format != OUTPUT_TABLE)
		output_message(&shell->output, &view->base);
	return r;
}

static int send_all(struct shell *shell, const struct request *q, const struct space_ref *ref,
		    struct error **err)
{
	CLEANUP(freep)
	char *path = api_path("/v1/topologies/", ref->topology.id, "/", q->grouped,
			      ref->path != NULL ? "?path=" : "",
			      ref->path != NULL ? ref->path : "", NULL);
	CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL;
	int r = api_send(shell->api, "POST", path, NULL, &samoza__v1__topology_view__descriptor,
			 (void **)&view, err);

	if (r == 0 && shell->output.format != OUTPUT_TABLE)
		output_message(&shell->output, &view->base);
	return r;
}

/* start-all starts only what is deployed: says so where that is nothing. */
static int note_if_none(struct shell *shell, const struct space_ref *ref, const char *name,
			bool *ret_none, struct error **err)
{
	CLEANUP(paths_done) struct paths started = {0};
	int r = paths_to_run(shell, ref, &started, err);

	*ret_none = r == 0 && started.list.count == 0;
	if (*ret_none)
		output_note(&shell->output,
			    "no instance of %s is deployed, so none was started\n"
			    "To deploy and start: zshell spaces deploy %s --all, or zshell "
			    "topo start %s",
			    name, name, ref->topology.name);
	return r;
}

static int wait_for_it(struct shell *shell, const struct wait *wait, const char *name,
		       struct error **err)
{
	int r = wait_until(shell, wait, err);

	if (r == CLI_DONE && shell->output.format == OUTPUT_TABLE)
		output_line(&shell->output, "%s: done.", name);
	return r;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	const struct request *q = request_of(line->command);
	CLEANUP(space_ref_done) struct space_ref ref = {0};
	CLEANUP(freep) char *name = NULL;
	struct wait wait = {
		.what = WAIT_GOALS,
		.progress = true,
		.timeout_ms = (uint64_t)given->wait_ms,
		.alone = !given->all && q->alone,
	};
	bool none = false;
	int r = find(shell, q, line, &ref, err);

	if (r < 0)
		return r;
	name = str_printf("%s%s%s", ref.topology.name, ref.path != NULL ? "/" : "",
			  ref.path != NULL ? ref.path : "");
	wait.topology = ref.topology;
	wait.path = ref.path;
	if (given->wait_ms > 0)
		r = wait_last_event(shell, &wait.after, err);
	if (r == 0)
		r = given->all ? send_all(shell, q, &ref, err) : send_one(shell, q, &ref, err);
	if (r == 0 && given->all && q->command == &command_spaces_start)
		r = note_if_none(shell, &ref, name, &none, err);
	if (r < 0 || none)
		return r < 0 ? r : CLI_DONE;
	if (shell->output.format == OUTPUT_TABLE)
		output_line(&shell->output, "%s %s%s", q->doing, name,
			    given->all ? " and everything below it" : "");
	return given->wait_ms > 0 ? wait_for_it(shell, &wait, name, err) : CLI_DONE;
}
