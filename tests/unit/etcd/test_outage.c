/* Answers that are lost, requests that come late, servers that end, stand still or refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "adapter/etcd/keys.h"
#include "base/str.h"
#include "certificates.h"
#include "relay.h"
#include "stage.h"

static struct etcd_cluster *one, *three;

#define assert_text(call, expected)                   \
	do {                                          \
		CLEANUP(freep) char *text_ = call;    \
		assert_string_equal(text_, expected); \
	} while (0)

static int setup(void **state)
{
	struct stage *s = mem_new(struct stage);
	stage_init(s, one);
	*state = s;
	return 0;
}

static int setup_three(void **state)
{
	struct stage *s = mem_new(struct stage);
	stage_init(s, three);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	stage_done(*state);
	free(*state);
	return 0;
}

static uint64_t unknown(const struct stage *s)
{
	return stage_metric(s, "zrms_store_unknown_outcomes_total");
}

/* ---- one server, whose answers or requests are lost ---- */

static void a_transaction_whose_answer_was_lost_happens_once(void **state)
{
	struct stage *s = *state;
	struct relay *relay = relay_new(one->ports[0]);
	s->urls = str_printf("https://127.0.0.1:%u", relay_port(relay));
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	struct stage_commit c;
	relay_set(relay, RELAY_LOSE_ANSWERS);
	put_record(&s->outbox, RECORD_ZHOST, "a", "2");
	add_event(&s->outbox, 1, NULL);
	stage_commit_start(s, &s->outbox, &c);
	while (unknown(s) == 0)
		(void)uv_run(loop_uv(&s->loop), UV_RUN_NOWAIT);
	assert_false(c.is_done);
	relay_set(relay, RELAY_PASS);
	stage_until(s, &c.is_done);
	assert_int_equal(c.outcome, COMMIT_DURABLE);
	outbox_clear(&s->outbox);
	/* It was not sent again: it had happened. */
	assert_int_equal(stage_metric(s, "zrms_store_transactions_total"), 2);
	stage_put(s, "b", "3");
	stage_reopen(s);
	assert_text(stage_findings(s), "");
	assert_text(stage_records(s), "4/a=2 4/b=3 ");
	assert_text(stage_events(s, 0), "1 ");
	stage_close(s);
	relay_free(relay);
}

/* The first attempt is held on its way, another server gets the second; then the first arrives. */
static void a_transaction_that_comes_late_changes_nothing(void **state)
{
	struct stage *s = *state;
	struct relay *relay = relay_new(one->ports[0]);
	s->urls = str_printf("https://127.0.0.1:%u,%s", relay_port(relay), one->urls);
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	relay_set(relay, RELAY_HOLD_REQUESTS);
	stage_put(s, "a", "2");
	assert_int_equal(unknown(s), 1);
	stage_put(s, "a", "3");
	relay_set(relay, RELAY_PASS);
	(void)poll(NULL, 0,
		   300); /* nothing tells when a request that nobody waits for has arrived */
	stage_reopen(s);
	assert_text(stage_findings(s), "");
	assert_text(stage_records(s), "4/a=3 ");
	stage_close(s);
	relay_free(relay);
}

/* A leader is paused after it has sent a write; when that arrives, another one leads. Nothing but etcd's own transaction can refuse it:
 * the leader looked at everything before. */
static void what_a_leader_had_sent_is_refused_by_etcd_after_a_takeover(void **state)
{
	struct stage *s = *state;
	struct relay *relay = relay_new(one->ports[0]);
	s->urls = str_printf("https://127.0.0.1:%u", relay_port(relay));
	s->fence = (uint64_t)cluster_put(one, KEY_LEADER, "first");
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	struct stage_commit c;
	relay_set(relay, RELAY_HOLD_REQUESTS);
	put_record(&s->outbox, RECORD_ZHOST, "a", "2");
	stage_commit_start(s, &s->outbox, &c);
	while (!relay_holds_some(relay))
		(void)uv_run(loop_uv(&s->loop), UV_RUN_NOWAIT);
	(void)cluster_put(one, KEY_LEADER, NULL);
	(void)cluster_put(one, KEY_LEADER, "second");
	relay_set(relay, RELAY_PASS);
	stage_until(s, &c.is_done);
	assert_int_equal(c.outcome, COMMIT_LOST_LEADERSHIP);
	assert_string_equal(c.why, "etcd refuses a transaction, because another zrms leads");
	free(c.why);
	/* It was answered, and not found out by asking. */
	assert_int_equal(unknown(s), 0);
	outbox_clear(&s->outbox);
	s->fence = 0;
	stage_reopen(s);
	assert_text(stage_records(s), "4/a=1 ");
	stage_close(s);
	relay_free(relay);
}

