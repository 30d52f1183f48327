/*
 * The REST interface while the store of zrms fails: changes are refused, reads show what is durable.
 */
#include "api_stage.h"

#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/str.h"
#include "zrms/api_reads.h"
#include "zrms/store_watch.h"

static bool is_store_failing;
static bool store_fails(const struct store *store)
{
	(void)store;
	return is_store_failing;
}

static bool a_read_waits(struct stage *s)
{
	return s->zrms.reads != NULL;
}

static size_t times_in(const char *text, const char *part)
{
	size_t count = 0;
	for (; (text = strstr(text, part)) != NULL; text += strlen(part))
		count++;
	return count;
}

static bool is_parked(struct stage *s)
{
	return s->zrms.parked != NULL;
}

/* A cordon of n1, which is in none of the answers before it is durable. */
static const char *const reads[] = {"GET /v1/zhosts/n1",
				    "GET /v1/zhosts",
				    "GET /v1/cluster",
				    "GET /v1/topologies/shop",
				    "GET /v1/topologies/shop/explain",
				    "GET /v1/topologies/shop/revisions",
				    "GET /v1/topologies",
				    "GET /v1/topologies?named=shop",
				    "GET /v1/spaces?path=web",
				    "GET /v1/topologies/shop/spaces",
				    "GET /v1/topologies/shop/spaces/web",
				    "GET /v1/mesh/spaces",
				    "GET /v1/events?stream=0",
				    "GET /v1/events?stream=0&topology=shop"};

static const struct {
	const char *line, *fields, *body;
} changes[] = {
	{"POST /v1/zhosts/n1/uncordon", "", NULL},
	{"POST /v1/zhosts/n1/drain", "Content-Type: application/json\r\n", "{}"},
	{"POST /v1/zhosts/n1/drain?plan=1", "Content-Type: application/json\r\n", "{}"},
	{"POST /v1/topologies", "", NULL},
	{"POST /v1/topologies?dry_run=1", "", NULL},
	{"POST /v1/topologies?plan=1", "", NULL},
};

static bool is_commit_asked(struct stage *s)
{
	return sim_store_waiting(s->zrms.store) == 1;
}

static bool is_answered_or_asked(struct stage *s)
{
	return s->is_complete || sim_store_waiting(s->zrms.store) == 2;
}

static void assert_as_committed(struct stage *s)
{
	assert_int_equal(status(s), 200);
	assert_null(strstr(body(s), "\"cordoned\":true"));
	assert_null(strstr(body(s), "\"cause\":\"cordoned"));
	assert_non_null(strstr(s->received.data, "Cache-Control: no-store"));
	/* History is history. */
	assert_true((strstr(s->received.data, "Samoza-Notice: zrms cannot write its store") !=
		     NULL) == (strstr(body(s), "\"events\":") == NULL));
}

/* `ops` replaces those of the store, until it works again. */
static void begin_a_cordon(struct stage *s, struct store_ops *ops)
{
	*ops = *s->zrms.store->ops;
	ops->is_failing = store_fails;
	s->zrms.store->ops = ops;
	is_store_failing = false;
	s->holds = true;
	const struct control_input cordon = {.type = CONTROL_ZHOST,
					     .zhost = {.name = "n1", .action = ZHOST_CORDON}};
	commit_driver_input(s->zrms.commits, &cordon);
	run_until(s, is_commit_asked);
}

static void fail_store(struct stage *s)
{
	is_store_failing = true;
	(void)store_watch(&s->zrms);
}

static void mend_store(struct stage *s)
{
	is_store_failing = false;
	s->holds = false;
	(void)store_watch(&s->zrms);
	answer_all(s);
}

static void assert_cordoned(struct stage *s)
{
	assert_int_equal(get(s, "GET /v1/zhosts/n1"), 200);
	assert_non_null(strstr(body(s), "\"cordoned\":true"));
	assert_null(strstr(s->received.data, "Samoza-Notice"));
}

