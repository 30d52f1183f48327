/*
 * `spaces exec` on the side of zhost: commands that people run in started NATIVE instances.
 *
 *   zrms ── FRAME_EXEC ──► service ──► session ── pipes or a terminal ──► command
 *                             │                                              ▲
 *                             └── residents_exec ── zrun ── keeper ──────────┘
 *
 * zrun only starts a command and says how it ended; its data goes between the command and this
 * process alone. What waits in one session is bounded by its windows (port/exec.h). A session whose client, zrms or
 * connection has gone ends its command: SIGHUP, and SIGKILL for all that it has started 2 s later.
 */
#ifndef SAMOZA_ZHOST_EXEC_EXEC_SERVICE_H
#define SAMOZA_ZHOST_EXEC_EXEC_SERVICE_H

#include "zhost/space/residents.h"
#include "zhost/uplink/upstream.h"

struct exec_service;

/* All borrowed. */
struct exec_service_parts {
	struct loop *loop;
	struct residents *residents;
	struct upstream *upstream;
	const char *zhost; /* the name of this one */
	bool is_allowed;   /* --allow-exec */
};

struct exec_service *exec_service_new(const struct exec_service_parts *parts);
/* Its commands end as their connections do. NULL is fine. */
void exec_service_free(struct exec_service *s);

struct exec_counters {
	uint64_t started, refused; /* since zhost started */
	unsigned running;
};
struct exec_counters exec_service_counters(const struct exec_service *s);

void exec_service_take(struct exec_service *s, const Samoza__V1__Exec *message);
/* Commands that zrms has asked for on this connection, for its last frame: once that is sent, none is begun. */
uint64_t exec_service_starts(const struct exec_service *s);
/* The connection to zrms is gone, and with it all clients. */
void exec_service_disconnected(struct exec_service *s);

#endif
