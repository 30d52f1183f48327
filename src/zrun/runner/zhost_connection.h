/*
 * The connection with zhost (protocol.h): accepted when there is none, non-blocking, many
 * frames with one read. While no zhost is connected, log lines wait in a ring and the space
 * continues. To take frames: zhost_wait.h.
 *
 * Everything lives in static memory of fixed size; pages that are never used cost nothing.
 */
#ifndef SAMOZA_ZRUN_RUNNER_ZHOST_CONNECTION_H
#define SAMOZA_ZRUN_RUNNER_ZHOST_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/spin.h"
#include "zrun/protocol/protocol.h"

struct runner;

#define CONNECTION_IN_SIZE   (sizeof(struct zrun_frame) + ZRUN_BODY_MAX)
#define CONNECTION_OUT_SIZE  (512 * 1024)
#define CONNECTION_RING_SIZE (64 * 1024)
/* Twice the window: moved to the front at most once per window. */
#define CONNECTION_QUEUE_SIZE (2 * ZRUN_WINDOW_BYTES)

struct zhost_connection {
	int listener;
	int fd; /* -1: no zhost */
	int status_fd;
	uint64_t lost_ms;    /* monotonic; since when there is none */
	struct spin spin;    /* while others compute it does not */
	bool spin_next;	     /* the last wait was short: the next one spins before it sleeps */
	uint32_t generation; /* counts connections that were lost */

	size_t in_size; /* bytes of in[] */

	/* out[sent..size) is to be sent, whole frames */
	size_t out_sent;
	size_t out_size;

	/* messages that the guest has not taken: whole frames in queue[head..tail) */
	size_t queue_head;
	size_t queue_tail;
	uint32_t queue_messages;
	uint32_t queue_bytes;
	/* taken by the guest, not yet reported as CREDIT */
	uint32_t credit_messages;
	uint32_t credit_bytes;

	/* LOG frames of a time without zhost: ring[0..ring_size), oldest dropped */
	size_t ring_size;
	uint32_t ring_dropped;

	uint32_t correlation; /* of the last request */
	uint32_t awaited;     /* correlation of the answer that is waited for; 0: none */
	bool answered;
	int32_t answer_status;
	const uint8_t *answer; /* content, good until the next connection_call */
	size_t answer_size;
};

/* This process makes the listener listen again, so that the kernel names it as the peer. */
void connection_open(struct runner *i, int listener, int status_fd);
/* Takes a waiting zhost if there is none connected; sends HELLO and the ring. */
void connection_accept(struct runner *i);
/* Sends HEALTH where it has changed; a zhost that connects later gets it too. */
void connection_health(struct runner *i, bool is_healthy);

/* Appends a frame (body in two parts) and tries to send. false when it does not fit into
 * what is left of the buffer (or there is no zhost): then nothing was appended. */
bool connection_send(struct runner *i, enum zrun_frame_type type, uint32_t correlation,
		     const void *a, size_t a_size, const void *b, size_t b_size);
bool connection_send3(struct runner *i, enum zrun_frame_type type, uint32_t correlation,
		      const void *a, size_t a_size, const void *b, size_t b_size, const void *c,
		      size_t c_size);
/* A log line; goes to the ring when it cannot be sent. Cuts and cleans it. */
void connection_log(struct runner *i, enum zrun_log_source source, enum zrun_log_level level,
		    const char *text, size_t size);
__attribute__((format(printf, 3, 4))) void
connection_note(struct runner *i, enum zrun_log_level level, const char *format, ...);

/* The connection has ended: what it carried is lost. */
void connection_lost(struct runner *i);
/* Sends what waits, as far as zhost takes it. */
void connection_flush(struct runner *i);
/* A frame for the status file only. */
void connection_record(struct runner *i, enum zrun_frame_type type, const void *fixed,
		       size_t fixed_size);
/* The last frame: to the status file, and to zhost within the time. Async-signal-safe. */
void connection_last(struct runner *i, enum zrun_frame_type type, const void *fixed,
		     size_t fixed_size, const char *text, size_t text_size, int wait_ms);

#endif
