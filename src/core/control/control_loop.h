/*
 * The commit loop of zrms: core/commit around core/control, over port/store.h.
 *
 *   control_loop_input() ──► control_handle ─┐  any number in one turn
 *   control_loop_turn() ───► control_flush ──┴─► batch ──► store->commit
 *                                                             │ durable
 *   of each batch, in this order:                             ▼
 *       records, events, lines of the audit, messages to links, answers to data requests, replies to clients, calls of
 *       drivers, then what control_loop_after() waits for
 *
 * Read control_view_…() answers to clients through control_loop_after(): the core's state may be
 * ahead of the disk. Those to changes are rendered in on_decided(), and sent in on_reply().
 */
#ifndef SAMOZA_CORE_CONTROL_CONTROL_LOOP_H
#define SAMOZA_CORE_CONTROL_CONTROL_LOOP_H

#include "core/commit/commit.h"
#include "core/control/control.h"
#include "port/store.h"

struct control_loop;

/* Called for each item of a durable batch; everything is borrowed for the call. */
struct control_loop_listener {
	void (*on_record)(void *user, const struct record_change *change);
	void (*on_event)(void *user, const Samoza__V1__EventRecord *event);
	void (*on_message)(void *user, const struct link_message *message);
	void (*on_answer)(void *user, const struct data_change *change,
			  struct data_answer *answer);
	void (*on_reply)(void *user, const struct reply *reply);
	/* The store failed, or another zrms leads: the program must end. */
	void (*on_stopped)(void *user, enum commit_outcome outcome, const struct error *why);
	void (*on_step)(void *user, enum commit_step step);		   /* may be NULL */
	void (*on_audit)(void *user, const Samoza__V1__AuditRecord *line); /* may be NULL */
	void (*on_call)(void *user, const struct driver_call *call);	   /* may be NULL */
	/* Each reply once its batch is decided, and before the store is asked: the core is as on_reply() may show it, and is
	 * ahead of that by then. Nothing of it may leave the program yet, and nothing be handed to the core. May be NULL. */
	void (*on_decided)(void *user, const struct reply *reply);
};

/* All borrowed. */
struct control_loop *control_loop_new(struct control *control, struct store *store,
				      const struct control_loop_listener *listener, void *user);
/* PRE: idle; or stopped, with the store closed. NULL is fine. */
void control_loop_free(struct control_loop *loop);

/* control_start() into the first batch. */
int control_loop_start(struct control_loop *loop, struct instant now,
		       struct error **err) must_check;
/* Hands one input to the core, now. */
void control_loop_input(struct control_loop *loop, struct instant now,
			const struct control_input *input);
/* Ends the batch: once per turn of the event loop. True: there was something to do. */
bool control_loop_turn(struct control_loop *loop, struct instant now);

/* As the functions of core/commit/commit.h. */
void control_loop_after(struct control_loop *loop, void (*fn)(void *user), void *user);
bool control_loop_is_idle(const struct control_loop *loop);
size_t control_loop_in_flight(const struct control_loop *loop);
void control_loop_stop(struct control_loop *loop);
/* Inputs were handled or something waits: control_loop_turn() has something to do. */
bool control_loop_is_due(const struct control_loop *loop);
const struct commit_counters *control_loop_counters(const struct control_loop *loop);

#endif