/* Nothing is sent before it is known what became of it; without a retry the store fails. */
static void an_outcome_that_stays_unknown_ends_the_store(void **state)
{
	struct stage *s = *state;
	struct relay *relay = relay_new(one->ports[0]);
	s->urls = str_printf("https://127.0.0.1:%u", relay_port(relay));
	assert_int_equal(stage_open(s, NULL), 0);
	assert_text(stage_records(s), "");
	etcd_store_retry_for(s->store, 1);
	relay_set(relay, RELAY_LOSE_ANSWERS);
	put_record(&s->outbox, RECORD_ZHOST, "a", "1");
	struct stage_commit c = stage_commit(s);
	assert_int_equal(c.outcome, COMMIT_FAILED);
	assert_non_null(strstr(c.why, "does not answer within"));
	free(c.why);
	relay_set(relay, RELAY_PASS);
	put_record(&s->outbox, RECORD_ZHOST, "b", "2");
	c = stage_commit(s);
	assert_int_equal(c.outcome, COMMIT_FAILED); /* also when it answers again */
	free(c.why);
	stage_reopen(s);
	assert_text(stage_records(s), "4/a=1 ");
	stage_close(s);
	relay_free(relay);
}

/* A page that is asked for again is smaller. */
static void a_server_that_sends_no_large_page_is_asked_for_small_ones(void **state)
{
	struct stage *s = *state;
	enum { RECORDS = 4000 };
	struct relay *relay = relay_new(one->ports[0]);
	s->urls = str_printf("https://127.0.0.1:%u", relay_port(relay));
	assert_int_equal(stage_open(s, NULL), 0);
	for (size_t i = 0; i < RECORDS; i++) {
		CLEANUP(freep) char *id = str_printf("%05zu", i);
		put_record(&s->outbox, RECORD_SLOT, id, "x");
	}
	assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	relay_set(relay, RELAY_ONLY_SMALL);
	CLEANUP(freep) char *records = stage_records(s);
	assert_non_null(strstr(records, "/03999=x "));
	stage_close(s);
	relay_free(relay);
}

/* ---- what refuses ---- */

static void what_cannot_be_reached_says_so(void **state)
{
	struct stage *s = *state;
	CLEANUP(error_freep) struct error *err = NULL;
	s->urls = str_printf("https://127.0.0.1:%u", free_port());
	assert_int_equal(stage_open(s, &err), ERR_UNAVAILABLE);
	assert_non_null(strstr(err->message, s->urls));
	assert_non_null(strstr(err->message, "cannot be reached"));
}

/* In the place of libc's: nobody answers for this name. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	if (str_equal(node, "silent.test")) {
		(void)poll(NULL, 0, 20000);
		return EAI_AGAIN;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(node, service, hints, ret);
}

static void a_name_without_an_answer_holds_nobody(void **state)
{
	struct stage *s = *state;
	CLEANUP(error_freep) struct error *err = NULL;
	int64_t began_ms = loop_now(&s->loop).mono_ms;
	s->urls = mem_strdup("https://silent.test:2379");
	assert_int_equal(stage_open(s, &err), ERR_TIMEOUT);
	/* Before the name has one. */
	assert_true(loop_now(&s->loop).mono_ms - began_ms < 19000);
}

static void an_address_without_tls_is_refused(void **state)
{
	struct stage *s = *state;
	static const char *const wrong[] = {"http://127.0.0.1:2379", "https://127.0.0.1", "",
					    "https://127.0.0.1:2379,", "https://a:1/b"};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		s->urls = (char *)wrong[i];
		assert_int_equal(stage_open(s, &err), ERR_INVALID);
		assert_non_null(strstr(err->message, "expected https://HOST:PORT"));
	}
	s->urls = NULL;
}

static void certificates_of_another_cluster_are_refused_by_both_sides(void **state)
{
	struct stage *s = *state;
	int64_t now_ms = loop_now(&s->loop).wall_ms;
	struct pki_authority *authority = authority_at("other", 1, now_ms);
	struct machine machine = machine_at(authority, "zrms", "zrms", now_ms, PKI_SERVER_MS);
	struct pki_trust *trust = trust_of(authority, NULL);
	char *directory = directory_of(&machine, trust);
	CLEANUP(freep) char *certificate = str_printf("%s/" PKI_IDENTITY_FILE, directory);
	CLEANUP(freep) char *authorities = str_printf("%s/" PKI_AUTHORITIES_FILE, directory);
	CLEANUP(error_freep) struct error *theirs = NULL;
	CLEANUP(error_freep) struct error *ours = NULL;
	struct etcd_store_options options = {.servers = cluster_servers(one)};
	options.servers.authorities = authorities;
	assert_int_equal(etcd_store_open(&s->loop, &options, &s->store, &theirs), ERR_DENIED);
	assert_non_null(strstr(theirs->message, "is not believed"));
	options.servers = cluster_servers(one);
	options.servers.certificate = certificate;
	/* The refusal may be lost with the connection; that it may be one is said in any case. */
	int r = etcd_store_open(&s->loop, &options, &s->store, &ours);
	assert_true(r == ERR_DENIED || r == ERR_UNAVAILABLE);
	if (strstr(ours->message, "our certificate") == NULL)
		fail_msg("%s", ours->message);
	assert_non_null(strstr(ours->message, certificate));
	pki_trust_free(trust);
	machine_done(&machine);
	pki_authority_free(authority);
	directory_remove(directory);
}

/* ---- three servers ---- */

