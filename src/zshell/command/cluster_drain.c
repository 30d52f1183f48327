/*
 * `cluster drain`: hands everything on a zhost over to other zhosts.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "adapter/client/view.h"
#include "base/memory.h"
#include "base/str.h"
#include "model/quantity.h"
#include "zshell/command/cluster_wait.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/command/plan_view.h"
#include "zshell/command/zhost_text.h"

static int run(void *context, const struct cli_run *line, struct error **err);

/* The end at a deadline is seen, and what is stopped then has its time. */
#define AFTER_DEADLINE_MS 60000

struct options {
	int64_t deadline_ms, wait_ms;
	bool force, plan;
};

static const struct cli_option options[] = {
	{
		.name = "deadline",
		.type = CLI_DURATION,
		.value = "TIME",
		.offset = offsetof(struct options, deadline_ms),
		.min = 1,
		.max = WAIT_MAX_MS,
		.help = "end after TIME, whatever is left; the zhost stays cordoned",
	},
	{
		.name = "force",
		.offset = offsetof(struct options, force),
		.help = "stop at the deadline what is left",
	},
	{
		.name = "plan",
		.offset = offsetof(struct options, plan),
		.help = "only show what would move where, and what cannot leave",
	},
	OPTION_WAIT(struct options),
	{0},
};

static const struct cli_argument arguments[] = {
	{.name = "ZHOST", .kind = ARGUMENT_ZHOST},
	{0},
};

