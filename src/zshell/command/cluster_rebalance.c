/*
 * `cluster rebalance`: hands spaces over to zhosts on which they are placed better.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/client/view.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "model/quantity.h"
#include "zshell/command/cluster_wait.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/command/plan_view.h"

static int run(void *context, const struct cli_run *line, struct error **err);

#define URL "/v1/cluster/rebalance"

struct options {
	uint32_t max_moves;
	char *include;
	int64_t wait_ms;
	bool plan, show, stop;
};

static const struct cli_option options[] = {
	{
		.name = "max-moves",
		.type = CLI_U32,
		.value = "N",
		.offset = offsetof(struct options, max_moves),
		.min = 1,
		.max = 1000,
		.help = "move at most N spaces, each with what is inside of it",
	},
	{
		.name = "include",
		.type = CLI_STRING,
		.value = "SPACES",
		.offset = offsetof(struct options, include),
		.help = "move these, too, though they stop first: TOPOLOGY/SPACE,...",
	},
	{
		.name = "plan",
		.offset = offsetof(struct options, plan),
		.help = "only show what would move where, and what would stay",
	},
	{
		.name = "show",
		.offset = offsetof(struct options, show),
		.help = "only show how far the newest one is",
	},
	{
		.name = "stop",
		.offset = offsetof(struct options, stop),
		.help = "end the one that is running: moves under way end, nothing else begins",
	},
	OPTION_WAIT(struct options),
	{0},
};

const struct cli_command command_cluster_rebalance = {
	.words = "cluster rebalance",
	.summary = "move spaces to where they are placed better",
	.details =
		"Hands over as few spaces as repair violated preferences, spread and balance: "
		"first what is\nwhere its requirements do not hold any longer, then what is "
		"against preferences, then what\nhas others of its topology beside it, then "
		"what is on a zhost that is fuller by ten percent.\nA few move at a time, as "
		"in a drain. Nothing that stops before it starts elsewhere moves\nunless it "
		"is named with --include; nothing that has local data moves.\nWith --wait: "
		"exits when it has ended, with status 4 after the timeout. What stays says "
		"why.\nWith --stop: what is under way ends, and what has not begun is dropped. "
		"--wait waits for that.\nWith --plan: nothing is changed; zrms computes what "
		"would follow if "
		"nothing else happens.\nStatus 0 when there is nothing to do, 10 when there "
		"is, 1 when it is refused.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

struct rebalance_wait {
	struct shell *shell;
	Samoza__V1__RebalanceView *view; /* as zrms said last; NULL: not yet */
};

/* ---------------------------------------------------------------- what it says */

static const struct output_column columns[] = {
	{"SPACE", 0, 0}, {"FROM", 0, 0}, {"TO", 0, 0}, {"STATE", 0, 0},
	{"GAIN", 0, 0},	 {"WHY", 0, 0},	 {0},
};

static const char *state_text(const char *state)
{
	return str_equal(state, "under-way") ? "under way" : state;
}

static void print_moves(const struct output *o, const Samoza__V1__RebalanceView *v)
{
	struct output_table *table = output_table_new(o, columns, 0);
	for (size_t k = 0; k < v->n_moves; k++) {
		const Samoza__V1__RebalanceMoveView *m = v->moves[k];
		output_table_row(table,
				 (const char *[]){m->name, m->from, m->to, state_text(m->state),
						  m->gain, m->why});
	}
	output_table_print(table);
}

static void print_view(const struct output *o, const Samoza__V1__RebalanceView *v)
{
	if (o->format != OUTPUT_TABLE) {
		output_message(o, &v->base);
		return;
	}
	if (str_equal(v->state, "none"))
		output_line(o, "%s", "There has been no rebalance.");
	else if (v->n_moves == 0)
		output_line(o, "%s", "Nothing would be placed better elsewhere.");
	else
		output_line(o,
			    "Rebalance %s: %" PRIu32 " moved, %" PRIu32 " under way, %" PRIu32
			    " waiting, %" PRIu32 " %s.",
			    v->state, v->moved, v->under_way, v->waiting, v->stay,
			    v->stay == 1 ? "stays" : "stay");
	if (v->stopped_by != NULL)
		output_line(o, "It was stopped by %s.", v->stopped_by);
	if (v->n_moves > 0)
		print_moves(o, v);
}

static void show_progress(struct output_progress *progress, const Samoza__V1__RebalanceView *v)
{
	if (progress == NULL)
		return;
	for (size_t k = 0; k < v->n_moves; k++) {
		const Samoza__V1__RebalanceMoveView *m = v->moves[k];
		output_progress_set(progress, m->name,
				    m->why != NULL ? m->why : state_text(m->state));
	}
	output_progress_draw(progress);
}

