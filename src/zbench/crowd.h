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

struct crowd_options {
	unsigned zhosts; /* "bench-1" and so on */
	const char *address;
	uint16_t port; /* of zrms */
	/* Over TLS, each with the credentials in DIRECTORY/NAME. NULL: plain, with the token in SAMOZA_TOKEN. */
	const char *credentials;
	unsigned addresses; /* over TLS: so many have the zhosts in turn; 0: each its own */
};

/* Shared with the crowd, which writes them while they are read. */
struct crowd_figures {
	_Atomic unsigned ready;	   /* zhosts that have their credentials */
	_Atomic unsigned accepted; /* by zrms now */
	_Atomic unsigned taken;	   /* links that zrms has accepted, so far */
	_Atomic unsigned attempts; /* to connect, so far */
};

struct crowd {
	pid_t pid;
	int commands; /* a pipe */
	const struct crowd_figures *figures;
};

/* They connect a few at a time; returns before they have. PRE: this process has one thread. */
int crowd_start(const struct crowd_options *options, struct crowd *ret_crowd,
		struct error **err) must_check;
/* The last `count` machines stand still: no connection is closed, and nothing more is said. */
int crowd_lose(struct crowd *crowd, unsigned count, struct error **err) must_check;
/* Kills it. Fine for one that never started. */
void crowd_stop(struct crowd *crowd);

#endif
