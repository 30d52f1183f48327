/*
 * The n-th allocation of a process is refused, for every n.
 *
 * This file defines malloc, calloc, realloc and reallocarray, so that the libraries that the test
 * is linked with get them, too. Each life runs in a child process, since base/memory.h ends the
 * program; what the life reports is in shared memory.
 *
 *     nth_every(&path)  ──►  for n = 1, 2, 3, ...:  life with the n-th refused ──► check
 *                            until a life ends without a refusal
 *
 * A life ends soundly if it returns (with whatever the code answered), or if it aborts with the
 * line "out of memory: ..." of base/memory.h. Any other signal, exit status or message is a fault,
 * and so is a life of more than 30 seconds.
 */
#ifndef TEST_ALLOCATION_NTH_H
#define TEST_ALLOCATION_NTH_H

#include <stdbool.h>
#include <stdint.h>

/* Shared with the child. */
struct nth {
	unsigned long fails_at; /* counted from 1; 0: none */
	bool continues;		/* every later one is refused as well */
	unsigned long calls;
	bool refused;
	/* For the paths. */
	unsigned steps, answered; /* to do; done and acknowledged */
	uint64_t content;
};

/* All in a child: no assertions of cmocka, which would continue with the next test there. */
struct nth_path {
	const char *name;
	/* Calls nth_arm() where refusals begin and nth_disarm() where they end. */
	void (*life)(struct nth *nth, void *place);
	/* After each life: looks at what is left in `place`; nothing is refused. May be NULL. */
	void (*check)(struct nth *nth, void *place);
	/* In the test's process, around each life; may be NULL. */
	void *(*place_new)(void);
	void (*place_free)(void *place);
	void (*assert_sound)(const struct nth *nth);
	unsigned steps;
};

void nth_arm(struct nth *nth);
void nth_disarm(void);

/* Samples n where there are many; every n with SAMOZA_EVERY_ALLOCATION=1. */
void nth_every(const struct nth_path *path);

/* One life, and the check, without a refusal: what it left in nth->content. */
uint64_t nth_content(const struct nth_path *path, unsigned steps);

#endif
