#include "zshell/shell/wait.h"

#include <stdio.h>
#include <string.h>

#include "adapter/client/view.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "model/quantity.h"
#include "proto/view.pb-c.h"

#define ASK_TIMEOUT_MS 60000
/* More than one: the newest may not be stored yet. */
#define NEWEST_EVENTS "1000"

/* The last known state of one instance, from GETs and events. */
struct known {
	char *path;
	char *state;
	char *goal;
	bool there; /* it is in the wanted state */
	UT_hash_handle hh;
};

struct waiting {
	struct shell *shell;
	const struct wait *wait;
	struct output_progress *progress; /* NULL: not shown */
	struct known *spaces;
	size_t missing;	      /* instances not in the wanted state */
	char *topology_state; /* from events and GETs */
	char *reason;	      /* FailureReason, or what it lacks */
	char *code;	      /* of `reason`; NULL: it has none */
	bool ran;	      /* it has been running since the request */
	bool rollout_moved;   /* an event says so; the next GET clears it */
	bool moves;	      /* moved: an event came since the last GET */
	char *zhost;	      /* moved: where it is now */
	bool moved;	      /* moved: it is handed over, or will not be */
	uint64_t last;	      /* event */
	int status;	      /* of the whole, once `done` */
	bool done;
	uint32_t unloading; /* unloaded: copies of the last GET; 0 when one has gone since */
};

static bool in_scope(const struct wait *w, const char *path)
{
	return w->alone ? str_equal(path, w->path) : path_is_at_or_below(path, w->path);
}

static const char *wanted(const struct waiting *w, const struct known *k)
{
	return w->wait->what == WAIT_GOALS ? k->goal : "not-deployed";
}

/* `goal` NULL: unchanged. */
static void learn(struct waiting *w, const char *path, const char *state, const char *goal)
{
	struct known *k = NULL;

	HASH_FIND_STR(w->spaces, path, k);
	if (k == NULL) {
		if (goal == NULL)
			return; /* an instance that no GET has returned yet */
		k = mem_new(struct known);
		k->path = mem_strdup(path);
		k->there = true;
		HASH_ADD_KEYPTR(hh, w->spaces, k->path, strlen(k->path), k);
	}
	if (goal != NULL) {
		free(k->goal);
		k->goal = mem_strdup(goal);
	}
	free(k->state);
	k->state = mem_strdup(state);
	w->missing -= !k->there;
	k->there = str_equal(k->state, wanted(w, k));
	w->missing += !k->there;
}

static void set_text(char **text, const char *value)
{
	char *copy = mem_strdup(value);

	free(*text);
	*text = copy;
}

/* ---------------------------------------------------------------- what GETs say */

static int get_spaces(struct waiting *w, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__SpaceListView *list = NULL;
	CLEANUP(freep)
	char *path = api_path("/v1/topologies/", w->wait->topology.id, "/spaces", NULL);
	int r = api_get(w->shell->api, path, &samoza__v1__space_list_view__descriptor,
			(void **)&list, err);

	for (size_t i = 0; r == 0 && i < list->n_spaces; i++) {
		const Samoza__V1__SpaceView *s = list->spaces[i];

		if (in_scope(w->wait, s->path))
			learn(w, s->path, s->state, s->goal);
	}
	return r;
}

/* Where the instance is, and whether it is on its way still. */
static int get_space(struct waiting *w, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__SpaceView *view = NULL;
	CLEANUP(freep)
	char *path = api_path("/v1/topologies/", w->wait->topology.id, "/spaces/",
			      w->wait->path, NULL);
	int r = api_get(w->shell->api, path, &samoza__v1__space_view__descriptor,
			(void **)&view, err);

	if (r < 0)
		return r;
	w->moves = false;
	set_text(&w->zhost, view->zhost);
	w->moved = view->handover == NULL;
	learn(w, view->path, view->state, view->state);
	return 0;
}

/* A progress display that shows all instances at once includes those without an event so far;
 * at the end, every display does. */
static void show_all(const struct waiting *w, const Samoza__V1__TopologyView *view)
{
	bool ended = str_equal(view->state, "running");

	if (w->progress == NULL ||
	    (!ended && !w->shell->output.terminal && view->n_placements <= 100))
		return;
	for (size_t i = 0; i < view->n_placements; i++)
		output_progress_set(w->progress, view->placements[i]->space,
				    state_shown(view->placements[i]->state));
}

