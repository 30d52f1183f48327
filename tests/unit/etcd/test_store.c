/* What the store does on a real etcd, besides the contract of its port (tests/unit/store). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "adapter/etcd/data.h"
#include "adapter/etcd/index.h"
#include "adapter/etcd/keys.h"
#include "base/str.h"
#include "stage.h"

static struct etcd_cluster *cluster;

#define assert_text(call, expected)                   \
	do {                                          \
		CLEANUP(freep) char *text_ = call;    \
		assert_string_equal(text_, expected); \
	} while (0)

static int setup(void **state)
{
	struct stage *s = mem_new(struct stage);
	stage_init(s, cluster);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	stage_done(*state);
	free(*state);
	return 0;
}

/* ---- the fence ---- */

static void a_leader_that_is_none_any_more_writes_nothing(void **state)
{
	struct stage *s = *state;
	s->fence = (uint64_t)cluster_put(cluster, KEY_LEADER, "first");
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	/* The key is written by its holder: that is no other win of it. */
	(void)cluster_put(cluster, KEY_LEADER, "first, again");
	stage_put(s, "a", "2");
	(void)cluster_put(cluster, KEY_LEADER, NULL);
	(void)cluster_put(cluster, KEY_LEADER, "second");
	put_record(&s->outbox, RECORD_ZHOST, "a", "3");
	struct stage_commit c = stage_commit(s);
	assert_int_equal(c.outcome, COMMIT_LOST_LEADERSHIP);
	assert_string_equal(c.why, "etcd refuses a transaction, because another zrms leads");
	free(c.why);
	put_record(&s->outbox, RECORD_ZHOST, "b", "4");
	c = stage_commit(s);
	assert_int_equal(c.outcome, COMMIT_LOST_LEADERSHIP);
	free(c.why);
	s->fence = 0;
	stage_reopen(s);
	assert_text(stage_records(s), "4/a=2 ");
}

static void a_leader_that_nobody_follows_opens_nothing(void **state)
{
	struct stage *s = *state;
	s->fence = (uint64_t)cluster_put(cluster, KEY_LEADER, "first") - 1;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(stage_open(s, &err), ERR_STALE);
	assert_string_equal(err->message, "another zrms leads");
}

/* Without a fence, as a migration is: two of them at once. */
static void of_two_that_write_one_is_refused(void **state)
{
	struct stage *s = *state;
	struct stage other = {.cluster = cluster};
	assert_int_equal(loop_init(&other.loop, NULL), 0);
	outbox_init(&other.outbox);
	assert_int_equal(stage_open(s, NULL), 0);
	assert_int_equal(stage_open(&other, NULL), 0);
	stage_put(s, "a", "1");
	put_record(&other.outbox, RECORD_ZHOST, "a", "2");
	struct stage_commit c = stage_commit(&other);
	assert_int_equal(c.outcome, COMMIT_LOST_LEADERSHIP);
	free(c.why);
	stage_put(s, "a", "3");
	stage_done(&other);
}

/* ---- limits ---- */

static void the_largest_batch_is_one_transaction(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	/* A value of a space needs two operations of etcd, the ledger one. */
	for (size_t i = 0; i < ETCD_TXN_OPERATIONS * 2 / 3 - 1; i++) {
		CLEANUP(freep) char *id = str_printf("%05zu", i);
		if (i % 2 == 0)
			put_record(&s->outbox, RECORD_SLOT, id, "x");
		else
			add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_PUT, id, "k",
				 "v");
	}
	struct stage_commit c = stage_commit(s);
	if (c.outcome != COMMIT_DURABLE)
		fail_msg("%s", c.why);
	assert_int_equal(stage_metric(s, "zrms_store_transactions_total"), 1);
	assert_int_equal(stage_metric(s, "zrms_store_divided_total"), 0);
	CLEANUP(freep) char *large = mem_calloc(6u * 1024 * 1024 + 1, 1);
	memset(large, 'x', 6u * 1024 * 1024);
	stage_put(s, "large", large);
}

static void a_value_that_is_too_large_for_etcd_is_refused_by_itself(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	CLEANUP(freep) char *value = mem_calloc(KV_VALUE_MAX + 1, 1);
	memset(value, 'x', DATA_VALUE_MAX + 1);
	add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_PUT, "shop/api", "k", value);
	put_record(&s->outbox, RECORD_ZHOST, "a", "1");
	struct stage_commit c = stage_commit(s);
	assert_int_equal(c.outcome, COMMIT_DURABLE);
	assert_int_equal(c.statuses[0], -EINVAL);
	/* The largest that the port allows is within the limits of a batch: a space cannot end zrms by it. */
	memset(value, 'x', KV_VALUE_MAX);
	add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_PUT, "shop/api", "k", value);
	assert_true(store_batch_size(&s->outbox).bytes <= s->store->limits.bytes);
	outbox_clear(&s->outbox);
	assert_text(stage_records(s), "4/a=1 ");
}

