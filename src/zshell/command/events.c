/*
 * What has happened: `events` of the whole cluster, `topo events` of one topology.
 */
#include <inttypes.h>

#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

struct options {
	bool follow, collapse, each;
	int64_t since_ms;
	uint32_t tail;
	char *grep;
};

static const struct cli_option options[] = {
	{.name = "follow",
	 .letter = 'f',
	 .offset = offsetof(struct options, follow),
	 .help = "continue with new events"},
	{.name = "since",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct options, since_ms),
	 .min = 1,
	 .max = WAIT_MAX_MS * 12,
	 .help = "only events of the last TIME, such as 10m"},
	{.name = "tail",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, tail),
	 .min = 1,
	 .max = 1000000,
	 .help = "only the newest N events, or N lines where repeats are one"},
	{.name = "grep",
	 .type = CLI_STRING,
	 .offset = offsetof(struct options, grep),
	 .value = "TEXT",
	 .help = "only events whose line contains TEXT"},
	{.name = "collapse",
	 .offset = offsetof(struct options, collapse),
	 .help = "show repeats of the same event in one line, also where the output is no "
		 "terminal"},
	{.name = "each",
	 .offset = offsetof(struct options, each),
	 .help = "show each repeat, also on a terminal"},
	{0},
};

#define EVENT_DETAILS                                                                        \
	"One line per event: TIME KIND SUBJECT OLD -> NEW CAUSE, with the spelling of the\n" \
	"API for states (deployed-started). On a terminal, repeats of the same event are\n"  \
	"one line: (\xc3\x97"                                                                \
	"12 in 3 min). Events of a zhost stand in the history of each topology\n"            \
	"that has instances there."

const struct cli_command command_events = {
	.words = "events",
	.summary = "show the history of the cluster, oldest event first",
	.details = EVENT_DETAILS,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

const struct cli_command command_topo_events = {
	.words = "topo events",
	.summary = "show the history of a topology, oldest event first",
	.details = ID_DETAILS "\n" EVENT_DETAILS,
	.arguments = topology_argument,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

struct follower {
	const struct shell *shell;
	const struct history_query *query;
};

static int on_event(void *data, const struct api_event *event, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__EventView *view = NULL;
	CLEANUP(freep) char *line = NULL;
	const struct follower *f = data;
	int r;

	if (event == NULL)
		return 0;
	r = view_read(&samoza__v1__event_view__descriptor, event->data, event->size,
		      (ProtobufCMessage **)&view, err);
	if (r < 0 || !history_takes(f->query, view))
		return r;
	line = history_line(view);
	if (f->shell->output.format == OUTPUT_TABLE)
		output_text(&f->shell->output, 4, "%s", line);
	else
		output_message_line(&f->shell->output, &view->base);
	return 0;
}

static void on_loss(void *data, const char *why)
{
	const struct follower *f = data;

	output_note(&f->shell->output, "lost the connection to zrms (%s); reconnecting ...",
		    why);
}

static int on_notice(void *data, const char *text, struct error **err)
{
	const struct follower *f = data;

	(void)err;
	output_note(&f->shell->output, "%s", text);
	return 0;
}

static int follow(struct shell *shell, const struct history_query *query, uint64_t after,
		  struct error **err)
{
	CLEANUP(freep)
	char *path = query->topology != NULL
			     ? api_path("/v1/events?topology=", query->topology, NULL)
			     : mem_strdup("/v1/events?stream=1");
	struct follower follower = {shell, query};
	const struct api_stream stream = {
		.path = path,
		.resume = "after",
		.after = after,
		.deadline_mono_ms = INT64_MAX,
		.handle = on_event,
		.lost = on_loss,
		.notice = on_notice,
		.data = &follower,
	};

	return api_follow(shell->api, &stream, err);
}

/* Repeats are one line. */
static bool collapses(const struct output *o, const struct options *given)
{
	return o->format == OUTPUT_TABLE &&
	       (given->collapse || (o->terminal && !given->each && !given->follow));
}

static void print(const struct output *o, const struct options *given, bool follows,
		  const struct history *h)
{
	Samoza__V1__EventListView list = SAMOZA__V1__EVENT_LIST_VIEW__INIT;

	if (o->format == OUTPUT_TABLE) {
		history_print(o, h, collapses(o, given), given->tail, "");
		return;
	}
	list.events = h->events.items;
	list.n_events = h->events.count;
	if (!follows)
		output_message(o, &list.base);
	for (size_t i = 0; follows && i < h->events.count; i++)
		output_message_line(o, &h->events.items[i]->base);
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	CLEANUP(history_done) struct history history = {0};
	struct history_query query = {
		.grep = given->grep, .since_ms = given->since_ms, .tail = given->tail};
	bool collapse = collapses(&shell->output, given);
	bool filtered = given->grep != NULL || given->since_ms > 0 || given->tail > 0;
	int r = line->command == &command_topo_events
			? resolve_topology(shell, cli_argument(line, 0), &ref, err)
			: 0;

	if (r < 0)
		return r;
	query.topology = ref.id;
	/* The whole history is a part of the stream. */
	if (given->follow && !filtered)
		return follow(shell, &query, 0, err);
	/* Nothing older can be among them. */
	if (query.topology == NULL && given->grep == NULL)
		query.newest = UINT64_C(2) * given->tail;
	/* A line may stand for many of them. */
	if (collapse && given->tail > 0) {
		query.tail = 0;
		query.newest = query.newest > 0 ? query.newest + STATUS_NEWEST : 0;
	}
	r = history_fetch(shell, &query, &history, err);
	if (r < 0)
		return r;
	if (!given->follow)
		output_page(&shell->output);
	print(&shell->output, given, given->follow, &history);
	return given->follow ? follow(shell, &query, history.last, err) : CLI_DONE;
}
