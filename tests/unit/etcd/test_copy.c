/* adapter/etcd/copy.h: records that are read ahead, of a real etcd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "base/str.h"
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
	struct stage *s = *state;
	stage_done(s);
	etcd_copy_free(s->copy);
	free(s);
	return 0;
}

/* ---- a copy ---- */

static struct etcd_copy *copy_new(const struct stage *s, const char *urls, size_t bytes_max)
{
	struct etcd_servers servers = cluster_servers(s->cluster);
	struct etcd_copy *copy = NULL;
	if (urls != NULL)
		servers.urls = urls;
	assert_int_equal(etcd_copy_new(&servers, bytes_max, &copy, NULL), 0);
	return copy;
}

typedef bool state_fn(const struct etcd_copy_state *state, uint64_t number);

static void until(struct etcd_copy *copy, state_fn *is_so, uint64_t number)
{
	for (int waited = 0; waited < 60000; waited += 10) {
		const struct etcd_copy_state state = etcd_copy_look(copy);
		if (is_so(&state, number))
			return;
		(void)poll(NULL, 0, 10);
	}
	fail_msg("it is not so within a minute");
}

static bool has(const struct etcd_copy_state *state, uint64_t number)
{
	return state->is_whole && state->batch == number && state->lag_ms == 0;
}

static bool lacks(const struct etcd_copy_state *state, uint64_t number)
{
	return state->is_whole && state->lag == number && state->lag_ms > 0;
}

static bool was_read(const struct etcd_copy_state *state, uint64_t number)
{
	return state->is_whole && state->readings == number;
}

static bool is_too_large(const struct etcd_copy_state *state, uint64_t number)
{
	return state->is_too_large && number == 0;
}

/* Another one wins, which has that copy. */
static void win(struct stage *s, struct etcd_copy *copy)
{
	s->copy = copy;
	stage_reopen(s);
}

static uint64_t read_ahead(const struct stage *s)
{
	return stage_metric(s, "zrms_store_read_ahead");
}

/* By etcdctl. */
static void compact(const struct stage *s)
{
	CLEANUP(freep)
	char *command = str_printf(
		"ETCDCTL_API=3 etcdctl --endpoints %s --cacert %s --cert %s --key %s compact "
		"%lld >/dev/null",
		s->cluster->urls, s->cluster->authorities, s->cluster->certificate,
		s->cluster->certificate,
		(long long)cluster_put(s->cluster, "test/compacted", "1"));
	assert_int_equal(system(command), 0);
}

/* ---- tests ---- */

static void what_is_changed_meanwhile_is_in_it(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	stage_put(s, "b", "2");
	struct etcd_copy *copy = copy_new(s, NULL, 0);
	until(copy, has, 2);
	stage_put(s, "b", "3");
	stage_put(s, "c", "4");
	put_record(&s->outbox, RECORD_ZHOST, "a", NULL);
	assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	until(copy, has, 5);
	assert_int_equal(etcd_copy_look(copy).readings, 1);
	win(s, copy);
	assert_int_equal(read_ahead(s), 2);
	assert_text(stage_findings(s), "");
	assert_text(stage_records(s), "4/b=3 4/c=4 ");
	/* Its ledger goes on from there. */
	stage_put(s, "b", "5");
	s->copy = NULL;
	etcd_copy_free(copy);
	stage_reopen(s);
	assert_text(stage_findings(s), "");
	assert_text(stage_records(s), "4/b=5 4/c=4 ");
}

/* What was written last may be on its way when another one wins. */
static void it_is_waited_for_until_it_has_everything(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	struct etcd_copy *copy = copy_new(s, NULL, 0);
	until(copy, has, 1);
	for (int i = 0; i < 50; i++)
		stage_put(s, "a", i % 2 == 0 ? "2" : "3");
	win(s, copy);
	assert_int_equal(read_ahead(s), 1);
	assert_text(stage_records(s), "4/a=3 ");
}

static void one_that_is_too_old_is_not_taken(void **state)
{
	struct stage *s = *state;
	struct relay *relay = relay_new(one->ports[0]);
	CLEANUP(freep) char *urls = str_printf("https://127.0.0.1:%u", relay_port(relay));
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	struct etcd_copy *copy = copy_new(s, urls, 0);
	until(copy, has, 1);
	relay_set(relay, RELAY_LOSE_ANSWERS);
	stage_put(s, "a", "2");
	win(s, copy);
	assert_int_equal(read_ahead(s), 0);
	assert_text(stage_records(s), "4/a=2 ");
	etcd_copy_free(steal_ptr(&s->copy));
	relay_free(relay);
}

static void a_new_store_is_followed_from_its_first_record(void **state)
{
	struct stage *s = *state;
	struct etcd_copy *copy = copy_new(s, NULL, 0);
	until(copy, was_read, 1);
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	until(copy, has, 1);
	win(s, copy);
	assert_int_equal(read_ahead(s), 1);
	assert_text(stage_records(s), "4/a=1 ");
}

