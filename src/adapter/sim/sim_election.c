#include "adapter/sim/sim_election.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

enum ask_type {
	ASK_GRANT,
	ASK_KEEP_ALIVE,
	ASK_CAMPAIGN,
	ASK_ANNOUNCE,
	ASK_OBSERVE,
	ASK_FORGET,
	ASK_REVOKE
};

struct sim_ask {
	struct sim_ask *next, *prev;
	enum ask_type type;
	uint64_t lease; /* forget: the fence */
	int64_t ttl_ms;
	char *name, *next_name; /* campaign, announce, forget */
	struct election_copied copied;
	election_done_fn *done;
	void *user;
	bool is_done;
	/* What came of it. */
	uint64_t granted;
	int64_t left_ms;
	char *leader;
	struct election_leader by;
	VECTOR(struct sim_lease) members;
	VECTOR(char *) known;
};

struct sim_election {
	struct election election; /* first */
	struct sim_seat *seat;
	struct sim_ask *asks; /* oldest first */
	size_t waiting;
};

static struct sim_election *sim_of(struct election *election)
{
	return (struct sim_election *)election;
}

/* ---- the seat ---- */

static void lease_done(struct sim_lease *lease)
{
	free(lease->name);
	free(lease->next);
}

void sim_seat_done(struct sim_seat *seat)
{
	vector_for_each (&seat->leases, lease)
		lease_done(lease);
	vector_done(&seat->leases);
	vector_for_each (&seat->known, name)
		free(*name);
	vector_done(&seat->known);
	free(seat->leader);
}

static struct sim_lease *find_lease(struct sim_seat *seat, uint64_t number)
{
	vector_for_each (&seat->leases, lease)
		if (lease->number == number)
			return lease;
	return NULL;
}

static void drop_lease(struct sim_seat *seat, size_t at)
{
	if (seat->leases.items[at].number == seat->leader_lease) {
		free(steal_ptr(&seat->leader));
		seat->leader_lease = seat->fence = 0;
	}
	lease_done(&seat->leases.items[at]);
	vector_remove_at(&seat->leases, at);
}

void sim_seat_expire(struct sim_seat *seat)
{
	for (size_t i = seat->leases.count; i > 0; i--)
		if (seat->leases.items[i - 1].ends_ms <= seat->now_ms)
			drop_lease(seat, i - 1);
}

uint64_t sim_seat_fence(struct sim_seat *seat)
{
	sim_seat_expire(seat);
	return seat->fence;
}

/* ---- what is asked happens ---- */

static void see_leader(const struct sim_seat *seat, struct sim_ask *ask)
{
	ask->leader = mem_strdup(seat->leader);
	ask->by = (struct election_leader){.member = {.name = ask->leader, .address = ""},
					   .term = seat->term,
					   .fence = seat->fence,
					   .lease = seat->leader_lease};
}

static void campaign(struct sim_seat *seat, struct sim_ask *ask)
{
	if (seat->leader == NULL && find_lease(seat, ask->lease) != NULL) {
		seat->leader = mem_strdup(ask->name);
		seat->leader_lease = ask->lease;
		seat->fence = ++seat->revision;
		seat->term++;
	}
	see_leader(seat, ask);
}

/* Where it is among those that were ever announced, or their count. */
static size_t known_at(const struct sim_seat *seat, const char *name)
{
	for (size_t i = 0; i < seat->known.count; i++)
		if (str_equal(seat->known.items[i], name))
			return i;
	return seat->known.count;
}

static void announce(struct sim_seat *seat, const struct sim_ask *ask)
{
	struct sim_lease *lease = find_lease(seat, ask->lease);
	if (lease == NULL)
		return;
	lease_done(lease);
	lease->name = mem_strdup(ask->name);
	lease->next = mem_strdup(ask->next_name);
	lease->copied = ask->copied;
	if (known_at(seat, ask->name) == seat->known.count)
		vector_push(&seat->known, mem_strdup(ask->name));
}