static int get_topology(struct waiting *w, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL;
	CLEANUP(freep) char *path = api_path("/v1/topologies/", w->wait->topology.id, NULL);
	int r = api_get(w->shell->api, path, &samoza__v1__topology_view__descriptor,
			(void **)&view, err);

	if (r < 0)
		return r;
	w->unloading = view->unloading;
	set_text(&w->topology_state, view->state);
	set_text(&w->reason, view->failure_reason);
	set_text(&w->code, view->failure_code);
	show_all(w, view);
	for (size_t i = 0; w->reason == NULL && i < view->n_placements; i++) {
		const Samoza__V1__PlacementView *p = view->placements[i];

		if (p->why != NULL && !p->optional_part && !str_equal(view->state, "running")) {
			w->reason = mem_strdup(p->why);
			set_text(&w->code, p->failure_code);
		}
	}
	return 0;
}

/* What the reason means is in the manual. */
static void see_reason(const struct waiting *w)
{
	CLEANUP(freep) char *see = api_manual(w->shell->api, MANUAL_REASONS, w->code);

	if (see != NULL)
		output_note(&w->shell->output, "See %s", see);
}

static void finish(struct waiting *w, int status)
{
	w->done = true;
	w->status = status;
	/* Changes that were faster than events are shown with their result. */
	for (struct known *k = w->spaces; k != NULL && w->progress != NULL; k = k->hh.next)
		output_progress_set(w->progress, k->path, state_shown(k->state));
}

/* Whether the known states would end the wait, if they are still valid. */
static bool seems_done(const struct waiting *w)
{
	if (w->wait->what == WAIT_ROLLOUT)
		return w->rollout_moved;
	if (w->wait->what == WAIT_MOVED)
		return w->moved || w->moves;
	if (w->wait->what != WAIT_RUNNING)
		return w->missing == 0 && w->unloading == 0;
	return str_equal(w->topology_state, "running") ||
	       str_equal(w->topology_state, "failed") ||
	       str_equal(w->topology_state, "stopped");
}

/* By what zrms shows of the rollout. */
static void judge_rollout(struct waiting *w, const Samoza__V1__TopologyView *view)
{
	const struct output *o = &w->shell->output;
	const Samoza__V1__RolloutView *r = view->rollout;
	const Samoza__V1__LastRolloutView *last = view->last_rollout;

	if (r != NULL && str_equal(r->state, "paused")) {
		bool asked = r->cause != NULL && str_has_prefix(r->cause, "paused by");

		output_note(o,
			    "The rollout to %s waits (%s): `zshell topo promote %s` "
			    "continues, `zshell topo abort %s` goes back.",
			    r->version, r->cause != NULL ? r->cause : "paused", view->name,
			    view->name);
		finish(w, asked ? CLI_DONE : CLI_FAILED);
	} else if (r != NULL && str_equal(r->state, "waiting") && r->promotes_at == NULL) {
		output_note(o,
			    "The rollout to %s waits (%s): `zshell topo promote %s` takes the "
			    "next step, `zshell topo abort %s` goes back.",
			    r->version, r->detail, view->name, view->name);
		finish(w, CLI_DONE);
	} else if (r == NULL && last != NULL) {
		output_note(o, "The rollout to %s %s%s%s%s%s", last->version,
			    str_equal(last->result, "aborted") ? "was aborted" : last->result,
			    last->cause != NULL ? ": " : "",
			    last->cause != NULL ? last->cause : "",
			    last->back_on != NULL ? "; back on " : "",
			    last->back_on != NULL ? last->back_on : "");
		finish(w, CLI_FAILED);
	} else if (r == NULL && str_equal(view->state, "running")) {
		finish(w, CLI_DONE);
	} else if (r == NULL &&
		   (str_equal(view->state, "stopped") || str_equal(view->state, "failed"))) {
		output_note(o, "Topology %s is %s%s%s", w->wait->topology.id, view->state,
			    view->failure_reason != NULL ? ": " : ".",
			    view->failure_reason != NULL ? view->failure_reason : "");
		see_reason(w);
		finish(w, CLI_FAILED);
	}
}

static int confirm_rollout(struct waiting *w, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL;
	CLEANUP(freep) char *path = api_path("/v1/topologies/", w->wait->topology.id, NULL);
	int r = api_get(w->shell->api, path, &samoza__v1__topology_view__descriptor,
			(void **)&view, err);

	if (r < 0)
		return r;
	w->rollout_moved = false;
	set_text(&w->topology_state, view->state);
	set_text(&w->reason,
		 view->rollout != NULL ? view->rollout->detail : view->failure_reason);
	set_text(&w->code, view->rollout == NULL ? view->failure_code : NULL);
	judge_rollout(w, view);
	return 0;
}

/* Elsewhere, or where it was. */
static void end_move(struct waiting *w)
{
	bool stays = w->zhost == NULL || str_equal(w->zhost, w->wait->from);

	if (stays)
		output_note(&w->shell->output, "%s/%s was not moved: %s",
			    w->wait->topology.name, w->wait->path,
			    w->reason != NULL ? w->reason : "it is no longer to run");
	finish(w, stays ? CLI_FAILED : CLI_DONE);
}

