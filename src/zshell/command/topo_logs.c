#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "base/log_cursor.h"
#include "base/str.h"
#include "base/text.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

#define LINES_LAST    200
#define LINES_MOST    10000
#define PREFIX_WIDEST 40
/* Clocks of zhosts differ: what was printed so long before a loss is asked for again, and taken once. */
#define AGAIN_MS INT64_C(60000)

static int run(void *context, const struct cli_run *line, struct error **err);

struct options {
	bool follow;
	int64_t since_ms;
	char *text;
	uint32_t lines;
};

static const struct cli_option options[] = {
	{.name = "follow",
	 .letter = 'f',
	 .offset = offsetof(struct options, follow),
	 .help = "continue with new lines"},
	{.name = "since",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct options, since_ms),
	 .min = 1,
	 .max = WAIT_MAX_MS * 1000,
	 .help = "only lines of the last TIME, such as 10m"},
	{.name = "grep",
	 .type = CLI_STRING,
	 .offset = offsetof(struct options, text),
	 .value = "TEXT",
	 .help = "only lines with this text, as it is written"},
	{.name = "lines",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, lines),
	 .min = 1,
	 .max = LINES_MOST,
	 .help = "number of lines from the end, of all together (200, with --since 10000)"},
	{0},
};

const struct cli_command command_topo_logs = {
	.words = "topo logs",
	.summary = "show the logs of all instances of a topology, in the order of their times",
	.details = ID_DETAILS
	"\nEach line begins with its time and its instance. Where an instance was before:\n"
	"`spaces logs NAME --all`. Times are those of the zhosts, whose clocks may differ.\n"
	"A zhost that cannot be reached is named, and its lines come when it is back.",
	.arguments = topology_argument,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

/* How far the log of an instance on a zhost was shown. */
struct shown {
	char *key; /* "ZHOST INSTANCE" */
	struct log_cursor cursor;
	UT_hash_handle hh;
};

struct follower {
	const struct shell *shell;
	unsigned width; /* of the names of instances so far */
	struct shown *shown;
	char again[64]; /* what a reconnect asks for */
};

/* ---- lines ---- */

static const char *colour_of(const char *instance)
{
	static const char *const colours[] = {"\033[36m", "\033[32m", "\033[35m",
					      "\033[34m", "\033[33m", "\033[96m"};

	return colours[str_hash(instance) % (sizeof(colours) / sizeof(*colours))];
}

static const char *colour_of_level(const char *level)
{
	return str_equal(level, "error")  ? "\033[31m"
	       : str_equal(level, "warn") ? "\033[33m"
					  : "";
}

static void print_entry(struct follower *f, const Samoza__V1__LogEntryView *v)
{
	const struct output *o = &f->shell->output;
	CLEANUP(freep) char *instance = text_escaped(v->instance);
	unsigned width = (unsigned)strlen(instance);

	if (o->format != OUTPUT_TABLE) {
		output_message_line(o, &v->base);
		return;
	}
	f->width = width > f->width ? width : f->width;
	if (f->width > PREFIX_WIDEST)
		f->width = PREFIX_WIDEST;
	if (!o->colour) {
		output_line(o, "%s %-*s %-5s %s", v->time, (int)f->width, v->instance, v->level,
			    v->text);
		return;
	}
	CLEANUP(freep) char *time = text_escaped(v->time);
	CLEANUP(freep) char *level = text_escaped(v->level);
	(void)fprintf(o->out, "\033[2m%s\033[0m %s%-*s\033[0m %s%-5s\033[0m ", time,
		      colour_of(v->instance), (int)f->width, instance,
		      colour_of_level(v->level), level);
	output_line(o, "%s", v->text);
}

static void print_source(const struct follower *f, const Samoza__V1__LogSourceView *v)
{
	CLEANUP(buffer_done) struct buffer names = BUFFER_INIT(1 << 20);

	for (size_t i = 0; i < v->n_instances; i++)
		(void)buffer_printf(&names, "%s%s", i > 0 ? ", " : "", v->instances[i]);
	if (str_equal(v->state, "back"))
		output_note(&f->shell->output, "zhost %s is back: the lines of %s continue",
			    v->zhost, names.size > 0 ? names.data : "its instances");
	else
		output_note(
			&f->shell->output,
			"zhost %s cannot be reached: the lines of %s are missing; they follow "
			"with -f when it is back",
			v->zhost, names.size > 0 ? names.data : "its instances");
}

static struct shown *shown_of(struct follower *f, const Samoza__V1__LogEntryView *v)
{
	CLEANUP(freep) char *key = str_printf("%s %s", v->zhost, v->instance);
	struct shown *s;

	HASH_FIND_STR(f->shown, key, s);
	if (s == NULL) {
		s = mem_new(struct shown);
		s->key = steal_ptr(&key);
		HASH_ADD_KEYPTR(hh, f->shown, s->key, strlen(s->key), s);
	}
	return s;
}

static void print_view(struct follower *f, const Samoza__V1__LogView *view)
{
	for (size_t i = 0; i < view->n_sources; i++)
		print_source(f, view->sources[i]);
	for (size_t i = 0; i < view->n_entries; i++)
		if (log_cursor_take(&shown_of(f, view->entries[i])->cursor,
				    view->entries[i]->time))
			print_entry(f, view->entries[i]);
}

/* ---- follow ---- */

static int64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int on_view(void *data, const struct api_event *event, struct error **err)
{
	struct follower *f = data;
	CLEANUP(view_freep) Samoza__V1__LogView *view = NULL;
	int r;

	if (event == NULL)
		return 0;
	r = view_read(&samoza__v1__log_view__descriptor, event->data, event->size,
		      (ProtobufCMessage **)&view, err);
	if (r < 0)
		return r;
	print_view(f, view);
	(void)fflush(f->shell->output.out);
	return 0;
}

static void on_loss(void *data, const char *why)
{
	struct follower *f = data;
	int64_t since_ms;

	output_note(&f->shell->output, "lost the connection to zrms (%s); reconnecting ...",
		    why);
	for (struct shown *s = f->shown; s != NULL; s = s->hh.next)
		log_cursor_again(&s->cursor, &since_ms);
	(void)snprintf(f->again, sizeof(f->again), "lines=%d&since=%" PRId64, LINES_MOST,
		       wall_ms() - AGAIN_MS);
}

static int follow(struct follower *f, const char *path, const char *once, struct error **err)
{
	const struct api_stream stream = {
		.path = path,
		.once = once,
		.again = f->again,
		.deadline_mono_ms = INT64_MAX,
		.handle = on_view,
		.lost = on_loss,
		.data = f,
	};

	return api_follow(f->shell->api, &stream, err);
}

/* ---- once ---- */

static int print_once(struct follower *f, const char *path, const char *once,
		      struct error **err)
{
	const struct output *o = &f->shell->output;
	CLEANUP(view_freep) Samoza__V1__LogView *view = NULL;
	CLEANUP(freep) char *whole = str_printf("%s&%s", path, once);
	int r = api_get(f->shell->api, whole, &samoza__v1__log_view__descriptor, (void **)&view,
			err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < view->n_entries; i++) {
		unsigned width = (unsigned)strlen(view->entries[i]->instance);
		f->width = width > f->width ? width : f->width;
	}
	print_view(f, view);
	if (view->cut)
		output_note(o, "there are older lines: --lines, --since");
	if (view->n_entries == 0 && view->n_sources > 0)
		return error_set(err, ERR_NOT_FOUND, "no zhost that can be reached has a line");
	return 0;
}

static void shown_free(struct shown *all)
{
	struct shown *s, *next;

	HASH_ITER (hh, all, s, next) {
		HASH_DEL(all, s);
		free(s->key);
		free(s);
	}
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	struct follower f = {.shell = shell};
	uint32_t lines = given->lines > 0      ? given->lines
			 : given->since_ms > 0 ? LINES_MOST
					       : LINES_LAST;
	int r = resolve_topology(shell, cli_argument(line, 0), &ref, err);

	if (r < 0)
		return r;
	CLEANUP(freep)
	char *path =
		api_path("/v1/topologies/", ref.id, "/logs?follow=", given->follow ? "1" : "0",
			 given->text != NULL ? "&grep=" : "",
			 given->text != NULL ? given->text : "", NULL);
	CLEANUP(freep)
	char *since = str_printf("&since=%" PRId64, wall_ms() - given->since_ms);
	CLEANUP(freep)
	char *once = str_printf("lines=%" PRIu32 "%s", lines, given->since_ms > 0 ? since : "");
	if (!given->follow)
		output_page(&shell->output);
	r = given->follow ? follow(&f, path, once, err) : print_once(&f, path, once, err);
	shown_free(f.shown);
	return r < 0 ? r : CLI_DONE;
}
