/*
 * Writes events, messages and replies into the outbox of the call that is being handled.
 */
#ifndef SAMOZA_CORE_CONTROL_EVENT_EMITTER_H
#define SAMOZA_CORE_CONTROL_EVENT_EMITTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "core/instant.h"
#include "core/outbox.h"

struct event_emitter {
	struct outbox *outbox; /* of the call; borrowed */
	struct instant now;    /* of the call */
	uint64_t next_event, next_audit;
	uint64_t refusals; /* replies with an error, for metrics */
	/* What the input that is handled was answered, for the audit. */
	struct {
		int code;	/* 0, or why it was refused */
		char *message;	/* of the refusal; NULL */
		char *topology; /* that the answer names; NULL */
	} answer;
};

void emitter_done(struct event_emitter *e);
/* An input begins: it is not answered yet. */
void emitter_begin_answer(struct event_emitter *e);

/* What happened to `subject`. `from`, `to` NULL: "". `topology`: the id that it belongs to, or
 * NULL. Copies. */
void emit_event(struct event_emitter *e, const char *kind, const char *subject,
		const char *from, const char *to, const char *topology, const char *cause);
/* The same of a copy that does not serve, which its epoch names. */
void emit_copy_event(struct event_emitter *e, const char *subject, uint64_t epoch,
		     const char *from, const char *to, const char *topology, const char *cause);
/* The event that was emitted last says that something has failed, which its states do not. */
void emit_fails(struct event_emitter *e);
/* Takes the message. `close`: the link is closed after it. */
void emit_message(struct event_emitter *e, uint64_t link_id, Samoza__V1__FrameType type,
		  void *take_message, bool close);
/* The same message to one more link. PRE: `message` was emitted in this outbox. */
void emit_same_message(struct event_emitter *e, uint64_t link_id, Samoza__V1__FrameType type,
		       void *message);
/* `request` 0: nothing. Takes `take_error` (NULL: done). */
void emit_reply(struct event_emitter *e, uint64_t request, struct error *take_error,
		const char *topology, const char *path, const char *notice);
/* The answer to a submission that was accepted: `effect` is kept, not copied. */
void emit_submitted(struct event_emitter *e, uint64_t request, const char *topology,
		    const char *effect);
/* Takes a ready answer instead. `request` 0: frees it. */
void emit_view(struct event_emitter *e, uint64_t request, ProtobufCMessage *take_view);

#endif
