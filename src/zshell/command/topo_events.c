#include <inttypes.h>

#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

struct options {
	bool follow;
};

static const struct cli_option options[] = {
	{.name = "follow",
	 .letter = 'f',
	 .offset = offsetof(struct options, follow),
	 .help = "continue with new events"},
	{0},
};

const struct cli_command command_topo_events = {
	.words = "topo events",
	.summary = "show the history of a topology, oldest event first",
	.details = ID_DETAILS "\nOne line per event: TIME KIND SUBJECT OLD -> NEW CAUSE, with "
			      "the\nspelling of the API for states (deployed-started).",
	.arguments = topology_argument,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

static const char *or_dash(const char *s)
{
	return str_is_empty(s) ? "-" : s;
}

static void print_event(const struct output *o, const Samoza__V1__EventView *e)
{
	if (o->format == OUTPUT_TABLE)
		output_line(o, "%s %-9s %s %s -> %s %s", e->time, e->kind, e->subject,
			    or_dash(e->from), or_dash(e->to), e->cause);
	else
		output_message_line(o, &e->base);
}

static int on_event(void *data, const struct api_event *event, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__EventView *view = NULL;
	const struct shell *shell = data;
	int r;

	if (event == NULL)
		return 0;
	r = view_read(&samoza__v1__event_view__descriptor, event->data, event->size,
		      (ProtobufCMessage **)&view, err);
	if (r == 0)
		print_event(&shell->output, view);
	return r;
}

static void on_loss(void *data, const char *why)
{
	const struct shell *shell = data;

	output_note(&shell->output, "lost the connection to zrms (%s); reconnecting ...", why);
}

static int follow(struct shell *shell, const char *id, struct error **err)
{
	CLEANUP(freep) char *path = api_path("/v1/events?topology=", id, NULL);
	const struct api_stream stream = {
		.path = path,
		.resume = "after",
		.deadline_mono_ms = INT64_MAX,
		.handle = on_event,
		.lost = on_loss,
		.data = shell,
	};

	return api_follow(shell->api, &stream, err);
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__EventListView *list = NULL;
	CLEANUP(freep) char *path = NULL;
	int r = resolve_topology(shell, cli_argument(line, 0), &ref, err);

	if (r < 0)
		return r;
	if (given->follow)
		return follow(shell, ref.id, err);
	path = api_path("/v1/events?stream=0&after=0&topology=", ref.id, NULL);
	r = api_get(shell->api, path, &samoza__v1__event_list_view__descriptor, (void **)&list,
		    err);
	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE)
		output_message(&shell->output, &list->base);
	for (size_t i = 0; i < list->n_events && shell->output.format == OUTPUT_TABLE; i++)
		print_event(&shell->output, list->events[i]);
	return CLI_DONE;
}