/* Reads the state from zrms, and decides on that alone. */
static int confirm(struct waiting *w, struct error **err)
{
	const char *id = w->wait->topology.id;
	if (w->wait->what == WAIT_ROLLOUT)
		return confirm_rollout(w, err);
	int r = w->wait->what == WAIT_RUNNING ? get_topology(w, err)
		: w->wait->what == WAIT_MOVED ? get_space(w, err)
					      : get_spaces(w, err);

	if (r == 0 && w->wait->what == WAIT_UNLOADED)
		r = get_topology(w, err);
	if (r < 0)
		return r;
	if (!seems_done(w))
		return 0;
	if (w->wait->what == WAIT_MOVED) {
		end_move(w);
		return 0;
	}
	if (w->wait->what == WAIT_RUNNING && str_equal(w->topology_state, "failed")) {
		output_note(&w->shell->output, "Topology %s failed: %s", id,
			    w->reason != NULL ? w->reason : "-");
		see_reason(w);
		output_note(&w->shell->output, "`zshell topo explain %s` shows why.",
			    w->wait->topology.name);
		finish(w, CLI_FAILED);
	} else if (w->wait->what == WAIT_RUNNING && str_equal(w->topology_state, "stopped") &&
		   !w->ran) {
		output_note(&w->shell->output, "Topology %s was stopped before it was running.",
			    id);
		finish(w, CLI_FAILED);
	} else {
		finish(w, CLI_DONE);
	}
	return 0;
}

/* ---------------------------------------------------------------- what events say */

/* The path of a subject "TOPOLOGY/PATH". */
static const char *path_of(const char *subject)
{
	const char *slash = strchr(subject, '/');

	return slash != NULL ? slash + 1 : NULL;
}

/* Each event of the instance is a reason to look; that of its way back says why. */
static void take_move_event(struct waiting *w, const char *path, const Samoza__V1__EventView *e)
{
	CLEANUP(freep) char *shown = NULL;

	w->moves = true;
	if (str_equal(e->kind, "placement") && str_equal(e->to, w->wait->from))
		set_text(&w->reason, e->cause);
	if (w->progress == NULL)
		return;
	if (str_equal(e->kind, "copy"))
		shown = str_printf("its successor is %s", state_shown(e->to));
	else if (str_equal(e->kind, "placement"))
		shown = str_printf("to %s", e->to);
	output_progress_set(w->progress, path, shown != NULL ? shown : state_shown(e->to));
}

static void take_event(struct waiting *w, const Samoza__V1__EventView *e)
{
	const char *path = path_of(e->subject);

	if (e->seq > w->last)
		w->last = e->seq;
	if (e->to == NULL)
		return;
	if (w->wait->what == WAIT_MOVED && path != NULL && in_scope(w->wait, path))
		take_move_event(w, path, e);
	else if (str_equal(e->kind, "space") && path != NULL && in_scope(w->wait, path)) {
		learn(w, path, e->to, NULL);
		if (w->progress != NULL)
			output_progress_set(w->progress, path, state_shown(e->to));
	} else if (str_equal(e->kind, "copy")) {
		w->unloading = 0; /* perhaps the last one: the next GET says so */
	} else if (str_equal(e->kind, "rollout")) {
		w->rollout_moved = true;
	} else if (str_equal(e->kind, "topology")) {
		w->rollout_moved = true;
		set_text(&w->topology_state, e->to);
		w->ran = w->ran || str_equal(e->to, "running");
	}
}

/* For the stream. */
static int confirm_now(struct waiting *w, struct error **err)
{
	CLEANUP(error_freep) struct error *why = NULL;
	int r = confirm(w, &why);

	/* zrms does not answer now: either the stream will break as well, and is resumed, or it says
	 * when zrms answers again. */
	if (r < 0 && r != ERR_UNAVAILABLE && r != ERR_TIMEOUT)
		return error_move(err, steal_ptr(&why));
	return w->done ? API_STREAM_END : 0;
}

static int on_event(void *data, const struct api_event *event, struct error **err)
{
	struct waiting *w = data;
	CLEANUP(view_freep) Samoza__V1__EventView *view = NULL;
	bool before = seems_done(w);
	int r;

	if (event != NULL) {
		r = view_read(&samoza__v1__event_view__descriptor, event->data, event->size,
			      (ProtobufCMessage **)&view, err);
		if (r < 0)
			return error_wrap(err, "cannot read the event stream");
		take_event(w, view);
		if (w->progress != NULL)
			output_progress_draw(w->progress);
	}
	/* Also after a reconnect: the last change may have happened meanwhile. */
	if (event == NULL || (!before && seems_done(w)) || w->moves)
		return confirm_now(w, err);
	return 0;
}

