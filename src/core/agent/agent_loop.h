/*
 * The commit loop of a zhost: core/commit around core/agent, over port/kv.h.
 *
 *   agent_loop_input() ───► agent_handle ─┐  any number in one turn
 *   agent_loop_change() ──────────────────┤  what else this zhost keeps: ports, data of spaces
 *   agent_loop_turn() ────────────────────┴─► batch ──► kv->commit
 *                                                          │ durable
 *   of each batch, in this order:                          ▼
 *       answers to changes, orders, messages to zrms
 *
 * Heartbeats do not wait for the disk: they say that this zhost lives and is reached, and nothing of what is being
 * committed. But the first one of a link goes in its order, as zrms takes from it that what HELLO_ACK brought, the term
 * and the failure timeout, is in the record of the link, and holds after a restart, too. And where the disk has not
 * answered for a failure timeout, they wait as all else does: this zhost can neither start, stop nor report anything, and
 * zrms is to know.
 *
 * A message is sent on the link that it was made for, or not at all: on a new one HELLO comes first,
 * and says what it would have said.
 *
 * Orders are copied when the core gives them, without the `spec` of ORDER_RENEW: by the time they
 * are carried out, the core may have handled further inputs.
 */
#ifndef SAMOZA_CORE_AGENT_AGENT_LOOP_H
#define SAMOZA_CORE_AGENT_AGENT_LOOP_H

#include "core/agent/agent.h"
#include "core/commit/commit.h"
#include "port/kv.h"

/* Owner of the core's records (AgentRecord, by instance id). */

struct agent_loop;

/* Called for each item of a durable batch; everything is borrowed for the call. */
struct agent_loop_listener {
	void (*on_order)(void *user, const struct agent_order *order);
	void (*on_message)(void *user, Samoza__V1__FrameType type,
			   const ProtobufCMessage *message);
	/* The kv failed, or refused a record: the program must end. Spaces continue to run. */
	void (*on_stopped)(void *user, enum commit_outcome outcome, const struct error *why);
	void (*on_step)(void *user, enum commit_step step); /* may be NULL */
};

/* All borrowed. */
struct agent_loop *agent_loop_new(struct agent *agent, struct kv *kv,
				  const struct agent_loop_listener *listener, void *user);
/* PRE: idle; or stopped, with the kv closed. NULL is fine. */
void agent_loop_free(struct agent_loop *loop);

/* Hands one input to the core, now. */
void agent_loop_input(struct agent_loop *loop, struct instant now,
		      const struct agent_input *input);

typedef void agent_answer_fn(void *user, const struct data_answer *answer);

/* One change or reading beside the core's records, after all that was asked before. `change` is
 * taken over. `done` gets the answer, borrowed, once it is durable; NULL: the change must not be
 * refused, or the loop stops. */
void agent_loop_change(struct agent_loop *loop, struct kv_change *change, agent_answer_fn *done,
		       void *user);
/* Takes `value` over; NULL: deletes. */
void agent_loop_put(struct agent_loop *loop, const char *owner, const char *key, void *value,
		    size_t size);
/* A message that is not the core's, sent once all that was asked before is durable. Taken over. */
void agent_loop_message(struct agent_loop *loop, Samoza__V1__FrameType type,
			ProtobufCMessage *message);

/* Ends the batch: once per turn of the event loop. True: there was something to do. */
bool agent_loop_turn(struct agent_loop *loop);

/* As the functions of core/commit/commit.h. */
bool agent_loop_is_due(const struct agent_loop *loop);
bool agent_loop_is_idle(const struct agent_loop *loop);
size_t agent_loop_in_flight(const struct agent_loop *loop);
void agent_loop_stop(struct agent_loop *loop);
const struct commit_counters *agent_loop_counters(const struct agent_loop *loop);

#endif
