/* zhost/reconcile/reconcile.h: records are durable before actions begin and reports leave. */
#include "reconcile_stage.h"

#include "adapter/sim/loop.h"
#include "base/str.h"

/* ---- order: durable first ---- */

static void a_link_is_answered_with_a_hello(void **state)
{
	struct stage *s = *state;
	Samoza__V1__InstanceReport **reports;
	reconcile_link_up(s->reconcile, NULL);
	run_turn(s);
	assert_int_equal(s->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO);
	assert_int_equal(last_reports(s, &reports), 0);
}

static void an_action_begins_when_its_record_is_durable(void **state)
{
	struct stage *s = *state;
	join_cluster(s);
	desire(s, "a", STARTED);
	assert_int_equal(sim_kv_waiting(s->kv), 1);
	assert_string_equal(further.asked, "");
	answer(s);
	assert_string_equal(further.asked, "deploy");
}

static void a_result_is_reported_when_it_is_durable(void **state)
{
	struct stage *s = *state;
	join_cluster(s);
	desire(s, "a", DEPLOYED);
	answer_all(s);
	unsigned sent = s->upstream.sent;
	resident_done(further.resident);
	run_turn(s);
	assert_int_equal(s->upstream.sent, sent);
	answer(s);
	assert_int_equal(s->upstream.sent, sent + 1);
	assert_int_equal(last_report(s)->phase, SAMOZA__V1__PHASE__PHASE_DEPLOYED);
}

static void the_ports_of_a_start_are_part_of_its_commit(void **state)
{
	struct stage *s = *state;
	start_one(s);
	assert_int_equal(last_report(s)->n_exports, 1);
	const char *drawn = last_report(s)->exports[0]->value;
	bool is_kept = false;
	vector_for_each (&s->disk.values, v)
		if (str_equal(v->owner, "@ports")) {
			CLEANUP(freep)
			char *text = mem_strndup(v->value, v->value_size);
			CLEANUP(freep) char *expected = str_printf("http=%s", drawn);
			assert_string_equal(text, expected);
			is_kept = true;
		}
	assert_true(is_kept);
}

static void batches_in_flight_are_carried_out_in_order(void **state)
{
	struct stage *s = *state;
	join_cluster(s);
	desire(s, "ab", DEPLOYED);
	answer_all(s);
	struct resident *second = further.resident;
	CLEANUP(freep) char *second_path = mem_strdup(second->key->path);
	Samoza__V1__InstanceKey first_key = *second->key;
	first_key.path = (char *)(second_path[0] == 'a' ? "b" : "a");
	struct resident *first = resident_find(s->residents, &first_key);
	resident_done(second);
	run_turn(s);
	resident_failed(first, "no such artifact");
	run_turn(s);
	assert_int_equal(sim_kv_waiting(s->kv), 2);
	answer(s);
	assert_string_equal(last_report(s)->key->path, second_path);
	assert_int_equal(last_report(s)->phase, SAMOZA__V1__PHASE__PHASE_DEPLOYED);
	answer(s);
	assert_string_equal(last_report(s)->key->path, first_key.path);
	assert_string_equal(last_report(s)->error, "deploy: no such artifact");
}

static void the_inputs_of_one_turn_are_one_commit(void **state)
{
	struct stage *s = *state;
	join_cluster(s);
	desire(s, "ab", DEPLOYED);
	assert_int_equal(sim_kv_waiting(s->kv), 1);
	uint64_t before = reconcile_commits(s->reconcile);
	answer(s);
	assert_int_equal(reconcile_commits(s->reconcile), before + 1);
}

/* ---- time ---- */

static void heartbeats_and_further_attempts_come_with_time(void **state)
{
	struct stage *s = *state;
	join_cluster(s);
	sim_loop_run(&s->loop, 10000);
	assert_int_equal(s->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT);
	desire(s, "a", DEPLOYED);
	answer_all(s);
	resident_failed(further.resident, "no such artifact");
	run_turn(s);
	answer_all(s);
	assert_true(last_report(s)->has_retry_ms);
	further.asked = "";
	sim_loop_run(&s->loop, (int64_t)last_report(s)->retry_ms);
	answer_all(s);
	assert_string_equal(further.asked, "deploy");
}

