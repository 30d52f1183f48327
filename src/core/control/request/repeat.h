/*
 * Requests under an Idempotency-Key (core/access/idempotency_keys.h): what was carried out is answered as before, and
 * not carried out again.
 *
 *   input with a key ──► known? ──no──► carried out ──► its answer is recorded, in the same batch
 *                          │ yes
 *                          ├─ of the same request ──► the answer of then
 *                          └─ of another one ───────► refused
 *
 * A repeated request leaves no second line in the audit: it changes nothing.
 */
#ifndef SAMOZA_CORE_CONTROL_REPEAT_H
#define SAMOZA_CORE_CONTROL_REPEAT_H

#include <stdbool.h>

#include "core/control/state/input.h"

struct control;

enum repeat {
	REPEAT_NONE,	 /* it is to be carried out */
	REPEAT_ANSWERED, /* as before */
	REPEAT_REFUSED,
};

/* Answers what is not to be carried out. */
enum repeat repeat_check(struct control *c, const struct control_input *input);
/* It has been carried out, or refused. PRE: repeat_check() said REPEAT_NONE. */
void repeat_note(struct control *c, const struct control_input *input);

#endif