/* ---------------------------------------------------------------- waiting */

static bool concerns(const void *data, const Samoza__V1__EventView *e)
{
	(void)data;
	return str_equal(e->kind, "rebalance") || str_equal(e->kind, "copy") ||
	       str_equal(e->kind, "placement");
}

static int read_view(struct rebalance_wait *w, struct error **err)
{
	Samoza__V1__RebalanceView *now = NULL;
	int r = api_get(w->shell->api, URL, &samoza__v1__rebalance_view__descriptor,
			(void **)&now, err);
	if (r < 0)
		return r;
	view_free(w->view);
	w->view = now;
	return 0;
}

static int look(void *data, struct output_progress *progress, bool *ret_done,
		struct error **err)
{
	struct rebalance_wait *w = data;
	int r = read_view(w, err);
	if (r < 0)
		return r;
	show_progress(progress, w->view);
	*ret_done = !str_equal(w->view->state, "running");
	return 0;
}

static int wait_for_it(struct rebalance_wait *w, uint64_t after, int64_t wait_ms,
		       struct error **err)
{
	struct cluster_wait wait = {.shell = w->shell,
				    .concerns = concerns,
				    .look = look,
				    .data = w,
				    .moved = "moved",
				    .what = "the rebalance",
				    .how = "cluster rebalance --show"};
	int r = cluster_wait(&wait, after, wait_ms, err);
	if (r < 0)
		return r;
	print_view(&w->shell->output, w->view);
	return wait.done ? CLI_DONE : EXIT_TIMEOUT;
}

/* ---------------------------------------------------------------- the whole */

/* As `given` says. `url`: of the rebalance, or of its plan. */
static int request(struct rebalance_wait *w, const struct options *given, const char *url,
		   const ProtobufCMessageDescriptor *type, void **ret_view, struct error **err)
{
	VECTOR(char *) names = {0};
	CLEANUP(freep) char *text = mem_strdup(given->include);
	CLEANUP(freep) char *body = NULL;
	char *rest = NULL;
	Samoza__V1__RebalanceRequest message = SAMOZA__V1__REBALANCE_REQUEST__INIT;
	for (char *name = text != NULL ? strtok_r(text, ",", &rest) : NULL; name != NULL;
	     name = strtok_r(NULL, ",", &rest))
		vector_push(&names, name);
	message.has_max_moves = given->max_moves > 0;
	message.max_moves = given->max_moves;
	message.n_include = names.count;
	message.include = names.items;
	body = view_write(&message.base);
	vector_done(&names);
	return api_send(w->shell->api, "POST", url, body, type, ret_view, err);
}

static int stop(struct rebalance_wait *w, struct error **err)
{
	return api_send(w->shell->api, "DELETE", URL, NULL,
			&samoza__v1__rebalance_view__descriptor, (void **)&w->view, err);
}

/* One begins, or the one that is running ends. */
static int rebalance(struct rebalance_wait *w, const struct options *given, struct error **err)
{
	uint64_t after = 0;
	int r = 0;
	if (given->wait_ms > 0)
		r = wait_last_event(w->shell, &after, err);
	if (r == 0 && given->stop)
		r = stop(w, err);
	else if (r == 0)
		r = request(w, given, URL, &samoza__v1__rebalance_view__descriptor,
			    (void **)&w->view, err);
	if (r < 0)
		return r;
	bool waits = given->wait_ms > 0 && str_equal(w->view->state, "running");
	if (!waits)
		print_view(&w->shell->output, w->view);
	return waits ? wait_for_it(w, after, given->wait_ms, err) : CLI_DONE;
}

static int show_plan(struct rebalance_wait *w, const struct options *given, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__PlanView *plan = NULL;
	int r = request(w, given, URL "?plan=1", &samoza__v1__plan_view__descriptor,
			(void **)&plan, err);
	return r < 0 ? r : plan_show(&w->shell->output, plan);
}

static int show(struct rebalance_wait *w, struct error **err)
{
	int r = read_view(w, err);
	if (r == 0)
		print_view(&w->shell->output, w->view);
	return r < 0 ? r : CLI_DONE;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	struct rebalance_wait w = {.shell = context};
	if (given->stop &&
	    (given->plan || given->show || given->max_moves > 0 || given->include != NULL))
		return error_set(err, ERR_INVALID,
				 "--stop ends the rebalance that is running: leave out the "
				 "other options");
	int r = given->plan   ? show_plan(&w, given, err)
		: given->show ? show(&w, err)
			      : rebalance(&w, given, err);
	view_free(w.view);
	return r;
}
