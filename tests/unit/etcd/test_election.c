/* port/election.h on a real etcd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <poll.h>
#include <signal.h>

#include "adapter/etcd/election.h"
#include "adapter/etcd/keys.h"
#include "base/str.h"
#include "relay.h"
#include "stage.h"

enum { LONG_MS = 60000 }; /* a lease that lasts, whatever else the machine has to do */

static struct etcd_cluster *cluster;

struct asked {
	bool is_done;
	enum election_outcome outcome;
	uint64_t lease, term, fence, leader_lease;
	int64_t ttl_ms;
	char *leader, *members; /* "a=HOST:1>b@7 " */
	size_t known;
};

struct fixture {
	struct stage stage;
	struct election *elections[2];
	VECTOR(char *) texts;
};

static char *keep(struct fixture *f, char *take_text)
{
	vector_push(&f->texts, take_text);
	return take_text;
}

static struct fixture *current;

static void on_answer(void *user, const struct election_answer *a)
{
	struct asked *q = user;
	assert_false(q->is_done);
	assert_true((a->outcome == ELECTION_DONE) == (a->error == NULL));
	q->outcome = a->outcome;
	q->lease = a->lease;
	q->ttl_ms = a->ttl_ms;
	q->term = a->leader.term;
	q->fence = a->leader.fence;
	q->leader_lease = a->leader.lease;
	q->known = a->known_count;
	q->leader = keep(current,
			 mem_strdup(a->leader.fence != 0 ? a->leader.member.name : "nobody"));
	q->members = keep(current, mem_strdup(""));
	for (size_t i = 0; i < a->member_count; i++)
		q->members =
			keep(current,
			     str_printf("%s%s=%s>%s@%" PRIu64 " ", q->members,
					a->members[i].name, a->members[i].address,
					a->members[i].next != NULL ? a->members[i].next : "",
					a->members[i].copied.transactions));
	q->is_done = true;
}

#define ASK(f, i, call, ...)                                                              \
	__extension__({                                                                   \
		struct asked q_ = {0};                                                    \
		(f)->elections[i]->ops->call((f)->elections[i], ##__VA_ARGS__, on_answer, \
					     &q_);                                        \
		assert_false(q_.is_done); /* never from within the call */                \
		stage_until(&(f)->stage, &q_.is_done);                                    \
		q_;                                                                       \
	})

static const struct election_member a = {
	.name = "a", .address = "HOST:1", .copied = {.transactions = 7}};
static const struct election_member b = {.name = "b", .address = "HOST:2", .next = "a"};

static int setup(void **state)
{
	struct fixture *f = current = mem_new(struct fixture);
	const struct etcd_servers servers = cluster_servers(cluster);
	stage_init(&f->stage, cluster);
	for (size_t i = 0; i < ARRAY_SIZE(f->elections); i++)
		assert_int_equal(etcd_election_new(&f->stage.loop, &servers, NULL,
						   &f->elections[i], NULL),
				 0);
	*state = f;
	return 0;
}

static void on_closed(void *user)
{
	*(bool *)user = true;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(f->elections); i++) {
		bool is_closed = false;
		f->elections[i]->ops->close(f->elections[i], on_closed, &is_closed);
		stage_until(&f->stage, &is_closed);
	}
	vector_for_each (&f->texts, text)
		free(*text);
	vector_done(&f->texts);
	stage_done(&f->stage);
	free(f);
	return 0;
}

static void one_of_two_leads_and_every_win_has_the_next_term(void **state)
{
	struct fixture *f = *state;
	struct asked mine = ASK(f, 0, grant, LONG_MS), other = ASK(f, 1, grant, LONG_MS);
	assert_int_not_equal(mine.lease, 0);
	assert_int_not_equal(mine.lease, other.lease);
	assert_true(mine.ttl_ms >= LONG_MS);
	assert_string_equal(ASK(f, 0, observe).leader, "nobody");
	struct asked won = ASK(f, 0, campaign, mine.lease, &a);
	assert_string_equal(won.leader, "a");
	assert_int_equal(won.term, 1);
	assert_int_equal(won.leader_lease, mine.lease);
	struct asked lost = ASK(f, 1, campaign, other.lease, &b);
	assert_string_equal(lost.leader, "a");
	assert_int_equal(lost.fence, won.fence);
	/* It leads already: by the same win. */
	struct asked again = ASK(f, 0, campaign, mine.lease, &a);
	assert_int_equal(again.fence, won.fence);
	assert_int_equal(again.term, 1);
	/* The store that is opened with it writes; when the lease is given back, it does not. */
	f->stage.fence = won.fence;
	assert_int_equal(stage_open(&f->stage, NULL), 0);
	stage_put(&f->stage, "x", "1");
	assert_int_equal(ASK(f, 0, revoke, mine.lease).outcome, ELECTION_DONE);
	struct asked second = ASK(f, 1, campaign, other.lease, &b);
	assert_string_equal(second.leader, "b");
	assert_int_equal(second.term, 2);
	assert_true(second.fence > won.fence);
	put_record(&f->stage.outbox, RECORD_ZHOST, "x", "2");
	struct stage_commit c = stage_commit(&f->stage);
	assert_int_equal(c.outcome, COMMIT_LOST_LEADERSHIP);
	free(c.why);
	assert_string_equal(ASK(f, 0, observe).leader, "b");
	assert_int_equal(ASK(f, 1, revoke, other.lease).outcome, ELECTION_DONE);
}

