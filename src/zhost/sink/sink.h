/*
 * One sink: a bounded queue of lines, and a thread that writes them.
 *
 *   sink_take() ──► queue, at most SINK_QUEUE_BYTES ──► thread ──► writer.h
 *        └── full: the line is dropped, and counted
 *
 * What cannot be written is tried again, after 1 s, 2 s … 30 s, and in its order. Nobody waits for a sink: neither a space nor the
 * loop.
 */
#ifndef SAMOZA_ZHOST_SINK_SINK_H
#define SAMOZA_ZHOST_SINK_SINK_H

#include "zhost/sink/writer.h"

#define SINK_QUEUE_BYTES ((size_t)1024 * 1024)

struct sink;

/* journald, file:DIR, syslog+tcp://HOST:PORT, syslog+udp://HOST:PORT, and journald:SOCKET for another one than the system's. HOST
 * may be [ADDRESS] of IPv6. ERR_INVALID says what there is. Nothing is opened yet. `zhost` is copied. */
int sink_new(const char *url, const char *zhost, struct sink **ret_sink,
	     struct error **err) must_check;
/* Gives what waits half a second to be written; `waits`: is waited for, otherwise it ends by itself. NULL is fine. */
void sink_free(struct sink *sink, bool waits);
const char *sink_url(const struct sink *sink); /* borrowed */

/* Copies; record->zhost does not count. */
void sink_take(struct sink *sink, const struct sink_record *record);
/* Files may have been renamed; and what failed is tried at once. */
void sink_reopen(struct sink *sink);

struct sink_state {
	uint64_t written, dropped;
	size_t waiting; /* bytes */
	bool is_failing;
	char why[256]; /* it fails */
};
void sink_state(struct sink *sink, struct sink_state *ret);

#endif
