/*
 * Messages between spaces, against docs/mesh.md and [change.handover.start-first]:
 *
 *   - each arrives once at most, unless its sender was told that it was refused; what was accepted does not vanish
 *   - from one copy to another they arrive in the order in which they were sent
 *   - they follow the paths that are declared; others are refused
 *   - those to a path arrive at a copy that serves or has served: the one of which zrms said last that it serves;
 *     another one gets answers to what it has asked only, and gets them while it can be reached
 *   - none is lost because the slot that it is for is handed over; in peace none is refused while a slot is served
 *
 * What is observed: messages where they are sent, leave their zhost, arrive and are dropped; what was committed;
 * tables of the mesh, as they come to zhosts; actions as they begin.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_MESSAGES_H
#define SAMOZA_ZSIM_FUZZ_CHECK_MESSAGES_H

#include "zsim/world/hooks.h"

struct fuzz;
struct random;

/* A question that may be answered, or has been. */
struct answer_due {
	uint64_t life;	     /* of the process that got it */
	uint64_t question;   /* its number */
	char *path, *sender; /* to answer to */
};

void check_messages_begin(struct fuzz *f);
void check_messages_done(struct fuzz *f);

/* `p` on `n` is to send one now; `question`: it is an answer to that one, or 0. Its number, which is what it
 * says. */
uint64_t check_messages_number(struct fuzz *f, const struct sim_machine *n,
			       const struct sim_process *p, const char *path,
			       uint64_t question);
/* That was answered so, as emit_to does. */
void check_messages_emitted(struct fuzz *f, const struct sim_machine *n,
			    const struct sim_process *p, uint64_t number, int result);
/* One of the last questions; NULL: there are none. Until the next message. */
const struct answer_due *check_messages_answer_due(struct fuzz *f, struct random *r);

/* The hooks of the world. */
int check_messages_arrives(void *user, const struct sim_process *p, const char *path,
			   const char *sender, const char *payload, size_t size);
void check_messages_leaves(void *user, const struct sim_machine *n,
			   const Samoza__V1__MeshMessage *message);
void check_messages_dropped(void *user, const struct sim_machine *n,
			    const Samoza__V1__MeshMessage *message);
void check_messages_frame(struct fuzz *f, const struct sim_machine *n, bool to_agent,
			  Samoza__V1__FrameType type, const ProtobufCMessage *message);
void check_messages_action(struct fuzz *f, const struct sim_machine *n,
			   const struct agent_order *order);

/* That record of a slot was committed. */
void check_messages_slot(struct fuzz *f, const Samoza__V1__SlotRecord *r);
/* That record of a copy was; before it, `asked` was its target. */
void check_messages_copy(struct fuzz *f, const Samoza__V1__CopyRecord *r,
			 Samoza__V1__Target asked);
/* All is idle, and faults have ended. */
void check_messages_idle(struct fuzz *f);

#endif
