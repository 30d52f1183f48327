/*
 * Renewal of the machine's certificate, over the link, with a new key.
 *
 *   from a third of its life on, or when zrms says so (REISSUE)
 *                                ─► new key ─► RENEW ─► RENEWED ─► DIR/credentials ─► the link is made again
 *                                   ▲                     │
 *                                   └── later ◄── refused, or no answer
 *
 * What came is written in a thread: heartbeats do not wait for the disk.
 *
 * The old key is good until the new one has been used, so what is lost on the way is asked for again. With a certificate
 * that has expired, RENEW goes before HELLO, and alone.
 *
 * Source: [machines.identity.renewal].
 */
#ifndef SAMOZA_ZHOST_UPLINK_RENEWAL_H
#define SAMOZA_ZHOST_UPLINK_RENEWAL_H

#include <stdbool.h>

#include "proto/wire.pb-c.h"
#include "zhost/uplink/identity.h"
#include "zhost/uplink/upstream.h"

struct renewal;

/* All borrowed. */
struct renewal *renewal_new(struct loop *loop, struct identity *identity,
			    struct upstream *upstream);
/* The identity is another one. */
void renewal_plan(struct renewal *renewal);
/* A connection stands. True: it is for the renewal alone, HELLO is not to be sent. */
bool renewal_connected(struct renewal *renewal);
/* zrms wants it now, and not that all zhosts come together. */
void renewal_prompt(struct renewal *renewal, const Samoza__V1__Reissue *reissue);
void renewal_take(struct renewal *renewal, const Samoza__V1__Renewed *renewed);
/* NULL is fine. What is being written is written: before loop_done() has returned. */
void renewal_free(struct renewal *renewal);

#endif
