/* The paths that end on disk: zrms' control loop with a submit, a zhost's agent loop with a start. */
#ifndef TEST_ALLOCATION_DURABLE_H
#define TEST_ALLOCATION_DURABLE_H

#include "nth.h"

/* Each step is one batch on a real SQLite file. After any life, the file opens, a core starts from
 * it, and it holds what a whole number of steps leaves: at least those that were answered. */
extern const struct nth_path control_path, agent_path;

#endif
