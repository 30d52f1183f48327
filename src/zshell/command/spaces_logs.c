#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument arguments[] = {
	{.name = "NAME", .kind = ARGUMENT_SPACE},
	{0},
};

struct options {
	bool follow;
	uint32_t lines;
};

static const struct cli_option options[] = {
	{.name = "follow",
	 .letter = 'f',
	 .offset = offsetof(struct options, follow),
	 .help = "continue with new lines"},
	{.name = "lines",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, lines),
	 .fallback = "200",
	 .help = "number of lines from the end"},
	{0},
};

const struct cli_command command_spaces_logs = {
	.words = "spaces logs",
	.summary = "show the log of an instance",
	.details = SPACE_DETAILS,
	.arguments = arguments,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

static int on_line(void *data, const struct api_event *event, struct error **err)
{
	const struct shell *shell = data;
	CLEANUP(view_freep) Samoza__V1__LogView *view = NULL;

	if (event == NULL)
		return 0;
	int r = view_read(&samoza__v1__log_view__descriptor, event->data, event->size,
			  (ProtobufCMessage **)&view, err);
	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE)
		output_message_line(&shell->output, &view->base);
	else
		for (size_t i = 0; i < view->n_lines; i++)
			output_line(&shell->output, "%s", view->lines[i]);
	return 0;
}

static void on_loss(void *data, const char *why)
{
	const struct shell *shell = data;

	output_note(&shell->output, "lost the connection to zrms (%s); reconnecting ...", why);
}

static int follow(struct shell *shell, const struct space_ref *ref, const char *lines,
		  struct error **err)
{
	CLEANUP(freep)
	char *path = api_path("/v1/topologies/", ref->topology.id,
			      "/logs?follow=1&path=", ref->path, NULL);
	CLEANUP(freep) char *once = str_printf("lines=%s", lines);
	const struct api_stream stream = {
		.path = path,
		.once = once,
		.again = "lines=0",
		.deadline_mono_ms = INT64_MAX,
		.handle = on_line,
		.lost = on_loss,
		.data = shell,
	};

	return api_follow(shell->api, &stream, err);
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	CLEANUP(space_ref_done) struct space_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__LogView *view = NULL;
	CLEANUP(freep)
	char *lines = str_printf("%" PRIu32, given->lines);
	CLEANUP(freep) char *path = NULL;
	int r = resolve_space(shell, cli_argument(line, 0), &ref, err);

	if (r < 0)
		return r;
	if (given->follow)
		return follow(shell, &ref, lines, err);
	path = api_path("/v1/topologies/", ref.topology.id, "/logs?path=", ref.path,
			"&lines=", lines, NULL);
	r = api_get(shell->api, path, &samoza__v1__log_view__descriptor, (void **)&view, err);
	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE)
		output_message(&shell->output, &view->base);
	for (size_t i = 0; i < view->n_lines && shell->output.format == OUTPUT_TABLE; i++)
		output_line(&shell->output, "%s", view->lines[i]);
	return CLI_DONE;
}
