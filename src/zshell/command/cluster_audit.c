/*
 * cluster audit: who asked for which change, and what became of it.
 */
#include <inttypes.h>
#include <time.h>

#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

struct options {
	bool follow, json;
	int64_t since_ms;
	char *user;
};

static const struct cli_option options[] = {
	{.name = "follow",
	 .letter = 'f',
	 .offset = offsetof(struct options, follow),
	 .help = "continue with what is asked from now on"},
	{.name = "since",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct options, since_ms),
	 .min = 1,
	 .max = WAIT_MAX_MS * 1000,
	 .help = "only of the last TIME, such as 12h"},
	{.name = "user",
	 .type = CLI_STRING,
	 .value = "NAME",
	 .offset = offsetof(struct options, user),
	 .help = "only what this person or program asked for; 'operator' is the administrator "
		 "of zrms' machine"},
	{.name = "json",
	 .offset = offsetof(struct options, json),
	 .help = "one JSON object per line, to keep elsewhere"},
	{0},
};

const struct cli_command command_cluster_audit = {
	.words = "cluster audit",
	.summary = "show who asked for which change, and what became of it, oldest first",
	.details = "One line per change, done or refused: TIME USER ADDRESS OUTCOME WHAT. "
		   "OUTCOME is done,\nor the code of the refusal, and why follows; rN is the "
		   "revision that the topology\nhas afterwards. Needs an administrator.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

static void print_text(const struct output *o, const Samoza__V1__AuditView *v)
{
	const char *what = v->action != NULL ? v->action : v->request;
	CLEANUP(freep)
	char *revision = v->has_revision ? str_printf(", r%u", v->revision) : mem_strdup("");
	output_text(
		o, 4, "%s %s %s %s %s%s%s%s", v->time, str_is_empty(v->user) ? "-" : v->user,
		v->address != NULL ? v->address : "-", v->outcome, what != NULL ? what : "-",
		revision, v->why != NULL ? ": " : "", v->why != NULL ? v->why : "");
}

static void print_line(const struct output *o, const struct options *given,
		       const Samoza__V1__AuditView *v)
{
	struct output as_json = *o;
	as_json.format = OUTPUT_JSON;
	if (given->json)
		output_message_line(&as_json, &v->base);
	else if (o->format != OUTPUT_TABLE)
		output_message_line(o, &v->base);
	else
		print_text(o, v);
}

/* ---- what is there ---- */

/* The query but for `after`; the caller frees. */
static char *query_path(const struct options *given, const char *more)
{
	struct timespec now = {0};
	uint64_t since = 0;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (given->since_ms > 0)
		since = (uint64_t)now.tv_sec * 1000 - (uint64_t)given->since_ms;
	CLEANUP(freep)
	char *begin = str_printf("/v1/audit?%s&since=%" PRIu64 "%s", more, since,
				 given->user != NULL ? "&user=" : "");
	return given->user != NULL ? api_path(begin, given->user, NULL) : steal_ptr(&begin);
}

static int page(struct shell *shell, const char *query, uint64_t after,
		Samoza__V1__AuditListView **ret, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s&after=%" PRIu64, query, after);
	return api_get(shell->api, path, &samoza__v1__audit_list_view__descriptor, (void **)ret,
		       err);
}

/* Joins the pages to one answer, for JSON and YAML as a whole. */
static void take_lines(Samoza__V1__AuditListView *all, Samoza__V1__AuditListView *part)
{
	all->lines =
		mem_resize(all->lines, all->n_lines + part->n_lines + 1, sizeof(*all->lines));
	for (size_t k = 0; k < part->n_lines; k++)
		all->lines[all->n_lines++] = part->lines[k];
	part->n_lines = 0;
}

static int show(struct shell *shell, const struct options *given, uint64_t *ret_last,
		struct error **err)
{
	const struct output *o = &shell->output;
	bool is_whole = !given->json && !given->follow && o->format != OUTPUT_TABLE;
	CLEANUP(freep) char *query = query_path(given, "limit=10000");
	CLEANUP(view_freep)
	Samoza__V1__AuditListView *all = mem_new(Samoza__V1__AuditListView);
	bool more = true;
	samoza__v1__audit_list_view__init(all);
	while (more) {
		CLEANUP(view_freep) Samoza__V1__AuditListView *part = NULL;
		int r = page(shell, query, *ret_last, &part, err);
		if (r < 0)
			return r;
		more = part->has_next;
		for (size_t k = 0; k < part->n_lines; k++) {
			*ret_last = part->lines[k]->seq;
			if (!is_whole)
				print_line(o, given, part->lines[k]);
		}
		if (is_whole)
			take_lines(all, part);
	}
	if (is_whole)
		output_message(o, &all->base);
	return 0;
}

/* ---- what follows ---- */

struct follower {
	const struct shell *shell;
	const struct options *given;
};

static int on_line(void *data, const struct api_event *event, struct error **err)
{
	const struct follower *f = data;
	CLEANUP(view_freep) Samoza__V1__AuditView *view = NULL;
	if (event == NULL)
		return 0;
	int r = view_read(&samoza__v1__audit_view__descriptor, event->data, event->size,
			  (ProtobufCMessage **)&view, err);
	if (r < 0)
		return r;
	print_line(&f->shell->output, f->given, view);
	return 0;
}

static void on_loss(void *data, const char *why)
{
	const struct follower *f = data;
	output_note(&f->shell->output, "lost the connection to zrms (%s); reconnecting ...",
		    why);
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	uint64_t last = 0;
	if (!given->follow)
		output_page(&shell->output);
	int r = show(shell, given, &last, err);
	if (r < 0 || !given->follow)
		return r < 0 ? r : CLI_DONE;
	CLEANUP(freep) char *path = query_path(given, "follow=1");
	struct follower follower = {shell, given};
	const struct api_stream stream = {
		.path = path,
		.resume = "after",
		.after = last,
		.deadline_mono_ms = INT64_MAX,
		.handle = on_line,
		.lost = on_loss,
		.data = &follower,
	};
	return api_follow(shell->api, &stream, err);
}
