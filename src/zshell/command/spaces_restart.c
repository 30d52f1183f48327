/*
 * `spaces restart`: stops an instance with everything below it, waits, and starts again what was to
 * run before.
 */
#include <string.h>

#include "base/str.h"
#include "base/vector.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument arguments[] = {
	{.name = "TOPOLOGY/PATH", .kind = ARGUMENT_SPACE},
	{0},
};

struct options {
	int64_t wait_ms;
	bool no_wait, yes;
};

static const struct cli_option options[] = {
	{.name = "wait",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct options, wait_ms),
	 .fallback = WAIT_DEFAULT,
	 .implied = WAIT_DEFAULT,
	 .min = 1,
	 .max = WAIT_MAX_MS,
	 .help = "wait at most TIME for the stop, and as long for the start"},
	{.name = "no-wait",
	 .offset = offsetof(struct options, no_wait),
	 .help = "do not wait until everything is started again"},
	{.name = "yes",
	 .letter = 'y',
	 .offset = offsetof(struct options, yes),
	 .help = "do not ask on a terminal whether a prefix of an id means the right topology"},
	{0},
};

const struct cli_command command_spaces_restart = {
	.words = "spaces restart",
	.summary = "stop an instance and everything below it, and start again what was to run",
	.details = SPACE_DETAILS
	"\nWaits for the stop, then for the start; exits with status 4 "
	"after the timeout\n(60s for each). Nothing is re-placed. If zshell is "
	"ended meanwhile, the instance\nstays stopped.",
	.arguments = arguments,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

struct paths {
	VECTOR(char *) list; /* parents before their children */
};

static void paths_done(struct paths *p)
{
	vector_for_each (&p->list, path)
		free(*path);
	vector_done(&p->list);
}

static bool is_at_or_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is to run at the path and below it. */
static int find_to_start(struct shell *shell, const struct space_ref *ref, struct paths *paths,
			 struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__SpaceListView *list = NULL;
	CLEANUP(freep)
	char *path = api_path("/v1/topologies/", ref->topology.id, "/spaces", NULL);
	int r = api_get(shell->api, path, &samoza__v1__space_list_view__descriptor,
			(void **)&list, err);

	for (size_t i = 0; r == 0 && i < list->n_spaces; i++) {
		const Samoza__V1__SpaceView *s = list->spaces[i];

		if (is_at_or_below(s->path, ref->path) &&
		    str_equal(s->goal, "deployed-started"))
			vector_push(&paths->list, mem_strdup(s->path));
	}
	if (r < 0)
		return r;
	if (paths->list.count == 0)
		return error_set(
			err, ERR_CONFLICT,
			"%s/%s is not to run, so it cannot be restarted\n`zshell spaces start "
			"%s/%s` starts it.",
			ref->topology.name, ref->path, ref->topology.name, ref->path);
	qsort(paths->list.items, paths->list.count, sizeof(*paths->list.items), compare_paths);
	return 0;
}

static int set_goal(struct shell *shell, const struct space_ref *ref, const char *instance,
		    const char *goal, const char *word, struct error **err)
{
	CLEANUP(freep)
	char *path = api_path("/v1/topologies/", ref->topology.id, "/spaces/", instance,
			      "/goal", NULL);
	CLEANUP(freep) char *body = NULL;
	Samoza__V1__GoalRequest request;

	samoza__v1__goal_request__init(&request);
	/* protobuf-c's strings are not const; they are only read. */
	request.goal = (char *)(uintptr_t)goal;
	request.command = (char *)(uintptr_t)word;
	body = view_write(&request.base);
	return api_send(shell->api, "PUT", path, body, NULL, NULL, err);
}

/* Sends the requests and waits for their end. An exit status, or an error. */
static int stop(struct shell *shell, const struct space_ref *ref, struct wait *wait,
		struct error **err)
{
	int r = wait_last_event(shell, &wait->after, err);

	if (r == 0)
		r = set_goal(shell, ref, ref->path, "deployed-stopped", "stop", err);
	return r < 0 ? r : wait_until(shell, wait, err);
}

static int start(struct shell *shell, const struct space_ref *ref, const struct paths *paths,
		 const struct wait *wait, bool waits, struct error **err)
{
	struct wait again = *wait;
	int r = wait_last_event(shell, &again.after, err);

	vector_for_each (&paths->list, path)
		if (r == 0)
			r = set_goal(shell, ref, *path, "deployed-started", NULL, err);
	if (r < 0)
		return error_wrap(err, "%s/%s is stopped, but cannot be started again",
				  ref->topology.name, ref->path);
	return waits ? wait_until(shell, &again, err) : CLI_DONE;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	const struct output *o = &shell->output;
	CLEANUP(space_ref_done) struct space_ref ref = {0};
	CLEANUP(paths_done) struct paths paths = {0};
	struct wait wait = {
		.what = WAIT_GOALS,
		.timeout_ms = (uint64_t)given->wait_ms,
	};
	int r = resolve_space(shell, cli_argument(line, 0), &ref, err);

	if (r == 0)
		r = confirm(shell, &ref.topology, "Restart", ref.path, given->yes, err);
	if (r == 0)
		r = find_to_start(shell, &ref, &paths, err);
	if (r < 0)
		return r;
	wait.topology = ref.topology;
	wait.path = ref.path;
	if (o->format == OUTPUT_TABLE)
		output_line(o, "Restarting %s/%s", ref.topology.name, ref.path);
	r = stop(shell, &ref, &wait, err);
	if (r == CLI_DONE)
		r = start(shell, &ref, &paths, &wait, !given->no_wait, err);
	if (r == CLI_DONE && !given->no_wait && o->format == OUTPUT_TABLE)
		output_line(o, "%s/%s is running again.", ref.topology.name, ref.path);
	return r;
}
