/*
 * Clients of what is changed or moved: spaces that ask along a path without end and count what becomes of each question
 * (guest/asker.c). They are a space of the topology that is measured, so that their questions go the way of all messages.
 *
 *   askers_space()    ──► the package: a space `asker`, and the path to what is asked
 *   askers_begin()    ──► every one of them was answered once
 *   askers_end(since) ──► all that was asked before is decided: what became of it
 */
#ifndef SAMOZA_ZBENCH_ASKERS_H
#define SAMOZA_ZBENCH_ASKERS_H

#include <stdint.h>

#include "base/error.h"
#include "zbench/report.h"

#define ASKERS_NAME   "asker"
#define ASKERS_SOURCE "asker.c"
/* What is asked runs that, and has this. */
#define ASKED_SOURCE "pong.c"
#define ASKED_MORE   "capabilities: [net.emit, net.recv]"

struct asked {
	uint64_t asked, failed; /* failed: refused, lost, or answered twice */
};

/* The keys of topology.yaml for `count` of them, and `more`; the caller frees. */
char *askers_more(uint32_t count, const char *more);
/* The path from them to `space`; the caller frees. */
char *askers_path(const char *space);
/* Until each of `count` has begun. Nothing for 0. */
int askers_begin(uint16_t port, const char *topology_id, uint32_t count,
		 struct error **err) must_check;
/* Until what they asked before `until_ns` (monotonic) is decided: since they began, by all. Zeroes for 0. */
int askers_end(uint16_t port, const char *topology_id, uint32_t count, uint64_t until_ns,
	       struct asked *ret, struct error **err) must_check;
/* KEY_requests and KEY_failed_requests; nothing where there are no samples. */
void askers_report(struct report *report, const char *key, const char *when,
		   struct samples *asked, struct samples *failed);

#endif
