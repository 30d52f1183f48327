#include "zsim/fuzz/draw/draw_notices.h"

#include "zsim/fuzz/check/check_notices.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/client.h"

/* More than ever wait, and none is given up: what is dropped is the unit tests'. */
static const struct notice_limits limits = {
	.room = 10000, .retry_ms = 1000, .retry_max_ms = 60000, .give_up_ms = INT64_MAX / 2};

static void end(struct notices_seen *n)
{
	if (n->is_on)
		notice_queue_done(&n->queue);
	n->is_on = false;
}

/* zrms has started: it names the target, and goes on where that one was. */
static void begin(struct fuzz *f, struct notices_seen *n)
{
	static const char *const names[] = {NOTICES_TARGET};
	struct control_input input = {.type = CONTROL_NOTICE_TARGETS,
				      .notice_targets = {names, 1}};
	world_log(&f->world, "STEP notices go to " NOTICES_TARGET);
	client_tell(&f->world, &input);
	const struct control *c = f->world.control;
	const Samoza__V1__NoticeTargetRecord *record =
		c != NULL ? control_notice_target(c, NOTICES_TARGET) : NULL;
	if (record == NULL)
		return;
	notice_queue_init(&n->queue, check_notices_rule(), &limits);
	notice_queue_go_on(&n->queue, record->position, record->dropped);
	n->is_on = true;
	n->term = control_term(c);
	n->fed = 0;
}

static void note(struct fuzz *f, struct notices_seen *n)
{
	if (notice_queue_is_to_note(&n->queue)) {
		n->awaited = notice_queue_position(&n->queue);
		notice_queue_note(&n->queue);
	}
	if (n->queue.state != NOTICE_NOTING)
		return;
	if (n->is_recorded && n->position >= n->awaited) {
		notice_queue_noted(&n->queue, world_instant(&f->world));
		return;
	}
	struct control_input input = {
		.type = CONTROL_NOTICE_SENT,
		.notice_sent = {NOTICES_TARGET, n->awaited, n->queue.dropped, true}};
	client_tell(&f->world, &input);
}

/* One that was on its way for long: more is recorded by now. */
static void note_late(struct fuzz *f, const struct notices_seen *n)
{
	struct random *chance = draws_random(f, DRAW_NOTICES);
	if (!n->is_recorded || n->position == 0 || !random_percent(chance, 5))
		return;
	uint64_t position = random_below(chance, (uint32_t)n->position);
	struct control_input input = {.type = CONTROL_NOTICE_SENT,
				      .notice_sent = {NOTICES_TARGET, position, 0, true}};
	client_tell(&f->world, &input);
}

static void send(struct fuzz *f, struct notices_seen *n)
{
	struct instant now = world_instant(&f->world);
	const struct notice_waiting *waiting = notice_queue_begin(&n->queue, now);
	if (waiting == NULL)
		return;
	if (!random_percent(draws_random(f, DRAW_NOTICES), 70)) {
		notice_queue_failed(&n->queue, now, "it answered 500", 0);
		return;
	}
	world_log(&f->world, "  the notice of event %llu comes",
		  (unsigned long long)waiting->event->seq);
	check_notices_came(f, waiting->event);
	notice_queue_delivered(&n->queue);
}

void draw_notices(struct fuzz *f)
{
	struct notices_seen *n = check_notices_of(f);
	if (n == NULL || f->world.violation != NULL || f->world.zrms_dies)
		return;
	if (f->world.control == NULL || (n->is_on && n->term != control_term(f->world.control)))
		end(n);
	if (f->world.control == NULL || !draws_percent(f, DRAW_NOTICES, 40))
		return;
	if (!n->is_on)
		begin(f, n);
	for (unsigned k = 0;
	     k < 3 && n->is_on && f->world.violation == NULL && f->world.control != NULL &&
	     n->term == control_term(f->world.control);
	     k++) {
		for (; n->fed < n->events.count; n->fed++)
			notice_queue_take(&n->queue, n->events.items[n->fed].event,
					  world_instant(&f->world));
		send(f, n);
		note(f, n);
		note_late(f, n);
	}
}
