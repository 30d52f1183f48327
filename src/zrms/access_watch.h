/*
 * What stays open for somebody ends with their credential: streams of events, of logs and of the audit,
 * commands.
 *
 *   access_watch() ──► open ── the credential is removed, replaced or over ──► ended()
 *                       └──── closed by itself ──► access_unwatch()
 *
 * Looked at when a credential changes, and each second for those that are over by time.
 *
 * Source: [machines.people.users].
 */
#ifndef SAMOZA_ZRMS_ACCESS_WATCH_H
#define SAMOZA_ZRMS_ACCESS_WATCH_H

#include "core/access/credentials.h"
#include "port/loop.h"

struct access_watch {
	struct access_watch *next, **link; /* link NULL: it is not watched */
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	void (*ended)(void *user);
	void *user;
};

/* Whether somebody may still show the secret with that hash. */
typedef bool access_is_good_fn(void *user, const uint8_t hash[CREDENTIAL_HASH_SIZE]);

struct access_watches {
	struct access_watch *first;
	struct loop *loop;
	struct loop_timer *timer;
	access_is_good_fn *is_good;
	void *user; /* of is_good() */
};

void access_watches_init(struct access_watches *all, struct loop *loop,
			 access_is_good_fn *is_good, void *user);
/* PRE: nothing is watched. */
void access_watches_done(struct access_watches *all);

/* `hash` NULL: who asks has no credential that could end. `ended` may be called more than once; it must not
 * call access_unwatch(). */
void access_watch(struct access_watches *all, struct access_watch *watch, const uint8_t *hash,
		  void (*ended)(void *user), void *user);
void access_unwatch(struct access_watch *watch);
/* A credential has changed. */
void access_watches_look(struct access_watches *all);

#endif
