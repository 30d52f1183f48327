/*
 * Listens to everything that a core is told, from its birth on, and to what comes out: for recorders (core/record). Nothing
 * of it changes what the core does. What is not told here does not reach the core.
 */
#ifndef SAMOZA_CORE_CONTROL_TAP_H
#define SAMOZA_CORE_CONTROL_TAP_H

#include <stddef.h>

#include "core/control/state/input.h"
#include "core/instant.h"
#include "core/outbox.h"

/* Everything is borrowed for the call. */
struct control_tap {
	/* control_load(), control_load_without(), control_load_gap(), control_load_restored() */
	void (*load)(void *user, enum record_kind kind, const void *data, size_t size);
	void (*load_without)(void *user, enum record_kind kind, const char *id);
	void (*load_gap)(void *user);
	void (*load_restored)(void *user, int64_t after_ms, int64_t until_ms);
	/* control_start() begins. */
	void (*start)(void *user, struct instant now);
	/* An input comes: before anything follows from it. */
	void (*input)(void *user, struct instant now, const struct control_input *input);
	/* A batch has ended: `outbox` is all of it. */
	void (*flushed)(void *user, struct instant now, const struct outbox *outbox);
};

#endif
