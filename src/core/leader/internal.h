/* The state of one zrms in the election. calls.c asks and keeps what is asked, sight.c what was seen of the
 * others; leader.c decides. */
#ifndef SAMOZA_CORE_LEADER_INTERNAL_H
#define SAMOZA_CORE_LEADER_INTERNAL_H

#include "core/leader/leader.h"

/* A call that is not answered. */
struct leader_asked {
	uint64_t number, lease;
	enum leader_call_type type;
	bool names_next; /* announce */
	int64_t sent_ms;
};

struct leader_member {
	char *name, *address, *version, *admin, *next;
	struct election_copied copied;
};

/* What a standby does when nobody leads. */
enum leader_turn {
	TURN_LATER, /* it has not seen who led: the place may have been given to another */
	TURN_NOW,
	TURN_NAMED, /* the leader has named it */
	TURN_LAST,  /* the leader has named another */
};

/* How far the giving away of the place has come. */
enum leader_leaving {
	LEAVING_NOT,
	LEAVING_TELLS,	/* the announcement that names the next one is asked for */
	LEAVING_WAITS,	/* until the others have read it */
	LEAVING_YIELDS, /* the program finishes what is in flight */
};

struct leader {
	char *name, *address, *version, *admin;
	int64_t lease_ms;
	uint8_t role; /* enum leader_role */
	struct instant now;
	struct leader_outbox *outbox; /* of the call */

	/* calls.c */
	uint64_t last_number;
	VECTOR(struct leader_asked) asked;

	/* Its lease. */
	uint64_t lease;	     /* 0: none */
	int64_t promise_ms;  /* it lives until then at least, as this machine counts */
	int64_t renew_ms;    /* when the next renewal is due, or the next try to get one */
	bool is_announced;   /* as it is now */
	int64_t announce_ms; /* when it may be announced again */
	struct election_copied copied;

	/* Its win. */
	uint64_t fence, term;
	uint64_t settles_after; /* readings with a higher number tell how a campaign ended */

	/* sight.c */
	int64_t observe_ms;
	uint64_t seen_number; /* of the reading that counts */
	struct leader_member known;
	uint64_t known_term, known_fence, known_lease;
	uint64_t highest_term;
	VECTOR(struct leader_member) members;
	struct election_leader known_view;
	VECTOR(struct election_member) member_views;
	VECTOR(struct leader_member) everybody; /* also who is away */
	VECTOR(struct election_member) everybody_views;
	enum leader_turn turn;
	int64_t nobody_ms; /* since when nobody leads; NEVER_MS: somebody, or unknown */

	/* Its place is given away. */
	enum leader_leaving leaving;
	char *next;
	int64_t leaving_ms; /* when the step is over */
};

#endif