static void
a_lease_that_is_not_renewed_ends_and_what_is_asked_under_it_has_no_effect(void **state)
{
	struct fixture *f = *state;
	uint64_t lease = ASK(f, 0, grant, 1000).lease;
	assert_string_equal(ASK(f, 0, campaign, lease, &a).leader, "a");
	assert_int_equal(ASK(f, 0, announce, lease, &a).outcome, ELECTION_DONE);
	assert_true(ASK(f, 0, keep_alive, lease).ttl_ms > 0);
	/* Nobody tells when it has ended: it is asked for. */
	struct asked seen;
	while ((seen = ASK(f, 1, observe)).fence != 0)
		;
	assert_string_equal(seen.members, "");
	struct asked kept = ASK(f, 0, keep_alive, lease);
	assert_int_equal(kept.outcome, ELECTION_DONE);
	assert_int_equal(kept.ttl_ms, 0);
	struct asked late = ASK(f, 0, campaign, lease, &a);
	assert_int_equal(late.outcome, ELECTION_DONE);
	assert_string_equal(late.leader, "nobody");
	assert_int_equal(ASK(f, 0, announce, lease, &a).outcome, ELECTION_DONE);
	assert_string_equal(ASK(f, 0, observe).members, "");
	assert_int_equal(ASK(f, 0, revoke, lease).outcome, ELECTION_DONE);
}

static void a_lease_that_lost_the_key_that_it_won_is_gone(void **state)
{
	struct fixture *f = *state;
	uint64_t mine = ASK(f, 0, grant, LONG_MS).lease,
		 other = ASK(f, 1, grant, LONG_MS).lease;
	assert_string_equal(ASK(f, 0, campaign, mine, &a).leader, "a");
	assert_true(ASK(f, 0, keep_alive, mine).ttl_ms > 0);
	(void)cluster_put(cluster, KEY_LEADER, NULL);
	assert_int_equal(ASK(f, 0, keep_alive, mine).ttl_ms, 0);
	/* One that stands by has won nothing. */
	assert_true(ASK(f, 1, keep_alive, other).ttl_ms > 0);
}

static void who_is_gone_is_forgotten_by_who_leads_and_who_is_there_is_not(void **state)
{
	struct fixture *f = *state;
	uint64_t mine = ASK(f, 0, grant, LONG_MS).lease,
		 other = ASK(f, 1, grant, LONG_MS).lease;
	struct asked won = ASK(f, 0, campaign, mine, &a);
	assert_int_equal(ASK(f, 0, announce, mine, &a).outcome, ELECTION_DONE);
	assert_int_equal(ASK(f, 1, announce, other, &b).outcome, ELECTION_DONE);
	assert_int_equal(ASK(f, 0, forget, won.fence, "b").known, 2);
	assert_int_equal(ASK(f, 1, revoke, other).outcome, ELECTION_DONE);
	assert_int_equal(ASK(f, 0, forget, won.fence + 1, "b").known, 2);
	assert_int_equal(ASK(f, 0, forget, won.fence, "b").known, 1);
	assert_int_equal(ASK(f, 0, revoke, mine).outcome, ELECTION_DONE);
}

static void while_the_loop_stands_still_a_lease_is_held(void **state)
{
	struct fixture *f = *state;
	enum { TTL_MS = 2000 }; /* etcd's shortest */
	uint64_t lease = ASK(f, 0, grant, TTL_MS).lease;
	assert_string_equal(ASK(f, 0, campaign, lease, &a).leader, "a");
	f->elections[0]->ops->hold(f->elections[0], lease);
	(void)poll(NULL, 0, 3 * TTL_MS);
	assert_string_equal(ASK(f, 1, observe).leader, "a");
	assert_true(ASK(f, 0, keep_alive, lease).ttl_ms > 0);
	f->elections[0]->ops->hold(f->elections[0], 0);
	while (ASK(f, 1, observe).fence != 0)
		;
	assert_int_equal(ASK(f, 0, keep_alive, lease).ttl_ms, 0);
}

