#include "zrms/notices.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/iso8601.h"
#include "zrms/zrms.h"

enum {
	PAGE_EVENTS = 500,
	CAUSE_MAX = 8 * 1024, /* as in answers: it may quote what a space printed */
	STOP_MAX_MS = 1000,   /* when zrms ends: for what is being sent */
	LOOK_MS = 60 * 1000,
	LOOK_MIN_MS = 100,
};

struct test {
	struct notice_sender *sender; /* NULL: there was none yet */
	notice_sent_fn *done;	      /* NULL: none is under way */
	void *user;
	uint64_t count;
};

struct target {
	struct notices *notices;
	const struct notice_target *settings;
	struct notice_queue queue;
	struct notice_sender *sender;
	struct test test;
	bool is_failing; /* as the log says */
};

struct notices {
	struct zrms *zrms;
	struct target *targets;
	size_t count;
	uint64_t cursor; /* of the history: read so far */
	bool is_live;	 /* all of it is */
	bool is_listing; /* the store is asked */
	bool is_started;
	bool is_ended;	  /* everything is broken off */
	int64_t stop_ms;  /* 0: not asked to */
	int64_t begun_ms; /* wall clock */
	struct loop_task work;
	struct loop_timer *timer; /* of the queues */
	struct loop_timer *look;  /* of what changes with time alone */
};

static struct instant now_of(const struct notices *n)
{
	return loop_now(&n->zrms->loop);
}

static void wake(struct notices *n)
{
	if (n->is_started && !n->is_ended)
		loop_defer(&n->zrms->loop, &n->work);
}

/* ---- what is sent ---- */

static Samoza__V1__NoticeView *view_new(const struct notices *n, const char *notice,
					char *take_text, int64_t wall_ms, const char *subject)
{
	Samoza__V1__NoticeView *v = mem_new(Samoza__V1__NoticeView);
	samoza__v1__notice_view__init(v);
	v->notice = mem_strdup(notice);
	v->text = take_text;
	v->time = iso8601_text(wall_ms);
	v->cluster = mem_strdup(control_cluster(n->zrms->control));
	v->subject = mem_strdup(subject);
	return v;
}

static Samoza__V1__NoticeView *view_of(const struct target *t,
				       const struct notice_waiting *waiting)
{
	/* Programs say in it what they like, and the sentence has it, too. */
	Samoza__V1__EventRecord cut = *waiting->event;
	CLEANUP(freep) char *cause = mem_strndup(cut.cause, strnlen(cut.cause, CAUSE_MAX));
	cut.cause = cause;
	const Samoza__V1__EventRecord *e = &cut;
	Samoza__V1__NoticeView *v =
		view_new(t->notices, waiting->kind->name, notice_sentence(waiting->kind, e),
			 e->time_ms, e->subject);
	v->id = str_printf("%s-%" PRIu64, v->cluster, e->seq);
	v->from = str_is_empty(e->from) ? NULL : mem_strdup(e->from);
	v->to = str_is_empty(e->to) ? NULL : mem_strdup(e->to);
	v->cause = mem_strdup(e->cause);
	v->topology = mem_strdup(e->topology);
	v->has_seq = true;
	v->seq = e->seq;
	v->has_dropped = t->queue.said > 0;
	v->dropped = t->queue.said;
	if (t->queue.said > 0) {
		CLEANUP(freep) char *text = v->text;
		v->text = str_printf("%s (%" PRIu64 " notice%s before it could not be "
				     "delivered)",
				     text, t->queue.said, str_plural(t->queue.said));
	}
	return v;
}

static void on_sent(void *user, const struct notice_outcome *outcome)
{
	struct target *t = user;
	const char *name = t->settings->said->name;
	uint64_t dropped = t->queue.dropped_total;
	if (outcome->is_delivered) {
		notice_queue_delivered(&t->queue);
		if (t->is_failing)
			log_info("notices", "delivered", LOG_S("target", name),
				 LOG_S("after", "failures"));
		t->is_failing = false;
	} else {
		notice_queue_failed(&t->queue, now_of(t->notices), outcome->why,
				    outcome->after_ms);
		if (!t->is_failing) /* once, and in the metrics and zshell notices from then on */
			log_warn("notices", "failed", LOG_S("target", name),
				 LOG_S("reason", outcome->why),
				 LOG_S("then", "it is tried again"));
		t->is_failing = true;
	}
	dropped = t->queue.dropped_total - dropped;
	if (dropped > 0)
		log_error("notices", "dropped", LOG_S("target", name),
			  LOG_U("notices", dropped),
			  LOG_S("reason", "they could not be delivered in time"));
	wake(t->notices);
}

static void on_noted(void *user)
{
	struct target *t = user;
	notice_queue_noted(&t->queue, now_of(t->notices));
	wake(t->notices);
}

