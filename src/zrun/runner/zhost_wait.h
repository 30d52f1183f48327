/*
 * Waiting for zhost.
 */
#ifndef SAMOZA_ZRUN_RUNNER_ZHOST_WAIT_H
#define SAMOZA_ZRUN_RUNNER_ZHOST_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zrun/protocol/protocol.h"

struct runner;

/* Takes what has come, without waiting. */
void connection_poll(struct runner *i);
/* Waits for anything (frames, a zhost, room to write) until the monotonic time, or a signal;
 * then takes it. Looks at the instance's clocks. */
void connection_wait(struct runner *i, uint64_t until_ms);
/* Sends a request and waits for its answer until the time: the answer's status (content in
 * connection.answer), or -EAGAIN (no zhost, or no answer in time). When the connection breaks while
 * it waits, `again` requests are repeated on the next one, others give -EHOSTUNREACH. */
int32_t connection_call(struct runner *i, enum zrun_frame_type type, bool again,
			uint64_t until_ms, const void *fixed, size_t fixed_size, const void *b,
			size_t b_size, const void *c, size_t c_size);

#endif
