/*
 * `spaces restart`: stops an instance with everything below it, waits, and starts again what was to
 * run before.
 */
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

struct options {
	int64_t wait_ms;
	bool no_wait, yes;
};

static const struct cli_option options[] = {
	OPTION_WAIT_ALWAYS(struct options,
			   "wait at most TIME for the stop, and as long for the start"),
	OPTION_NO_WAIT(struct options, "do not wait until everything is started again"),
	OPTION_YES(struct options),
	{0},
};

const struct cli_command command_spaces_restart = {
	.words = "spaces restart",
	.summary = "stop an instance and everything below it, and start again what was to run",
	.details = SPACE_DETAILS
	"\nWaits for the stop, then for the start; exits with status 4 "
	"after the timeout\n(60s for each). Nothing is re-placed. If zshell is "
	"ended meanwhile, the instance\nstays stopped.",
	.arguments = space_argument,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

/* What is to run at the path and below it. */
static int find_to_start(struct shell *shell, const struct space_ref *ref, struct paths *paths,
			 struct error **err)
{
	int r = paths_to_run(shell, ref, paths, err);

	if (r < 0 || paths->list.count > 0)
		return r;
	return error_set(err, ERR_CONFLICT,
			 "%s/%s is not to run, so it cannot be restarted\n`zshell spaces start "
			 "%s/%s` starts it.",
			 ref->topology.name, ref->path, ref->topology.name, ref->path);
}

/* Sends the requests and waits for their end. An exit status, or an error. */
static int stop(struct shell *shell, const struct space_ref *ref, struct wait *wait,
		struct error **err)
{
	int r = wait_last_event(shell, &wait->after, err);

	if (r == 0)
		r = put_goal(shell, &ref->topology, ref->path, "deployed-stopped", "stop", NULL,
			     err);
	return r < 0 ? r : wait_until(shell, wait, err);
}

static int start(struct shell *shell, const struct space_ref *ref, const struct paths *paths,
		 const struct wait *wait, bool waits, struct error **err)
{
	struct wait again = *wait;
	int r = wait_last_event(shell, &again.after, err);

	vector_for_each (&paths->list, path)
		if (r == 0)
			r = put_goal(shell, &ref->topology, *path, "deployed-started", NULL,
				     NULL, err);
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
	int r = space_to_end(shell, cli_argument(line, 0), false, "Restart", given->yes, &ref,
			     err);

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
