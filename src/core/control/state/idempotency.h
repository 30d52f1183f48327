/*
 * Idempotency keys of who is removed: the next one of that name is somebody else.
 */
#ifndef SAMOZA_CORE_CONTROL_IDEMPOTENCY_H
#define SAMOZA_CORE_CONTROL_IDEMPOTENCY_H

struct control;
struct idempotency_key;

void idempotency_forget(struct control *c, struct idempotency_key *one);
void idempotency_end_of(struct control *c, const char *principal);

#endif