/* The store of zrms fails: states are not told until it works again, and says so. */
static int on_notice(void *data, const char *text, struct error **err)
{
	struct waiting *w = data;

	output_note(&w->shell->output, "%s", text);
	return confirm_now(w, err);
}

/* What is no longer unloading may have ended without an event: a copy that was never deployed,
 * or one whose zhost is lost. */
static int on_quiet(void *data, struct error **err)
{
	struct waiting *w = data;

	if (w->wait->what == WAIT_UNLOADED && w->missing == 0)
		return confirm_now(w, err);
	return 0;
}

static void on_loss(void *data, const char *why)
{
	const struct waiting *w = data;

	output_note(&w->shell->output, "lost the connection to zrms (%s); reconnecting ...",
		    why);
}

/* ---------------------------------------------------------------- the whole */

static void time_over(struct waiting *w)
{
	const struct output *o = &w->shell->output;
	CLEANUP(freep) char *time = duration_format(w->wait->timeout_ms);
	size_t named = 0;

	if (w->wait->what == WAIT_RUNNING || w->wait->what == WAIT_ROLLOUT) {
		output_note(o, "Topology %s is still %s after %s%s%s", w->wait->topology.id,
			    w->topology_state != NULL ? w->topology_state : "pending", time,
			    w->reason != NULL ? ": " : ".", w->reason != NULL ? w->reason : "");
		see_reason(w);
	} else {
		output_note(o, "Not done after %s:", time);
		for (struct known *k = w->spaces; k != NULL && named < 10; k = k->hh.next) {
			if (!k->there && ++named > 0)
				output_note(o, "  %s/%s is %s", w->wait->topology.name, k->path,
					    state_shown(k->state));
		}
		if (w->missing > named)
			output_note(o, "  and %zu more", w->missing - named);
		if (w->missing == 0 && w->unloading > 0)
			output_note(o, "  %u former cop%s still unloading", w->unloading,
				    w->unloading == 1 ? "y is" : "ies are");
	}
	output_note(o, "The operation continues; `zshell topo status %s` shows its state.",
		    w->wait->topology.name);
}

static int follow(struct waiting *w, struct error **err)
{
	CLEANUP(freep)
	char *path = api_path("/v1/events?topology=", w->wait->topology.id, NULL);
	CLEANUP(error_freep) struct error *why = NULL;
	const struct api_stream stream = {
		.path = path,
		.resume = "after",
		.after = w->wait->after,
		.deadline_mono_ms = mono_now_ms() + (int64_t)w->wait->timeout_ms,
		.handle = on_event,
		.data = w,
		.lost = on_loss,
		.notice = on_notice,
		.quiet = on_quiet,
	};
	int r = api_follow(w->shell->api, &stream, &why);

	if (r == ERR_TIMEOUT) {
		/* zrms decides, if it still answers. */
		if (confirm(w, NULL) == 0 && w->done)
			return w->status;
		output_progress_free(steal_ptr(&w->progress));
		time_over(w);
		return EXIT_TIMEOUT;
	}
	if (r < 0)
		return error_move(err, steal_ptr(&why));
	return w->status;
}

static void waiting_done(struct waiting *w)
{
	struct known *k, *next;

	output_progress_free(w->progress);
	HASH_ITER (hh, w->spaces, k, next) {
		HASH_DEL(w->spaces, k);
		free(k->path);
		free(k->state);
		free(k->goal);
		free(k);
	}
	free(w->topology_state);
	free(w->reason);
	free(w->code);
	free(w->zhost);
}

int wait_until(struct shell *shell, const struct wait *wait, struct error **err)
{
	struct waiting w = {.shell = shell, .wait = wait};
	int r;

	if (wait->progress && !shell->output.names_only)
		w.progress = output_progress_new(&shell->output, wait->what == WAIT_UNLOADED
									 ? "not deployed"
									 : "running");
	/* The handler reads the state on the first connection; the instances must be known by
	 * then. A zrms that is slow for a moment does not end the wait. */
	api_set_timeout(shell->api, ASK_TIMEOUT_MS);
	r = follow(&w, err);
	api_set_timeout(shell->api, 0);
	waiting_done(&w);
	return r;
}

int wait_last_event(struct shell *shell, uint64_t *ret_seq, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__EventListView *list = NULL;
	int r = api_get(shell->api, "/v1/events?stream=0&after=0&newest=" NEWEST_EVENTS,
			&samoza__v1__event_list_view__descriptor, (void **)&list, err);
	uint64_t last = 0;

	for (size_t i = 0; r == 0 && i < list->n_events; i++)
		last = list->events[i]->seq > last ? list->events[i]->seq : last;
	if (r == 0)
		*ret_seq = last;
	return r;
}
