/* zhost/space/kind_ui.c: pages need no process for any action. */
#include "test.h"

#include "kind_stage.h"

static struct instance ui(void)
{
	struct instance i;
	instance_init(&i, "w", SAMOZA__V1__SPACE_TYPE__UI);
	return i;
}

static void pages_need_no_process_for_any_action(void **state)
{
	static const enum agent_action actions[] = {ACTION_DEPLOY, ACTION_START, ACTION_UPDATE,
						    ACTION_STOP, ACTION_UNDEPLOY};
	struct stage *s = *state;
	struct instance i = ui();
	for (size_t k = 0; k < ARRAY_SIZE(actions); k++) {
		order(s, &i, actions[k]);
		expect_done(s, "");
		bool is_started = actions[k] == ACTION_START || actions[k] == ACTION_UPDATE;
		if (actions[k] != ACTION_UNDEPLOY)
			assert_int_equal(resident_of(s, &i)->peer != NULL &&
						 resident_of(s, &i)->peer->is_open,
					 is_started);
	}
	assert_null(resident_of(s, &i));
	assert_int_equal(s->host.all.count, 0);
}

static void pages_that_do_not_arrive_fail_the_deploy(void **state)
{
	struct stage *s = *state;
	struct instance i = ui();
	i.asset.digest = digest_of("not in the cache");
	order(s, &i, ACTION_DEPLOY);
	assert_int_equal(s->done, 0);
	order_kill(s, &i, ACTION_DEPLOY);
	expect_done(s, "the artifact did not arrive in time");
}

static bool is_done(void *user)
{
	return ((struct stage *)user)->done > 0;
}

/* Pages that were loaded from it get the rest of their files. */
static void a_copy_that_has_handed_over_stays_for_half_of_its_grace(void **state)
{
	struct stage *s = *state;
	struct instance i = ui();
	order(s, &i, ACTION_DEPLOY);
	order(s, &i, ACTION_START);
	i.has_left = true;
	i.grace_ms = 300;
	int64_t begun_ms = loop_now(&s->loop).mono_ms;
	s->done = 0;
	order(s, &i, ACTION_STOP);
	assert_int_equal(s->done, 0);
	assert_true(resident_of(s, &i)->peer->is_open);
	loop_run_until(&s->loop, is_done, s);
	assert_in_range(loop_now(&s->loop).mono_ms - begun_ms, 150, 60000);
	expect_done(s, "");
	assert_null(resident_of(s, &i)->peer);
}

static void a_copy_that_has_handed_over_goes_at_once_when_it_must(void **state)
{
	struct stage *s = *state;
	struct instance i = ui();
	order(s, &i, ACTION_DEPLOY);
	order(s, &i, ACTION_START);
	i.has_left = true;
	i.grace_ms = 600000;
	order(s, &i, ACTION_STOP);
	assert_true(resident_of(s, &i)->peer->is_open);
	order_kill(s, &i, ACTION_STOP);
	expect_done(s, "");
	assert_null(resident_of(s, &i)->peer);
}

static void pages_are_served_again_after_a_restart(void **state)
{
	struct stage *s = *state;
	struct instance i = ui();
	struct exit_report report;
	assert_true(load(s, &i, &report));
	assert_true(resident_of(s, &i)->peer->is_open);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kinds_begin, kinds_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_need_no_process_for_any_action),
		TEST(pages_that_do_not_arrive_fail_the_deploy),
		TEST(a_copy_that_has_handed_over_stays_for_half_of_its_grace),
		TEST(a_copy_that_has_handed_over_goes_at_once_when_it_must),
		TEST(pages_are_served_again_after_a_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
