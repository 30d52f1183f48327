#include "core/leader/leader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/leader/calls.h"
#include "core/leader/sight.h"

/* A place that is not taken over within so many leases is kept. */
#define MOVE_PATIENCE 3

/* ---- the machine ---- */

static const char *leader_invariant(const void *object, unsigned from, unsigned to)
{
	const struct leader *leader = object;
	(void)from;
	bool has_won = leader->fence != 0;
	if (to == LEADER_LEADING && (!has_won || leader->lease == 0 || leader->term == 0))
		return "a leader has a lease, a term and a fence";
	if (to == LEADER_CAMPAIGNING && leader->lease == 0)
		return "it campaigns under a lease";
	if (to != LEADER_LEADING && has_won)
		return "only a leader has a fence";
	if (to != LEADER_LEADING && leader->leaving != LEAVING_NOT)
		return "only a leader gives its place away";
	return NULL;
}

static void leader_describe(const void *object, char *ret_name, size_t size)
{
	(void)snprintf(ret_name, size, "%s", ((const struct leader *)object)->name);
}

#define TO(role) STATE_MACHINE_BIT(LEADER_##role)
static const struct state_machine_state leader_states[] = {
	[LEADER_STANDBY] = {"standby", TO(CAMPAIGNING) | TO(LEADING) | TO(DEPOSED), 0,
			    STATE_MACHINE_INITIAL},
	[LEADER_CAMPAIGNING] = {"campaigning", TO(STANDBY) | TO(LEADING) | TO(DEPOSED)},
	[LEADER_LEADING] = {"leading", TO(DEPOSED)},
	[LEADER_DEPOSED] = {"deposed", 0, 0, STATE_MACHINE_FINAL},
};
#undef TO

const struct state_machine_type leader_machine = {
	.name = "leader",
	.states = leader_states,
	.count = ARRAY_SIZE(leader_states),
	.describe = leader_describe,
	.invariant = leader_invariant,
};

static void leader_enter(struct leader *leader, enum leader_role to)
{
	state_machine_move(&leader_machine, leader, &leader->role, to);
}

/* ---- notices ---- */

static void notice_end(struct leader *leader, char *why)
{
	vector_push(&leader->outbox->notices,
		    ((struct leader_notice){.type = LEADER_ENDS, .why = why}));
}

/* It promises, writes and asks nothing any more. */
static void stand_down(struct leader *leader)
{
	leader->fence = 0;
	leader->promise_ms = INT64_MIN;
	leader->leaving = LEAVING_NOT;
	free(steal_ptr(&leader->next));
	leader_enter(leader, LEADER_DEPOSED);
}

static void depose(struct leader *leader, char *why)
{
	stand_down(leader);
	notice_end(leader, why);
}

static void lead(struct leader *leader, const struct election_leader *won)
{
	if (won->term < leader->highest_term) {
		depose(leader,
		       str_printf("the store says that term %" PRIu64 " begins, after %" PRIu64
				  ": it is another store, or an old copy",
				  won->term, leader->highest_term));
		return;
	}
	leader->fence = won->fence;
	leader->term = won->term;
	leader->seen_number = leader->last_number; /* readings until now may be older than it */
	sight_leader(leader, won);
	leader_enter(leader, LEADER_LEADING);
	vector_push(&leader->outbox->notices,
		    ((struct leader_notice){
			    .type = LEADER_LEADS, .term = won->term, .fence = won->fence}));
}

/* ---- the lease ---- */

static void lease_promise(struct leader *leader, const struct leader_asked *asked,
			  int64_t ttl_ms)
{
	int64_t until = asked->sent_ms + ttl_ms - ttl_ms * LEADER_MARGIN_PERCENT / 100;
	if (until > leader->promise_ms)
		leader->promise_ms = until;
}

/* The key, if it was held under it, is nobody's. */
static void lease_gone(struct leader *leader)
{
	if (leader->role == LEADER_LEADING) {
		depose(leader, mem_strdup("its lease has ended"));
		return;
	}
	leader->lease = 0;
	leader->promise_ms = INT64_MIN;
	leader->is_announced = false;
	calls_forget(leader, LEADER_CALL_ANNOUNCE);
	leader->renew_ms = leader->now.mono_ms;
	if (leader->role == LEADER_CAMPAIGNING)
		leader_enter(leader, LEADER_STANDBY);
}

static void lease_granted(struct leader *leader, const struct leader_asked *asked,
			  const struct election_answer *answer)
{
	if (leader->lease != 0)
		return; /* an older request was granted meanwhile; that one ends by itself */
	leader->lease = answer->lease;
	leader->announce_ms = leader->now.mono_ms;
	leader->renew_ms = asked->sent_ms + leader->lease_ms / 3;
	lease_promise(leader, asked, answer->ttl_ms);
}