static void while_the_store_fails_reads_show_what_is_durable(void **state)
{
	struct stage *s = *state;
	const struct store_ops *before = s->zrms.store->ops;
	struct store_ops ops;
	stage_join(s, "n1");
	stage_submit(s, "long", "- {name: web, type: CALL, count: 900}\n");
	begin_a_cordon(s, &ops);
	fail_store(s);
	sim_store_answer_reads(s->zrms.store);
	for (size_t k = 0; k < ARRAY_SIZE(reads); k++) {
		ask(s, reads[k], "", NULL);
		run_until(s, is_answered_or_asked);
		sim_store_answer_reads(s->zrms.store);
		run_until(s, is_complete);
		assert_as_committed(s);
	}
	/* Of more than one slice. */
	assert_int_equal(get(s, "GET /v1/topologies/long/spaces"), 200);
	CLEANUP(freep) char *text = stage_unchunk(s);
	assert_int_equal(times_in(text, "\"topology_id\""), 900);
	/* What would be computed, too: it would be of what a crash can take back, or wait. */
	for (size_t k = 0; k < ARRAY_SIZE(changes); k++) {
		ask(s, changes[k].line, changes[k].fields, changes[k].body);
		run_until(s, is_complete);
		assert_int_equal(status(s), 500);
		assert_non_null(strstr(body(s), "nothing was changed"));
	}
	mend_store(s);
	assert_cordoned(s);
	s->zrms.store->ops = before;
}

/* They waited for a commit that is not done for a while. */
static void a_read_that_waits_when_the_store_fails_is_answered(void **state)
{
	struct stage *s = *state;
	const struct store_ops *before = s->zrms.store->ops;
	struct store_ops ops;
	stage_join(s, "n1");
	begin_a_cordon(s, &ops);
	for (size_t k = 0; k < 3; k++) { /* a view, a list, another view */
		ask(s, reads[k], "", NULL);
		run_until(s, a_read_waits);
		fail_store(s);
		assert_int_equal(sim_store_waiting(s->zrms.store), 2);
		assert_false(s->is_complete);
		sim_store_answer_reads(s->zrms.store);
		run_until(s, is_complete);
		assert_as_committed(s);
		/* It works again, but the commit is not answered yet. */
		is_store_failing = false;
		(void)store_watch(&s->zrms);
	}
	mend_store(s);
	assert_cordoned(s);
	s->zrms.store->ops = before;
}

static double thread_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* What was durable is freed elsewhere: of a large cluster that takes long. */
static void a_store_that_works_again_does_not_hold_up_the_loop(void **state)
{
	struct stage *s = *state;
	const struct store_ops *before = s->zrms.store->ops;
	struct store_ops ops;
	stage_join(s, "n1");
	for (unsigned n = 0; n < 20; n++) {
		CLEANUP(freep) char *name = str_printf("long-%u", n);
		stage_submit(s, name, "- {name: web, type: CALL, count: 1000}\n");
	}
	begin_a_cordon(s, &ops);
	fail_store(s);
	sim_store_answer_reads(s->zrms.store);
	assert_non_null(committed_control(s->zrms.committed));
	double from = thread_ms();
	committed_end(s->zrms.committed);
	double took = thread_ms() - from;
	print_message("20,000 instances: %.2f ms of the loop\n", took);
	assert_true(took < 2);
	mend_store(s);
	s->zrms.store->ops = before;
}

static void a_store_that_works_again_needs_no_second_look(void **state)
{
	struct stage *s = *state;
	const struct store_ops *before = s->zrms.store->ops;
	struct store_ops ops;
	stage_join(s, "n1");
	begin_a_cordon(s, &ops);
	fail_store(s);
	ask(s, "GET /v1/zhosts/n1", "", NULL);
	run_until(s, is_parked);
	mend_store(s); /* before its records were read */
	run_until(s, is_complete);
	assert_int_equal(status(s), 200);
	assert_non_null(strstr(body(s), "\"cordoned\":true"));
	s->zrms.store->ops = before;
}

