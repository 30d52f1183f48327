#include "core/leader/calls.h"

#include "base/check.h"
#include "base/memory.h"

/* In leases. An answer that is older says nothing of use. */
#define PATIENCE 2

void calls_ask(struct leader *leader, enum leader_call_type type)
{
	struct leader_call call = {
		.type = type, .number = ++leader->last_number, .lease = leader->lease};
	if (type == LEADER_CALL_GRANT)
		call.ttl_ms = leader->lease_ms;
	if (type == LEADER_CALL_CAMPAIGN || type == LEADER_CALL_ANNOUNCE)
		call.self = (struct election_member){
			.name = leader->name,
			.address = leader->address,
			.version = leader->version,
			.admin = leader->admin,
			.copied = leader->copied,
			.next = leader->next,
		};
	vector_push(&leader->outbox->calls, call);
	vector_push(&leader->asked, ((struct leader_asked){.number = call.number,
							   .lease = call.lease,
							   .type = type,
							   .names_next = call.self.next != NULL,
							   .sent_ms = leader->now.mono_ms}));
}

size_t calls_waiting(const struct leader *leader, enum leader_call_type type)
{
	size_t count = 0;
	vector_for_each (&leader->asked, a)
		count += a->type == type;
	return count;
}

void calls_forget(struct leader *leader, enum leader_call_type type)
{
	for (size_t i = leader->asked.count; i > 0; i--)
		if (leader->asked.items[i - 1].type == type)
			vector_remove_at(&leader->asked, i - 1);
}

bool calls_take(struct leader *leader, uint64_t number, struct leader_asked *ret_asked)
{
	for (size_t i = 0; i < leader->asked.count; i++)
		if (leader->asked.items[i].number == number) {
			*ret_asked = leader->asked.items[i];
			vector_remove_at(&leader->asked, i);
			return true;
		}
	return false;
}

/* The oldest was asked first. */
int64_t calls_next_ms(const struct leader *leader)
{
	return leader->asked.count > 0
		       ? leader->asked.items[0].sent_ms + PATIENCE * leader->lease_ms
		       : NEVER_MS;
}

bool calls_take_overdue(struct leader *leader, struct leader_asked *ret_asked)
{
	return calls_next_ms(leader) <= leader->now.mono_ms &&
	       calls_take(leader, leader->asked.items[0].number, ret_asked);
}

void calls_done(struct leader *leader)
{
	vector_done(&leader->asked);
}