/* ---- what the residents report by themselves ---- */

static void a_health_check_that_fails_is_reported(void **state)
{
	struct stage *s = *state;
	start_one(s);
	resident_health(further.resident, false);
	run_turn(s);
	answer_all(s);
	assert_true(last_report(s)->has_healthy && !last_report(s)->healthy);
	resident_health(further.resident, true);
	run_turn(s);
	answer_all(s);
	assert_true(!last_report(s)->has_healthy || last_report(s)->healthy);
}

static void a_process_that_ends_is_reported(void **state)
{
	struct stage *s = *state;
	start_one(s);
	const struct exit_report report = {.error = (char *)"killed by signal 9"};
	resident_ended(further.resident, &report);
	run_turn(s);
	unsigned sent = s->upstream.sent;
	answer(s);
	assert_int_equal(s->upstream.sent, sent + 1);
	assert_string_equal(last_report(s)->error, "process: killed by signal 9");
}

static void a_program_that_finishes_during_its_start_is_reported_as_finished(void **state)
{
	struct stage *s = *state;
	join_cluster(s);
	desire(s, "a", STARTED);
	answer_all(s);
	resident_done(further.resident);
	run_turn(s);
	answer_all(s);
	assert_string_equal(further.asked, "start");
	const struct exit_report report = {
		.is_known = true, .is_finished = true, .error = (char *)""};
	resident_ended(further.resident, &report);
	run_turn(s);
	answer_all(s);
	assert_true(last_report(s)->finished);
	assert_null(last_report(s)->error);
}

/* ---- a kv that fails ---- */

static void a_failed_commit_ends_the_program_and_carries_nothing_out(void **state)
{
	struct stage *s = *state;
	join_cluster(s);
	desire(s, "a", STARTED);
	sim_kv_answer(s->kv, COMMIT_FAILED, false);
	run_turn(s);
	assert_int_equal(s->failed, 1);
	assert_string_equal(further.asked, "");
	unsigned sent = s->upstream.sent;
	desire(s, "b", STARTED);
	sim_loop_run(&s->loop, 60000);
	assert_int_equal(sim_kv_waiting(s->kv), 0);
	assert_int_equal(s->upstream.sent, sent);
	assert_int_equal(s->failed, 1);
}

static void nothing_is_begun_after_the_close(void **state)
{
	struct stage *s = *state;
	join_cluster(s);
	desire(s, "a", STARTED);
	reconcile_close(s->reconcile);
	unsigned sent = s->upstream.sent;
	answer(s);
	assert_string_equal(further.asked, "");
	desire(s, "ab", STARTED);
	sim_loop_run(&s->loop, 60000);
	assert_int_equal(sim_kv_waiting(s->kv), 0);
	assert_int_equal(s->upstream.sent, sent);
}

/* ---- the end ---- */

static void a_removed_zhost_stops_everything_and_then_ends(void **state)
{
	struct stage *s = *state;
	start_one(s);
	acknowledge(s, SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED);
	answer_all(s);
	assert_string_equal(further.asked, "stop");
	resident_done(further.resident);
	run_turn(s);
	answer_all(s);
	assert_string_equal(further.asked, "undeploy");
	assert_int_equal(s->removed, 0);
	resident_done(further.resident);
	run_turn(s);
	answer_all(s);
	assert_int_equal(s->removed, 1);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, reconcile_stage_begin, reconcile_stage_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_link_is_answered_with_a_hello),
		TEST(an_action_begins_when_its_record_is_durable),
		TEST(a_result_is_reported_when_it_is_durable),
		TEST(the_ports_of_a_start_are_part_of_its_commit),
		TEST(batches_in_flight_are_carried_out_in_order),
		TEST(the_inputs_of_one_turn_are_one_commit),
		TEST(heartbeats_and_further_attempts_come_with_time),
		TEST(a_health_check_that_fails_is_reported),
		TEST(a_process_that_ends_is_reported),
		TEST(a_program_that_finishes_during_its_start_is_reported_as_finished),
		TEST(a_failed_commit_ends_the_program_and_carries_nothing_out),
		TEST(nothing_is_begun_after_the_close),
		TEST(a_removed_zhost_stops_everything_and_then_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
