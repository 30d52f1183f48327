/*
 * Looks, once a second, whether the device nodes are there that capabilities of this zhost give. One whose node is missing
 * is withdrawn: `missing` of its offer names the node, and `capabilities` of the message, the names, has it no longer.
 */
#ifndef SAMOZA_ZHOST_NATIVE_OFFER_WATCH_H
#define SAMOZA_ZHOST_NATIVE_OFFER_WATCH_H

#include "port/loop.h"
#include "proto/model.pb-c.h"

struct offer_watch;

/* `on_change`: what the message says has changed. `loop` is borrowed. */
struct offer_watch *offer_watch_new(struct loop *loop, void (*on_change)(void *user),
				    void *user);
/* NULL is fine. */
void offer_watch_free(struct offer_watch *w);
/* From now on that message, which is borrowed, and changed in place; looks at once, without a call. */
void offer_watch_set(struct offer_watch *w, Samoza__V1__ZhostSpec *spec);

#endif
