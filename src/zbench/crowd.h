/*
 * Many simulated zhosts (crowd_zhost.h) in one process beside this one, so that their work is not that of
 * zrms, nor of who measures it.
 *
 *   zbench ──fork──► crowd ══ links, one for each zhost ══► zrms
 *      └── crowd_lose() ──►│
 */
#ifndef SAMOZA_ZBENCH_CROWD_H
#define SAMOZA_ZBENCH_CROWD_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct crowd {
	pid_t pid;
	int commands; /* a pipe */
};

/* `zhosts` of them, "bench-1" and so on, which show the token in SAMOZA_TOKEN and connect a few at a time; returns
 * before they have. PRE: this process has one thread. */
int crowd_start(unsigned zhosts, uint16_t port, struct crowd *ret_crowd,
		struct error **err) must_check;
/* The last `count` machines stand still: no connection is closed, and nothing more is said. */
int crowd_lose(struct crowd *crowd, unsigned count, struct error **err) must_check;
/* Kills it. Fine for one that never started. */
void crowd_stop(struct crowd *crowd);

#endif
