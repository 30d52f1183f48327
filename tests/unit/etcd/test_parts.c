/* Batches that are too large for one transaction of etcd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <poll.h>

#include "adapter/etcd/parts.h"
#include "base/str.h"
#include "stage.h"

enum { MANY = 3000 };

static struct etcd_cluster *large, *small;

#define assert_text(call, expected)                   \
	do {                                          \
		CLEANUP(freep) char *text_ = call;    \
		assert_string_equal(text_, expected); \
	} while (0)

static int setup_on(void **state, struct etcd_cluster *cluster)
{
	struct stage *s = mem_new(struct stage);
	stage_init(s, cluster);
	*state = s;
	return 0;
}

static int setup(void **state)
{
	return setup_on(state, large);
}

static int setup_small(void **state)
{
	return setup_on(state, small);
}

static int teardown(void **state)
{
	stage_done(*state);
	free(*state);
	return 0;
}

static void commit(struct stage *s)
{
	struct stage_commit c = stage_commit(s);
	if (c.outcome != COMMIT_DURABLE)
		fail_msg("%s", c.why);
}

static uint64_t divided(const struct stage *s)
{
	return stage_metric(s, "zrms_store_divided_total");
}

/* What the loss of so many instances is: a record and two events of each. */
static void add_loss(struct stage *s, const char *value)
{
	uint64_t seq = 0;
	for (size_t i = 0; i < MANY; i++) {
		CLEANUP(freep) char *id = str_printf("%05zu", i);
		put_record(&s->outbox, RECORD_SLOT, id, value);
		add_event(&s->outbox, ++seq, NULL);
		add_event(&s->outbox, ++seq, NULL);
	}
}

static size_t count_of(const char *text, const char *what)
{
	size_t n = 0;
	for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
		n++;
	return n;
}

static void assert_loss(struct stage *s, const char *value)
{
	assert_text(stage_findings(s), "");
	CLEANUP(freep) char *records = stage_records(s);
	CLEANUP(freep) char *what = str_printf("=%s ", value);
	assert_int_equal(count_of(records, what), MANY);
	CLEANUP(freep) char *events = stage_events(s, 0);
	assert_int_equal(count_of(events, " "), 2 * MANY);
}

static void a_decision_of_any_size_is_durable(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "before", "0");
	assert_int_equal(stage_metric(s, "zrms_store_divided_total"), 0);
	add_loss(s, "1");
	commit(s);
	assert_int_equal(divided(s), 1);
	assert_loss(s, "1");
	stage_put(s, "after", "2");
	stage_reopen(s);
	assert_loss(s, "1");
	/* Deletions, ranges, and what is put into them at once. */
	vector_push(&s->outbox.data_forget, mem_strdup("shop"));
	add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_PUT, "shop/a", "k", "v");
	for (size_t i = 0; i < MANY; i++) {
		CLEANUP(freep) char *id = str_printf("%05zu", i);
		put_record(&s->outbox, RECORD_SLOT, id, NULL);
		add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_PUT, id, "k", "v");
	}
	commit(s);
	assert_int_equal(divided(s), 1);
	add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_GET, "shop/a", "k", NULL);
	add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_GET, "02999", "k", NULL);
	struct stage_commit c = stage_commit(s);
	assert_int_equal(c.outcome, COMMIT_DURABLE);
	assert_int_equal(c.statuses[0], 0);
	assert_int_equal(c.statuses[1], 0);
	stage_reopen(s);
	assert_text(stage_findings(s), "");
	assert_text(stage_records(s), "4/after=2 4/before=0 ");
}

static void a_decision_of_many_bytes_is_durable(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *value = mem_calloc(700 * 1024 + 1, 1);
	memset(value, 'x', 700 * 1024);
	assert_int_equal(stage_open(s, NULL), 0);
	for (char id[] = "a"; id[0] < 'a' + 20; id[0]++)
		put_record(&s->outbox, RECORD_SLOT, id, value);
	commit(s);
	assert_int_equal(divided(s), 1);
	stage_reopen(s);
	assert_text(stage_findings(s), "");
	CLEANUP(freep) char *records = stage_records(s);
	assert_int_equal(count_of(records, "=x"), 20);
}

/* Its own limits are 128 operations and 1.5 MiB. */
static void an_etcd_without_options_gets_smaller_transactions(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	/* Of one that could be sent as a whole elsewhere, etcd itself says that it is too large. */
	for (size_t i = 0; i < 200; i++) {
		CLEANUP(freep) char *id = str_printf("%05zu", i);
		put_record(&s->outbox, RECORD_SLOT, id, "0");
	}
	commit(s);
	assert_int_equal(divided(s), 1);
	stage_reopen(s);
	add_loss(s, "1");
	commit(s);
	assert_int_equal(divided(s), 1);
	assert_loss(s, "1");
	stage_put(s, "after", "2");
	assert_int_equal(divided(s), 1);
	for (size_t i = 0; i < 400; i++) {
		CLEANUP(freep) char *owner = str_printf("%05zu", i);
		add_data(&s->outbox, SAMOZA__V1__DATA_OPERATION__DATA_PUT, owner, "k", "v");
	}
	commit(s);
	stage_reopen(s);
	assert_loss(s, "1");
}