static void observe(struct sim_seat *seat, struct sim_ask *ask)
{
	see_leader(seat, ask);
	vector_for_each (&seat->leases, lease)
		if (lease->name != NULL)
			vector_push(&ask->members,
				    ((struct sim_lease){.name = mem_strdup(lease->name),
							.next = mem_strdup(lease->next),
							.copied = lease->copied}));
	vector_for_each (&seat->known, name)
		vector_push(&ask->known, mem_strdup(*name));
}

static void forget(struct sim_seat *seat, struct sim_ask *ask)
{
	size_t at = known_at(seat, ask->name);
	bool is_announced = false;
	vector_for_each (&seat->leases, lease)
		is_announced |= str_equal(lease->name, ask->name);
	if (at < seat->known.count && !is_announced && seat->fence == ask->lease) {
		free(seat->known.items[at]);
		vector_remove_at(&seat->known, at);
	}
	observe(seat, ask);
}

static void happen(struct sim_seat *seat, struct sim_ask *ask)
{
	struct sim_lease *lease = NULL;
	sim_seat_expire(seat);
	ask->is_done = true;
	switch (ask->type) {
	case ASK_GRANT:
		ask->granted = ++seat->last_lease;
		ask->left_ms = ask->ttl_ms;
		vector_push(&seat->leases,
			    ((struct sim_lease){.number = ask->granted,
						.ttl_ms = ask->ttl_ms,
						.ends_ms = seat->now_ms + ask->ttl_ms}));
		return;
	case ASK_KEEP_ALIVE:
		lease = find_lease(seat, ask->lease);
		if (lease == NULL)
			return;
		lease->ends_ms = seat->now_ms + lease->ttl_ms;
		ask->left_ms = lease->ttl_ms;
		return;
	case ASK_CAMPAIGN:
		campaign(seat, ask);
		return;
	case ASK_ANNOUNCE:
		announce(seat, ask);
		return;
	case ASK_OBSERVE:
		observe(seat, ask);
		return;
	case ASK_FORGET:
		forget(seat, ask);
		return;
	case ASK_REVOKE:
		lease = find_lease(seat, ask->lease);
		if (lease != NULL)
			drop_lease(seat, (size_t)(lease - seat->leases.items));
		return;
	}
}

/* ---- asked ---- */

static struct sim_ask *ask(struct election *election, enum ask_type type, uint64_t lease,
			   const struct election_member *self, election_done_fn *done,
			   void *user)
{
	struct sim_election *e = sim_of(election);
	struct sim_ask *new = mem_new(struct sim_ask);
	new->type = type;
	new->lease = lease;
	new->done = done;
	new->user = user;
	if (self != NULL) {
		new->name = mem_strdup(self->name);
		new->next_name = mem_strdup(self->next);
		new->copied = self->copied;
	}
	DL_APPEND(e->asks, new);
	e->waiting++;
	return new;
}

static void sim_grant(struct election *election, int64_t ttl_ms, election_done_fn *done,
		      void *user)
{
	ask(election, ASK_GRANT, 0, NULL, done, user)->ttl_ms = ttl_ms;
}

static void sim_keep_alive(struct election *election, uint64_t lease, election_done_fn *done,
			   void *user)
{
	(void)ask(election, ASK_KEEP_ALIVE, lease, NULL, done, user);
}

static void sim_campaign(struct election *election, uint64_t lease,
			 const struct election_member *self, election_done_fn *done, void *user)
{
	(void)ask(election, ASK_CAMPAIGN, lease, self, done, user);
}

static void sim_announce(struct election *election, uint64_t lease,
			 const struct election_member *self, election_done_fn *done, void *user)
{
	(void)ask(election, ASK_ANNOUNCE, lease, self, done, user);
}

static void sim_observe(struct election *election, election_done_fn *done, void *user)
{
	(void)ask(election, ASK_OBSERVE, 0, NULL, done, user);
}

