/*
 * Waiting until daemons are ready.
 */
#ifndef SAMOZA_STARTZ_READY_H
#define SAMOZA_STARTZ_READY_H

#include <stdbool.h>

#include "startz/state.h"

/* A zhost that was just started, and the incarnation that it had before: zrms may still know
 * that one as started. */
struct awaited {
	const struct member *member; /* borrowed */
	uint64_t old_incarnation;
	bool ready;
};

/* Until zrms answers GET /healthz. `m`: its process, or NULL where it is not ours. */
int ready_zrms(const struct state *s, const struct member *m, const char *url,
	       int64_t deadline_mono_ms, struct error **err) must_check;
/* Until each zhost is `deployed-started` in its new incarnation. */
int ready_zhosts(const struct state *s, const char *url, struct awaited *list, size_t count,
		 int64_t deadline_mono_ms, struct error **err) must_check;

/* The number in DIR/zhosts/NAME/incarnation; 0 where there is none. */
uint64_t ready_incarnation(const struct state *s, const char *name);

#endif
