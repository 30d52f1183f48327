#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "zshell/command/common.h"

static int run(struct shell *shell, const struct invocation *in, struct error **err);

static const struct command_argument arguments[] = {
	{"NAME", ARGUMENT_SPACE, false},
	{0},
};

static const struct command_option options[] = {
	{"follow", 'f', OPTION_FLAG, "go on with what it writes"},
	{"lines", 0, OPTION_NUMBER, "the last N lines (200)"},
	{0},
};

const struct command command_spaces_logs = {
	.words = "spaces logs",
	.summary = "show the log of an instance",
	.details = SPACE_DETAILS,
	.arguments = arguments,
	.options = options,
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

	output_note(&shell->output, "zrms is away (%s); waiting for it ...", why);
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

static int run(struct shell *shell, const struct invocation *in, struct error **err)
{
	CLEANUP(space_ref_done) struct space_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__LogView *view = NULL;
	CLEANUP(freep)
	char *lines = str_printf("%" PRIu64, invocation_number(in, "lines", 200));
	CLEANUP(freep) char *path = NULL;
	int r = resolve_space(shell, invocation_argument(in, 0), &ref, err);

	if (r < 0)
		return r;
	if (invocation_has(in, "follow"))
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
	return EXIT_DONE;
}
