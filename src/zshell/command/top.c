/*
 * `spaces top` and `cluster top`: what instances and zhosts use and send. Two samples of the counters that zhosts
 * keep (GET /v1/usage) make rates of them.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "adapter/client/interrupt.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "schema/message.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run_spaces(void *context, const struct cli_run *line, struct error **err);
static int run_cluster(void *context, const struct cli_run *line, struct error **err);

struct top_options {
	bool once;
	int64_t interval_ms;
	char *sort;
};

static const char *const sorts[] = {"cpu", "memory", "messages", "name", NULL};

static const struct cli_option options[] = {
	{.name = "once",
	 .offset = offsetof(struct top_options, once),
	 .help = "print one table and end; so it is where the output is no terminal, or no "
		 "table"},
	{.name = "interval",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct top_options, interval_ms),
	 .fallback = "2s",
	 .min = 200,
	 .max = 60000,
	 .help = "time between two samples, of which the rates are made"},
	{.name = "sort",
	 .type = CLI_CHOICE,
	 .offset = offsetof(struct top_options, sort),
	 .choices = sorts,
	 .fallback = "cpu",
	 .value = "BY",
	 .help = "the largest first"},
	{0},
};

#define TOP_DETAILS                                                                          \
	"CPU: of one processor. MEMORY: private memory. MESSAGES/S: sent and received; "     \
	"LOST/S: "                                                                           \
	"refused\nand dropped. Of one reading nothing is known per second: the first table " \
	"comes after\n--interval. q, or Ctrl-C, ends it."

static const struct cli_argument of_topology[] = {
	{.name = "TOPOLOGY", .kind = ARGUMENT_TOPOLOGY, .optional = true}, {0}};

const struct cli_command command_spaces_top = {
	.words = "spaces top",
	.summary = "show what instances use and send, refreshed",
	.details = TOP_DETAILS,
	.arguments = of_topology,
	.options = options,
	.options_size = sizeof(struct top_options),
	.run = run_spaces,
};

const struct cli_command command_cluster_top = {
	.words = "cluster top",
	.summary = "show what the spaces on each zhost use and send, refreshed",
	.details = TOP_DETAILS,
	.options = options,
	.options_size = sizeof(struct top_options),
	.run = run_cluster,
};

/* ---- rates ---- */

struct top {
	struct shell *shell;
	const struct top_options *options;
	bool by_zhost;
	char *path; /* of the REST interface */
	Samoza__V1__UsageListView *before;
};

static char *key_of(const Samoza__V1__UsageView *v)
{
	return str_printf("%s/%s %" PRIu64 " %s", v->topology, v->space, v->epoch, v->zhost);
}

struct earlier {
	char *key;
	const Samoza__V1__UsageView *view; /* borrowed */
	UT_hash_handle hh;
};

static struct earlier *index_of(const Samoza__V1__UsageListView *list)
{
	struct earlier *all = NULL;

	for (size_t i = 0; list != NULL && i < list->n_spaces; i++) {
		struct earlier *e = mem_new(struct earlier);

		e->key = key_of(list->spaces[i]);
		e->view = list->spaces[i];
		HASH_ADD_KEYPTR(hh, all, e->key, strlen(e->key), e);
	}
	return all;
}

static void index_free(struct earlier *all)
{
	struct earlier *e, *next;

	HASH_ITER (hh, all, e, next) {
		HASH_DEL(all, e);
		free(e->key);
		free(e);
	}
}

static void count_messages(const Samoza__V1__UsageView *v, double *ret_passed, double *ret_lost)
{
	*ret_passed = *ret_lost = 0;
	for (size_t i = 0; i < v->n_paths; i++) {
		*ret_passed += (double)(v->paths[i]->sent + v->paths[i]->received);
		*ret_lost += (double)(v->paths[i]->refused + v->paths[i]->dropped);
	}
}

/* A process that has begun in between counts from 0. */
static double rate(double now, double before, double seconds)
{
	return (now >= before ? now - before : now) / seconds;
}

static Samoza__V1__TopView *row_new(const char *name)
{
	Samoza__V1__TopView *row =
		(Samoza__V1__TopView *)schema_message_new(&samoza__v1__top_view__descriptor);

	row->name = mem_strdup(name);
	row->has_messages_per_second = row->has_lost_per_second = true;
	row->has_cpu_millicores = row->has_memory_bytes = row->has_restarts = true;
	return row;
}

