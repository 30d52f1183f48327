/* zhost/reconcile/reconcile.h: what a restarted zhost finds on disk and among the processes. */
#include "reconcile_stage.h"

#include "base/str.h"
#include "core/agent/agent_loop.h"

static void what_was_not_durable_is_unknown_after_a_restart(void **state)
{
	struct stage *s = *state;
	Samoza__V1__InstanceReport **reports;
	join_cluster(s);
	desire(s, "a", STARTED);
	crash(s, 0);
	open_zhost(s);
	reconcile_link_up(s->reconcile, NULL);
	run_turn(s);
	assert_int_equal(last_reports(s, &reports), 0);
}

static void a_deploy_that_was_durable_is_repeated_after_a_restart(void **state)
{
	struct stage *s = *state;
	join_cluster(s);
	desire(s, "a", STARTED);
	crash(s, 1);
	open_zhost(s);
	join_cluster(s);
	assert_string_equal(further.asked, ""); /* zrms may have moved it meanwhile */
	desire(s, "a", STARTED);
	answer_all(s);
	assert_string_equal(further.asked, "deploy");
}

static void a_running_instance_is_found_with_its_ports(void **state)
{
	struct stage *s = *state;
	start_one(s);
	CLEANUP(freep) char *port = mem_strdup(last_report(s)->exports[0]->value);
	crash(s, 0);
	further.is_running = true;
	open_zhost(s);
	reconcile_link_up(s->reconcile, NULL);
	run_turn(s);
	assert_int_equal(last_report(s)->phase, SAMOZA__V1__PHASE__PHASE_STARTED);
	assert_string_equal(last_report(s)->exports[0]->value, port);
	assert_string_equal(further.asked, "");
}

static void an_end_that_no_zhost_saw_is_reported_with_its_reason(void **state)
{
	struct stage *s = *state;
	start_one(s);
	crash(s, 0);
	further.report = (struct exit_report){.is_known = true, .error = (char *)"trap: oops"};
	open_zhost(s);
	reconcile_link_up(s->reconcile, NULL);
	run_turn(s);
	assert_int_equal(last_report(s)->phase, SAMOZA__V1__PHASE__PHASE_DEPLOYED);
	assert_string_equal(last_report(s)->error, "process: trap: oops");
	assert_int_equal(last_report(s)->failures, 1);
}

static void a_program_that_finished_unseen_has_not_failed(void **state)
{
	struct stage *s = *state;
	start_one(s);
	crash(s, 0);
	further.report = (struct exit_report){
		.is_known = true, .is_finished = true, .error = (char *)""};
	open_zhost(s);
	reconcile_link_up(s->reconcile, NULL);
	run_turn(s);
	assert_true(last_report(s)->finished);
	assert_int_equal(last_report(s)->failures, 0);
}

static void an_instance_that_was_ended_with_its_zhost_has_not_failed(void **state)
{
	struct stage *s = *state;
	start_one(s);
	crash(s, 0);
	further.report =
		(struct exit_report){.is_known = true, .is_asked = true, .error = (char *)""};
	open_zhost(s);
	reconcile_link_up(s->reconcile, NULL);
	run_turn(s);
	assert_int_equal(last_report(s)->failures, 0);
	assert_null(last_report(s)->error);
}

static void a_store_that_cannot_be_read_fails_the_start(void **state)
{
	struct stage *s = *state;
	CLEANUP(error_freep) struct error *err = NULL;
	crash(s, 0);
	s->load_fails = true;
	assert_int_equal(try_open(s, &err), ERR_IO);
	assert_string_equal(err->message, "the disk cannot be read");
}

static void a_record_that_cannot_be_read_fails_the_start(void **state)
{
	static const struct {
		const char *owner, *message;
	} cases[] = {
		{AGENT_RECORDS, "the record of instance t1/a#3 cannot be read"},
		{"@ports", NULL},
	};
	struct stage *s = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		struct data_answer none;
		crash(s, 0);
		sim_disk_done(&s->disk);
		s->disk = (struct sim_disk){0};
		const struct kv_change change = {.operation = KV_PUT,
						 .owner = (char *)(uintptr_t)cases[i].owner,
						 .key = (char *)"t1/a#3",
						 .key_size = 6,
						 .value = (char *)"?!",
						 .value_size = 2};
		sim_disk_apply(&s->disk, &change, &none);
		assert_int_equal(try_open(s, &err), ERR_INVALID);
		if (cases[i].message != NULL)
			assert_string_equal(err->message, cases[i].message);
	}
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, reconcile_stage_begin, reconcile_stage_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_store_that_cannot_be_read_fails_the_start),
		TEST(a_record_that_cannot_be_read_fails_the_start),
		TEST(what_was_not_durable_is_unknown_after_a_restart),
		TEST(a_deploy_that_was_durable_is_repeated_after_a_restart),
		TEST(a_running_instance_is_found_with_its_ports),
		TEST(an_end_that_no_zhost_saw_is_reported_with_its_reason),
		TEST(a_program_that_finished_unseen_has_not_failed),
		TEST(an_instance_that_was_ended_with_its_zhost_has_not_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
