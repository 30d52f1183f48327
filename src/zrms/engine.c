#include "zrms/engine.h"

#include "base/check.h"
#include "core/outbox.h"

struct waiter {
	void (*fn)(void *user);
	void *user;
};

struct batch {
	struct batch *next;
	struct engine *engine;
	struct outbox outbox;
	VECTOR(struct waiter) waiters;
	struct data_answer *answers; /* of the store; borrowed while `deliver` runs */
	uint64_t began_ns;
	bool durable; /* goes through the store */
	bool ready;   /* on disk, or nothing to put there */
};

struct engine {
	struct loop *loop;
	struct control *control;
	struct store *store;
	const struct engine_listener *listener;
	void *user;
	struct loop_timer *tick;
	struct batch *current; /* being filled; never NULL */
	bool dirty;	       /* the core got something since the last flush */
	bool stopped, broken;
	struct batch *first, **end; /* closed ones, oldest first */
	struct batch *spare;	    /* emptied, for the next */
	uint64_t inputs, batches, durable_batches, commit_us;
};

/* ---- batches ---- */

static struct batch *batch_new(struct engine *engine)
{
	struct batch *batch = engine->spare;
	engine->spare = NULL;
	if (batch == NULL) {
		batch = mem_new(struct batch);
		outbox_init(&batch->outbox);
	}
	batch->engine = engine;
	return batch;
}

static void batch_free(struct batch *batch)
{
	if (batch == NULL)
		return;
	outbox_done(&batch->outbox);
	vector_done(&batch->waiters);
	free(batch);
}

static void batch_recycle(struct engine *engine, struct batch *batch)
{
	if (engine->spare != NULL) {
		batch_free(batch);
		return;
	}
	outbox_clear(&batch->outbox);
	vector_clear(&batch->waiters);
	batch->next = NULL;
	batch->answers = NULL;
	batch->durable = batch->ready = false;
	engine->spare = batch;
}

static bool batch_is_empty(const struct batch *batch)
{
	return outbox_is_empty(&batch->outbox) && batch->waiters.count == 0;
}

/* ---- out ---- */

static void batch_deliver(struct engine *engine, struct batch *batch)
{
	const struct engine_listener *l = engine->listener;
	struct outbox *o = &batch->outbox;
	vector_for_each (&o->records, change)
		l->record(engine->user, change);
	vector_for_each (&o->events, event)
		l->event(engine->user, *event);
	vector_for_each (&o->messages, message)
		l->message(engine->user, message);
	for (size_t i = 0; i < o->data.count; i++)
		l->answer(engine->user, &o->data.items[i], &batch->answers[i]);
	vector_for_each (&o->replies, reply)
		l->reply(engine->user, reply);
	for (size_t i = 0; i < batch->waiters.count; i++)
		batch->waiters.items[i].fn(batch->waiters.items[i].user);
}

/* Everything at the front that is ready goes out; stops at the first that is not. */
static void engine_deliver(struct engine *engine)
{
	while (engine->first != NULL && engine->first->ready && !engine->broken) {
		struct batch *batch = engine->first;
		engine->first = batch->next;
		if (engine->first == NULL)
			engine->end = &engine->first;
		batch_deliver(engine, batch);
		batch_recycle(engine, batch);
	}
}

static void batch_committed(void *user, int code, const struct error *error,
			    struct data_answer *answers)
{
	struct batch *batch = user;
	struct engine *engine = batch->engine;
	if (code < 0) {
		if (!engine->broken) {
			engine->broken = true;
			engine->listener->broken(engine->user, error);
		}
		return;
	}
	engine->commit_us += (uv_hrtime() - batch->began_ns) / 1000;
	batch->ready = true;
	batch->answers = answers;
	/* Commits come back in order and the others are ready from the start: this one is
	 * first now, and its answers are borrowed for this call only. */
	INVARIANT(engine->first == batch);
	engine_deliver(engine);
}