static void add_to(Samoza__V1__TopView *row, const Samoza__V1__UsageView *now,
		   const Samoza__V1__UsageView *before)
{
	double seconds = before != NULL ? now->at_seconds - before->at_seconds : 0;
	double passed, lost, passed_before, lost_before;

	row->memory_bytes += now->memory_bytes;
	row->restarts += now->restarts;
	row->spaces++;
	if (seconds <= 0)
		return; /* it has just begun */
	count_messages(now, &passed, &lost);
	count_messages(before, &passed_before, &lost_before);
	row->cpu_millicores +=
		(uint64_t)(rate(now->cpu_seconds, before->cpu_seconds, seconds) * 1000);
	row->messages_per_second += rate(passed, passed_before, seconds);
	row->lost_per_second += rate(lost, lost_before, seconds);
}

typedef VECTOR(Samoza__V1__TopView *) row_vector;

static Samoza__V1__TopView *row_of(const struct top *t, row_vector *rows,
				   const Samoza__V1__UsageView *v)
{
	CLEANUP(freep) char *name = str_printf("%s/%s", v->topology, v->space);
	Samoza__V1__TopView *row;

	if (t->by_zhost)
		vector_for_each (rows, found)
			if (str_equal((*found)->name, v->zhost))
				return *found;
	row = row_new(t->by_zhost ? v->zhost : name);
	if (!t->by_zhost)
		row->zhost = mem_strdup(v->zhost);
	row->has_spaces = t->by_zhost;
	vector_push(rows, row);
	return row;
}

static double weight(const Samoza__V1__TopView *row, const char *sort)
{
	if (str_equal(sort, "memory"))
		return (double)row->memory_bytes;
	return str_equal(sort, "messages") ? row->messages_per_second
					   : (double)row->cpu_millicores;
}

static int by_weight(const void *a, const void *b, void *sort)
{
	const Samoza__V1__TopView *x = *(Samoza__V1__TopView *const *)a,
				  *y = *(Samoza__V1__TopView *const *)b;
	double left = weight(x, sort), right = weight(y, sort);

	if (left != right && !str_equal(sort, "name"))
		return left > right ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* The caller frees it with view_free(). Takes `now`. */
static Samoza__V1__TopListView *compare(struct top *t, Samoza__V1__UsageListView *now)
{
	Samoza__V1__TopListView *list = (Samoza__V1__TopListView *)schema_message_new(
		&samoza__v1__top_list_view__descriptor);
	struct earlier *before = index_of(t->before), *e;
	row_vector rows = {0};

	for (size_t i = 0; i < now->n_spaces; i++) {
		CLEANUP(freep) char *key = key_of(now->spaces[i]);

		HASH_FIND_STR(before, key, e);
		add_to(row_of(t, &rows, now->spaces[i]), now->spaces[i],
		       e != NULL ? e->view : NULL);
	}
	index_free(before);
	if (rows.count > 0)
		qsort_r(rows.items, rows.count, sizeof(*rows.items), by_weight,
			t->options->sort);
	list->rows = rows.items;
	list->n_rows = rows.count;
	list->silent = now->silent;
	list->n_silent = now->n_silent;
	now->silent = NULL;
	now->n_silent = 0;
	schema_message_free(t->before);
	t->before = now;
	return list;
}

static int sample(const struct top *t, Samoza__V1__UsageListView **ret_list, struct error **err)
{
	return api_get(t->shell->api, t->path, &samoza__v1__usage_list_view__descriptor,
		       (void **)ret_list, err);
}

/* ---- tables ---- */

/* clang-format off */
#define FIGURES \
	{"CPU", OUTPUT_RIGHT, 0}, {"MEMORY", OUTPUT_RIGHT, 0}, {"MESSAGES/S", OUTPUT_RIGHT, 0}, \
	{"LOST/S", OUTPUT_RIGHT, 0}, {"RESTARTS", OUTPUT_RIGHT, 0}
/* clang-format on */
static const struct output_column space_columns[] = {
	{"NAME", OUTPUT_CUT, 0}, {"ZHOST", 0, 0}, FIGURES, {0}};
static const struct output_column zhost_columns[] = {
	{"ZHOST", OUTPUT_CUT, 0}, {"SPACES", OUTPUT_RIGHT, 0}, FIGURES, {0}};

static void print(const struct top *t, const Samoza__V1__TopListView *list, size_t rows_max)
{
	const struct output *o = &t->shell->output;
	struct output_table *table =
		output_table_new(o, t->by_zhost ? zhost_columns : space_columns, 0);

	for (size_t i = 0; i < list->n_rows && i < rows_max; i++) {
		const Samoza__V1__TopView *row = list->rows[i];
		CLEANUP(freep)
		char *cpu = str_printf("%.1f%%", (double)row->cpu_millicores / 10);
		CLEANUP(freep) char *memory = output_size(row->memory_bytes);
		CLEANUP(freep) char *passed = str_printf("%.1f", row->messages_per_second);
		CLEANUP(freep) char *lost = str_printf("%.1f", row->lost_per_second);
		CLEANUP(freep) char *restarts = str_printf("%" PRIu64, row->restarts);
		CLEANUP(freep) char *spaces = str_printf("%" PRIu32, row->spaces);

		output_table_row(table,
				 (const char *[]){row->name, t->by_zhost ? spaces : row->zhost,
						  cpu, memory, passed, lost, restarts});
	}
	output_table_print(table);
	for (size_t i = 0; i < list->n_silent; i++)
		output_note(o, "%s says nothing: %s", list->silent[i]->zhost,
			    list->silent[i]->why);
}

/* ---- the screen ---- */

static struct termios saved;

/* Keys are read at once, and not shown. */
static bool screen_begin(FILE *out)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &saved) < 0)
		return false;
	raw = saved;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	(void)fputs("\033[?1049h", out);
	return true;
}