static void servers_that_end_one_by_one_lose_nothing(void **state)
{
	struct stage *s = *state;
	enum { BATCHES = 60 };
	static struct outbox all[BATCHES];
	static struct stage_commit done[BATCHES];
	assert_int_equal(stage_open(s, NULL), 0);
	for (unsigned k = 0; k < CLUSTER_MAX; k++) {
		for (unsigned i = 0; i < BATCHES; i++) {
			char id[16];
			(void)snprintf(id, sizeof(id), "%u-%02u", k, i);
			outbox_init(&all[i]);
			put_record(&all[i], RECORD_ZHOST, id, "x");
			add_event(&all[i], k * BATCHES + i + 1, NULL);
			stage_commit_start(s, &all[i], &done[i]);
			if (i == BATCHES / 2) {
				stage_until(s, &done[i / 2].is_done);
				cluster_kill(three, k);
			}
		}
		stage_until(s, &done[BATCHES - 1].is_done);
		for (unsigned i = 0; i < BATCHES; i++) {
			assert_true(done[i].is_done);
			assert_int_equal(done[i].outcome, COMMIT_DURABLE);
			outbox_done(&all[i]);
		}
		cluster_start(three, k);
		cluster_wait(three);
	}
	stage_reopen(s);
	assert_text(stage_findings(s), "");
	CLEANUP(freep) char *events = stage_events(s, 0);
	assert_non_null(strstr(events, " 179 180 "));
}

/* One of them is the leader. */
static void servers_that_stand_still_one_by_one_lose_nothing(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	for (unsigned k = 0; k < CLUSTER_MAX; k++) {
		CLEANUP(freep) char *value = str_printf("%u", k);
		cluster_signal(three, k, SIGSTOP);
		stage_put(s, "a", value);
		stage_put(s, value, "x");
		cluster_signal(three, k, SIGCONT);
		cluster_wait(three);
	}
	stage_reopen(s);
	assert_text(stage_findings(s), "");
	assert_text(stage_records(s), "4/0=x 4/1=x 4/2=x 4/a=2 ");
}

static void without_a_majority_a_commit_waits_for_it(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	cluster_kill(three, 0);
	cluster_kill(three, 1);
	struct stage_commit c;
	put_record(&s->outbox, RECORD_ZHOST, "a", "2");
	stage_commit_start(s, &s->outbox, &c);
	while (!store_is_failing(s->store))
		(void)uv_run(loop_uv(&s->loop), UV_RUN_ONCE);
	assert_false(c.is_done);
	cluster_start(three, 0);
	stage_until(s, &c.is_done);
	assert_int_equal(c.outcome, COMMIT_DURABLE);
	assert_false(store_is_failing(s->store));
	cluster_start(three, 1);
	cluster_wait(three);
	outbox_clear(&s->outbox);
	stage_put(s, "b", "3");
	assert_text(stage_records(s), "4/a=2 4/b=3 ");
}

struct silence {
	unsigned index, told;
	struct etcd_cluster *cluster;
};

static void on_silent(void *user, const struct error *why)
{
	struct silence *silence = user;
	assert_non_null(why);
	silence->told++;
	cluster_start(silence->cluster, silence->index);
}

/* Before it is opened, and before it is loaded. */
static void a_majority_that_is_lost_while_it_loads_is_waited_for(void **state)
{
	struct stage *s = *state;
	struct silence silence = {.index = 0, .cluster = three};
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	stage_close(s);
	s->patience = (struct etcd_patience){.ms = 30000, .waits = on_silent, .user = &silence};
	cluster_kill(three, 0);
	cluster_kill(three, 1);
	assert_int_equal(stage_open(s, NULL), 0);
	assert_int_equal(silence.told, 1);
	silence.index = 1;
	cluster_kill(three, 2);
	assert_text(stage_records(s), "4/a=1 ");
	assert_int_equal(silence.told, 2);
	cluster_start(three, 2);
	cluster_wait(three);
}

#define TEST(fn)       cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define TEST_THREE(fn) cmocka_unit_test_setup_teardown(fn, setup_three, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_transaction_whose_answer_was_lost_happens_once),
		TEST(a_transaction_that_comes_late_changes_nothing),
		TEST(what_a_leader_had_sent_is_refused_by_etcd_after_a_takeover),
		TEST(an_outcome_that_stays_unknown_ends_the_store),
		TEST(a_server_that_sends_no_large_page_is_asked_for_small_ones),
		TEST(what_cannot_be_reached_says_so),
		TEST(a_name_without_an_answer_holds_nobody),
		TEST(an_address_without_tls_is_refused),
		TEST(certificates_of_another_cluster_are_refused_by_both_sides),
		TEST_THREE(servers_that_end_one_by_one_lose_nothing),
		TEST_THREE(servers_that_stand_still_one_by_one_lose_nothing),
		TEST_THREE(without_a_majority_a_commit_waits_for_it),
		TEST_THREE(a_majority_that_is_lost_while_it_loads_is_waited_for),
	};
	one = cluster_new(1);
	three = cluster_new(3);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	cluster_free(one);
	cluster_free(three);
	return failed;
}