static void lease_renewed(struct leader *leader, const struct leader_asked *asked,
			  const struct election_answer *answer)
{
	if (asked->lease != leader->lease)
		return;
	if (answer->ttl_ms > 0)
		lease_promise(leader, asked, answer->ttl_ms);
	else
		lease_gone(leader);
}

static void lease_tick(struct leader *leader)
{
	if (leader->now.mono_ms < leader->renew_ms)
		return;
	leader->renew_ms = leader->now.mono_ms + leader->lease_ms / 3;
	if (leader->lease != 0 &&
	    calls_waiting(leader, LEADER_CALL_KEEP_ALIVE) < CALLS_RENEWALS_MAX)
		calls_ask(leader, LEADER_CALL_KEEP_ALIVE);
	else if (leader->lease == 0 && calls_waiting(leader, LEADER_CALL_GRANT) == 0)
		calls_ask(leader, LEADER_CALL_GRANT);
}

/* ---- the others ---- */

static void campaign_ended(struct leader *leader, const struct leader_asked *asked,
			   const struct election_answer *answer)
{
	if (leader->role != LEADER_CAMPAIGNING || asked->lease != leader->lease)
		return; /* a reading has settled it */
	if (answer->leader.fence != 0 && answer->leader.lease == leader->lease) {
		lead(leader, &answer->leader);
		return;
	}
	sight_leader(leader, &answer->leader);
	leader_enter(leader, LEADER_STANDBY);
	if (answer->leader.fence == 0)
		lease_gone(leader); /* else it would have won */
}

static bool is_mine(const struct leader *leader)
{
	return leader->lease != 0 && leader->known_fence != 0 &&
	       leader->known_lease == leader->lease;
}

/* A reading was taken. */
static void observed(struct leader *leader, const struct leader_asked *asked)
{
	switch ((enum leader_role)leader->role) {
	case LEADER_STANDBY:
	case LEADER_CAMPAIGNING:
		if (is_mine(leader)) {
			const struct election_leader won = leader->known_view;
			lead(leader, &won);
			return;
		}
		if (leader->role == LEADER_CAMPAIGNING &&
		    asked->number > leader->settles_after &&
		    calls_waiting(leader, LEADER_CALL_CAMPAIGN) == 0)
			leader_enter(leader, LEADER_STANDBY);
		return;
	case LEADER_LEADING:
		if (leader->known_fence == leader->fence)
			return;
		depose(leader, leader->known_fence != 0
				       ? str_printf("%s leads", leader->known.name)
				       : mem_strdup("its lease has ended"));
		return;
	case LEADER_DEPOSED:
		return;
	}
}

/* ---- its place is given away ---- */

static void stay(struct leader *leader)
{
	free(steal_ptr(&leader->next));
	leader->leaving = LEAVING_NOT;
	leader->is_announced = false;
}

static void announced(struct leader *leader, const struct leader_asked *asked)
{
	if (leader->leaving != LEAVING_TELLS || !asked->names_next)
		return;
	/* The others look twice. */
	leader->leaving = LEAVING_WAITS;
	leader->leaving_ms = leader->now.mono_ms + leader->lease_ms / 2;
}

static void leaving_tick(struct leader *leader)
{
	if (leader->leaving == LEAVING_NOT || leader->now.mono_ms < leader->leaving_ms)
		return;
	switch (leader->leaving) {
	case LEAVING_NOT:
	case LEAVING_TELLS:
		stay(leader);
		return;
	case LEAVING_WAITS:
		if (sight_find_standby(leader, leader->next) == NULL) {
			stay(leader);
			return;
		}
		leader->leaving = LEAVING_YIELDS;
		leader->leaving_ms = leader->now.mono_ms + leader->lease_ms;
		vector_push(&leader->outbox->notices,
			    ((struct leader_notice){.type = LEADER_YIELDS}));
		return;
	case LEAVING_YIELDS:
		leader_resign(leader, leader->now, leader->outbox);
		return;
	}
}

/* ---- inputs ---- */

static void begin(struct leader *leader, struct instant now, struct leader_outbox *outbox)
{
	leader->now = now;
	leader->outbox = outbox;
}

/* Not more often than its lease is renewed, but for what is urgent. */
static int64_t announce_due_ms(const struct leader *leader)
{
	return leader->lease != 0 && !leader->is_announced &&
			       calls_waiting(leader, LEADER_CALL_ANNOUNCE) == 0
		       ? leader->announce_ms
		       : NEVER_MS;
}

