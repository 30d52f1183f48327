/*
 * The daemon's heart: inputs go into the core, its decisions to disk, and only then out.
 *
 *   engine_input() ──► control_handle ──┐   as often as inputs come within one turn of the loop
 *                                       ▼
 *   before the loop waits:   control_flush ──► batch ──► store.commit     (when it is durable)
 *                                               │
 *   batches in the order in which they were made; each waits for all before it:
 *                                               ▼
 *            events to the log and to followers, messages to links, answers to data requests,
 *            replies to clients, then whoever asked with engine_after()
 *
 * While a commit is on its way further batches are made and committed; the store joins them
 * into one transaction. A batch without anything durable still waits for those before it, so
 * nobody hears of a decision that a crash can take back. What reads the core's state
 * (control_view_…) answers through engine_after() for the same reason.
 */
#ifndef SAMOZA_ZRMS_ENGINE_H
#define SAMOZA_ZRMS_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "adapter/uv/loop.h"
#include "base/buffer.h"
#include "core/control/control.h"
#include "port/store.h"

struct engine;

/* Whom the engine tells, in this order, once a batch is durable. Everything is borrowed for the
 * call. */
struct engine_listener {
	void (*record)(void *user, const struct record_change *change);
	void (*event)(void *user, const Samoza__V1__EventRecord *event);
	void (*message)(void *user, const struct link_message *message);
	void (*answer)(void *user, const struct data_change *change,
		       struct data_answer *answer);
	void (*reply)(void *user, const struct reply *reply);
	/* The store failed: the program must end. */
	void (*broken)(void *user, const struct error *why);
};

struct engine *engine_new(struct loop *loop, struct control *control, struct store *store,
			  const struct engine_listener *listener, void *user);
/* PRE: engine_is_quiet(). NULL is fine. */
void engine_free(struct engine *engine);

/* control_start() into the first batch. */
int engine_start(struct engine *engine, struct error **err) must_check;

/* Hands one input to the core, now. Its consequences follow. */
void engine_input(struct engine *engine, const struct control_input *input);

/* Calls `fn` once everything that the core has decided so far is durable: at once when it is
 * already. */
void engine_after(struct engine *engine, void (*fn)(void *user), void *user);

/* Nothing waits and nothing is on its way. */
bool engine_is_quiet(const struct engine *engine);
/* Takes no further ticks, for the end. */
void engine_stop(struct engine *engine);

/* Counters as Prometheus text. */
void engine_metrics(const struct engine *engine, struct buffer *out);

#endif