static void note(struct target *t)
{
	struct notices *n = t->notices;
	const struct control_input input = {
		.type = CONTROL_NOTICE_SENT,
		.notice_sent = {.target = t->settings->said->name,
				.position = notice_queue_position(&t->queue),
				.dropped = t->queue.dropped,
				.delivered =
					t->queue.state == NOTICE_NOTING && !t->is_failing}};
	notice_queue_note(&t->queue);
	commit_driver_input(n->zrms->commits, &input);
	commit_driver_after(n->zrms->commits, on_noted, t);
}

static void send_next(struct target *t)
{
	const struct notice_waiting *waiting =
		notice_queue_begin(&t->queue, now_of(t->notices));
	if (waiting == NULL)
		return;
	Samoza__V1__NoticeView *view = view_of(t, waiting);
	notice_send(t->sender, view);
	samoza__v1__notice_view__free_unpacked(view, NULL);
}

static void work(void *user)
{
	struct notices *n = user;
	int64_t next_ms = NEVER_MS;
	if (n->is_ended)
		return;
	for (size_t k = 0; k < n->count; k++) {
		struct target *t = &n->targets[k];
		if (notice_queue_is_to_note(&t->queue))
			note(t);
		if (n->stop_ms == 0)
			send_next(t);
		int64_t due_ms = notice_queue_next_ms(&t->queue);
		next_ms = due_ms < next_ms ? due_ms : next_ms;
	}
	loop_timer_at(n->timer, n->stop_ms == 0 ? next_ms : NEVER_MS);
}

/* ---- events ---- */

static void take(struct notices *n, const Samoza__V1__EventRecord *event)
{
	for (size_t k = 0; k < n->count; k++) {
		struct notice_queue *q = &n->targets[k].queue;
		uint64_t dropped = q->dropped_total;
		notice_queue_take(q, event, now_of(n));
		/* The first of many, and then every thousandth. */
		if (q->dropped_total > dropped && q->dropped % 1000 == 1)
			log_error("notices", "queue.full",
				  LOG_S("target", n->targets[k].settings->said->name),
				  LOG_U("dropped", q->dropped));
	}
	n->cursor = event->seq;
}

static void list(struct notices *n);

static void on_listed(void *user, int code, const struct error *error,
		      Samoza__V1__EventRecord **events, size_t count, bool more)
{
	struct notices *n = user;
	n->is_listing = false;
	if (n->is_ended)
		return;
	if (code < 0) { /* it is asked again when there is an event, or with time */
		log_warn("notices", "history.unread", LOG_E(error));
		return;
	}
	for (size_t k = 0; k < count; k++)
		take(n, events[k]);
	n->is_live = !more;
	if (more)
		list(n);
	wake(n);
}

static void list(struct notices *n)
{
	if (n->is_listing || n->is_ended || n->stop_ms != 0)
		return;
	n->is_listing = true;
	n->zrms->store->ops->events(n->zrms->store, n->cursor, NULL, PAGE_EVENTS, on_listed, n);
}

void notices_event(struct notices *n, const Samoza__V1__EventRecord *event)
{
	if (n == NULL || n->count == 0 || !n->is_started || n->is_ended)
		return;
	if (!n->is_live) {
		list(n);
		return;
	}
	if (event->seq <= n->cursor)
		return;
	take(n, event);
	wake(n);
}

/* ---- what changes with time alone ---- */

static void name_targets(struct notices *n)
{
	CLEANUP(freep) const char **names = mem_new_array(const char *, n->count + 1);
	for (size_t k = 0; k < n->count; k++)
		names[k] = n->targets[k].settings->said->name;
	const struct control_input input = {.type = CONTROL_NOTICE_TARGETS,
					    .notice_targets = {names, n->count}};
	commit_driver_input(n->zrms->commits, &input);
}

static void look(void *user)
{
	struct notices *n = user;
	struct zrms *zrms = n->zrms;
	if (n->is_ended || n->stop_ms != 0)
		return;
	struct instant now = now_of(n);
	int64_t newest_ms = backups_newest_ms(zrms->backups);
	int64_t limit_ms = backups_old_after_ms(zrms->backups);
	/* None yet, of a directory that is new: it has as long as any other from when this zrms began. */
	if (newest_ms == 0 && now.wall_ms - n->begun_ms <= limit_ms)
		newest_ms = n->begun_ms;
	if (control_backup_age_is_new(zrms->control, newest_ms, limit_ms, now.wall_ms)) {
		const struct control_input input = {
			.type = CONTROL_BACKUP_AGE,
			.backup_age = {.newest_ms = newest_ms, .limit_ms = limit_ms}};
		commit_driver_input(zrms->commits, &input);
	}
	if (control_notice_targets_absent(zrms->control) > 0)
		name_targets(n);
	if (n->count > 0 && !n->is_live)
		list(n);
	int64_t pause_ms = LOOK_MS;
	if (limit_ms > 0 && limit_ms / 10 < pause_ms)
		pause_ms = limit_ms / 10 > LOOK_MIN_MS ? limit_ms / 10 : LOOK_MIN_MS;
	loop_timer_at(n->look, now.mono_ms + pause_ms);
}