static void ask_what_is_due(struct leader *leader)
{
	int64_t now = leader->now.mono_ms;
	lease_tick(leader);
	if (announce_due_ms(leader) <= now) {
		leader->is_announced = true;
		leader->announce_ms = now + leader->lease_ms / 3;
		calls_ask(leader, LEADER_CALL_ANNOUNCE);
	}
	if (now >= leader->observe_ms && calls_waiting(leader, LEADER_CALL_OBSERVE) == 0) {
		leader->observe_ms = now + sight_period_ms(leader);
		calls_ask(leader, LEADER_CALL_OBSERVE);
	}
	if (leader->role == LEADER_STANDBY && leader->promise_ms > now &&
	    sight_turn_ms(leader) <= now) {
		calls_ask(leader, LEADER_CALL_CAMPAIGN);
		leader->settles_after = leader->last_number;
		leader_enter(leader, LEADER_CAMPAIGNING);
	}
}

/* Whether it happened is not known. */
static void unknown(struct leader *leader, const struct leader_asked *asked)
{
	switch (asked->type) {
	case LEADER_CALL_GRANT:
	case LEADER_CALL_KEEP_ALIVE:
	case LEADER_CALL_OBSERVE:
		return; /* it is asked again when it is due */
	case LEADER_CALL_ANNOUNCE:
		leader->is_announced = false;
		return;
	case LEADER_CALL_CAMPAIGN:
		/* Readings that were asked for until now may be older than it. */
		leader->settles_after = leader->last_number;
		leader->observe_ms = leader->now.mono_ms;
		return;
	case LEADER_CALL_REVOKE:
		notice_end(leader, mem_strdup("it has resigned"));
		return;
	}
}

static void done(struct leader *leader, const struct leader_asked *asked,
		 const struct election_answer *answer)
{
	switch (asked->type) {
	case LEADER_CALL_GRANT:
		lease_granted(leader, asked, answer);
		return;
	case LEADER_CALL_KEEP_ALIVE:
		lease_renewed(leader, asked, answer);
		return;
	case LEADER_CALL_CAMPAIGN:
		campaign_ended(leader, asked, answer);
		return;
	case LEADER_CALL_ANNOUNCE:
		announced(leader, asked);
		return;
	case LEADER_CALL_OBSERVE:
		if (sight_take(leader, asked->number, answer))
			observed(leader, asked);
		return;
	case LEADER_CALL_REVOKE:
		notice_end(leader, mem_strdup("it has resigned"));
		return;
	}
}

void leader_tick(struct leader *leader, struct instant now, struct leader_outbox *outbox)
{
	struct leader_asked asked;
	begin(leader, now, outbox);
	while (calls_take_overdue(leader, &asked))
		if (leader->role != LEADER_DEPOSED || asked.type == LEADER_CALL_REVOKE)
			unknown(leader, &asked);
	leaving_tick(leader);
	if (leader->role != LEADER_DEPOSED)
		ask_what_is_due(leader);
}

int64_t leader_next_ms(const struct leader *leader)
{
	int64_t next = calls_next_ms(leader);
	if (leader->role == LEADER_DEPOSED)
		return calls_waiting(leader, LEADER_CALL_REVOKE) > 0 ? next : NEVER_MS;
	int64_t others[] = {
		leader->renew_ms,
		announce_due_ms(leader),
		calls_waiting(leader, LEADER_CALL_OBSERVE) == 0 ? leader->observe_ms : NEVER_MS,
		leader->leaving != LEAVING_NOT ? leader->leaving_ms : NEVER_MS,
		leader->role == LEADER_STANDBY && leader->promise_ms > leader->now.mono_ms
			? sight_turn_ms(leader)
			: NEVER_MS,
	};
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i] < next)
			next = others[i];
	return next;
}

void leader_answer(struct leader *leader, struct instant now, uint64_t number,
		   const struct election_answer *answer, struct leader_outbox *outbox)
{
	struct leader_asked asked;
	begin(leader, now, outbox);
	if (!calls_take(leader, number, &asked))
		return;
	if (leader->role == LEADER_DEPOSED && asked.type != LEADER_CALL_REVOKE)
		return;
	if (answer->outcome == ELECTION_DONE)
		done(leader, &asked, answer);
	else if (answer->outcome == ELECTION_UNKNOWN || asked.type == LEADER_CALL_REVOKE)
		unknown(leader, &asked);
	else
		depose(leader, str_printf("the store refuses this zrms: %s",
					  answer->error != NULL ? answer->error->message
								: "it gives no reason"));
	if (leader->role != LEADER_DEPOSED)
		ask_what_is_due(leader);
}

void leader_refused(struct leader *leader, struct instant now, struct leader_outbox *outbox)
{
	begin(leader, now, outbox);
	if (leader->role != LEADER_DEPOSED)
		depose(leader, mem_strdup("a write was refused: another zrms leads"));
}

void leader_resign(struct leader *leader, struct instant now, struct leader_outbox *outbox)
{
	begin(leader, now, outbox);
	if (leader->role == LEADER_DEPOSED)
		return;
	stand_down(leader);
	if (leader->lease != 0)
		calls_ask(leader, LEADER_CALL_REVOKE);
	else
		notice_end(leader, mem_strdup("it has resigned"));
}

