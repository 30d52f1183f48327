/*
 * Who leads, as one of several zrms decides it for itself [machines.replicated.standby]. Pure: it is told the
 * time and what the election of the store (port/election.h) answered, and says what to ask next.
 *
 *     (new) ───────► standby        has a lease of its own, announces itself, observes
 *     standby ─────► campaigning    nobody leads, and its turn has come
 *     campaigning ─► standby        another leads, or nobody: it may try again
 *     campaigning ─► leading        won: the key is held under its lease
 *     standby ─────► leading        a campaign without an answer was carried out late
 *     leading ─────► deposed        the lease is gone, another leads, or a write was refused
 *     deposed ─────► (end)          the program ends, and starts again as a standby
 *
 * Standby and campaigning become deposed, too, when the store refuses this zrms, or it resigns.
 *
 *     sent ──────────────────────────── promise ──── margin ─── the store ends the lease
 *       └─ renewal, at a third of it ─►   │
 *                                         └ heartbeats that come from here on are not acknowledged
 *
 * The promise is counted from the sending of a renewal that was granted, so that it ends before the
 * lease does, however long the answer took; the margin is for clocks that run at different speeds. A
 * leader whose promise is over still leads: its writes are fenced by the store, and a renewal that is
 * granted late shows that nobody else can have led. What ends it is certainty.
 *
 * Each call has a number. Answers may come late, in another order, or never: a call that is too old
 * counts as one of unknown outcome, its answer is dropped, and of readings only the newest counts.
 * A campaign of unknown outcome is settled by a reading that was asked for afterwards; should it be
 * carried out later than that, a further reading shows that this lease leads, and it is so.
 *
 *     leader_move(b):  a announces "next: b" ─► b and c have seen it ─► a yields: finishes ─► a revokes
 *                                                   b campaigns at once, c one lease later
 */
#ifndef SAMOZA_CORE_LEADER_LEADER_H
#define SAMOZA_CORE_LEADER_LEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/state_machine.h"
#include "base/vector.h"
#include "core/instant.h"
#include "port/election.h"

#define LEADER_LEASE_MS INT64_C(2000)
/* Of a lease, for clocks that run at different speeds. */
#define LEADER_MARGIN_PERCENT 10

enum __attribute__((packed)) leader_role {
	LEADER_STANDBY,
	LEADER_CAMPAIGNING,
	LEADER_LEADING,
	LEADER_DEPOSED,
};
extern const struct state_machine_type leader_machine;

struct leader_config {
	const char *name, *address, *version, *admin; /* as of election_member; copied */
	int64_t lease_ms;			      /* 0: LEADER_LEASE_MS */
};

enum leader_call_type {
	LEADER_CALL_GRANT, /* of `ttl_ms` */
	LEADER_CALL_KEEP_ALIVE,
	LEADER_CALL_CAMPAIGN,
	LEADER_CALL_ANNOUNCE,
	LEADER_CALL_OBSERVE,
	LEADER_CALL_REVOKE,
};
struct leader_call {
	enum leader_call_type type;
	uint64_t number; /* for leader_answer() */
	uint64_t lease;
	int64_t ttl_ms;
	struct election_member self; /* campaign, announce; borrowed until the next input */
};

enum leader_notice_type {
	/* It leads now: load, with this fence, and start with this term. */
	LEADER_LEADS,
	/* It gives its place away: take nothing more, finish what is in flight, then
	 * leader_resign(). */
	LEADER_YIELDS,
	/* End the program: `why`. */
	LEADER_ENDS,
};
struct leader_notice {
	enum leader_notice_type type;
	uint64_t term, fence; /* leads */
	char *why;	      /* ends */
};
struct leader_outbox {
	VECTOR(struct leader_call) calls;
	VECTOR(struct leader_notice) notices;
};
void leader_outbox_clear(struct leader_outbox *outbox);
void leader_outbox_done(struct leader_outbox *outbox);

struct leader;

struct leader *leader_new(const struct leader_config *config);
void leader_free(struct leader *leader);

/* ---- inputs; what follows from them is added to the outbox ---- */

void leader_tick(struct leader *leader, struct instant now, struct leader_outbox *outbox);
/* When the next tick is due; NEVER_MS: never. The first one is due at once. */
int64_t leader_next_ms(const struct leader *leader);
/* `answer` is borrowed. */
void leader_answer(struct leader *leader, struct instant now, uint64_t number,
		   const struct election_answer *answer, struct leader_outbox *outbox);
/* A transaction was refused: COMMIT_LOST_LEADERSHIP. */
void leader_refused(struct leader *leader, struct instant now, struct leader_outbox *outbox);
/* Orderly end, of any role: what was to be written is durable. The lease is revoked, LEADER_ENDS follows. */
void leader_resign(struct leader *leader, struct instant now, struct leader_outbox *outbox);
/* Gives the place to a standby; NULL: to the one that lags least. ERR_NOT_FOUND: there is none (of that
 * name); ERR_CONFLICT: it does not lead, or is giving its place away already. */
int leader_move(struct leader *leader, struct instant now, const char *name,
		struct leader_outbox *outbox, struct error **err) must_check;
/* Whether one that is away may be forgotten as gone for good. ERR_NOT_FOUND: it was never announced; ERR_CONFLICT: it is
 * there, or this one does not lead. */
int leader_may_forget(const struct leader *leader, const char *name,
		      struct error **err) must_check;
/* How far it has read ahead; the others hear of it with its next announcement. */
void leader_set_copied(struct leader *leader, const struct election_copied *copied);

/* ---- reading ---- */

enum leader_role leader_role(const struct leader *leader);
/* Heartbeats that come before it may be acknowledged, on the monotonic clock; INT64_MIN: none. */
int64_t leader_promise_ms(const struct leader *leader);
bool leader_may_acknowledge(const struct leader *leader, struct instant now);
/* Of this zrms. */
const char *leader_name(const struct leader *leader);
/* Who leads, as it was seen last; fence 0: nobody, or nobody was seen. Borrowed until the next input. */
const struct election_leader *leader_known(const struct leader *leader);
const struct election_member *leader_members(const struct leader *leader, size_t *ret_count);
/* Everybody who was ever announced, also who is away; the same. */
const struct election_member *leader_everybody(const struct leader *leader, size_t *ret_count);
/* To whom it gives its place; NULL: to nobody. */
const char *leader_moves_to(const struct leader *leader);

#endif