static void sim_forget(struct election *election, uint64_t fence, const char *name,
		       election_done_fn *done, void *user)
{
	ask(election, ASK_FORGET, fence, NULL, done, user)->name = mem_strdup(name);
}

static void sim_revoke(struct election *election, uint64_t lease, election_done_fn *done,
		       void *user)
{
	(void)ask(election, ASK_REVOKE, lease, NULL, done, user);
}

/* ---- answered ---- */

static struct sim_ask *take_oldest(struct sim_election *e)
{
	struct sim_ask *oldest = e->asks;
	PRE(oldest != NULL);
	DL_DELETE(e->asks, oldest);
	e->waiting--;
	return oldest;
}

static void ask_free(struct sim_ask *old)
{
	vector_for_each (&old->members, m)
		lease_done(m);
	vector_done(&old->members);
	vector_for_each (&old->known, name)
		free(*name);
	vector_done(&old->known);
	free(old->name);
	free(old->next_name);
	free(old->leader);
	free(old);
}

size_t sim_election_waiting(const struct election *election)
{
	return ((const struct sim_election *)election)->waiting;
}

void sim_election_carry_out(struct election *election)
{
	const struct sim_election *e = sim_of(election);
	struct sim_ask *one = NULL;
	DL_FOREACH (e->asks, one)
		if (!one->is_done) {
			happen(e->seat, one);
			return;
		}
}

void sim_election_answer(struct election *election)
{
	struct sim_ask *oldest = take_oldest(sim_of(election));
	if (!oldest->is_done)
		happen(sim_of(election)->seat, oldest);
	struct election_member *members =
		mem_new_array(struct election_member, oldest->members.count + 1);
	for (size_t i = 0; i < oldest->members.count; i++)
		members[i] =
			(struct election_member){.name = oldest->members.items[i].name,
						 .address = "",
						 .next = oldest->members.items[i].next,
						 .copied = oldest->members.items[i].copied};
	struct election_member *known =
		mem_new_array(struct election_member, oldest->known.count + 1);
	for (size_t i = 0; i < oldest->known.count; i++)
		known[i] =
			(struct election_member){.name = oldest->known.items[i], .address = ""};
	oldest->done(oldest->user,
		     &(struct election_answer){.lease = oldest->granted,
					       .ttl_ms = oldest->left_ms,
					       .leader = oldest->by,
					       .members = members,
					       .member_count = oldest->members.count,
					       .known = known,
					       .known_count = oldest->known.count});
	free(known);
	free(members);
	ask_free(oldest);
}

void sim_election_lose(struct election *election)
{
	struct sim_ask *oldest = take_oldest(sim_of(election));
	oldest->done(oldest->user, &(struct election_answer){.outcome = ELECTION_UNKNOWN});
	ask_free(oldest);
}

void sim_election_abandon(struct election *election)
{
	struct sim_election *e = sim_of(election);
	while (e->waiting > 0) {
		struct sim_ask *oldest = take_oldest(e);
		free(oldest->user);
		ask_free(oldest);
	}
}

static void sim_close(struct election *election, void (*closed)(void *user), void *user)
{
	struct sim_election *e = sim_of(election);
	while (e->waiting > 0)
		ask_free(take_oldest(e));
	free(e);
	if (closed != NULL)
		closed(user);
}

static const struct election_ops sim_election_ops = {
	.grant = sim_grant,
	.keep_alive = sim_keep_alive,
	.campaign = sim_campaign,
	.announce = sim_announce,
	.observe = sim_observe,
	.forget = sim_forget,
	.revoke = sim_revoke,
	.close = sim_close,
};

struct election *sim_election_new(struct sim_seat *seat)
{
	struct sim_election *e = mem_new(struct sim_election);
	e->election.ops = &sim_election_ops;
	e->seat = seat;
	return &e->election;
}
