/*
 * Drives the commit loop of zrms (core/control/control_loop.h) from the event loop: the batch ends
 * before the loop waits, the core gets its ticks, and commits are measured.
 */
#ifndef SAMOZA_ZRMS_COMMIT_DRIVER_H
#define SAMOZA_ZRMS_COMMIT_DRIVER_H

#include <stdbool.h>

#include "base/metrics.h"
#include "core/control/control_loop.h"
#include "port/loop.h"

struct commit_driver;

/* All borrowed. listener->on_step must lead to commit_driver_step(). */
struct commit_driver *commit_driver_new(struct loop *loop, struct control *control,
					struct store *store,
					const struct control_loop_listener *listener,
					void *user);
/* PRE: commit_driver_is_idle(). NULL is fine. */
void commit_driver_free(struct commit_driver *driver);

/* control_start() into the first batch. */
int commit_driver_start(struct commit_driver *driver, struct error **err) must_check;
/* Hands one input to the core, now. */
void commit_driver_input(struct commit_driver *driver, const struct control_input *input);
/* Ends the batch now: the core has decided all that it was asked. PRE: no batch is being delivered. */
void commit_driver_turn(struct commit_driver *driver);
/* Of the listener: measures commits. */
void commit_driver_step(struct commit_driver *driver, enum commit_step step);
/* Calls `fn` once everything that the core has decided so far is durable: at once when it is
 * already. */
void commit_driver_after(struct commit_driver *driver, void (*fn)(void *user), void *user);

/* Nothing waits and nothing is in flight. */
bool commit_driver_is_idle(const struct commit_driver *driver);
/* No more ticks: zrms ends. */
void commit_driver_end(struct commit_driver *driver);

/* Counters as Prometheus text. */
extern const struct metric_source commit_driver_metrics; /* of struct commit_driver */

#endif
