/*
 * Waiting until daemons are ready.
 */
#ifndef SAMOZA_STARTZ_READY_H
#define SAMOZA_STARTZ_READY_H

#include <stdbool.h>

#include "startz/state.h"

/* A zhost that is about to be started, or runs already, and what distinguishes it: zrms may still
 * show its previous run as started, or another zhost of the same name. */
struct awaited {
	const struct member *member; /* borrowed */
	bool ran;		     /* before */
	bool of_other;		     /* zrms; set by the caller */
	char *state; /* that zrms last said it is in; NULL: zrms does not know it */
	uint64_t old_incarnation;
	long log_begin;	  /* offset of this run in its log */
	char *network;	  /* of its machine, which alone reaches its zedge; NULL: all do */
	char *other_beat; /* heartbeat of another zhost of this name when first seen; or NULL */
	bool other_lives; /* whether that zhost has sent one since */
	bool ready;
};

/* To be called before the start. `ran`: it runs already. Freed by awaited_done(). */
struct awaited awaited_of(const struct state *s, const struct member *m, bool ran);
void awaited_done(struct awaited *a);

/* Waits until zrms answers GET /healthz. `m`: its process, or NULL if it is not ours. */
int ready_zrms(const struct state *s, const struct member *m, const char *url,
	       int64_t deadline_mono_ms, struct error **err) must_check;
/* Waits until `m` has made the file `path`: of several zrms, what the first one makes when it leads. */
int ready_file(const struct state *s, const struct member *m, const char *path,
	       int64_t deadline_mono_ms, struct error **err) must_check;
/* Waits until each zhost is `deployed-started` in its new incarnation and at its own zedge.
 * ERR_CONFLICT: zrms refuses one, and the other zhost of that name is alive. */
int ready_zhosts(const struct state *s, const char *url, const char *token_file,
		 struct awaited *list, size_t count, int64_t deadline_mono_ms,
		 struct error **err) must_check;
/* The same of those that have joined with a token, and of whose zrms nobody here may ask: as their logs say. */
int ready_joined(const struct state *s, struct awaited *list, size_t count,
		 int64_t deadline_mono_ms, struct error **err) must_check;

#endif
