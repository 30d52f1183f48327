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
		TEST(pages_are_served_again_after_a_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
