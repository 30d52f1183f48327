/*
 * The notices that wait for one target: which is sent when, again after which time, and which are given up.
 *
 *   event ──take──► waiting ──next──► sending ──delivered──► noting ──noted──► (the next one)
 *                      │                 │  ▲                  ▲
 *                      │ no room         │  └── backing off ◄──┤ failed
 *                      ▼                 │                     │
 *                   dropped ◄────────────┴── too old ──────────┘
 *
 * One at a time and in the order of events, so that a target never hears of an end before the beginning. What was delivered is noted
 * durably before the next one goes: after a crash at most one is sent once more, and none is left out. What was dropped is
 * counted; the next notice that is delivered says how many.
 *
 * The queue holds the newest `room` notices; what it is made of is in the history of events, from `position` on.
 *
 * Pure: the time comes in. Source: [observe.logs.notices].
 */
#ifndef SAMOZA_CORE_NOTICE_QUEUE_H
#define SAMOZA_CORE_NOTICE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/instant.h"
#include "core/notice/notice_kind.h"

struct notice_limits {
	uint32_t room;	  /* notices that wait, at most; 1 or more */
	int64_t retry_ms; /* after the first failure; twice as long after each further one */
	int64_t retry_max_ms; /* at most */
	int64_t give_up_ms;   /* one that fails and is older is dropped */
};

enum notice_state {
	NOTICE_IDLE,	/* nothing waits */
	NOTICE_DUE,	/* one is to be sent, from next_ms on */
	NOTICE_SENDING, /* one is being sent */
	NOTICE_NOTING,	/* it is delivered or given up, and that is not durable yet */
};

struct notice_waiting {
	Samoza__V1__EventRecord *event;
	const struct notice_kind *kind;
};

struct notice_queue {
	struct notice_rule rule; /* borrowed */
	struct notice_limits limits;
	enum notice_state state;
	struct notice_waiting *ring; /* of `room` */
	uint32_t first, count;
	uint64_t seen;	   /* number of the newest event that was looked at */
	uint64_t noted;	   /* position that is durable, or is being made so */
	bool is_asked;	   /* noting: it is on its way */
	uint64_t dropped;  /* since the last delivery */
	uint64_t said;	   /* how many of them the one that is being sent says */
	unsigned attempts; /* since the last delivery */
	int64_t next_ms;   /* due: mono */
	/* in this life of zrms, for people */
	uint64_t sent_total, failed_total, dropped_total;
	char *error;	  /* of the last attempt, if it failed; NULL */
	int64_t error_ms; /* wall clock */
};

void notice_queue_init(struct notice_queue *q, const struct notice_rule *rule,
		       const struct notice_limits *limits);
/* Before the first event: it goes on after `position`, with `dropped` of which nobody was told. */
void notice_queue_go_on(struct notice_queue *q, uint64_t position, uint64_t dropped);
void notice_queue_done(struct notice_queue *q);

/* An event of the history, each in order; one that was seen changes nothing. Borrowed. */
void notice_queue_take(struct notice_queue *q, const Samoza__V1__EventRecord *event,
		       struct instant now);
/* When notice_queue_begin() is next due; NEVER_MS: not before something else happens. */
int64_t notice_queue_next_ms(const struct notice_queue *q);
/* The one to be sent, from now on, with notice_queue.said; NULL: none is due. Borrowed until it has ended. */
const struct notice_waiting *notice_queue_begin(struct notice_queue *q, struct instant now);
/* PRE: sending. It came: notice_queue_note() follows. */
void notice_queue_delivered(struct notice_queue *q);
/* PRE: sending. `why` is copied; `after_ms`: the target asks for a pause of that length; 0: for none. */
void notice_queue_failed(struct notice_queue *q, struct instant now, const char *why,
			 int64_t after_ms);

/* Something is to be made durable: notice_queue_position() and .dropped. */
bool notice_queue_is_to_note(const struct notice_queue *q);
/* Nothing up to it is still to be sent. */
uint64_t notice_queue_position(const struct notice_queue *q);
/* What notice_queue_is_to_note() asks for is on its way. */
void notice_queue_note(struct notice_queue *q);
/* It is durable: the next one may go. */
void notice_queue_noted(struct notice_queue *q, struct instant now);

#endif
