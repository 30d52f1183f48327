/*
 * The keeper: the first process of an instance's enclosure (adapter/sandbox/enclose.h). It runs
 * what its supervisor (native.h) orders, adopts what those programs leave, and
 * reports their ends. In its namespace of processes it is number 1: when it goes, all go.
 *
 *   supervisor (zrun)                                  keeper
 *     | KEEPER_RUN id, program, outputs ---------------> fork, session of its own, exec
 *     |<------------------------- KEEPER_STARTED id  or  KEEPER_REFUSED id, text
 *     |<---------------------------- KEEPER_ENDED id, wait status, whether others are left
 *     |<------------------------------------------- KEEPER_EMPTY  nothing is left but what
 *     |                                             has a guard
 *     | KEEPER_SIGNAL id or all, signal ---------------> to its process tree, or to every one
 *     | KEEPER_FIND_PORT id, port ---------------------> looks who listens on it
 *     |<--------------------------------- KEEPER_PORT id, whether it is one of its processes
 *     | KEEPER_SECRET, KEEPER_SECRETS -----------------> writes files with secrets
 *     |<------------------------------------- KEEPER_SECRET_WRITTEN  whether it could
 *     | end of the socket -----------------------------> kills all, exits
 *
 * The keeper runs as the same user as the recipes: what it sends is checked, never trusted.
 */
#ifndef SAMOZA_ZRUN_NATIVE_KEEPER_H
#define SAMOZA_ZRUN_NATIVE_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "adapter/sandbox/enclose.h"

enum keeper_order_type {
	KEEPER_RUN = 1,
	KEEPER_SIGNAL = 2,
	KEEPER_FIND_PORT = 3,
	/* Their number is in `signal`; after the order, in the same packet (native_secrets.h): */
	KEEPER_SECRET = 4,  /* the name of a file with its NUL, its content */
	KEEPER_SECRETS = 5, /* names of files, each with its NUL */
};
enum keeper_event_type {
	KEEPER_READY = 16,  /* done: enum confine_step bits; left: whether the paths are the
			     * inner ones */
	KEEPER_NOTE = 17,   /* text: a step of the enclosure is missing */
	KEEPER_FAILED = 18, /* text: it cannot be enclosed; the keeper exits */
	KEEPER_STARTED = 19,
	KEEPER_REFUSED = 20, /* text: why it cannot be run; status: errno */
	KEEPER_ENDED = 21,
	KEEPER_EMPTY = 22,
	KEEPER_PORT = 23,	    /* id, and in `status` an enum port_owner */
	KEEPER_SECRET_WRITTEN = 24, /* done: the number of the order; status: 0 or errno */
};

#define KEEPER_ALL  0 /* id of KEEPER_SIGNAL: every process */
#define KEEPER_FDS  4
#define KEEPER_MORE (40 * 1024) /* bytes after an order */
#define KEEPER_JOBS 16		/* run at the same time; ids are 1 to KEEPER_JOBS */

/* With descriptors for KEEPER_RUN: a file with the program (struct keeper_program), what becomes its
 * standard output and its standard error, and perhaps its standard input; without that one, it is
 * empty. */
struct keeper_order {
	uint32_t type;
	uint32_t id;
	int32_t signal;
	uint32_t only_first;  /* the program itself, not what it started */
	uint32_t is_guarded;  /* of KEEPER_RUN: what it leaves ends with it (guard.h) */
	uint32_t is_terminal; /* of KEEPER_RUN: its input becomes its controlling terminal */
	uint32_t is_searched; /* of KEEPER_RUN: a path without '/' is looked up in its PATH */
	/* of KEEPER_FIND_PORT: port_owner() */
	uint32_t port;
	uint32_t is_own_user;
};

/* In the file: the path, the arguments (the first is its name) and the environment, strings
 * with their NUL one after the other. */
struct keeper_program {
	uint32_t path_size;
	uint32_t arguments_size, arguments_count;
	uint32_t environment_size, environment_count;
};

#define KEEPER_TEXT 200
struct keeper_event {
	uint32_t type;
	uint32_t id;
	int32_t status; /* as of waitpid() */
	uint32_t done;
	uint32_t left;
	char text[KEEPER_TEXT]; /* with its NUL */
};

/* In the child of enclose_fork(): runs until the socket ends. `groups` are files (cgroup.procs)
 * into which it writes itself first, one string after the other. `closed`: addresses to which nothing connects
 * (connects.h); "": none. */
__attribute__((noreturn)) void keeper_run(struct enclosure *enclosure, int socket,
					  const char *groups, size_t groups_size,
					  const char *closed);

#endif
