/*
 * Messages that the space has not taken yet.
 */
#ifndef SAMOZA_ZRUN_RUNNER_MESSAGE_QUEUE_H
#define SAMOZA_ZRUN_RUNNER_MESSAGE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zrun/protocol/protocol.h"

struct runner;

/* Adds a frame MESSAGE. NULL, or what is wrong with it. */
const char *message_queue_add(struct runner *i, const struct zrun_frame *frame,
			      const uint8_t *body);
/* The oldest message: `from` and payload borrowed until connection_message_taken(). */
bool connection_message(struct runner *i, const char **ret_from, size_t *ret_from_size,
			const uint8_t **ret_payload, size_t *ret_payload_size);
void connection_message_taken(struct runner *i);

#endif