static void election_open(struct fixture *f, size_t i, const struct etcd_servers *servers)
{
	bool is_closed = false;
	if (f->elections[i] != NULL) {
		f->elections[i]->ops->close(f->elections[i], on_closed, &is_closed);
		stage_until(&f->stage, &is_closed);
	}
	assert_int_equal(
		etcd_election_new(&f->stage.loop, servers, NULL, &f->elections[i], NULL), 0);
}

/* One of the three leads them, and does not know yet that the others hear nothing of it. */
static void a_renewal_that_no_majority_confirms_promises_nothing(void **state)
{
	struct fixture *f = *state;
	struct etcd_cluster *three = cluster_new(CLUSTER_MAX);
	for (unsigned k = 0; k < CLUSTER_MAX; k++) {
		CLEANUP(freep)
		char *url = str_printf("https://127.0.0.1:%u", three->ports[k]);
		struct etcd_servers servers = cluster_servers(three);
		servers.urls = url;
		election_open(f, 0, &servers);
		uint64_t lease = ASK(f, 0, grant, LONG_MS).lease;
		assert_true(ASK(f, 0, keep_alive, lease).ttl_ms > 0);
		for (unsigned i = 0; i < CLUSTER_MAX; i++)
			if (i != k)
				cluster_signal(three, i, SIGSTOP);
		assert_int_equal(ASK(f, 0, keep_alive, lease).outcome, ELECTION_UNKNOWN);
		for (unsigned i = 0; i < CLUSTER_MAX; i++)
			if (i != k)
				cluster_signal(three, i, SIGCONT);
		while (ASK(f, 0, keep_alive, lease).outcome != ELECTION_DONE)
			;
	}
	cluster_free(three);
}

static void who_is_there_is_seen_by_all(void **state)
{
	struct fixture *f = *state;
	uint64_t mine = ASK(f, 0, grant, LONG_MS).lease,
		 other = ASK(f, 1, grant, LONG_MS).lease;
	assert_int_equal(ASK(f, 0, announce, mine, &a).outcome, ELECTION_DONE);
	assert_int_equal(ASK(f, 1, announce, other, &b).outcome, ELECTION_DONE);
	assert_string_equal(ASK(f, 0, observe).members, "a=HOST:1>@7 b=HOST:2>a@0 ");
	assert_int_equal(ASK(f, 1, revoke, other).outcome, ELECTION_DONE);
	assert_string_equal(ASK(f, 0, observe).members, "a=HOST:1>@7 ");
	/* Who is away is one of them all the same: a majority is one of all. */
	assert_int_equal(ASK(f, 0, observe).known, 2);
	assert_int_equal(ASK(f, 0, revoke, mine).outcome, ELECTION_DONE);
	assert_int_equal(ASK(f, 0, observe).known, 2);
}

static void a_term_that_cannot_be_read_is_not_begun_again(void **state)
{
	struct fixture *f = *state;
	(void)cluster_put(cluster, KEY_TERM, "\377");
	uint64_t lease = ASK(f, 0, grant, LONG_MS).lease;
	assert_int_equal(ASK(f, 0, campaign, lease, &a).outcome, ELECTION_REFUSED);
}

static void without_an_answer_the_outcome_is_unknown(void **state)
{
	struct fixture *f = *state;
	struct relay *relay = relay_new(cluster->ports[0]);
	CLEANUP(freep) char *url = str_printf("https://127.0.0.1:%u", relay_port(relay));
	struct etcd_servers servers = cluster_servers(cluster);
	servers.urls = url;
	election_open(f, 0, &servers);
	uint64_t lease = ASK(f, 0, grant, LONG_MS).lease;
	relay_set(relay, RELAY_LOSE_ANSWERS);
	assert_int_equal(ASK(f, 0, keep_alive, lease).outcome, ELECTION_UNKNOWN);
	assert_int_equal(ASK(f, 0, campaign, lease, &a).outcome, ELECTION_UNKNOWN);
	relay_set(relay, RELAY_PASS);
	assert_true(ASK(f, 0, keep_alive, lease).ttl_ms > 0);
	servers = cluster_servers(cluster);
	election_open(f, 0, &servers);
	relay_free(relay);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_of_two_leads_and_every_win_has_the_next_term),
		TEST(a_lease_that_is_not_renewed_ends_and_what_is_asked_under_it_has_no_effect),
		TEST(a_lease_that_lost_the_key_that_it_won_is_gone),
		TEST(who_is_gone_is_forgotten_by_who_leads_and_who_is_there_is_not),
		TEST(while_the_loop_stands_still_a_lease_is_held),
		TEST(a_renewal_that_no_majority_confirms_promises_nothing),
		TEST(who_is_there_is_seen_by_all),
		TEST(a_term_that_cannot_be_read_is_not_begun_again),
		TEST(without_an_answer_the_outcome_is_unknown),
	};
	cluster = cluster_new(1);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	cluster_free(cluster);
	return failed;
}
