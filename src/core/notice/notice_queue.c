#include "core/notice/notice_queue.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"

enum {
	/* Events of which there is no notice are noted in so large steps: after a crash they are read once more. */
	STEP = 1000,
};
#define PAUSE_MAX_MS (INT64_C(60) * 60 * 1000) /* that a target may ask for */

void notice_queue_init(struct notice_queue *q, const struct notice_rule *rule,
		       const struct notice_limits *limits)
{
	PRE(limits->room > 0);
	*q = (struct notice_queue){.rule = *rule,
				   .limits = *limits,
				   .ring = mem_new_array(struct notice_waiting, limits->room)};
}

void notice_queue_go_on(struct notice_queue *q, uint64_t position, uint64_t dropped)
{
	PRE(q->count == 0 && q->state == NOTICE_IDLE);
	q->seen = q->noted = position;
	q->dropped = dropped;
}

static struct notice_waiting *at(const struct notice_queue *q, uint32_t n)
{
	return &q->ring[(q->first + n) % q->limits.room];
}

/* The n-th goes; those before it move up. */
static void remove_at(struct notice_queue *q, uint32_t n)
{
	schema_message_free(&at(q, n)->event->base);
	for (; n > 0; n--)
		*at(q, n) = *at(q, n - 1);
	q->first = (q->first + 1) % q->limits.room;
	q->count--;
}

static void drop(struct notice_queue *q, uint32_t n)
{
	remove_at(q, n);
	q->dropped++;
	q->dropped_total++;
}

void notice_queue_done(struct notice_queue *q)
{
	while (q->count > 0)
		remove_at(q, 0);
	free(q->ring);
	free(q->error);
}

void notice_queue_take(struct notice_queue *q, const Samoza__V1__EventRecord *event,
		       struct instant now)
{
	if (event->seq <= q->seen)
		return;
	q->seen = event->seq;
	const struct notice_kind *kind = notice_rule_wants(&q->rule, event);
	if (kind == NULL)
		return;
	bool is_sending = q->state == NOTICE_SENDING;
	if (q->count == q->limits.room && is_sending && q->count == 1) {
		q->dropped++; /* the only place is that of the one that is being sent */
		q->dropped_total++;
		return;
	}
	if (q->count == q->limits.room)
		drop(q, is_sending ? 1 : 0);
	*at(q, q->count) = (struct notice_waiting){
		(Samoza__V1__EventRecord *)schema_message_copy(&event->base), kind};
	q->count++;
	if (q->state == NOTICE_IDLE) {
		q->state = NOTICE_DUE;
		q->next_ms = now.mono_ms;
	}
}

int64_t notice_queue_next_ms(const struct notice_queue *q)
{
	return q->state == NOTICE_DUE ? q->next_ms : NEVER_MS;
}

const struct notice_waiting *notice_queue_begin(struct notice_queue *q, struct instant now)
{
	if (q->state != NOTICE_DUE || now.mono_ms < q->next_ms)
		return NULL;
	q->state = NOTICE_SENDING;
	q->said = q->dropped;
	q->attempts++;
	return at(q, 0);
}

void notice_queue_delivered(struct notice_queue *q)
{
	PRE(q->state == NOTICE_SENDING);
	remove_at(q, 0);
	q->dropped -= q->said;
	q->said = 0;
	q->sent_total++;
	q->attempts = 0;
	free(steal_ptr(&q->error));
	q->state = NOTICE_NOTING;
}

static int64_t pause_of(const struct notice_queue *q, int64_t after_ms)
{
	int64_t pause_ms = q->limits.retry_ms;
	for (unsigned k = 1; k < q->attempts && pause_ms < q->limits.retry_max_ms; k++)
		pause_ms *= 2;
	if (pause_ms > q->limits.retry_max_ms)
		pause_ms = q->limits.retry_max_ms;
	if (after_ms > PAUSE_MAX_MS)
		after_ms = PAUSE_MAX_MS;
	return after_ms > pause_ms ? after_ms : pause_ms;
}

void notice_queue_failed(struct notice_queue *q, struct instant now, const char *why,
			 int64_t after_ms)
{
	PRE(q->state == NOTICE_SENDING);
	free(q->error);
	q->error = mem_strdup(why);
	q->error_ms = now.wall_ms;
	q->failed_total++;
	q->next_ms = now.mono_ms + pause_of(q, after_ms);
	/* All that are too old go with it: each would have to fail once by itself otherwise. */
	bool drops = false;
	while (q->count > 0 && now.wall_ms - at(q, 0)->event->time_ms > q->limits.give_up_ms) {
		drop(q, 0);
		drops = true;
	}
	q->state = drops ? NOTICE_NOTING : NOTICE_DUE;
}

uint64_t notice_queue_position(const struct notice_queue *q)
{
	return q->count > 0 ? at(q, 0)->event->seq - 1 : q->seen;
}

bool notice_queue_is_to_note(const struct notice_queue *q)
{
	if (q->state == NOTICE_NOTING)
		return !q->is_asked;
	return q->state == NOTICE_IDLE && q->seen - q->noted >= STEP;
}

void notice_queue_note(struct notice_queue *q)
{
	q->noted = notice_queue_position(q);
	q->state = NOTICE_NOTING;
	q->is_asked = true;
}

void notice_queue_noted(struct notice_queue *q, struct instant now)
{
	PRE(q->state == NOTICE_NOTING);
	q->is_asked = false;
	q->state = q->count > 0 ? NOTICE_DUE : NOTICE_IDLE;
	if (q->attempts == 0 || q->next_ms < now.mono_ms)
		q->next_ms = now.mono_ms;
}
