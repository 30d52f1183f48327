/*
 * A TCP relay on 127.0.0.1 in a thread of its own, that can lose or hold what passes: an answer after the request has passed, or
 * the request.
 */
#ifndef TEST_ETCD_RELAY_H
#define TEST_ETCD_RELAY_H

#include <stdbool.h>

enum relay_mode {
	RELAY_PASS,
	RELAY_LOSE_ANSWERS,  /* what the server sends is thrown away */
	RELAY_HOLD_REQUESTS, /* what the client sends waits, until it may pass */
	RELAY_ONLY_SMALL,    /* of one answer no more than RELAY_SMALL_BYTES pass */
};

#define RELAY_SMALL_BYTES 100000

struct relay;

struct relay *relay_new(unsigned to_port);
void relay_free(struct relay *relay);
unsigned relay_port(const struct relay *relay);
void relay_set(struct relay *relay, enum relay_mode mode);
/* While requests are held: whether there are any. */
bool relay_holds_some(const struct relay *relay);

#endif
