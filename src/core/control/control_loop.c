#include "core/control/control_loop.h"

#include <errno.h>

#include "base/check.h"
#include "base/memory.h"
#include "core/outbox.h"

struct control_batch {
	struct commit_batch base; /* first */
	struct outbox outbox;
	struct data_answer *answers; /* of the store; borrowed while it is delivered */
};

struct control_loop {
	struct commit_loop commit;
	struct control *control;
	struct store *store;
	const struct control_loop_listener *listener;
	void *user;
	struct instant now; /* of the call */
};

static struct control_batch *batch_of(struct commit_batch *base)
{
	return (struct control_batch *)base;
}

static const struct control_batch *const_batch_of(const struct commit_batch *base)
{
	return (const struct control_batch *)base;
}

/* ---- batches ---- */

static struct commit_batch *batch_new(void *user)
{
	struct control_batch *batch = mem_new(struct control_batch);
	outbox_init(&batch->outbox);
	return &batch->base;
}

static void batch_clear(struct commit_batch *base)
{
	outbox_clear(&batch_of(base)->outbox);
	batch_of(base)->answers = NULL;
}

static void batch_free(struct commit_batch *base)
{
	outbox_done(&batch_of(base)->outbox);
	free(base);
}

static bool batch_is_empty(const struct commit_batch *base)
{
	return outbox_is_empty(&const_batch_of(base)->outbox);
}

static bool batch_is_durable(const struct commit_batch *base)
{
	return outbox_is_durable(&const_batch_of(base)->outbox);
}

static struct batch_size batch_size(const struct commit_batch *base)
{
	return store_batch_size(&const_batch_of(base)->outbox);
}

/* ---- steps ---- */

static void flush(void *user, struct commit_batch *base)
{
	struct control_loop *loop = user;
	const struct outbox *o = &batch_of(base)->outbox;
	control_flush(loop->control, loop->now, &batch_of(base)->outbox);
	if (loop->listener->on_decided != NULL)
		vector_for_each (&o->replies, reply)
			loop->listener->on_decided(loop->user, reply);
}

static void on_committed(void *user, enum commit_outcome outcome, const struct error *error,
			 struct data_answer *answers)
{
	struct control_batch *batch = user;
	batch->answers = answers;
	commit_answered(&batch->base, outcome, error);
}

static void commit(void *user, struct commit_batch *base)
{
	struct control_loop *loop = user;
	loop->store->ops->commit(loop->store, &batch_of(base)->outbox, on_committed, base);
}

/* The core hears of what the store refused. */
static void on_full(struct control_loop *loop, const struct data_change *change)
{
	const struct control_input input = {.type = CONTROL_DATA_FULL,
					    .data_full = {.owner = change->owner}};
	control_loop_input(loop, loop->now, &input);
}

static bool deliver(void *user, struct commit_batch *base, size_t n)
{
	struct control_loop *loop = user;
	const struct control_loop_listener *l = loop->listener;
	const struct control_batch *batch = batch_of(base);
	const struct outbox *o = &batch->outbox;
	if (n < o->records.count) {
		l->on_record(loop->user, &o->records.items[n]);
		return true;
	}
	n -= o->records.count;
	if (n < o->events.count) {
		l->on_event(loop->user, o->events.items[n]);
		return true;
	}
	n -= o->events.count;
	if (n < o->audit.count) {
		if (l->on_audit != NULL)
			l->on_audit(loop->user, o->audit.items[n]);
		return true;
	}
	n -= o->audit.count;
	if (n < o->messages.count) {
		l->on_message(loop->user, &o->messages.items[n]);
		return true;
	}
	n -= o->messages.count;
	if (n < o->data.count) {
		l->on_answer(loop->user, &o->data.items[n], &batch->answers[n]);
		if (batch->answers[n].status == -ENOSPC)
			on_full(loop, &o->data.items[n]);
		return true;
	}
	n -= o->data.count;
	if (n < o->replies.count) {
		l->on_reply(loop->user, &o->replies.items[n]);
		return true;
	}
	n -= o->replies.count;
	if (n < o->calls.count) {
		if (l->on_call != NULL)
			l->on_call(loop->user, &o->calls.items[n]);
		return true;
	}
	return false;
}

static void stopped(void *user, enum commit_outcome outcome, const struct error *why)
{
	struct control_loop *loop = user;
	loop->listener->on_stopped(loop->user, outcome, why);
}

static void step(void *user, enum commit_step what)
{
	struct control_loop *loop = user;
	if (loop->listener->on_step != NULL)
		loop->listener->on_step(loop->user, what);
}

static const struct commit_ops ops = {
	.batch_new = batch_new,
	.batch_clear = batch_clear,
	.batch_free = batch_free,
	.is_empty = batch_is_empty,
	.is_durable = batch_is_durable,
	.size = batch_size,
	.flush = flush,
	.commit = commit,
	.deliver = deliver,
	.stopped = stopped,
	.step = step,
};

/* ---- use ---- */

int control_loop_start(struct control_loop *loop, struct instant now, struct error **err)
{
	struct commit_batch *batch = commit_filling(&loop->commit);
	PRE(batch != NULL);
	loop->commit.dirty = true;
	return control_start(loop->control, now, &batch_of(batch)->outbox, err);
}

void control_loop_input(struct control_loop *loop, struct instant now,
			const struct control_input *input)
{
	struct commit_batch *batch = commit_filling(&loop->commit);
	if (batch == NULL)
		return;
	loop->now = now;
	control_handle(loop->control, now, input, &batch_of(batch)->outbox);
	commit_handled(&loop->commit);
}

bool control_loop_turn(struct control_loop *loop, struct instant now)
{
	loop->now = now;
	return commit_turn(&loop->commit);
}

void control_loop_after(struct control_loop *loop, void (*fn)(void *user), void *user)
{
	commit_after(&loop->commit, fn, user);
}

bool control_loop_is_idle(const struct control_loop *loop)
{
	return commit_is_idle(&loop->commit);
}

size_t control_loop_in_flight(const struct control_loop *loop)
{
	return commit_in_flight(&loop->commit);
}

void control_loop_stop(struct control_loop *loop)
{
	commit_loop_stop(&loop->commit);
}

bool control_loop_is_due(const struct control_loop *loop)
{
	return commit_is_due(&loop->commit);
}

const struct commit_counters *control_loop_counters(const struct control_loop *loop)
{
	return &loop->commit.counters;
}

/* ---- life ---- */

struct control_loop *control_loop_new(struct control *control, struct store *store,
				      const struct control_loop_listener *listener, void *user)
{
	struct control_loop *loop = mem_new(struct control_loop);
	loop->control = control;
	loop->store = store;
	loop->listener = listener;
	loop->user = user;
	commit_loop_init(&loop->commit, &ops, &store->limits, loop);
	return loop;
}

void control_loop_free(struct control_loop *loop)
{
	if (loop == NULL)
		return;
	commit_loop_done(&loop->commit);
	free(loop);
}
