#include "core/commit/commit.h"

#include "base/check.h"
#include "base/memory.h"

/* ---- batches ---- */

static const char *batch_invariant(const void *object, unsigned from, unsigned to)
{
	const struct commit_batch *batch = object;
	const struct commit_loop *loop = batch->loop;
	switch ((enum batch_state)to) {
	case BATCH_FILLING:
		return loop->ops->is_empty(batch) && batch->waiters.count == 0
			       ? NULL
			       : "a batch that is filled must begin empty";
	case BATCH_COMMITTING:
		return loop->ops->is_durable(batch) ? NULL
						    : "the store has nothing to do for it";
	case BATCH_READY:
		if (from == BATCH_FILLING && loop->ops->is_durable(batch))
			return "it has durable changes, and the store was not asked";
		return NULL;
	case BATCH_DELIVERING:
		return loop->current == batch ? NULL : "another batch is being delivered";
	}
	return NULL;
}

#define TO(state) STATE_MACHINE_BIT(BATCH_##state)
static const struct state_machine_state batch_states[] = {
	[BATCH_FILLING] = {"filling", TO(COMMITTING) | TO(READY), 0, STATE_MACHINE_INITIAL},
	[BATCH_COMMITTING] = {"committing", TO(READY)},
	[BATCH_READY] = {"ready", TO(DELIVERING)},
	[BATCH_DELIVERING] = {"delivering", TO(FILLING)},
};
#undef TO

const struct state_machine_type batch_machine = {
	.name = "batch",
	.states = batch_states,
	.count = ARRAY_SIZE(batch_states),
	.invariant = batch_invariant,
};

static void batch_enter(struct commit_batch *batch, enum batch_state to)
{
	state_machine_move(&batch_machine, batch, &batch->state, to);
}

static struct commit_batch *batch_take(struct commit_loop *loop)
{
	struct commit_batch *batch = steal_ptr(&loop->spare);
	if (batch != NULL)
		return batch;
	batch = loop->ops->batch_new(loop->user);
	batch->loop = loop;
	state_machine_begin(&batch_machine, batch, &batch->state, BATCH_FILLING);
	return batch;
}

static void batch_free(struct commit_loop *loop, struct commit_batch *batch)
{
	if (batch == NULL)
		return;
	vector_done(&batch->waiters);
	loop->ops->batch_free(batch);
}

static void batch_recycle(struct commit_loop *loop, struct commit_batch *batch)
{
	if (loop->spare != NULL) {
		batch_free(loop, batch);
		return;
	}
	loop->ops->batch_clear(batch);
	vector_clear(&batch->waiters);
	batch->next = NULL;
	batch_enter(batch, BATCH_FILLING);
	loop->spare = batch;
}

static bool is_empty(const struct commit_loop *loop, const struct commit_batch *batch)
{
	return batch->waiters.count == 0 && loop->ops->is_empty(batch);
}

/* ---- stop ---- */

/* Tells the side; false: it wants no more, or had stopped before. */
static bool step(struct commit_loop *loop, enum commit_step what)
{
	if (loop->ops->step != NULL && !loop->stopped)
		loop->ops->step(loop->user, what);
	return !loop->stopped;
}

static void stop_because(struct commit_loop *loop, enum commit_outcome outcome,
			 const struct error *why)
{
	if (loop->stopped)
		return;
	loop->stopped = true;
	loop->ops->stopped(loop->user, outcome, why);
}

void commit_loop_stop(struct commit_loop *loop)
{
	loop->stopped = true;
}

/* ---- deliver ---- */

/* False: the loop stopped in the middle of it. */
static bool batch_deliver(struct commit_loop *loop, struct commit_batch *batch)
{
	for (size_t n = 0; !loop->stopped && loop->ops->deliver(loop->user, batch, n); n++)
		if (!step(loop, COMMIT_STEP_DELIVERED))
			return false;
	for (size_t n = 0; n < batch->waiters.count && !loop->stopped; n++) {
		batch->waiters.items[n].fn(batch->waiters.items[n].user);
		if (!step(loop, COMMIT_STEP_DELIVERED))
			return false;
	}
	return !loop->stopped;
}

/* Everything that is ready at the front, up to the first batch that is not. What is delivered may
 * lead back here: then the outer call continues with it, in order. */
static void deliver(struct commit_loop *loop)
{
	if (loop->current != NULL)
		return;
	while (!loop->stopped && loop->first != NULL && loop->first->state == BATCH_READY) {
		struct commit_batch *batch = loop->current = loop->first;
		loop->first = batch->next;
		if (loop->first == NULL)
			loop->last = &loop->first;
		batch_enter(batch, BATCH_DELIVERING);
		if (!batch_deliver(loop, batch))
			return;
		loop->current = NULL;
		batch_recycle(loop, batch);
	}
}