static void batch_close(struct engine *engine)
{
	struct batch *batch = engine->current;
	engine->current = batch_new(engine);
	*engine->end = batch;
	engine->end = &batch->next;
	engine->batches++;
	if (!outbox_is_durable(&batch->outbox)) {
		batch->ready = true;
		return;
	}
	engine->durable_batches++;
	batch->durable = true;
	batch->began_ns = uv_hrtime();
	engine->store->ops->commit(engine->store, &batch->outbox, batch_committed, batch);
}

/* ---- once per turn ---- */

static bool engine_turn(void *user)
{
	struct engine *engine = user;
	if (engine->broken)
		return false;
	if (engine->dirty) {
		engine->dirty = false;
		control_flush(engine->control, loop_now(engine->loop),
			      &engine->current->outbox);
		if (!engine->stopped)
			loop_timer_at(engine->tick, control_next_ms(engine->control));
	}
	if (batch_is_empty(engine->current))
		return false;
	batch_close(engine);
	engine_deliver(engine);
	return true;
}

static void engine_tick(void *user)
{
	const struct control_input input = {.type = CONTROL_TICK};
	engine_input(user, &input);
}

void engine_input(struct engine *engine, const struct control_input *input)
{
	if (engine->broken)
		return;
	engine->inputs++;
	engine->dirty = true;
	control_handle(engine->control, loop_now(engine->loop), input,
		       &engine->current->outbox);
}

void engine_after(struct engine *engine, void (*fn)(void *user), void *user)
{
	if (!engine->dirty && engine->first == NULL && batch_is_empty(engine->current)) {
		fn(user);
		return;
	}
	vector_push(&engine->current->waiters, ((struct waiter){.fn = fn, .user = user}));
}

/* ---- life ---- */

struct engine *engine_new(struct loop *loop, struct control *control, struct store *store,
			  const struct engine_listener *listener, void *user)
{
	struct engine *engine = mem_new(struct engine);
	engine->loop = loop;
	engine->control = control;
	engine->store = store;
	engine->listener = listener;
	engine->user = user;
	engine->end = &engine->first;
	engine->current = batch_new(engine);
	engine->tick = loop_timer_new(loop, engine_tick, engine);
	loop_before_poll(loop, engine_turn, engine);
	return engine;
}

int engine_start(struct engine *engine, struct error **err)
{
	engine->dirty = true;
	return control_start(engine->control, loop_now(engine->loop), &engine->current->outbox,
			     err);
}

bool engine_is_quiet(const struct engine *engine)
{
	return engine->broken ||
	       (!engine->dirty && engine->first == NULL && batch_is_empty(engine->current));
}

void engine_stop(struct engine *engine)
{
	engine->stopped = true;
	loop_timer_at(engine->tick, NEVER_MS);
}

void engine_free(struct engine *engine)
{
	if (engine == NULL)
		return;
	PRE(engine_is_quiet(engine));
	loop_before_poll_remove(engine->loop, engine_turn, engine);
	loop_timer_free(engine->tick);
	while (engine->first != NULL) { /* broken only */
		struct batch *next = engine->first->next;
		batch_free(engine->first);
		engine->first = next;
	}
	batch_free(engine->current);
	batch_free(engine->spare);
	free(engine);
}

void engine_metrics(const struct engine *engine, struct buffer *out)
{
	const struct {
		const char *name, *help;
		uint64_t value;
	} all[] = {
		{"inputs_total", "Inputs that the core handled", engine->inputs},
		{"batches_total", "Batches of decisions", engine->batches},
		{"durable_batches_total", "Batches that needed the disk",
		 engine->durable_batches},
		{"commit_wait_microseconds_total", "From asking for a commit to its end",
		 engine->commit_us},
	};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		(void)buffer_printf(
			out, "# HELP zrms_%s %s.\n# TYPE zrms_%s counter\nzrms_%s %llu\n",
			all[i].name, all[i].help, all[i].name, all[i].name,
			(unsigned long long)all[i].value);
}
