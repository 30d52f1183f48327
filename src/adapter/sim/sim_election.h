/*
 * port/election.h in memory and in virtual time: one seat that several elections share, as several zrms
 * share a store. What is asked is carried out, and answered, when the test says so: an answer may come
 * long after what was asked has happened, or not say whether it has.
 *
 *     ask ──► waits ──sim_election_carry_out()──► done ──sim_election_answer()──► the callback
 *                └────────sim_election_lose(): as above with ELECTION_UNKNOWN ──────┘
 */
#ifndef SAMOZA_ADAPTER_SIM_SIM_ELECTION_H
#define SAMOZA_ADAPTER_SIM_SIM_ELECTION_H

#include "base/vector.h"
#include "port/election.h"

struct sim_lease {
	uint64_t number;
	int64_t ttl_ms, ends_ms;
	/* What is announced under it; NULL: nothing. */
	char *name, *next;
	struct election_copied copied;
};

/* What the store holds of it. */
struct sim_seat {
	int64_t now_ms; /* set by the test */
	uint64_t last_lease, revision, term;
	VECTOR(struct sim_lease) leases;
	VECTOR(char *) known; /* all that were ever announced */
	char *leader;	      /* NULL: nobody */
	uint64_t leader_lease, fence;
};
void sim_seat_done(struct sim_seat *seat);
/* Leases that have ended are gone, and with them what was held. */
void sim_seat_expire(struct sim_seat *seat);
/* The fence of who leads; 0: nobody does. */
uint64_t sim_seat_fence(struct sim_seat *seat);

struct election *sim_election_new(struct sim_seat *seat);
size_t sim_election_waiting(const struct election *election);
/* The oldest that is not carried out yet, if there is one, happens now. */
void sim_election_carry_out(struct election *election);
/* Answers the oldest; what was not carried out is before. PRE: one waits. */
void sim_election_answer(struct election *election);
/* Answers the oldest with ELECTION_UNKNOWN, whether it was carried out or not. PRE: one waits. */
void sim_election_lose(struct election *election);

/* The program dies: nothing that was asked is answered, and what was not carried out does not happen. `user` of each
 * was from the heap, and is freed. */
void sim_election_abandon(struct election *election);

#endif