/* Wherever it is on its way: it goes on where it was. */
static void a_server_that_ends_meanwhile_loses_nothing(void **state)
{
	struct stage *s = *state;
	static const int delays_ms[] = {0, 10, 30, 60, 100, 150};
	for (size_t i = 0; i < ARRAY_SIZE(delays_ms); i++) {
		struct stage_commit c;
		stage_reopen(s);
		CLEANUP(freep) char *value = str_printf("%zu", i);
		add_loss(s, value);
		stage_commit_start(s, &s->outbox, &c);
		(void)poll(NULL, 0, delays_ms[i]);
		cluster_kill(s->cluster, 0);
		cluster_start(s->cluster, 0);
		stage_until(s, &c.is_done);
		cluster_wait(s->cluster);
		if (c.outcome != COMMIT_DURABLE)
			fail_msg("%s", c.why);
		outbox_clear(&s->outbox);
		assert_loss(s, value);
		assert_int_equal(divided(s), 1);
	}
}

/* ---- a life that ends on the way ---- */

enum ending { STAGED, DECIDED, CARRIED };

/* What a store would do, until it ends. */
static void end_at(const struct etcd_cluster *cluster, enum ending ending)
{
	struct etcd_servers servers = cluster_servers(cluster);
	struct rpc *rpc = NULL;
	struct etcd_ledger l;
	struct index none = {0};
	struct txn txn = {0}, decision = {0};
	struct parts parts = {0};
	struct txn_limits limits = TXN_LIMITS_OF_ETCD;
	Etcd__TxnRequest request;
	ProtobufCMessage *answer = NULL;
	assert_int_equal(rpc_new(&servers, &rpc, NULL), 0);
	assert_int_equal(etcd_ledger_open(&l, rpc, 0, NULL), 0);
	for (size_t i = 0; i < MANY; i++) {
		CLEANUP(freep) char *id = str_printf("%05zu", i);
		bytes key = key_record(RECORD_SLOT, id);
		uint64_t sum;
		txn_put(&txn, key, value_pack(key, "1", 1, &sum));
	}
	etcd_ledger_write(&l, &txn, &none);
	parts_cut(&parts, txn_request(&txn, &request));
	assert_int_equal(parts_stage(&parts, rpc, &l, NULL), 0);
	if (ending != STAGED) {
		parts_decide(&parts, &l, &decision);
		assert_int_equal(rpc_call(rpc, &rpc_txn,
					  &txn_request(&decision, &request)->base, 5000,
					  &answer, NULL),
				 0);
		etcd_ledger_committed(&l, ((Etcd__TxnResponse *)answer)->header->revision,
				      &none, &txn);
		protobuf_c_message_free_unpacked(answer, NULL);
	}
	if (ending == CARRIED)
		assert_int_equal(parts_carry(&parts, rpc, &l, &limits, NULL), 0);
	index_done(&none);
	parts_done(&parts);
	txn_done(&txn);
	txn_done(&decision);
	etcd_ledger_done(&l);
	rpc_free(rpc);
}

static void what_was_only_staged_did_not_happen(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_open(s, NULL), 0);
	stage_put(s, "a", "0");
	stage_close(s);
	end_at(s->cluster, STAGED);
	assert_int_equal(stage_open(s, NULL), 0);
	assert_text(stage_findings(s), "");
	assert_text(stage_records(s), "4/a=0 ");
	add_loss(s, "2");
	commit(s);
	stage_reopen(s);
	assert_loss(s, "2");
}

static void what_was_decided_is_carried_out_by_the_next_life(void **state)
{
	struct stage *s = *state;
	for (enum ending ending = DECIDED; ending <= CARRIED; ending++) {
		cluster_clear(s->cluster);
		assert_int_equal(stage_open(s, NULL), 0);
		stage_put(s, "a", "0");
		stage_close(s);
		end_at(s->cluster, ending);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(stage_open(s, NULL), 0);
			assert_text(stage_findings(s), "");
			CLEANUP(freep) char *records = stage_records(s);
			assert_int_equal(count_of(records, "=1 "), MANY);
			stage_put(s, "b", "3");
			stage_close(s);
		}
	}
}

static void a_part_that_is_gone_is_said(void **state)
{
	struct stage *s = *state;
	end_at(s->cluster, DECIDED);
	CLEANUP(bytes_freep) bytes key = key_seq(KEY_PART, 1);
	CLEANUP(freep) char *name = mem_strndup((const char *)key.data, key.len);
	CLEANUP(error_freep) struct error *err = NULL;
	(void)cluster_put(s->cluster, name, NULL);
	assert_int_equal(stage_open(s, &err), ERR_INVALID);
	assert_non_null(strstr(err->message, "restore a snapshot"));
}

#define TEST(fn)       cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define TEST_SMALL(fn) cmocka_unit_test_setup_teardown(fn, setup_small, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_decision_of_any_size_is_durable),
		TEST(a_decision_of_many_bytes_is_durable),
		TEST_SMALL(an_etcd_without_options_gets_smaller_transactions),
		TEST(a_server_that_ends_meanwhile_loses_nothing),
		TEST(what_was_only_staged_did_not_happen),
		TEST(what_was_decided_is_carried_out_by_the_next_life),
		TEST(a_part_that_is_gone_is_said),
	};
	large = cluster_new(1);
	small = cluster_new_small(1);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	cluster_free(large);
	cluster_free(small);
	return failed;
}
