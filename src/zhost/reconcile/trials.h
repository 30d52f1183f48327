/*
 * Connections that the core asks for (ORDER_TRY), to see whether a provider on another zhost answers while
 * zrms cannot be reached. Nothing is sent: a connection that is made is closed.
 */
#ifndef SAMOZA_ZHOST_RECONCILE_TRIALS_H
#define SAMOZA_ZHOST_RECONCILE_TRIALS_H

#include <stdbool.h>

#include "port/loop.h"
#include "port/stream.h"

struct trials;

/* Called from the loop, once for each trial. */
typedef void trials_fn(void *user, const char *address, bool answers);

/* All borrowed. */
struct trials *trials_new(struct stream_transport *transport, trials_fn *fn, void *user);
/* `address`: "IP:PORT"; anything else does not answer. */
void trials_begin(struct trials *trials, const char *address);
/* `fn` is not called any more. NULL is fine. */
void trials_free(struct trials *trials);

#endif
