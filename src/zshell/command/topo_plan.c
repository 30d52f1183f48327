#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/command/plan_view.h"

static int run(void *context, const struct cli_run *line, struct error **err);

struct options {
	struct submit_wishes wishes;
};

static const struct cli_option options[] = {
	OPTIONS_SUBMIT(struct options),
	{0},
};

static const struct cli_argument arguments[] = {
	{.name = "FILE", .kind = CLI_ARGUMENT_FILE},
	{0},
};

const struct cli_command command_topo_plan = {
	.words = "topo plan",
	.summary = "show what submitting a topology would do",
	.details =
		"FILE is a MEX. What differs, and what follows from it if nothing else "
		"happens: the order of\nstops and starts, the places, what has no place and "
		"why. zrms computes it as it would do it,\non a copy of its state; nothing is "
		"changed. Order and places are promised, times are not.\nExit status: 0 when "
		"there is nothing to do, 10 when there are changes, 1 when it is refused.",
	.arguments = arguments,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	CLEANUP(view_freep) Samoza__V1__PlanView *plan = NULL;
	const char *file = cli_argument(line, 0);
	CLEANUP(freep) char *path = NULL;
	int r = api_check_file(file, err);

	if (r == 0)
		r = submit_path("plan=1", &given->wishes, &path, err);
	if (r < 0)
		return r;
	r = api_upload(shell->api, path, "application/vnd.samoza.mex+zip", file,
		       &samoza__v1__plan_view__descriptor, (void **)&plan, err);
	return r < 0 ? r : plan_show(&shell->output, plan);
}