const struct cli_command command_cluster_drain = {
	.words = "cluster drain",
	.summary = "move everything away from a zhost",
	.details =
		"Cordons it, and hands over to other zhosts what is there: a few at a time, "
		"without\nan outage where the kind of a space allows it. What has local data "
		"is not moved.\nWhat cannot move says why (`cluster status`), and moves when "
		"that changes.\n`cluster uncordon` ends a drain.\nWith --wait: exits when "
		"nothing is left, with status 1 when the zhost was uncordoned,\nor with "
		"status 4 at the deadline or after the timeout, with what is left and why.\n"
		"With --plan: nothing is changed; zrms computes what would follow if nothing "
		"else happens.\nStatus 0 when there is nothing to do, 10 when there is, 1 "
		"when it is refused.",
	.arguments = arguments,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

struct drain_wait {
	struct shell *shell;
	const char *zhost;
	char *path;
	Samoza__V1__ZhostView *view; /* as zrms said last; NULL: not yet */
	int status;		     /* of the whole, once it is done */
};

/* ---------------------------------------------------------------- what is left */

static const char *why_left(const Samoza__V1__DrainView *d, const char *name)
{
	for (size_t k = 0; k < d->n_left; k++)
		if (str_equal(d->left[k]->name, name))
			return d->left[k]->why;
	return NULL;
}

/* What was left before, and is not now, has moved. */
static void show(struct output_progress *progress, const Samoza__V1__DrainView *before,
		 const Samoza__V1__DrainView *now)
{
	for (size_t k = 0; before != NULL && k < before->n_left; k++)
		if (why_left(now, before->left[k]->name) == NULL)
			output_progress_set(progress, before->left[k]->name, "gone");
	for (size_t k = 0; k < now->n_left; k++)
		output_progress_set(progress, now->left[k]->name, now->left[k]->why);
	output_progress_draw(progress);
}

/* Reads the state from zrms, and decides on that alone. */
static int look(void *data, struct output_progress *progress, bool *ret_done,
		struct error **err)
{
	struct drain_wait *w = data;
	Samoza__V1__ZhostView *now = NULL;
	const struct output *o = &w->shell->output;
	int r = api_get(w->shell->api, w->path, &samoza__v1__zhost_view__descriptor,
			(void **)&now, err);
	if (r < 0)
		return r;
	if (now->drain != NULL && progress != NULL)
		show(progress, w->view != NULL ? w->view->drain : NULL, now->drain);
	view_free(w->view);
	w->view = now;
	if (now->drain == NULL) {
		output_note(o, "The drain of %s has ended: the zhost was uncordoned.",
			    w->zhost);
		w->status = CLI_FAILED;
	} else if (str_equal(now->drain->state, "drained")) {
		w->status = CLI_DONE;
	} else if (str_equal(now->drain->state, "ended")) {
		output_note(o, "The drain of %s has ended at its deadline; it stays cordoned.",
			    w->zhost);
		w->status = EXIT_TIMEOUT;
	} else {
		return 0;
	}
	*ret_done = true;
	return 0;
}

/* ---------------------------------------------------------------- waiting */

static bool concerns(const void *data, const Samoza__V1__EventView *e)
{
	const struct drain_wait *w = data;
	if (str_equal(e->kind, "zhost"))
		return str_equal(e->subject, w->zhost);
	return str_equal(e->kind, "copy") || str_equal(e->kind, "placement") ||
	       str_equal(e->kind, "space");
}

static int wait_for_it(struct drain_wait *w, uint64_t after, int64_t wait_ms,
		       struct error **err)
{
	const struct output *o = &w->shell->output;
	CLEANUP(freep) char *how = str_printf("cluster status %s", w->zhost);
	struct cluster_wait wait = {.shell = w->shell,
				    .concerns = concerns,
				    .look = look,
				    .data = w,
				    .moved = "gone",
				    .what = "the drain",
				    .how = how};
	int r = cluster_wait(&wait, after, wait_ms, err);
	if (r < 0)
		return r;
	if (!wait.done)
		w->status = EXIT_TIMEOUT;
	bool has_list = w->view != NULL && w->view->drain != NULL;
	if (o->format == OUTPUT_TABLE && w->status == CLI_DONE)
		output_line(o, "Zhost %s is drained.", w->zhost);
	else if (o->format == OUTPUT_TABLE && has_list)
		print_left(o, w->view->drain);
	return w->status;
}

/* ---------------------------------------------------------------- the whole */

/* As `given` says. `url`: of the drain, or of its plan. */
static int request(struct drain_wait *w, const struct options *given, const char *url,
		   const ProtobufCMessageDescriptor *type, void **ret_view, struct error **err)
{
	CLEANUP(freep) char *deadline = NULL;
	CLEANUP(freep) char *body = NULL;
	Samoza__V1__DrainRequest drain = SAMOZA__V1__DRAIN_REQUEST__INIT;
	if (given->deadline_ms > 0)
		deadline = duration_format((uint64_t)given->deadline_ms);
	drain.deadline = deadline;
	drain.has_force = drain.force = given->force;
	body = view_write(&drain.base);
	return api_send(w->shell->api, "POST", url, body, type, ret_view, err);
}

static void print_begun(const struct drain_wait *w)
{
	const struct output *o = &w->shell->output;
	const Samoza__V1__DrainView *d = w->view->drain;
	if (o->format != OUTPUT_TABLE)
		output_message(o, &w->view->base);
	else if (d == NULL)
		output_line(o, "Zhost %s was uncordoned meanwhile.", w->zhost);
	else
		output_line(o, "Draining %s: %" PRIu32 " %s left.", w->zhost, d->left_count,
			    d->left_count == 1 ? "space is" : "spaces are");
}

static int drain(struct drain_wait *w, const struct options *given, struct error **err)
{
	CLEANUP(freep) char *url = api_path("/v1/zhosts/", w->zhost, "/drain", NULL);
	int64_t wait_ms = given->wait_ms;
	uint64_t after = 0;
	int r = 0;
	if (wait_ms > 0 && given->deadline_ms > 0 &&
	    wait_ms < given->deadline_ms + AFTER_DEADLINE_MS)
		wait_ms = given->deadline_ms + AFTER_DEADLINE_MS;
	if (wait_ms > 0)
		r = wait_last_event(w->shell, &after, err);
	if (r == 0)
		r = request(w, given, url, &samoza__v1__zhost_view__descriptor,
			    (void **)&w->view, err);
	if (r < 0)
		return hint_zhosts(r, err);
	print_begun(w);
	return wait_ms > 0 ? wait_for_it(w, after, wait_ms, err) : CLI_DONE;
}

static int show_plan(struct drain_wait *w, const struct options *given, struct error **err)
{
	CLEANUP(freep) char *url = api_path("/v1/zhosts/", w->zhost, "/drain?plan=1", NULL);
	CLEANUP(view_freep) Samoza__V1__PlanView *plan = NULL;
	int r = request(w, given, url, &samoza__v1__plan_view__descriptor, (void **)&plan, err);
	return r < 0 ? hint_zhosts(r, err) : plan_show(&w->shell->output, plan);
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct options *given = line->options;
	struct drain_wait w = {.shell = context, .zhost = cli_argument(line, 0)};
	if (given->force && given->deadline_ms == 0)
		return error_set(err, ERR_INVALID,
				 "--force stops what is left at the deadline: add --deadline "
				 "10m");
	w.path = api_path("/v1/zhosts/", w.zhost, NULL);
	int r = given->plan ? show_plan(&w, given, err) : drain(&w, given, err);
	view_free(w.view);
	free(w.path);
	return r;
}
