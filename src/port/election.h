/*
 * Who leads, of several zrms that share one store. The store keeps a key that only one of them can
 * hold, under a lease that ends by itself when its holder falls silent:
 *
 *     grant ──► campaign ──won──► leads: keep_alive, keep_alive, …  ──lease gone──► led by another
 *       ▲           │
 *       │           └─lost──► stands by: observe, observe, … ──nobody leads──┐
 *       └────────────────────────────────────────────────────────────────────┘
 *
 * Two things are told apart. The *lease* says how long a leader may still promise what others must
 * be able to rely on (acknowledgements of heartbeats): it is counted from when it was asked for, on
 * this machine's clock, and is never trusted for a write. The *fence* is what a write is checked
 * against, by the store, in the transaction of the write itself: it names this one win of the key,
 * and a store that was opened with it (adapter/etcd) answers COMMIT_LOST_LEADERSHIP as soon as the
 * key is another's. The *term* grows by one with every win, for ever, also over a migration to
 * another store: it is what frames to zhosts carry, and a zhost follows no lower one than it has seen.
 *
 * What decides is core/leader; this only asks the store. Every call is answered once, in order, on the
 * event loop's thread, never from within the call. An answer may come late, and ELECTION_UNKNOWN
 * says that what was asked may have happened: a campaign is then settled by observe(). What is asked
 * under a lease that is gone is done, without effect: the answer says who leads, maybe nobody.
 */
#ifndef SAMOZA_PORT_ELECTION_H
#define SAMOZA_PORT_ELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum election_outcome {
	ELECTION_DONE,
	/* No answer, or one that does not say: it may have happened or not. */
	ELECTION_UNKNOWN,
	/* The store refuses: not ours (another certificate, another cluster). Trying again is of no use. */
	ELECTION_REFUSED,
};

/* How far a standby has read the store ahead, when it looked last. */
struct election_copied {
	uint64_t
		transactions; /* in its copy, of all that there ever were; 0: it has none yet */
	uint64_t lag;	      /* so many more were in the store */
	int64_t lag_ms;	      /* for so long it has not caught up; 0: it has */
};

/* A zrms as the others see it; strings are borrowed. */
struct election_member {
	const char *name;    /* of its identity; unique */
	const char *address; /* where it is reached: HOST:PORT */
	const char *version;
	const char *
		admin; /* hash of the token of its machine's administrator, hexadecimal; NULL: it has none */
	struct election_copied copied; /* of a standby */
	/* Of a leader that gives its place away: who campaigns first; else NULL. Part of the
	 * announcement. */
	const char *next;
};

struct election_leader {
	struct election_member member;
	uint64_t term;
	uint64_t fence; /* of this win, for the store; 0: nobody leads */
	uint64_t lease; /* under which the key is held: names alone do not tell two lives of a
			   zrms apart */
};

/* What was asked and came back; borrowed for the call. */
struct election_answer {
	enum election_outcome outcome;
	const struct error *error; /* NULL when done */
	uint64_t lease;		   /* grant: its number; never 0 */
	int64_t ttl_ms;		   /* grant: as granted, at least what was asked; keep_alive:
						  what is left; 0: the lease is gone, or holds the
						  key no more that it won */
	struct election_leader leader; /* campaign, observe: who leads after it */
	const struct election_member
		*members; /* observe, forget: all that have announced themselves */
	size_t member_count;
	const struct election_member
		*known; /* observe, forget: all that ever have, also when they are away */
	size_t known_count;
};
typedef void election_done_fn(void *user, const struct election_answer *answer);

struct election;

struct election_ops {
	/* A lease of at least `ttl_ms`. */
	void (*grant)(struct election *election, int64_t ttl_ms, election_done_fn *done,
		      void *user);
	/* Done: nobody else can have led when it was asked for, nor can until `ttl_ms` after it. Where the
	 * store cannot be sure of that the outcome is unknown. */
	void (*keep_alive)(struct election *election, uint64_t lease, election_done_fn *done,
			   void *user);
	/* Renews `lease` by itself from now on, until it is called with 0: for while the loop stands still,
	 * loading. Without an answer, and nothing is promised by it. NULL: it does not need that. */
	void (*hold)(struct election *election, uint64_t lease);
	/* Takes the key when nobody holds it, with the next term. Won: the leader of the answer is `self`
	 * by this very lease (also when it already was). */
	void (*campaign)(struct election *election, uint64_t lease,
			 const struct election_member *self, election_done_fn *done,
			 void *user);
	/* Says that `self` is there, for as long as the lease lives. */
	void (*announce)(struct election *election, uint64_t lease,
			 const struct election_member *self, election_done_fn *done,
			 void *user);
	/* A reading that sees every write before it. */
	void (*observe)(struct election *election, election_done_fn *done, void *user);
	/* `name` was announced and is gone for good: it is not one of the known ones from now on. Only while who holds
	 * the key holds it by `fence`, and `name` is not announced. Done: the answer is a reading that was taken after
	 * it, whose `known` say whether that was so. */
	void (*forget)(struct election *election, uint64_t fence, const char *name,
		       election_done_fn *done, void *user);
	/* Ends the lease, and with it the leadership and the announcement, at once. */
	void (*revoke)(struct election *election, uint64_t lease, election_done_fn *done,
		       void *user);
	/* Gives up what is asked for (no callback comes any more), frees it, then calls `closed`. */
	void (*close)(struct election *election, void (*closed)(void *user), void *user);
};

/* Implementations begin with it. */
struct election {
	const struct election_ops *ops;
};

#endif
