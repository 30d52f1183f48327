/*
 * [observe.logs.notices] What one target of notices gets, by the queue and the positions of the real ones
 * (core/notice, core/control/notice), across crashes and changes of zrms.
 *
 * - a notice comes after all of earlier events, each of which came at least once
 * - a position is never recorded beyond an event whose notice has not come, and never goes back
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_NOTICES_H
#define SAMOZA_ZSIM_FUZZ_CHECK_NOTICES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vector.h"
#include "core/notice/notice_queue.h"
#include "core/outbox.h"

struct fuzz;

#define NOTICES_TARGET "ops"

/* An event that is durable. */
struct notice_event {
	Samoza__V1__EventRecord *event;
	bool is_wanted, has_come;
};

struct notices_seen {
	VECTOR(struct notice_event) events;
	bool is_recorded;
	uint64_t began, position; /* of the record: the first one, the last one */
	/* the target's, in the life of one zrms */
	struct notice_queue queue;
	bool is_on;
	uint64_t term;	  /* of that zrms */
	size_t fed;	  /* of `events` */
	uint64_t awaited; /* position that is to become durable */
};

/* NULL: this life draws none. */
struct notices_seen *check_notices_of(struct fuzz *f);
void check_notices_done(struct fuzz *f);
void check_notices_committed(struct fuzz *f, const struct outbox *o);
/* What it is to get. */
const struct notice_rule *check_notices_rule(void);
/* The notice of that event comes. */
void check_notices_came(struct fuzz *f, const Samoza__V1__EventRecord *event);

#endif
