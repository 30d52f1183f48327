#include "zsim/fuzz/check/check_notices.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"
#include "zsim/fuzz/life/fuzz.h"

static char *wanted[] = {(char[]){"topology.failed"}, (char[]){"topology.degraded"},
			 (char[]){"topology.recovered"}, (char[]){"rollout.failed"},
			 (char[]){"zhost.problem"}};
static const struct notice_rule rule = {.on = wanted, .on_count = ARRAY_SIZE(wanted)};

struct notices_seen *check_notices_of(struct fuzz *f)
{
	if (f->notices != NULL || !draws_have(f, DRAW_NOTICES))
		return f->notices;
	f->notices = mem_new(struct notices_seen);
	return f->notices;
}

static void forget_from(struct notices_seen *n, size_t first)
{
	for (size_t k = first; k < n->events.count; k++)
		schema_message_free(&n->events.items[k].event->base);
	n->events.count = first;
}

void check_notices_done(struct fuzz *f)
{
	struct notices_seen *n = f->notices;
	if (n == NULL)
		return;
	if (n->is_on)
		notice_queue_done(&n->queue);
	forget_from(n, 0);
	vector_done(&n->events);
	free(steal_ptr(&f->notices));
}

/* The first wanted event after the beginning, and up to `until`, that has not come; NULL: all have. */
static const struct notice_event *missing(const struct notices_seen *n, uint64_t until)
{
	vector_for_each (&n->events, e)
		if (e->event->seq > n->began && e->event->seq <= until && e->is_wanted &&
		    !e->has_come)
			return e;
	return NULL;
}

static void take_event(struct notices_seen *n, const Samoza__V1__EventRecord *event)
{
	size_t known = n->events.count;
	/* The store was set back to a copy of it: these have not happened. */
	while (known > 0 && n->events.items[known - 1].event->seq >= event->seq)
		known--;
	if (known < n->events.count) {
		forget_from(n, known);
		n->is_recorded = false;
	}
	*vector_add(&n->events) = (struct notice_event){
		.event = (Samoza__V1__EventRecord *)schema_message_copy(&event->base),
		.is_wanted = notice_rule_wants(&rule, event) != NULL};
}

static void take_record(struct fuzz *f, const struct record_change *change)
{
	struct notices_seen *n = f->notices;
	ProtobufCMessage *message = NULL;
	if (!str_equal(change->id, NOTICES_TARGET))
		return;
	if (change->data == NULL ||
	    schema_message_unpack(&samoza__v1__notice_target_record__descriptor, change->data,
				  change->size, &message, NULL) < 0) {
		world_violate(&f->world, "the position of a target of notices is lost");
		return;
	}
	uint64_t position = ((Samoza__V1__NoticeTargetRecord *)message)->position;
	schema_message_free(message);
	if (!n->is_recorded)
		n->began = position;
	else if (position < n->position)
		world_violate(&f->world,
			      "the notices to a target go back from %" PRIu64 " to %" PRIu64,
			      n->position, position);
	n->is_recorded = true;
	n->position = position;
	const struct notice_event *left = missing(n, position);
	if (left != NULL)
		world_violate(&f->world,
			      "it is recorded that all notices up to %" PRIu64
			      " came, and that of event %" PRIu64 " did not",
			      position, left->event->seq);
}

void check_notices_committed(struct fuzz *f, const struct outbox *o)
{
	if (f->notices == NULL)
		return;
	vector_for_each (&o->events, event)
		take_event(f->notices, *event);
	vector_for_each (&o->records, change)
		if (change->kind == RECORD_NOTICE_TARGET)
			take_record(f, change);
}

void check_notices_came(struct fuzz *f, const Samoza__V1__EventRecord *event)
{
	struct notices_seen *n = f->notices;
	const struct notice_event *left = event->seq > 0 ? missing(n, event->seq - 1) : NULL;
	if (left != NULL)
		world_violate(&f->world,
			      "the notice of event %" PRIu64 " comes before that of %" PRIu64,
			      event->seq, left->event->seq);
	vector_for_each (&n->events, e)
		if (e->event->seq == event->seq)
			e->has_come = true;
	draws_happened(f, DRAW_NOTICES);
}

const struct notice_rule *check_notices_rule(void)
{
	return &rule;
}
