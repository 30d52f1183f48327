/* The sets of zrms: what changes, what an epoch and a generation mean. */
#include "fixture.h"

static void a_generation_that_changes_nothing_is_answered(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	ask(f, "a@1 g2 started");
	expect(f, "report a@1 g2 started\n");
	ask(f, "a@1 g2 started");
	expect(f, "");
	ask(f, "gone@7 g9 none");
	expect(f, "report gone@7 g9 absent\n");
}

static void an_older_generation_changes_nothing(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g5 started");
	ask(f, "a@1 g4 none");
	expect(f, "");
}

static void a_newer_epoch_replaces_the_older(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	ask(f, "a@2 g4 started");
	expect(f, "do 3 stop a@1 grace=10000\n"
		  "report a@1 g1 stopping\n");
	succeed(f, 3);
	ignore(f);
	ask(f, "a@1 g9 started"); /* an older epoch is ignored */
	expect(f, "");
	succeed(f, 4);
	expect(f, "do 5 deploy a@2\n"
		  "report a@1 g1 absent\n"
		  "report a@2 g4 deploying\n");
	ask(f, "a@1 g9 none");
	expect(f, "");
}

static void a_copy_that_a_full_set_does_not_list_is_stopped(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	ask(f, "b@2 g2 deployed");
	succeed(f, 3);
	ignore(f);
	ask_full(f, "b@2 g2 deployed");
	expect(f, "do 4 stop a@1 grace=10000\n"
		  "report a@1 g1 stopping\n");
}

static void a_copy_without_a_spec_is_not_deployed(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started nospec");
	expect(f, "report a@1 g1 absent "
		  "\"deploy: zrms sent no description of the instance\"\n");
	run(f, "a@1 g2 started");
	ask(f, "a@1 g3 deployed nospec"); /* it is known */
	expect(f, "do 3 stop a@1 grace=10000\n"
		  "report a@1 g3 stopping\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOINED(a_generation_that_changes_nothing_is_answered),
		JOINED(an_older_generation_changes_nothing),
		JOINED(a_newer_epoch_replaces_the_older),
		JOINED(a_copy_that_a_full_set_does_not_list_is_stopped),
		JOINED(a_copy_without_a_spec_is_not_deployed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
