/*
 * What one client may take of a zedge that everybody reaches ([machines.transport.zedge]): requests and bytes per
 * second, each out of a bucket that fills at its rate up to BURST_S seconds' worth of it.
 *
 *   take()    one request. Refused while there is none in the bucket, or the client has had more bytes than its
 *             rate allows: an answer is never cut, what it had too much is waited for.
 *   charge()  bytes that went to it or came from it.
 *
 * At most CLIENT_LIMITS_MAX clients are known; the one that was longest away gives way. Pure: the caller says what
 * time it is.
 */
#ifndef SAMOZA_ZHOST_EDGE_CLIENT_LIMITS_H
#define SAMOZA_ZHOST_EDGE_CLIENT_LIMITS_H

#include "zhost/edge/client.h"

enum { CLIENT_LIMITS_MAX = 16384, CLIENT_LIMITS_BURST_S = 4 };

/* Per second and client; 0: as much as it wants. */
struct client_rates {
	uint64_t requests, bytes;
};

struct client_limits;

struct client_limits *client_limits_new(const struct client_rates *rates);
void client_limits_free(struct client_limits *limits);

/* 0: it may. Otherwise after how many milliseconds it may again, at least 1. */
int64_t client_limits_take(struct client_limits *limits, const struct client_address *who,
			   int64_t now_ms);
void client_limits_charge(struct client_limits *limits, const struct client_address *who,
			  uint64_t bytes, int64_t now_ms);
/* How many are known. */
size_t client_limits_count(const struct client_limits *limits);

#endif
