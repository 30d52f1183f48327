#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument arguments[] = {
	{.name = "FILE", .kind = CLI_ARGUMENT_FILE},
	{0},
};

struct options {
	int64_t wait_ms;
	bool no_start, dry_run;
	struct submit_wishes wishes;
};

static const struct cli_option options[] = {
	{.name = "wait",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct options, wait_ms),
	 .implied = WAIT_DEFAULT,
	 .min = 1,
	 .max = WAIT_MAX_MS,
	 .help = "show progress until it is running, at most TIME"},
	{.name = "no-start",
	 .offset = offsetof(struct options, no_start),
	 .help = "store it without deploying anything"},
	OPTIONS_SUBMIT(struct options),
	{.name = "dry-run",
	 .offset = offsetof(struct options, dry_run),
	 .help = "only show where each instance would be placed, or why it cannot be placed"},
	{0},
};

const struct cli_command command_topo_submit = {
	.words = "topo submit",
	.summary = "submit a topology",
	.details =
		"FILE is a MEX, as `mex build` makes it. It is stored durably before its id is "
		"printed.\n"
		"With --wait: status 1 when the topology fails, 4 after the timeout (60s).\n"
		"With --dry-run: all checks are made and nothing is changed; status 1 when it "
		"cannot be placed.",
	.arguments = arguments,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

static const struct cli_option apply_options[] = {
	{.name = "wait",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct options, wait_ms),
	 .fallback = WAIT_DEFAULT,
	 .min = 1,
	 .max = WAIT_MAX_MS,
	 .help = "how long to wait until it is running"},
	OPTIONS_SUBMIT(struct options),
	{0},
};

const struct cli_command command_topo_apply = {
	.words = "topo apply",
	.summary = "submit a topology if it differs from what is deployed, and wait",
	.details = "FILE is a MEX. For scripts and repositories: the same command may be given "
		   "any "
		   "number of times;\nwhat is deployed already is not touched. Ends when the "
		   "topology "
		   "is running: status 1 when it\nfails or is refused, 4 after the timeout.",
	.arguments = arguments,
	.options = apply_options,
	.options_size = sizeof(struct options),
	.run = run,
};

/* Adds to a refusal what the user can do about it. */
static int refused(int code, const char *file, struct error **err)
{
	CLEANUP(freep) char *hint = NULL;
	CLEANUP(freep) char *message = NULL;

	if (err == NULL || *err == NULL)
		return code;
	if (code == ERR_DENIED)
		hint = str_printf(
			"Sign it with a key that zrms trusts (mex sign %s --key KEY), or copy "
			"the signer's .pub file to the trust directory of zrms.",
			file);
	else if (code == ERR_INVALID)
		hint = str_printf("Nothing was stored. `mex validate %s` lists all findings.",
				  file);
	else
		return code;
	message = mem_strdup((*err)->message);
	error_free(*err);
	*err = NULL;
	return error_set(err, (enum error_code)code, "%s\n%s", message, hint);
}

static void print_effect(const struct output *o, const Samoza__V1__TopologyView *view)
{
	CLEANUP(freep) char *spaces = str_printf("%u", view->spaces);

	if (o->format != OUTPUT_TABLE)
		return;
	output_line(o, "%s", "");
	if (str_equal(view->effect, "unchanged"))
		output_line(o, "%s", "Topology unchanged: this package was accepted already.");
	else
		output_line(o, "Topology %s:",
			    str_equal(view->effect, "updated") ? "updated" : "created");
	output_block(o, 7,
		     (const struct output_pair[]){{"ID", view->id},
						  {"Name", view->name},
						  {"State", view->state},
						  {"Spaces", spaces},
						  {0}});
}

/* The placements, or why there are none. */
static int show_dry_run(const struct shell *shell, const Samoza__V1__TopologyView *view)
{
	const struct output *o = &shell->output;
	int status = view->failure_reason == NULL ? CLI_DONE : CLI_FAILED;

	if (o->format != OUTPUT_TABLE) {
		output_message(o, &view->base);
		return status;
	}
	output_line(o, "%s", "");
	CLEANUP(freep)
	char *see = api_manual(shell->api, MANUAL_REASONS, view->failure_code);
	if (view->failure_reason != NULL)
		output_line(o, "%s cannot be placed: %s", view->name, view->failure_reason);
	if (see != NULL)
		output_line(o, "See %s", see);
	if (view->failure_reason == NULL)
		print_placements(o, view);
	print_notice(shell, view);
	return status;
}

static int wait_for_it(struct shell *shell, const struct options *given,
		       Samoza__V1__TopologyView **view, struct error **err)
{
	const struct output *o = &shell->output;
	struct wait wait = {
		.what = WAIT_RUNNING,
		.topology = {(*view)->id, (*view)->name},
		.progress = true,
		.timeout_ms = (uint64_t)given->wait_ms,
	};
	Samoza__V1__TopologyView *now = NULL;
	int status, r;

	if ((*view)->rollout != NULL || (*view)->last_rollout != NULL)
		wait.what = WAIT_ROLLOUT;
	if (o->format == OUTPUT_TABLE)
		output_line(o, "%s", "");
	/* It may be a further revision: what happened to the earlier ones is past. */
	status = wait_last_event(shell, &wait.after, err);
	if (status == 0)
		status = wait_until(shell, &wait, err);
	if (status < 0)
		return status;
	if (o->format == OUTPUT_TABLE) {
		if (status == CLI_DONE)
			output_line(o, "Topology %s is running.", (*view)->id);
		return status;
	}
	r = get_topology(shell, (*view)->id, &now, err);
	if (r < 0)
		return r;
	view_free(*view);
	*view = now;
	return status;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL;
	const struct output *o = &shell->output;
	const char *file = cli_argument(line, 0);
	int status = CLI_DONE;
	CLEANUP(freep) char *path = NULL;
	int r = api_check_file(file, err);

	if (r == 0)
		r = submit_path(given->dry_run	  ? "dry_run=1"
				: given->no_start ? "start=0"
						  : "start=1",
				&given->wishes, &path, err);
	if (r < 0)
		return r;
	if (o->format == OUTPUT_TABLE)
		output_line(o, "Submitting topology from %s...", file);
	r = api_upload(shell->api, path, "application/vnd.samoza.mex+zip", file,
		       &samoza__v1__topology_view__descriptor, (void **)&view, err);
	if (r < 0)
		return refused(r, file, err);
	if (given->dry_run)
		return show_dry_run(shell, view);
	print_effect(o, view);
	print_notice(shell, view);
	if (given->wait_ms > 0 && !given->no_start)
		status = wait_for_it(shell, given, &view, err);
	if (status >= 0 && o->format != OUTPUT_TABLE)
		output_message(o, &view->base);
	return status;
}
