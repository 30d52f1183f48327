#include "zrms/commit_driver.h"

#include "adapter/log/log.h"
#include "adapter/uv/loop.h"
#include "base/check.h"

/* A tick may judge who is silent, so what has arrived is read before: one pass over the sockets lies between its timer and the core. */
enum tick {
	TICK_IS_AWAITED,
	TICK_IS_DUE, /* at the end of this turn the loop polls, and does not wait */
	TICK_IS_NEXT,
};

struct commit_driver {
	struct loop *loop;
	struct control *control;
	struct control_loop *commits;
	struct loop_timer *tick;
	enum tick tick_state;
	bool ending;
	bool has_input; /* since the last turn; a store with limits is asked at once, and nothing is due then */
	/* All times of batches in the store, added up: as many at once as are committing. */
	uint64_t waited_ns, since_ns, committing;
	VECTOR(uint64_t) asked_ns; /* of the batches in the store, the oldest at `answered` */
	size_t answered;
	struct histogram commit, placement;
	uint64_t begun_ns, placed; /* the core was called then, and had placed so many */
};

/* ---- once per turn ---- */

static void wait_for_tick(struct commit_driver *d)
{
	int64_t next_ms = control_next_ms(d->control);
	loop_timer_at(d->tick, next_ms);
	if (next_ms > loop_now(d->loop).mono_ms)
		d->tick_state = TICK_IS_AWAITED;
}

static bool turn(struct commit_driver *d)
{
	bool is_due = control_loop_is_due(d->commits);
	log_release();
	if (!is_due && !d->has_input)
		return false;
	d->begun_ns = uv_hrtime();
	bool any = is_due && control_loop_turn(d->commits, loop_now(d->loop));
	d->has_input = false;
	if (!d->ending)
		wait_for_tick(d);
	return any;
}

static bool before_poll(void *user)
{
	struct commit_driver *d = user;
	bool any = turn(d);
	if (d->tick_state == TICK_IS_DUE && !d->ending) {
		d->tick_state = TICK_IS_NEXT;
		loop_timer_at(d->tick, loop_now(d->loop).mono_ms);
	}
	return any;
}

void commit_driver_turn(struct commit_driver *d)
{
	(void)turn(d);
}

static void on_tick(void *user)
{
	const struct control_input input = {.type = CONTROL_TICK};
	struct commit_driver *d = user;
	if (d->tick_state != TICK_IS_NEXT) {
		d->tick_state = TICK_IS_DUE;
		return;
	}
	d->tick_state = TICK_IS_AWAITED;
	commit_driver_input(d, &input);
}

/* Batches are answered in the order of asking. */
static void time_batch(struct commit_driver *d, enum commit_step step, uint64_t now_ns)
{
	if (step == COMMIT_STEP_ASKED) {
		vector_push(&d->asked_ns, now_ns);
		return;
	}
	PRE(d->answered < d->asked_ns.count);
	histogram_add(&d->commit, (int64_t)(now_ns - d->asked_ns.items[d->answered++]) / 1000);
	if (d->answered == d->asked_ns.count) {
		vector_clear(&d->asked_ns);
		d->answered = 0;
	}
}

/* The core has decided something. */
static void time_placement(struct commit_driver *d)
{
	uint64_t placed = control_placements(d->control);

	if (placed == d->placed)
		return;
	d->placed = placed;
	histogram_add(&d->placement, (int64_t)(uv_hrtime() - d->begun_ns) / 1000);
}

void commit_driver_step(struct commit_driver *d, enum commit_step step)
{
	if (step == COMMIT_STEP_HANDLED || step == COMMIT_STEP_FLUSHED)
		time_placement(d);
	if (step != COMMIT_STEP_ASKED && step != COMMIT_STEP_DURABLE)
		return;
	if (step == COMMIT_STEP_DURABLE)
		log_hold(); /* each of its events is a line of the log */
	uint64_t now_ns = uv_hrtime();
	time_batch(d, step, now_ns);
	d->waited_ns += d->committing * (now_ns - d->since_ns);
	d->since_ns = now_ns;
	if (step == COMMIT_STEP_ASKED)
		d->committing++;
	else
		d->committing--;
}

/* ---- use ---- */

void commit_driver_input(struct commit_driver *d, const struct control_input *input)
{
	d->has_input = true;
	d->begun_ns = uv_hrtime();
	control_loop_input(d->commits, loop_now(d->loop), input);
}

void commit_driver_after(struct commit_driver *d, void (*fn)(void *user), void *user)
{
	control_loop_after(d->commits, fn, user);
}

bool commit_driver_is_idle(const struct commit_driver *d)
{
	return control_loop_is_idle(d->commits);
}

void commit_driver_end(struct commit_driver *d)
{
	d->ending = true;
	loop_timer_at(d->tick, NEVER_MS);
}

enum { INPUTS, BATCHES, DURABLE_BATCHES, COMMIT_WAIT, COMMIT, PLACEMENT };
static const struct metric metrics[] = {
	[INPUTS] = {"zrms_inputs_total", METRIC_COUNTER, "Inputs that the core handled."},
	[BATCHES] = {"zrms_batches_total", METRIC_COUNTER, "Batches of decisions."},
	[DURABLE_BATCHES] = {"zrms_durable_batches_total", METRIC_COUNTER,
			     "Batches that needed the disk."},
	[COMMIT_WAIT] = {"zrms_commit_wait_seconds_total", METRIC_COUNTER,
			 "Time from requesting a commit to its completion."},
	[COMMIT] = {"zrms_commit_seconds", METRIC_HISTOGRAM,
		    "Time from requesting a commit to its completion."},
	[PLACEMENT] = {"zrms_placement_seconds", METRIC_HISTOGRAM,
		       "Time that a decision took by which instances got a place."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct commit_driver *d = part;
	const struct commit_counters *c = control_loop_counters(d->commits);

	metric_set(to, INPUTS, c->inputs);
	metric_set(to, BATCHES, c->batches);
	metric_set(to, DURABLE_BATCHES, c->durable_batches);
	metric_set_us(to, COMMIT_WAIT, d->waited_ns / 1000);
	metric_add_histogram(to, COMMIT, NULL, &d->commit);
	metric_add_histogram(to, PLACEMENT, NULL, &d->placement);
}

const struct metric_source commit_driver_metrics = METRIC_SOURCE(metrics, read_metrics);

/* ---- life ---- */

struct commit_driver *commit_driver_new(struct loop *loop, struct control *control,
					struct store *store,
					const struct control_loop_listener *listener,
					void *user)
{
	struct commit_driver *d = mem_new(struct commit_driver);
	d->loop = loop;
	d->control = control;
	d->commits = control_loop_new(control, store, listener, user);
	d->tick = loop_timer_new(loop, on_tick, d);
	loop_before_poll(loop, before_poll, d);
	return d;
}

int commit_driver_start(struct commit_driver *d, struct error **err)
{
	return control_loop_start(d->commits, loop_now(d->loop), err);
}

void commit_driver_free(struct commit_driver *d)
{
	if (d == NULL)
		return;
	PRE(commit_driver_is_idle(d));
	loop_before_poll_remove(d->loop, before_poll, d);
	loop_timer_free(d->tick);
	log_release();
	vector_done(&d->asked_ns);
	control_loop_free(d->commits);
	free(d);
}