void commit_answered(struct commit_batch *batch, enum commit_outcome outcome,
		     const struct error *why)
{
	struct commit_loop *loop = batch->loop;
	if (loop->stopped)
		return;
	if (outcome != COMMIT_DURABLE) {
		stop_because(loop, outcome, why);
		return;
	}
	/* In the order of asking; and what is not durable was ready from the start. */
	INVARIANT(loop->first == batch && loop->current == NULL);
	batch_enter(batch, BATCH_READY);
	if (step(loop, COMMIT_STEP_DURABLE))
		deliver(loop);
}

/* ---- commit ---- */

static bool is_above(size_t size, size_t limit)
{
	return limit > 0 && size > limit;
}

static bool has_limits(const struct commit_loop *loop)
{
	return loop->limits.bytes > 0 || loop->limits.operations > 0;
}

/* False: the store would not take it, and the loop has stopped. */
static bool check_size(struct commit_loop *loop, const struct commit_batch *batch)
{
	if (!has_limits(loop))
		return true;
	struct batch_size size = loop->ops->size(batch);
	if (!is_above(size.bytes, loop->limits.bytes) &&
	    !is_above(size.operations, loop->limits.operations))
		return true;
	CLEANUP(error_freep) struct error *why = NULL;
	(void)error_set(
		&why, ERR_LIMIT,
		"a decision of %zu bytes in %zu operations is larger than the store takes "
		"at once (%zu bytes, %zu operations; 0: any)",
		size.bytes, size.operations, loop->limits.bytes, loop->limits.operations);
	stop_because(loop, COMMIT_FAILED, why);
	return false;
}

static void batch_close(struct commit_loop *loop)
{
	struct commit_batch *batch = loop->filling;
	loop->counters.batches++;
	loop->filling = batch_take(loop);
	*loop->last = batch;
	loop->last = &batch->next;
	if (!loop->ops->is_durable(batch)) {
		batch_enter(batch, BATCH_READY);
		return;
	}
	if (!check_size(loop, batch))
		return;
	batch_enter(batch, BATCH_COMMITTING);
	loop->counters.durable_batches++;
	loop->ops->commit(loop->user, batch);
	(void)step(loop, COMMIT_STEP_ASKED);
}

bool commit_turn(struct commit_loop *loop)
{
	if (loop->stopped)
		return false;
	if (loop->dirty) {
		loop->dirty = false;
		loop->ops->flush(loop->user, loop->filling);
		if (!step(loop, COMMIT_STEP_FLUSHED))
			return true;
	}
	if (is_empty(loop, loop->filling))
		return false;
	batch_close(loop);
	deliver(loop);
	return true;
}

/* ---- inputs ---- */

struct commit_batch *commit_filling(struct commit_loop *loop)
{
	return loop->stopped ? NULL : loop->filling;
}

void commit_handled(struct commit_loop *loop)
{
	loop->dirty = true;
	loop->counters.inputs++;
	if (step(loop, COMMIT_STEP_HANDLED) && has_limits(loop))
		(void)commit_turn(loop);
}

void commit_after(struct commit_loop *loop, void (*fn)(void *user), void *user)
{
	if (loop->stopped)
		return;
	if (commit_is_idle(loop))
		fn(user);
	else
		vector_push(&loop->filling->waiters,
			    ((struct commit_waiter){.fn = fn, .user = user}));
}

/* ---- life ---- */

bool commit_is_due(const struct commit_loop *loop)
{
	return !loop->stopped && (loop->dirty || !is_empty(loop, loop->filling));
}

bool commit_is_idle(const struct commit_loop *loop)
{
	return loop->stopped || (!commit_is_due(loop) && loop->first == NULL);
}

size_t commit_in_flight(const struct commit_loop *loop)
{
	size_t count = 0;
	for (const struct commit_batch *batch = loop->first; batch != NULL; batch = batch->next)
		count++;
	return count;
}

void commit_loop_init(struct commit_loop *loop, const struct commit_ops *ops,
		      const struct batch_size *limits, void *user)
{
	*loop = (struct commit_loop){.ops = ops, .user = user, .limits = *limits};
	loop->last = &loop->first;
	loop->filling = batch_take(loop);
}

void commit_loop_done(struct commit_loop *loop)
{
	PRE(commit_is_idle(loop));
	batch_free(loop, loop->current); /* only when it has stopped */
	while (loop->first != NULL) {
		struct commit_batch *next = loop->first->next;
		batch_free(loop, loop->first);
		loop->first = next;
	}
	batch_free(loop, loop->filling);
	batch_free(loop, loop->spare);
	*loop = (struct commit_loop){0};
}