int leader_move(struct leader *leader, struct instant now, const char *name,
		struct leader_outbox *outbox, struct error **err)
{
	begin(leader, now, outbox);
	if (leader->role != LEADER_LEADING)
		return error_set(err, ERR_CONFLICT, "%s does not lead", leader->name);
	if (leader->leaving != LEAVING_NOT)
		return error_set(err, ERR_CONFLICT, "%s gives its place to %s already",
				 leader->name, leader->next);
	if (str_equal(name, leader->name))
		return error_set(err, ERR_CONFLICT, "%s leads already", name);
	const struct leader_member *to = sight_find_standby(leader, name);
	if (to == NULL && name != NULL)
		return error_set(err, ERR_NOT_FOUND, "no zrms named '%s' stands by", name);
	if (to == NULL)
		return error_set(err, ERR_NOT_FOUND, "no other zrms stands by");
	leader->next = mem_strdup(to->name);
	leader->leaving = LEAVING_TELLS;
	leader->leaving_ms = now.mono_ms + MOVE_PATIENCE * leader->lease_ms;
	leader->is_announced = false;
	leader->announce_ms = now.mono_ms;
	ask_what_is_due(leader);
	return 0;
}

int leader_may_forget(const struct leader *leader, const char *name, struct error **err)
{
	if (leader->role != LEADER_LEADING)
		return error_set(err, ERR_CONFLICT, "%s does not lead", leader->name);
	if (str_equal(name, leader->name))
		return error_set(err, ERR_CONFLICT, "%s leads", name);
	vector_for_each (&leader->members, m)
		if (str_equal(m->name, name))
			return error_set(err, ERR_CONFLICT,
					 "%s stands by: stop it first, or it is known again "
					 "at once",
					 name);
	vector_for_each (&leader->everybody, m)
		if (str_equal(m->name, name))
			return 0;
	return error_set(err, ERR_NOT_FOUND, "no zrms named '%s'", name);
}

void leader_set_copied(struct leader *leader, const struct election_copied *copied)
{
	const struct election_copied *before = &leader->copied;
	if (copied->transactions != before->transactions || copied->lag != before->lag ||
	    copied->lag_ms != before->lag_ms)
		leader->is_announced = false;
	leader->copied = *copied;
}

/* ---- reading ---- */

enum leader_role leader_role(const struct leader *leader)
{
	return (enum leader_role)leader->role;
}

int64_t leader_promise_ms(const struct leader *leader)
{
	return leader->role == LEADER_LEADING ? leader->promise_ms : INT64_MIN;
}

bool leader_may_acknowledge(const struct leader *leader, struct instant now)
{
	return now.mono_ms < leader_promise_ms(leader);
}

const struct election_leader *leader_known(const struct leader *leader)
{
	return &leader->known_view;
}

const struct election_member *leader_members(const struct leader *leader, size_t *ret_count)
{
	*ret_count = leader->member_views.count;
	return leader->member_views.items;
}

const char *leader_name(const struct leader *leader)
{
	return leader->name;
}

const struct election_member *leader_everybody(const struct leader *leader, size_t *ret_count)
{
	*ret_count = leader->everybody_views.count;
	return leader->everybody_views.items;
}

const char *leader_moves_to(const struct leader *leader)
{
	return leader->next;
}

/* ---- life ---- */

void leader_outbox_clear(struct leader_outbox *outbox)
{
	vector_for_each (&outbox->notices, notice)
		free(notice->why);
	vector_clear(&outbox->calls);
	vector_clear(&outbox->notices);
}

void leader_outbox_done(struct leader_outbox *outbox)
{
	leader_outbox_clear(outbox);
	vector_done(&outbox->calls);
	vector_done(&outbox->notices);
}

struct leader *leader_new(const struct leader_config *config)
{
	struct leader *leader = mem_new(struct leader);
	leader->name = mem_strdup(config->name);
	leader->address = mem_strdup(config->address);
	leader->version = mem_strdup(config->version);
	leader->admin = mem_strdup(config->admin);
	leader->lease_ms = config->lease_ms > 0 ? config->lease_ms : LEADER_LEASE_MS;
	leader->renew_ms = leader->observe_ms = INT64_MIN;
	leader->promise_ms = INT64_MIN;
	leader->nobody_ms = NEVER_MS;
	leader->turn = TURN_LATER;
	state_machine_begin(&leader_machine, leader, &leader->role, LEADER_STANDBY);
	return leader;
}

void leader_free(struct leader *leader)
{
	if (leader == NULL)
		return;
	calls_done(leader);
	sight_done(leader);
	free(leader->next);
	free(leader->name);
	free(leader->address);
	free(leader->version);
	free(leader->admin);
	free(leader);
}
