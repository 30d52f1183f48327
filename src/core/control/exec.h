/*
 * Commands that people run in an instance: where it is, and the event that says so. The command itself
 * goes past the core.
 */
#ifndef SAMOZA_CORE_CONTROL_EXEC_H
#define SAMOZA_CORE_CONTROL_EXEC_H

#include "core/control/state/input.h"

struct control;

/* CONTROL_EXEC: refused as control_exec_find() refuses, or an event; the reply comes once that is
 * durable. */
void request_exec(struct control *c, const struct control_input *input);

#endif