static void an_owner_that_is_forgotten_may_write_again_at_once(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	static const char *const owners[] = {"shop/a", "shop/b", "shop/b/c", "shops/a"};
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_PUT, owners[i], "k", "1");
	assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	vector_push(&s->outbox.data_forget, mem_strdup("shop/b"));
	vector_push(&s->outbox.data_forget, mem_strdup("shop/"));
	add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_PUT, "shop/b", "k", "2");
	add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_PUT, "shop/b", "l", "3");
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_GET, owners[i], "k",
			 NULL);
	struct stage_commit c = stage_commit(s);
	assert_int_equal(c.outcome, COMMIT_DURABLE);
	const int expected[] = {0, 0, -ENOENT, 0, -ENOENT, 0};
	assert_memory_equal(c.statuses, expected, sizeof(expected));
}

/* ---- NOSPACE ---- */

static void a_quota_that_is_used_up_is_waited_for(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	cluster_set_full(cluster, true);
	struct stage_commit c;
	put_record(&s->outbox, RECORD_ZHOST, "a", "2");
	stage_commit_start(s, &s->outbox, &c);
	while (!store_is_failing(s->store) || !store_is_tight(s->store)) {
		assert_false(c.is_done);
		(void)uv_run(loop_uv(&s->loop), UV_RUN_ONCE);
	}
	/* What is durable can be read meanwhile. */
	assert_text(stage_events(s, 0), "");
	assert_false(c.is_done);
	cluster_set_full(cluster, false);
	stage_until(s, &c.is_done);
	assert_int_equal(c.outcome, COMMIT_DURABLE);
	assert_false(store_is_failing(s->store));
	assert_false(store_is_tight(s->store));
	outbox_clear(&s->outbox);
	etcd_store_retry_for(s->store, 0);
	cluster_set_full(cluster, true);
	put_record(&s->outbox, RECORD_ZHOST, "a", "3");
	c = stage_commit(s);
	cluster_set_full(cluster, false);
	assert_int_equal(c.outcome, COMMIT_FAILED);
	assert_non_null(strstr(c.why, "is used up: compact and defragment it"));
	free(c.why);
}

/* ---- history ---- */

static void of_the_events_the_newest_are_kept(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	etcd_store_keep_events(s->store, 3);
	for (uint64_t seq = 1; seq <= 1200; seq++)
		add_event(&s->outbox, seq, NULL);
	assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	assert_text(stage_events(s, 0), "1198 1199 1200 ");
	stage_reopen(s);
	etcd_store_keep_events(s->store, 3);
	add_event(&s->outbox, 1201, NULL);
	assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	assert_text(stage_events(s, 1198), "1199 1200 1201 "); /* they go in steps */
}

static void add_line(struct stage *s, uint64_t seq)
{
	Samoza__V1__AuditRecord *line = mem_new(Samoza__V1__AuditRecord);
	samoza__v1__audit_record__init(line);
	line->seq = seq;
	line->time_ms = (int64_t)seq;
	line->user = mem_strdup("ann");
	line->outcome = mem_strdup("done");
	vector_push(&s->outbox.audit, line);
}

static void of_the_audit_the_oldest_lines_go(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	for (uint64_t seq = 1; seq <= 1020; seq++) {
		add_line(s, seq);
		if (seq % 100 == 0)
			assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	}
	assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	s->store->audit = (struct audit_kept){.age_ms = 1015}; /* older than 6, of 1021 */
	add_line(s, 1021);
	assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	CLEANUP(freep) char *first = stage_audit(s);
	assert_true(str_has_prefix(first, "6 7 8 "));
	stage_reopen(s);
	s->store->audit = (struct audit_kept){.bytes = 1};
	add_line(s, 1022);
	add_line(s, 1023);
	assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	CLEANUP(freep) char *second = stage_audit(s);
	assert_true(str_has_prefix(second, "24 25 ")); /* the newest 1,000 stay */
}

/* Numbers may be left out (a store that was restored): then there are fewer lines than numbers. */
static void after_a_gap_the_oldest_lines_go_on_going(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	for (uint64_t seq = 1; seq <= 40; seq++)
		add_line(s, seq);
	assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	s->store->audit = (struct audit_kept){.bytes = 1};
	for (uint64_t seq = 2000; seq < 3400; seq++) {
		add_line(s, seq);
		if (seq % 20 == 19)
			assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	}
	CLEANUP(freep) char *lines = stage_audit(s);
	assert_true(strtoull(lines, NULL, 10) >= 2300);
}

/* ---- what is read ---- */

