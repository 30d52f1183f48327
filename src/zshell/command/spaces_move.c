/*
 * `spaces move`: hands an instance, with what is inside of it, over to another zhost.
 */
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

struct options {
	const char *to;
	int64_t wait_ms;
};

static const struct cli_option options[] = {
	{
		.name = "to",
		.type = CLI_STRING,
		.kind = ARGUMENT_ZHOST,
		.value = "ZHOST",
		.offset = offsetof(struct options, to),
		.help = "to this zhost; otherwise to the best other one",
	},
	OPTION_WAIT(struct options),
	{0},
};

const struct cli_command command_spaces_move = {
	.words = "spaces move",
	.summary = "hand an instance over to another zhost",
	.details = SPACE_DETAILS
	"\nWhat is inside of it moves with it. Where its kind allows it, the new copy is "
	"started\nbefore the old one stops, and nothing is interrupted; otherwise the old "
	"one stops\nfirst. When the new one fails, the old one stays, or starts again.\n"
	"With --wait: exits when the old one has gone, with status 1 when it stays where "
	"it\nwas, or with status 4 after the timeout (60s).",
	.arguments = space_argument,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

static int request(struct shell *shell, const struct space_ref *ref, const char *to,
		   Samoza__V1__SpaceView **ret_view, struct error **err)
{
	CLEANUP(freep)
	char *url = api_path("/v1/topologies/", ref->topology.id, "/spaces/", ref->path,
			     "/move", NULL);
	CLEANUP(freep) char *body = NULL;
	Samoza__V1__MoveRequest move = SAMOZA__V1__MOVE_REQUEST__INIT;

	move.zhost = (char *)(uintptr_t)to; /* only read */
	body = view_write(&move.base);
	return api_send(shell->api, "POST", url, body, &samoza__v1__space_view__descriptor,
			(void **)ret_view, err);
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	const struct output *o = &shell->output;
	CLEANUP(space_ref_done) struct space_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__SpaceView *view = NULL;
	struct wait wait = {
		.what = WAIT_MOVED,
		.progress = true,
		.alone = true,
		.timeout_ms = (uint64_t)given->wait_ms,
	};
	int r = resolve_space(shell, cli_argument(line, 0), &ref, err);

	if (r == 0 && given->wait_ms > 0)
		r = wait_last_event(shell, &wait.after, err);
	if (r == 0)
		r = request(shell, &ref, given->to, &view, err);
	if (r < 0)
		return hint_zhosts(r, err);
	if (o->format != OUTPUT_TABLE)
		output_message(o, &view->base);
	else
		output_line(o, "Moving %s away from %s", view->name, view->zhost);
	if (given->wait_ms == 0)
		return CLI_DONE;
	wait.topology = ref.topology;
	wait.path = ref.path;
	wait.from = view->zhost;
	r = wait_until(shell, &wait, err);
	if (r == CLI_DONE && o->format == OUTPUT_TABLE)
		output_line(o, "%s: done.", view->name);
	return r;
}