static void after_a_compaction_it_reads_everything_again(void **state)
{
	struct stage *s = *state;
	struct relay *relay = relay_new(one->ports[0]);
	CLEANUP(freep) char *urls = str_printf("https://127.0.0.1:%u", relay_port(relay));
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	struct etcd_copy *copy = copy_new(s, urls, 0);
	until(copy, has, 1);
	/* Its watch is cut off, and what it would have told is gone. */
	relay_set(relay, RELAY_LOSE_ANSWERS);
	stage_put(s, "b", "2");
	put_record(&s->outbox, RECORD_ZHOST, "a", NULL);
	assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	compact(s);
	relay_set(relay, RELAY_PASS);
	until(copy, was_read, 2);
	until(copy, has, 3);
	win(s, copy);
	assert_int_equal(read_ahead(s), 1);
	assert_text(stage_records(s), "4/b=2 ");
	etcd_copy_free(steal_ptr(&s->copy));
	relay_free(relay);
}

static void a_server_that_stands_still_is_left(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	struct etcd_copy *copy = copy_new(s, NULL, 0);
	until(copy, has, 1);
	/* Each of them once: the one that it watches is among them. */
	uint64_t batch = 1;
	for (unsigned i = 0; i < 3; i++) {
		cluster_signal(three, i, SIGSTOP);
		stage_put(s, "a", i == 0 ? "2" : i == 1 ? "3" : "4");
		until(copy, has, ++batch);
		cluster_signal(three, i, SIGCONT);
	}
	assert_int_equal(etcd_copy_look(copy).readings, 1);
	win(s, copy);
	assert_int_equal(read_ahead(s), 1);
	assert_text(stage_records(s), "4/a=4 ");
}

enum { LARGE = 12 * RELAY_SMALL_BYTES };

static void it_says_what_it_lacks_and_for_how_long(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	struct relay *relay = relay_new(one->ports[0]);
	CLEANUP(freep) char *urls = str_printf("https://127.0.0.1:%u", relay_port(relay));
	struct etcd_copy *copy = copy_new(s, urls, 0);
	until(copy, has, 1);
	/* What the watch tells is far more than passes, also after each question that lets some more of it through; the
	 * answer that names the ledger is less. */
	relay_set(relay, RELAY_ONLY_SMALL);
	CLEANUP(freep) char *large = mem_calloc(1, LARGE + 1);
	memset(large, 'x', LARGE);
	stage_put(s, "b", large);
	stage_put(s, "c", "3");
	until(copy, lacks, 2);
	relay_set(relay, RELAY_PASS);
	until(copy, has, 3);
	s->copy = NULL;
	etcd_copy_free(copy);
	relay_free(relay);
}

static void a_decision_in_parts_is_in_it(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	struct etcd_copy *copy = copy_new(s, NULL, 0);
	until(copy, has, 1);
	for (int i = 0; i < 9000; i++) {
		CLEANUP(freep) char *id = str_printf("n%04d", i);
		put_record(&s->outbox, RECORD_ZHOST, id, "x");
	}
	assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	until(copy, has, 3);
	win(s, copy);
	assert_int_equal(read_ahead(s), 9001);
}

static void what_another_hand_changed_is_found_as_without_it(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	stage_put(s, "b", "2");
	struct etcd_copy *copy = copy_new(s, NULL, 0);
	until(copy, has, 2);
	(void)cluster_put(one, "samoza/r/04/b", "damaged!?");
	stage_put(s, "c", "3");
	until(copy, has, 3);
	win(s, copy);
	assert_int_equal(read_ahead(s), 0);
	assert_text(stage_findings(s), "record b;");
	etcd_copy_free(steal_ptr(&s->copy));
	/* One that is gone. */
	(void)cluster_put(one, "samoza/r/04/b", NULL);
	copy = copy_new(s, NULL, 0);
	until(copy, has, 3);
	win(s, copy);
	assert_int_equal(read_ahead(s), 0);
	assert_text(stage_findings(s), "lost 1;");
}

static void what_is_too_large_is_not_read_ahead(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	for (int i = 0; i < 40; i++) {
		CLEANUP(freep) char *id = str_printf("a%d", i);
		stage_put(s, id, "1");
	}
	struct etcd_copy *copy = copy_new(s, NULL, 5000);
	until(copy, is_too_large, 0);
	win(s, copy);
	assert_int_equal(read_ahead(s), 0);
	etcd_copy_free(steal_ptr(&s->copy));
	/* It grows past it while it follows. */
	copy = copy_new(s, NULL, 40 * 200);
	until(copy, has, 40);
	for (int i = 0; i < 40; i++) {
		CLEANUP(freep) char *id = str_printf("b%d", i);
		stage_put(s, id, "1");
	}
	until(copy, is_too_large, 0);
	s->copy = copy;
}

#define TEST(f)	      cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TEST_THREE(f) cmocka_unit_test_setup_teardown(f, setup_three, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_changed_meanwhile_is_in_it),
		TEST(it_is_waited_for_until_it_has_everything),
		TEST(one_that_is_too_old_is_not_taken),
		TEST(a_new_store_is_followed_from_its_first_record),
		TEST(after_a_compaction_it_reads_everything_again),
		TEST_THREE(a_server_that_stands_still_is_left),
		TEST(it_says_what_it_lacks_and_for_how_long),
		TEST(a_decision_in_parts_is_in_it),
		TEST(what_another_hand_changed_is_found_as_without_it),
		TEST(what_is_too_large_is_not_read_ahead),
	};
	one = cluster_new(1);
	three = cluster_new(3);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	cluster_free(one);
	cluster_free(three);
	return failed;
}
