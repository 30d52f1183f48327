/*
 * Inputs of the core (input.h) as bytes: what the recorder writes and what a replay hands to the core again.
 *
 *   struct control_input ──input_encode()──► RecordedInput (proto/recording.proto) ──input_decode()──► the same
 *
 * What is left out, because a recording is shown to others than the core:
 *
 *   data that a space writes     its length and a digest remain; a replay hands over as many zeros
 *   what a program has printed   output_lines.h
 *   secrets                      the core has them sealed alone, and of that a fingerprint remains
 *   credentials, tokens, codes   the core has only their hashes, and those remain
 *
 * Every input has its case in both directions: the compiler refuses one that has not.
 */
#ifndef SAMOZA_CORE_CONTROL_INPUT_CODE_H
#define SAMOZA_CORE_CONTROL_INPUT_CODE_H

#include "base/buffer.h"
#include "base/error.h"
#include "core/access/access.h"
#include "core/access/join.h"
#include "core/control/state/input.h"
#include "proto/recording.pb-c.h"

/* Appends the bytes; -1: `to` is full. What an action leaves out of its record is empty afterwards. */
int input_encode(const struct control_input *input, struct buffer *to) must_check;

/* An input, and what it borrows. */
struct decoded_input {
	struct control_input input;
	Samoza__V1__RecordedInput *message;
	struct principal principal;
	struct join_request join;
	struct topology *topology;
};
/* Takes the message over, also when it fails. ERR_INVALID: it is none. `decoded` needs decoded_input_done(). */
int input_decode(Samoza__V1__RecordedInput *message, struct decoded_input *decoded,
		 struct error **err) must_check;
void decoded_input_done(struct decoded_input *decoded);

#endif