static void screen_end(FILE *out)
{
	(void)fputs("\033[?1049l", out);
	(void)fflush(out);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

/* False: the user wants no more. `keys`: they are read. */
static bool wait_for(int64_t ms, bool keys)
{
	struct pollfd fds[] = {{.fd = interrupt_fd(), .events = POLLIN},
			       {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN}};
	char key;

	if (poll(fds, ARRAY_SIZE(fds), (int)ms) <= 0 && !interrupt_pending())
		return true;
	if (interrupt_pending())
		return false;
	return read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q';
}

static void draw(const struct top *t, const Samoza__V1__TopListView *list)
{
	struct output *o = &t->shell->output;
	char at[16] = "";
	time_t now = time(NULL);
	struct tm local;

	output_measure(o);
	if (localtime_r(&now, &local) != NULL)
		(void)strftime(at, sizeof(at), "%H:%M:%S", &local);
	(void)fputs("\033[H\033[2J", o->out);
	output_line(o, "%s  %zu %s, by %s; q ends", at, list->n_rows,
		    t->by_zhost ? "zhosts" : "instances", t->options->sort);
	print(t, list, o->rows > 4 ? o->rows - 4 : SIZE_MAX);
	(void)fflush(o->out);
}

/* ---- running ---- */

static int next(struct top *t, Samoza__V1__TopListView **ret_list, struct error **err)
{
	Samoza__V1__UsageListView *now = NULL;
	int r = sample(t, &now, err);

	if (r == 0)
		*ret_list = compare(t, now);
	return r;
}

static int show_once(struct top *t, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__TopListView *list = NULL;
	struct output *o = &t->shell->output;
	int r;

	if (!wait_for(t->options->interval_ms, false))
		return CLI_DONE;
	r = next(t, &list, err);
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE)
		output_message(o, &list->base);
	else
		print(t, list, SIZE_MAX);
	return CLI_DONE;
}

static int show_always(struct top *t, struct error **err)
{
	FILE *out = t->shell->output.out;
	int r = 0;

	interrupt_clear();
	interrupt_catch();
	if (!screen_begin(out))
		return error_errno(err, "cannot read the terminal");
	while (r == 0 && wait_for(t->options->interval_ms, true)) {
		CLEANUP(view_freep) Samoza__V1__TopListView *list = NULL;

		r = next(t, &list, err);
		if (r == 0)
			draw(t, list);
	}
	screen_end(out);
	interrupt_clear();
	return r < 0 ? r : CLI_DONE;
}

static int run(struct top *t, struct error **err)
{
	const struct output *o = &t->shell->output;
	int r = sample(t, &t->before, err);

	if (r == 0)
		r = t->options->once || o->format != OUTPUT_TABLE || !o->terminal ||
				    isatty(STDIN_FILENO) == 0
			    ? show_once(t, err)
			    : show_always(t, err);
	schema_message_free(t->before);
	free(t->path);
	return r;
}

static int run_spaces(void *context, const struct cli_run *line, struct error **err)
{
	struct top t = {.shell = context, .options = line->options};
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	const char *topology = cli_argument(line, 0);

	if (topology != NULL) {
		int r = resolve_topology(t.shell, topology, &ref, err);
		if (r < 0)
			return r;
	}
	t.path = topology != NULL ? api_path("/v1/usage?topology=", ref.id, NULL)
				  : mem_strdup("/v1/usage");
	return run(&t, err);
}

static int run_cluster(void *context, const struct cli_run *line, struct error **err)
{
	struct top t = {.shell = context, .options = line->options, .by_zhost = true};

	t.path = mem_strdup("/v1/usage");
	return run(&t, err);
}