/* ---- tests ---- */

static struct target *find(const struct notices *n, const char *name)
{
	for (size_t k = 0; k < n->count; k++)
		if (str_equal(n->targets[k].settings->said->name, name))
			return &n->targets[k];
	return NULL;
}

const char *notices_where(const struct notices *n, const char *name)
{
	const struct target *t = find(n, name);
	return t != NULL ? t->settings->where : NULL;
}

int notices_check(const struct notices *n, const char *name, struct error **err)
{
	const struct target *t = find(n, name);
	if (t == NULL && n->count == 0)
		return error_set(err, ERR_NOT_FOUND,
				 "no notices are sent: the settings of zrms name no target");
	if (t == NULL)
		return error_set(err, ERR_NOT_FOUND,
				 "no notices go to '%s'; zshell notices ls lists the targets",
				 name);
	if (t->test.done != NULL || n->stop_ms != 0)
		return error_set(err, ERR_CONFLICT, "a test of %s is under way: let it end",
				 name);
	return 0;
}

static void on_tested(void *user, const struct notice_outcome *outcome)
{
	struct target *t = user;
	notice_sent_fn *done = t->test.done;
	t->test.done = NULL;
	done(t->test.user, outcome);
}

void notices_test(struct notices *n, const char *name, notice_sent_fn *done, void *user)
{
	struct target *t = find(n, name);
	CLEANUP(error_freep) struct error *err = NULL;
	PRE(t != NULL && t->test.done == NULL);
	t->test.done = done;
	t->test.user = user;
	if (t->test.sender == NULL &&
	    notice_sender_new(&n->zrms->loop, t->settings, n->zrms->settings.dir, on_tested, t,
			      &t->test.sender, &err) < 0) {
		const struct notice_outcome outcome = {.why = err->message};
		on_tested(t, &outcome);
		return;
	}
	int64_t wall_ms = now_of(n).wall_ms;
	Samoza__V1__NoticeView *v =
		view_new(n, NOTICE_TEST, mem_strdup("a test: notices of Samoza come here"),
			 wall_ms, "cluster");
	v->id = str_printf("%s-test-%" PRId64 "-%" PRIu64, v->cluster, wall_ms,
			   ++t->test.count);
	v->cause = mem_strdup("somebody has asked for it");
	notice_send(t->test.sender, v);
	samoza__v1__notice_view__free_unpacked(v, NULL);
}

/* ---- what people see ---- */

static Samoza__V1__NoticeTargetView *target_view(const struct target *t)
{
	const struct notices *n = t->notices;
	const struct notice_queue *q = &t->queue;
	const Samoza__V1__NoticeTargetRecord *record =
		control_notice_target(n->zrms->control, t->settings->said->name);
	Samoza__V1__NoticeTargetView *v = mem_new(Samoza__V1__NoticeTargetView);
	samoza__v1__notice_target_view__init(v);
	v->name = mem_strdup(t->settings->said->name);
	v->to = mem_strdup(t->settings->said->to == SAMOZA__V1__NOTICE_MEANS__NOTICE_WEBHOOK
				   ? "webhook"
				   : "command");
	v->where = mem_strdup(t->settings->where);
	v->n_on = t->settings->said->n_on;
	v->on = mem_new_array(char *, v->n_on + 1);
	for (size_t k = 0; k < v->n_on; k++)
		v->on[k] = mem_strdup(t->settings->said->on[k]);
	v->state = mem_strdup(q->error != NULL && q->count > 0 ? "failing"
			      : q->state == NOTICE_SENDING     ? "sending"
							       : "idle");
	v->waiting = q->count;
	v->sent = q->sent_total;
	v->failed = q->failed_total;
	v->dropped = q->dropped;
	if (record != NULL && record->has_delivered_ms)
		v->delivered = iso8601_text(record->delivered_ms);
	v->position = q->noted;
	if (q->error == NULL)
		return v;
	v->error = mem_strdup(q->error);
	v->error_time = iso8601_text(q->error_ms);
	int64_t next_ms = notice_queue_next_ms(q);
	struct instant now = now_of(n);
	if (next_ms != NEVER_MS)
		v->next = iso8601_text(now.wall_ms +
				       (next_ms > now.mono_ms ? next_ms - now.mono_ms : 0));
	return v;
}

