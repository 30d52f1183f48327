/*
 * The request that starts an instance, as launch.c writes it and zrun reads it: one packet
 * of a SOCK_SEQPACKET socket, with two or more descriptors (listener, standard error,
 * status file if SPAWN_HAS_STATUS, a stream for each of secrets_count) as SCM_RIGHTS. Both are of one build: nothing is stable.
 *
 *   struct spawn_request | topology | instance | module path | environment | imports |
 *   settings | filter
 *
 * Strings end with NUL and count it; environment is "NAME=VALUE" strings, imports are
 * name and value in turn; a stream has struct zrun_secret, key and value; settings, of NATIVE instances only, are "NAME=VALUE" strings
 * (native.h).
 */
#ifndef SAMOZA_ZRUN_LAUNCH_SPAWN_H
#define SAMOZA_ZRUN_LAUNCH_SPAWN_H

#include <stdint.h>

#include "zrun/protocol/protocol.h"

#define SPAWN_MAGIC	0x7a727531u
#define SPAWN_MAX	(160 * 1024)
#define SPAWN_FDS_FIRST 3
#define SPAWN_FDS	(SPAWN_FDS_FIRST + ZRUN_SECRETS_MAX)

enum spawn_flag {
	SPAWN_HAS_STATUS = 1 << 0,
	SPAWN_WITHOUT_NAMESPACES = 1 << 1,
};

struct spawn_request {
	uint32_t magic;
	uint32_t size; /* of the whole packet */
	uint32_t sequence;
	uint32_t flags;
	uint64_t epoch;
	uint64_t memory_bytes;
	uint64_t stop_at_ms;
	uint64_t end_at_ms;
	uint32_t capabilities;
	uint32_t cpu_millicores; /* 0: no less than others */
	uint32_t cpu_limit_millicores;
	uint32_t watchdog_ms;
	uint32_t init_ms;
	uint32_t orphan_ms;
	uint32_t grace_ms;
	uint32_t unprivileged_uid;
	uint32_t topology_size;
	uint32_t instance_size;
	uint32_t module_size;
	uint32_t environment_size;
	uint32_t environment_count;
	uint32_t imports_size;
	uint32_t imports_count;
	uint32_t settings_size;
	uint32_t settings_count;
	uint32_t filter_size;
	uint32_t secrets_count;
};

/* How many come with it before those of secrets. */
static inline unsigned spawn_fds(const struct spawn_request *r)
{
	return 2u + ((r->flags & SPAWN_HAS_STATUS) != 0);
}

/* The zygote's first packet to its parent has sequence 0: it is ready. */
struct spawn_answer {
	uint32_t sequence;
	int32_t pid; /* or -errno */
};

#endif
