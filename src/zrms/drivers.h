/*
 * Runs drivers, which make machines (docs/design/014-machines-by-drivers.md): one process for each call,
 * beside the loop.
 *
 *   on_call ─► queue ─► process: one line of JSON on its standard input ─► one line on its standard output
 *                           │ ended, or its time is over                          │
 *                           └─────────────► CONTROL_DRIVER: what it came to ◄─────┘
 *
 * A driver inherits no descriptors and nothing of zrms' environment but what programs need. It
 * ends with zrms, unless zrms is killed: then it goes on, and keeps the lock of its machine until it has
 * ended. What it writes to standard error is quoted when it fails.
 *
 * Secrets of tokens are kept here between the decision to call and the call, in memory only.
 */
#ifndef SAMOZA_ZRMS_DRIVERS_H
#define SAMOZA_ZRMS_DRIVERS_H

#include <stdbool.h>

#include "base/error.h"
#include "core/outbox.h"
#include "proto/record.pb-c.h"

struct drivers;
struct zrms;

/* Of the settings: "NAME=PATH,NAME"; a name alone is a driver that is installed with zrms. */
int drivers_new(struct zrms *zrms, const char *text, int64_t timeout_ms,
		struct drivers **ret_drivers, struct error **err) must_check;
/* Ends what runs. NULL is fine. */
void drivers_free(struct drivers *drivers);
/* For control_config.drivers; ends with NULL. */
const char *const *drivers_names(const struct drivers *drivers);

/* Copies. */
void drivers_call(struct drivers *drivers, const struct driver_call *asked);
/* A new token that may be made for a machine: id and hash, borrowed until the next one. ERR_CONFLICT: zrms
 * init was not run. */
int drivers_token(struct drivers *drivers, const Samoza__V1__JoinTokenRecord **ret_token,
		  struct error **err) must_check;

#endif