Samoza__V1__NoticeListView *notices_view(const struct notices *n)
{
	Samoza__V1__NoticeListView *v = mem_new(Samoza__V1__NoticeListView);
	samoza__v1__notice_list_view__init(v);
	v->notices = mem_new_array(Samoza__V1__NoticeTargetView *, n->count + 1);
	for (size_t k = 0; k < n->count; k++)
		v->notices[v->n_notices++] = target_view(&n->targets[k]);
	return v;
}

enum { SENT, FAILED, DROPPED, WAITING };
static const struct metric metrics[] = {
	[SENT] = {"zrms_notices_sent_total", METRIC_COUNTER, "Notices that were delivered.",
		  "target"},
	[FAILED] = {"zrms_notices_failed_total", METRIC_COUNTER,
		    "Attempts to deliver a notice that failed.", "target"},
	[DROPPED] = {"zrms_notices_dropped_total", METRIC_COUNTER,
		     "Notices that could not be delivered in time, and will not be.", "target"},
	[WAITING] = {"zrms_notices_waiting", METRIC_GAUGE,
		     "Notices that are not delivered yet.", "target"},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct notices *n = part;
	for (size_t k = 0; k < n->count; k++) {
		const struct target *t = &n->targets[k];
		const char *name = t->settings->said->name;
		metric_set_labelled(to, SENT, name, t->queue.sent_total);
		metric_set_labelled(to, FAILED, name, t->queue.failed_total);
		metric_set_labelled(to, DROPPED, name, t->queue.dropped_total);
		metric_set_labelled(to, WAITING, name, t->queue.count);
	}
}

const struct metric_source notices_metrics = METRIC_SOURCE(metrics, read_metrics);

/* ---- life ---- */

int notices_new(struct zrms *zrms, struct notices **ret_notices, struct error **err)
{
	struct notices *n = mem_new(struct notices);
	int r = 0;
	n->zrms = zrms;
	n->work = (struct loop_task){.fn = work, .user = n};
	n->count = zrms->notice_settings.count;
	n->targets = mem_new_array(struct target, n->count + 1);
	n->timer = loop_timer_new(&zrms->loop, work, n);
	n->look = loop_timer_new(&zrms->loop, look, n);
	for (size_t k = 0; k < n->count && r == 0; k++) {
		struct target *t = &n->targets[k];
		*t = (struct target){.notices = n,
				     .settings = &zrms->notice_settings.targets[k]};
		notice_queue_init(&t->queue, &t->settings->rule, &t->settings->limits);
		r = notice_sender_new(&zrms->loop, t->settings, zrms->settings.dir, on_sent, t,
				      &t->sender, err);
	}
	if (r < 0) {
		n->is_ended = true;
		notices_free(n);
		return r;
	}
	*ret_notices = n;
	return 0;
}

void notices_start(struct notices *n)
{
	name_targets(n);
	n->cursor = control_newest_event(n->zrms->control);
	for (size_t k = 0; k < n->count; k++) {
		struct notice_queue *q = &n->targets[k].queue;
		const Samoza__V1__NoticeTargetRecord *record = control_notice_target(
			n->zrms->control, n->targets[k].settings->said->name);
		notice_queue_go_on(q, record->position, record->dropped);
		n->cursor = record->position < n->cursor ? record->position : n->cursor;
	}
	n->begun_ms = now_of(n).wall_ms;
	n->is_started = true;
	if (n->count > 0)
		list(n);
	look(n);
}

static void break_off(struct notices *n)
{
	n->is_ended = true;
	for (size_t k = 0; k < n->count; k++) {
		struct target *t = &n->targets[k];
		notice_sender_close(steal_ptr(&t->sender));
		notice_sender_close(steal_ptr(&t->test.sender));
	}
}

void notices_stop(struct notices *n)
{
	n->stop_ms = now_of(n).mono_ms + STOP_MAX_MS;
}

bool notices_are_idle(const struct notices *n)
{
	if (n->is_ended || now_of(n).mono_ms > n->stop_ms)
		return true;
	for (size_t k = 0; k < n->count; k++) {
		const struct target *t = &n->targets[k];
		if (!notice_sender_is_idle(t->sender) || t->queue.state == NOTICE_NOTING)
			return false;
	}
	return true;
}

void notices_end(struct notices *n)
{
	for (size_t k = 0; k < n->count; k++) {
		struct target *t = &n->targets[k];
		const struct notice_outcome outcome = {.why = "zrms ends"};
		if (t->test.done != NULL)
			on_tested(t, &outcome);
	}
	if (!n->is_ended)
		break_off(n);
}

void notices_free(struct notices *n)
{
	if (n == NULL)
		return;
	break_off(n);
	loop_defer_cancel(&n->zrms->loop, &n->work);
	loop_timer_free(n->timer);
	loop_timer_free(n->look);
	for (size_t k = 0; k < n->count; k++)
		notice_queue_done(&n->targets[k].queue);
	free(n->targets);
	free(n);
}