/* Of 40 that ask for 3 MiB each not all are answered together. */
static void what_is_read_together_is_bounded(void **state)
{
	struct stage *s = *state;
	enum { BATCHES = 40, BYTES = 3 * 1024 * 1024, KEYS = 15 };
	static struct outbox all[BATCHES];
	static struct stage_commit done[BATCHES];
	CLEANUP(freep) char *value = mem_calloc(BYTES + 1, 1);
	memset(value, 'x', BYTES);
	assert_int_equal(stage_open(s, NULL), 0);
	for (char key[] = "a"; key[0] < 'a' + KEYS; key[0]++) {
		add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_PUT, "shop", key, value);
		assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
	}
	for (size_t i = 0; i < BATCHES; i++) {
		outbox_init(&all[i]);
		add_data(&all[i], SAMOZA__V1__DATA_OPERATION__DATA_GET, "shop", "a", NULL);
		stage_commit_start(s, &all[i], &done[i]);
	}
	stage_until(s, &done[BATCHES - 1].is_done);
	for (size_t i = 0; i < BATCHES; i++) {
		assert_int_equal(done[i].outcome, COMMIT_DURABLE);
		assert_int_equal(done[i].statuses[0], 0);
		outbox_done(&all[i]);
	}
	assert_true(stage_metric(s, "zrms_store_largest_group") < 10);
	/* One batch is answered as a whole, read in several steps. */
	for (char key[] = "a"; key[0] < 'a' + KEYS; key[0]++)
		add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_GET, "shop", key, NULL);
	assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
}

static void each_index_hashes_with_a_key_of_its_own(void **state)
{
	struct index a = {0}, b = {0};
	const bytes key = {.len = 3, .data = (uint8_t *)"key"};
	(void)state;
	index_set(&a, key, 1);
	index_set(&b, key, 2);
	assert_int_equal(*index_find(&a, key), 1);
	assert_int_equal(*index_find(&b, key), 2);
	for (size_t i = 0; i < a.capacity; i++)
		if (a.entries[i].hash != 0)
			assert_int_not_equal(a.entries[i].hash,
					     b.capacity == a.capacity ? b.entries[i].hash : 0);
	index_done(&a);
	index_done(&b);
}

/* ---- what another hand did ---- */

static int put_within(struct stage *s, const char *key, const char *value, uint64_t quota)
{
	add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_PUT, "shop", key, value);
	vector_last(&s->outbox.data)->quota_bytes = quota;
	struct stage_commit c = stage_commit(s);
	assert_int_equal(c.outcome, COMMIT_DURABLE);
	return c.statuses[0];
}

/* Unreadable, and one that can be read and is wrong: {bytes: 2^63, values: 1, total: 1}, {1, 1, 1}. */
static void a_quota_whose_count_is_damaged_counts_again(void **state)
{
	struct stage *s = *state;
	static const char *const damaged[] = {
		"\377", "\10\200\200\200\200\200\200\200\200\200\1\20\1\30\1",
		"\10\1\20\1\30\1"};
	for (size_t i = 0; i < ARRAY_SIZE(damaged); i++) {
		cluster_clear(cluster);
		assert_int_equal(stage_open(s, NULL), 0);
		assert_int_equal(put_within(s, "a", "12345678", 20), 0);
		(void)cluster_put_at(cluster, key_use("shop"), damaged[i]);
		assert_int_equal(put_within(s, "b", "1234567890123", 20), -ENOSPC);
		assert_int_equal(put_within(s, "b", "1234567890", 20), 0);
		(void)cluster_put_at(cluster, key_use("shop"), damaged[i]);
		add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_DELETE, "shop", "a",
			 NULL);
		assert_int_equal(stage_commit(s).outcome, COMMIT_DURABLE);
		assert_int_equal(put_within(s, "c", "12345678", 20), 0);
		assert_int_equal(put_within(s, "d", "1", 20), -ENOSPC);
		stage_close(s);
	}
}

static void what_is_damaged_or_gone_is_found(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "1");
	stage_put(s, "b", "2");
	stage_put(s, "c", "3");
	stage_put(s, "c", NULL);
	stage_reopen(s);
	assert_text(stage_findings(s), "");
	(void)cluster_put(cluster, KEY_RECORD "04/a", "12345678damaged");
	assert_text(stage_findings(s), "record a;");
	(void)cluster_put(cluster, KEY_RECORD "04/b", NULL);
	assert_text(stage_findings(s), "record a;lost 1;");
	assert_int_equal(s->store->ops->accept_loss(s->store, NULL), 0);
	assert_text(stage_findings(s), "");
	stage_put(s, "d", "4");
	stage_reopen(s);
	assert_text(stage_findings(s), "");
	assert_text(stage_records(s), "4/d=4 ");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_leader_that_is_none_any_more_writes_nothing),
		TEST(a_leader_that_nobody_follows_opens_nothing),
		TEST(of_two_that_write_one_is_refused),
		TEST(the_largest_batch_is_one_transaction),
		TEST(a_value_that_is_too_large_for_etcd_is_refused_by_itself),
		TEST(an_owner_that_is_forgotten_may_write_again_at_once),
		TEST(a_quota_that_is_used_up_is_waited_for),
		TEST(of_the_events_the_newest_are_kept),
		TEST(of_the_audit_the_oldest_lines_go),
		TEST(after_a_gap_the_oldest_lines_go_on_going),
		TEST(what_is_read_together_is_bounded),
		TEST(each_index_hashes_with_a_key_of_its_own),
		TEST(a_quota_whose_count_is_damaged_counts_again),
		TEST(what_is_damaged_or_gone_is_found),
	};
	cluster = cluster_new(1);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	cluster_free(cluster);
	return failed;
}
