#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/shell/places.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument arguments[] = {
	{.name = "NAME", .kind = ARGUMENT_SPACE},
	{0},
};

struct options {
	bool follow, previous, all;
	uint32_t lines;
};

static const struct cli_option options[] = {
	{.name = "follow",
	 .letter = 'f',
	 .offset = offsetof(struct options, follow),
	 .help = "continue with new lines"},
	{.name = "previous",
	 .offset = offsetof(struct options, previous),
	 .help = "what it printed on the zhost where it was before"},
	{.name = "all",
	 .offset = offsetof(struct options, all),
	 .help = "what it printed on every zhost where it was, oldest first"},
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

/* `zhost`: where it was before; NULL: where it is. */
static int print_from(struct shell *shell, const struct space_ref *ref, const char *lines,
		      const char *zhost, struct error **err)
{
	const struct output *o = &shell->output;
	CLEANUP(view_freep) Samoza__V1__LogView *view = NULL;
	CLEANUP(freep)
	char *path = api_path("/v1/topologies/", ref->topology.id, "/logs?path=", ref->path,
			      "&lines=", lines, zhost != NULL ? "&zhost=" : "",
			      zhost != NULL ? zhost : "", NULL);
	int r = api_get(shell->api, path, &samoza__v1__log_view__descriptor, (void **)&view,
			err);

	if (r < 0)
		return r;
	if (view->kept_of != NULL)
		output_note(o,
			    "its zhost cannot be reached: these are the last lines that zrms "
			    "keeps, of when it failed at %s",
			    view->kept_of);
	if (o->format != OUTPUT_TABLE && zhost == NULL)
		output_message(o, &view->base);
	else if (o->format != OUTPUT_TABLE)
		output_message_line(o, &view->base);
	for (size_t i = 0; i < view->n_lines && o->format == OUTPUT_TABLE; i++)
		output_line(o, "%s", view->lines[i]);
	return 0;
}

/* ---------------------------------------------------------------- earlier places */

/* The log of a zhost holds every stay there: each zhost once, by its last stay. */
static bool is_last_stay(const stay_vector *stays, size_t at)
{
	for (size_t i = at + 1; i < stays->count; i++)
		if (str_equal(stays->items[i].zhost, stays->items[at].zhost))
			return false;
	return true;
}

static int print_all(struct shell *shell, const struct space_ref *ref, const char *lines,
		     const stay_vector *stays, struct error **err)
{
	const struct output *o = &shell->output;
	int r = 0;

	for (size_t i = 0; r == 0 && i < stays->count; i++) {
		const struct stay *stay = &stays->items[i];
		CLEANUP(error_freep) struct error *why = NULL;

		if (!is_last_stay(stays, i))
			continue;
		if (o->format == OUTPUT_TABLE)
			output_line(o, "==> %s%s%s <==", stay->zhost,
				    stay->until != NULL ? ", until " : "",
				    stay->until != NULL ? stay->until : "");
		r = print_from(shell, ref, lines, stay->zhost, &why);
		/* One that is gone does not hide the others. */
		if (r < 0 && i + 1 < stays->count) {
			output_note(o, "zshell: %s", why->message);
			r = 0;
		} else if (r < 0) {
			return error_move(err, steal_ptr(&why));
		}
	}
	return r;
}

static int print_earlier(struct shell *shell, const struct space_ref *ref, const char *lines,
			 bool all, struct error **err)
{
	CLEANUP(history_done) struct history history = {0};
	CLEANUP(freep) char *name = str_printf("%s/%s", ref->topology.name, ref->path);
	const struct history_query query = {.topology = ref->topology.id};
	stay_vector stays = {0};
	const char *previous = NULL;
	int r = history_fetch(shell, &query, &history, err);

	if (r < 0)
		return r;
	places_find(&history, name, &stays);
	for (size_t i = 0; i < stays.count; i++)
		previous = stays.items[i].until != NULL ? stays.items[i].zhost : previous;
	if (all)
		r = print_all(shell, ref, lines, &stays, err);
	else if (previous == NULL)
		r = error_set(err, ERR_NOT_FOUND, "%s has not been on another zhost before",
			      name);
	else
		r = print_from(shell, ref, lines, previous, err);
	vector_done(&stays);
	return r < 0 ? r : CLI_DONE;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	CLEANUP(space_ref_done) struct space_ref ref = {0};
	CLEANUP(freep)
	char *lines = str_printf("%" PRIu32, given->lines);
	int r;

	if (given->previous + given->all + given->follow > 1)
		return cli_usage_error(line,
				       "of --previous, --all and -f only one can be given");
	r = resolve_space(shell, cli_argument(line, 0), &ref, err);
	if (r < 0)
		return r;
	if (!given->follow)
		output_page(&shell->output);
	if (given->previous || given->all)
		return print_earlier(shell, &ref, lines, given->all, err);
	if (given->follow)
		return follow(shell, &ref, lines, err);
	r = print_from(shell, &ref, lines, NULL, err);
	return r < 0 ? r : CLI_DONE;
}
