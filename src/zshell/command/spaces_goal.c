/*
 * Commands that change the goal of an instance, or with --all of everything below it.
 */
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument arguments[] = {
	{.name = "TOPOLOGY/PATH", .kind = ARGUMENT_SPACE},
	{0},
};

struct options {
	bool all, yes;
	int64_t wait_ms;
};

static const struct cli_option options[] = {
	{.name = "all",
	 .offset = offsetof(struct options, all),
	 .help = "the instance and everything below it; with TOPOLOGY alone, the whole "
		 "topology"},
	{.name = "wait",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct options, wait_ms),
	 .implied = WAIT_DEFAULT,
	 .min = 1,
	 .max = WAIT_MAX_MS,
	 .help = "wait until it is done, at most TIME"},
	{0},
};

/* Of commands that end something. */
static const struct cli_option ending_options[] = {
	{.name = "all",
	 .offset = offsetof(struct options, all),
	 .help = "the instance and everything below it; with TOPOLOGY alone, the whole "
		 "topology"},
	{.name = "wait",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct options, wait_ms),
	 .implied = WAIT_DEFAULT,
	 .min = 1,
	 .max = WAIT_MAX_MS,
	 .help = "wait until it is done, at most TIME"},
	{.name = "yes",
	 .letter = 'y',
	 .offset = offsetof(struct options, yes),
	 .help = "do not ask for confirmation on a terminal when the topology is given by a "
		 "prefix of its id"},
	{0},
};

const struct cli_command command_spaces_deploy = {
	.words = "spaces deploy",
	.summary = "deploy an instance; with --all, deploy and start all",
	.details = SPACE_DETAILS "\n" WAIT_DETAILS,
	.arguments = arguments,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

const struct cli_command command_spaces_start = {
	.words = "spaces start",
	.summary = "start an instance; with --all, every deployed one below it, too",
	.details = SPACE_DETAILS "\n" WAIT_DETAILS,
	.arguments = arguments,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

const struct cli_command command_spaces_stop = {
	.words = "spaces stop",
	.summary = "stop an instance and everything below it",
	.details = SPACE_DETAILS "\n" WAIT_DETAILS,
	.arguments = arguments,
	.options = ending_options,
	.options_size = sizeof(struct options),
	.run = run,
};

const struct cli_command command_spaces_undeploy = {
	.words = "spaces undeploy",
	.summary = "remove an instance and everything below it from its zhost",
	.details = SPACE_DETAILS "\n" WAIT_DETAILS,
	.arguments = arguments,
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
} requests[] = {
	{&command_spaces_deploy, "deployed-stopped", NULL, "deploy-all", "Deploying", NULL},
	{&command_spaces_start, "deployed-started", NULL, "start-all", "Starting", NULL},
	{&command_spaces_stop, "deployed-stopped", "stop", "stop-all", "Stopping", "Stop"},
	{&command_spaces_undeploy, "not-deployed", NULL, "undeploy-all", "Undeploying",
	 "Undeploy"},
};

static const struct request *request_of(const struct cli_command *command)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		if (requests[i].command == command)
			return &requests[i];
	}
	IMPOSSIBLE("a command without a request");
}

static int send_one(struct shell *shell, const struct request *q, const struct space_ref *ref,
		    struct error **err)
{
	CLEANUP(freep)
	char *path = api_path("/v1/topologies/", ref->topology.id, "/spaces/", ref->path,
			      "/goal", NULL);
	CLEANUP(view_freep) Samoza__V1__SpaceView *view = NULL;
	CLEANUP(freep) char *body = NULL;
	Samoza__V1__GoalRequest goal;
	int r;

	samoza__v1__goal_request__init(&goal);
	/* protobuf-c's strings are not const; they are only read. */
	goal.goal = (char *)(uintptr_t)q->goal;
	goal.command = (char *)(uintptr_t)q->word;
	body = view_write(&goal.base);
	r = api_send(shell->api, "PUT", path, body, &samoza__v1__space_view__descriptor,
		     (void **)&view, err);
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

static bool is_below(const char *path, const char *top)
{
	size_t n = top != NULL ? strlen(top) : 0;

	return top == NULL ||
	       (strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/'));
}

/* Whether start-all had anything to start: it starts only deployed instances. */
static int starts_any(struct shell *shell, const struct space_ref *ref, bool *ret_any,
		      struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__SpaceListView *list = NULL;
	CLEANUP(freep)
	char *path = api_path("/v1/topologies/", ref->topology.id, "/spaces", NULL);
	int r = api_get(shell->api, path, &samoza__v1__space_list_view__descriptor,
			(void **)&list, err);

	*ret_any = false;
	for (size_t i = 0; r == 0 && i < list->n_spaces; i++) {
		if (is_below(list->spaces[i]->path, ref->path) &&
		    str_equal(list->spaces[i]->goal, "deployed-started"))
			*ret_any = true;
	}
	return r;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	CLEANUP(space_ref_done) struct space_ref ref = {0};
	CLEANUP(freep) char *name = NULL;
	const struct request *q = request_of(line->command);
	const struct output *o = &shell->output;
	bool all = given->all, any = true;
	const char *text = cli_argument(line, 0);
	struct wait wait = {
		.what = WAIT_GOALS,
		.progress = true,
		.timeout_ms = (uint64_t)given->wait_ms,
		/* A stop and an undeploy include everything below. */
		.alone = !all && (q->command == &command_spaces_deploy ||
				  q->command == &command_spaces_start),
	};
	int r = all ? resolve_space_or_topology(shell, text, &ref, err)
		    : resolve_space(shell, text, &ref, err);

	if (r == 0 && q->confirm != NULL)
		r = confirm(shell, &ref.topology, q->confirm, ref.path, given->yes, err);
	if (r < 0)
		return r;
	name = str_printf("%s%s%s", ref.topology.name, ref.path != NULL ? "/" : "",
			  ref.path != NULL ? ref.path : "");
	wait.topology = ref.topology;
	wait.path = ref.path;
	if (given->wait_ms > 0)
		r = wait_last_event(shell, &wait.after, err);
	if (r == 0)
		r = all ? send_all(shell, q, &ref, err) : send_one(shell, q, &ref, err);
	if (r == 0 && all && q->command == &command_spaces_start)
		r = starts_any(shell, &ref, &any, err);
	if (r < 0)
		return r;
	if (!any) {
		output_note(o,
			    "no instance of %s is deployed, so none was started\n"
			    "To deploy and start: zshell spaces deploy %s --all, or zshell "
			    "topo start %s",
			    name, name, ref.topology.name);
		return CLI_DONE;
	}
	if (o->format == OUTPUT_TABLE)
		output_line(o, "%s %s%s", q->doing, name,
			    all ? " and everything below it" : "");
	if (given->wait_ms == 0)
		return CLI_DONE;
	r = wait_until(shell, &wait, err);
	if (r == CLI_DONE && o->format == OUTPUT_TABLE)
		output_line(o, "%s: done.", name);
	return r;
}
