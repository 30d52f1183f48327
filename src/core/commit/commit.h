/*
 * The commit loop: the one order in which a daemon handles inputs, makes its decisions durable,
 * and lets anything of them out. zrms, zhost and zsim run this code; core/control/control_loop.h
 * and core/agent/agent_loop.h bind it to a core and to a store.
 *
 *     (new) ────► filling ────► committing     turn: flushed, with durable changes; the store is asked
 *                 filling ────► ready          turn: flushed, nothing durable in it
 *                 committing ─► ready          the store answered: durable
 *                 ready ──────► delivering     all older batches are delivered
 *                 delivering ─► filling        delivered; it is emptied and used again
 *
 *     inputs ──► handle ──► filling ──turn──► committing ──durable──► ready ──in order──► delivering
 *                              │                  │                     ▲                    │
 *                              │                  │ failed, or          │                    ▼
 *                              └──nothing durable─┼─────────────────────┘      records, events,
 *                                                 ▼ leadership lost            messages, replies
 *                                       the loop has stopped: nothing is
 *                                       handled, committed or delivered
 *
 * Several batches may be in flight; the store may join them in one transaction and answers in the
 * order in which it was asked. A batch is delivered after all older ones, also when it has nothing
 * durable itself: so nobody learns of a decision that a crash can take back.
 *
 * A store with limits (port/durability.h) gets one batch for each input, and joins them as it can.
 * A batch above the limits stops the loop as a failed commit does, before the store is asked.
 *
 * Pure: no I/O, no clock. All calls and callbacks are on one thread.
 */
#ifndef SAMOZA_CORE_COMMIT_COMMIT_H
#define SAMOZA_CORE_COMMIT_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/state_machine.h"
#include "base/vector.h"
#include "port/durability.h"

/* The moments between two steps, for simulators and for measuring. */
enum commit_step {
	COMMIT_STEP_HANDLED,   /* the core has taken an input */
	COMMIT_STEP_FLUSHED,   /* the core has decided; the store is not asked yet */
	COMMIT_STEP_ASKED,     /* the store is asked; once for each durable batch */
	COMMIT_STEP_DURABLE,   /* the store has answered; nothing is delivered yet */
	COMMIT_STEP_DELIVERED, /* one more item of a batch is delivered */
};
#define COMMIT_STEPS 5

enum __attribute__((packed)) batch_state {
	BATCH_FILLING,
	BATCH_COMMITTING,
	BATCH_READY,
	BATCH_DELIVERING,
};
extern const struct state_machine_type batch_machine;

struct commit_waiter {
	void (*fn)(void *user);
	void *user;
};

/* First member of the batch of a side. */
struct commit_batch {
	struct commit_batch *next; /* younger */
	struct commit_loop *loop;
	uint8_t state; /* enum batch_state */
	VECTOR(struct commit_waiter) waiters;
};

/* What a side adds. `user` is that of commit_loop_init(). */
struct commit_ops {
	/* A batch without content; empties one so that it can be filled again; frees one. */
	struct commit_batch *(*batch_new)(void *user);
	void (*batch_clear)(struct commit_batch *batch);
	void (*batch_free)(struct commit_batch *batch);
	/* Nothing to commit and nothing to deliver. */
	bool (*is_empty)(const struct commit_batch *batch);
	/* The store has something to do for it. */
	bool (*is_durable)(const struct commit_batch *batch);
	struct batch_size (*size)(const struct commit_batch *batch);
	/* The core writes into the batch what follows from its inputs. */
	void (*flush)(void *user, struct commit_batch *batch);
	/* Asks the store. commit_answered() follows once, never from within this call, and in the
	 * order of asking. */
	void (*commit)(void *user, struct commit_batch *batch);
	/* Delivers the n-th item; false: there is no n-th. */
	bool (*deliver)(void *user, struct commit_batch *batch, size_t n);
	/* Once, when the loop stops by itself. COMMIT_FAILED or COMMIT_LOST_LEADERSHIP. */
	void (*stopped)(void *user, enum commit_outcome outcome, const struct error *why);
	/* May be NULL. It may call commit_loop_stop(). */
	void (*step)(void *user, enum commit_step step);
};

struct commit_counters {
	uint64_t inputs, batches, durable_batches;
};

struct commit_loop {
	const struct commit_ops *ops;
	void *user;
	struct batch_size limits;
	struct commit_batch *filling;	    /* never NULL */
	struct commit_batch *first, **last; /* closed, oldest first */
	struct commit_batch *current;	    /* being delivered; NULL: none */
	struct commit_batch *spare;	    /* emptied, for the next */
	bool dirty;			    /* inputs were handled since the last flush */
	bool stopped;
	struct commit_counters counters;
};

/* `limits` of the store: copied. */
void commit_loop_init(struct commit_loop *loop, const struct commit_ops *ops,
		      const struct batch_size *limits, void *user);
/* Frees the batches. PRE: idle, or stopped with a store that answers no more. */
void commit_loop_done(struct commit_loop *loop);

/* Where the core writes what an input leads to; NULL: the loop has stopped, drop the input. */
struct commit_batch *commit_filling(struct commit_loop *loop);
/* The core has taken an input. */
void commit_handled(struct commit_loop *loop);
/* Flushes, closes the batch and delivers what is ready. True: there was something to do. */
bool commit_turn(struct commit_loop *loop);
/* The store's answer for `batch`. `why`: borrowed; NULL when durable. */
void commit_answered(struct commit_batch *batch, enum commit_outcome outcome,
		     const struct error *why);

/* Calls `fn` once everything that was decided so far is durable and delivered: at once when it
 * is already. Not called any more when the loop stops. */
void commit_after(struct commit_loop *loop, void (*fn)(void *user), void *user);

/* Nothing waits and nothing is in flight, or the loop has stopped. */
bool commit_is_idle(const struct commit_loop *loop);
/* commit_turn() has something to do. */
bool commit_is_due(const struct commit_loop *loop);
/* Batches that are closed and not yet delivered. */
size_t commit_in_flight(const struct commit_loop *loop);
/* From now on nothing is handled, committed or delivered; also from inside a callback, which is
 * then the last one. ops->stopped() is not called. */
void commit_loop_stop(struct commit_loop *loop);

#endif