static void a_store_that_cannot_be_read_either_refuses_reads(void **state)
{
	struct stage *s = *state;
	const struct store_ops *before = s->zrms.store->ops;
	struct store_ops ops;
	stage_join(s, "n1");
	begin_a_cordon(s, &ops);
	ops.read = NULL;
	ask(s, "GET /v1/zhosts", "", NULL);
	run_until(s, a_read_waits);
	fail_store(s);
	run_until(s, is_complete);
	assert_int_equal(status(s), 503);
	assert_non_null(strstr(body(s), "cannot write its store"));
	assert_int_equal(get(s, "GET /v1/topologies/shop"), 503);
	assert_int_equal(get(s, "GET /healthz"), 200);
	/* A log is no state of zrms: its zhost is asked, which has a link that is none here. */
	assert_int_equal(get(s, "GET /v1/topologies/shop/logs?path=web"), 503);
	assert_null(strstr(body(s), "cannot write its store"));
	mend_store(s);
	assert_cordoned(s);
	s->zrms.store->ops = before;
}

static const char *awaited_cause;
static bool has_said_again(struct stage *s)
{
	return strstr(s->received.data, "writes its store again") != NULL &&
	       strstr(s->received.data, awaited_cause) != NULL;
}

static bool has_said_failing(struct stage *s)
{
	return s->received.size > 0 &&
	       strstr(s->received.data, "cannot write its store") != NULL;
}

static bool is_history_read(struct stage *s)
{
	return sim_store_waiting(s->zrms.store) == 0;
}

static bool is_streaming(struct stage *s)
{
	return http_server_counters(s->zrms.http).streams == 1;
}

/* One that is there already (k 0) and one that begins then (k 1). */
static void a_stream_of_events_says_that_the_store_fails(void **state)
{
	struct stage *s = *state;
	static const char *const causes[] = {"\"cause\":\"cordoned", "\"cause\":\"uncordoned"};
	struct store_ops ops = *s->zrms.store->ops;
	const struct store_ops *before = s->zrms.store->ops;
	stage_join(s, "n1");
	ops.is_failing = store_fails;
	s->zrms.store->ops = &ops;
	for (size_t k = 0; k < 2; k++) {
		is_store_failing = k == 1;
		(void)store_watch(&s->zrms);
		ask(s, "GET /v1/events", "", NULL);
		run_until(s, k == 0 ? is_streaming : has_said_failing);
		run_until(s, is_history_read);
		s->holds = true;
		const struct control_input change = {
			.type = CONTROL_ZHOST,
			.zhost = {.name = "n1",
				  .action = k == 0 ? ZHOST_CORDON : ZHOST_UNCORDON}};
		commit_driver_input(s->zrms.commits, &change);
		is_store_failing = true;
		(void)store_watch(&s->zrms);
		run_until(s, has_said_failing);
		assert_int_equal(times_in(body(s), causes[k]), 0); /* not durable yet */
		is_store_failing = false;
		s->holds = false;
		answer_all(s);
		(void)store_watch(&s->zrms);
		(void)store_watch(&s->zrms);
		awaited_cause = causes[k];
		run_until(s, has_said_again);
		/* Of the zhost, and in the history of the topology there. */
		assert_int_equal(times_in(body(s), causes[k]), 2);
		assert_int_equal(times_in(body(s), "cannot write its store"), 1);
		assert_int_equal(times_in(body(s), "writes its store again"), 1);
	}
	s->zrms.store->ops = before;
}

/* An earlier run has stored it. */
int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(while_the_store_fails_reads_show_what_is_durable),
		TEST(a_read_that_waits_when_the_store_fails_is_answered),
		TEST(a_store_that_works_again_needs_no_second_look),
		TEST(a_store_that_works_again_does_not_hold_up_the_loop),
		TEST(a_store_that_cannot_be_read_either_refuses_reads),
		TEST(a_stream_of_events_says_that_the_store_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
