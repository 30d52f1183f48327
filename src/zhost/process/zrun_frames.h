/*
 * Frames to and from zrun. What other parts send (messages, data, imports): zrun_process.h.
 */
#ifndef SAMOZA_ZHOST_PROCESS_ZRUN_FRAMES_H
#define SAMOZA_ZHOST_PROCESS_ZRUN_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zrun/protocol/protocol.h"

struct zrun_process;

/* For zrun_socket_events. */
bool process_take_frame(struct zrun_process *p, const struct zrun_frame *frame,
			const uint8_t *body);
/* Takes STOPPED or FAILED. False: it is neither, or malformed. */
bool process_take_exit_report(struct zrun_process *p, uint16_t type, const uint8_t *body,
			      size_t size);
bool process_hello_matches(const struct zrun_process *p, const uint8_t *body, size_t size,
			   struct zrun_hello *ret_hello);
/* Sends p->lease; how long is left of p->stop_by_ms. */
void process_send_renew(struct zrun_process *p);
void process_send_stop(struct zrun_process *p);

#endif
