#include "core/leader/sight.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"

static void member_done(struct leader_member *m)
{
	free(m->name);
	free(m->address);
	free(m->version);
	free(m->admin);
	free(m->next);
	*m = (struct leader_member){0};
}

static struct leader_member member_copy(const struct election_member *m)
{
	return (struct leader_member){
		.name = mem_strdup(m->name),
		.address = mem_strdup(m->address),
		.version = mem_strdup(m->version),
		.admin = mem_strdup(m->admin),
		.next = mem_strdup(m->next),
		.copied = m->copied,
	};
}

static struct election_member member_view(const struct leader_member *m)
{
	return (struct election_member){
		.name = m->name,
		.address = m->address,
		.version = m->version,
		.admin = m->admin,
		.next = m->next,
		.copied = m->copied,
	};
}

static void members_clear(struct leader *leader)
{
	vector_for_each (&leader->members, m)
		member_done(m);
	vector_for_each (&leader->everybody, m)
		member_done(m);
	vector_clear(&leader->members);
	vector_clear(&leader->member_views);
	vector_clear(&leader->everybody);
	vector_clear(&leader->everybody_views);
}

void sight_leader(struct leader *leader, const struct election_leader *by)
{
	struct leader_member seen =
		by->fence != 0 ? member_copy(&by->member) : (struct leader_member){0};
	member_done(&leader->known);
	leader->known = seen;
	leader->known_term = by->term;
	leader->known_fence = by->fence;
	leader->known_lease = by->lease;
	leader->known_view = (struct election_leader){.member = member_view(&leader->known),
						      .term = by->term,
						      .fence = by->fence,
						      .lease = by->lease};
	if (by->term > leader->highest_term)
		leader->highest_term = by->term;
	if (by->fence != 0)
		leader->nobody_ms = NEVER_MS;
	else if (leader->nobody_ms == NEVER_MS)
		leader->nobody_ms = leader->now.mono_ms;
}

/* Whom the leader has named. What it said last holds when it is gone. */
static enum leader_turn turn_of(const struct leader *leader)
{
	vector_for_each (&leader->members, m) {
		if (!str_equal(m->name, leader->known.name))
			continue;
		if (m->next != NULL)
			return str_equal(m->next, leader->name) ? TURN_NAMED : TURN_LAST;
	}
	return TURN_NOW;
}

bool sight_take(struct leader *leader, uint64_t number, const struct election_answer *answer)
{
	if (number <= leader->seen_number)
		return false;
	leader->seen_number = number;
	members_clear(leader);
	for (size_t i = 0; i < answer->member_count; i++)
		vector_push(&leader->members, member_copy(&answer->members[i]));
	vector_for_each (&leader->members, m)
		vector_push(&leader->member_views, member_view(m));
	for (size_t i = 0; i < answer->known_count; i++)
		vector_push(&leader->everybody, member_copy(&answer->known[i]));
	vector_for_each (&leader->everybody, m)
		vector_push(&leader->everybody_views, member_view(m));
	sight_leader(leader, &answer->leader);
	if (leader->known_fence != 0)
		leader->turn = turn_of(leader);
	return true;
}

int64_t sight_period_ms(const struct leader *leader)
{
	return leader->turn == TURN_NAMED ? leader->lease_ms / 16 : leader->lease_ms / 4;
}

int64_t sight_turn_ms(const struct leader *leader)
{
	if (leader->nobody_ms == NEVER_MS)
		return NEVER_MS;
	switch (leader->turn) {
	case TURN_NOW:
	case TURN_NAMED:
		return leader->nobody_ms;
	case TURN_LATER:
		return leader->nobody_ms + leader->lease_ms / 2;
	case TURN_LAST:
		return leader->nobody_ms + leader->lease_ms;
	}
	return NEVER_MS;
}

const struct leader_member *sight_find_standby(const struct leader *leader, const char *name)
{
	const struct leader_member *best = NULL;
	vector_for_each (&leader->members, m) {
		if (str_equal(m->name, leader->name) ||
		    (name != NULL && !str_equal(m->name, name)))
			continue;
		if (best == NULL || m->copied.transactions > best->copied.transactions)
			best = m;
	}
	return best;
}

void sight_done(struct leader *leader)
{
	members_clear(leader);
	vector_done(&leader->members);
	vector_done(&leader->member_views);
	vector_done(&leader->everybody);
	vector_done(&leader->everybody_views);
	member_done(&leader->known);
}
