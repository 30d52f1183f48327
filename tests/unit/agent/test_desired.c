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

static void a_full_set_removes_copies_of_any_epoch(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 deployed;a@2 g2 deployed;a@3 g3 deployed");
	succeed_all(f, 1, 3);
	ignore(f);
	ask_full(f, "a@2 g2 deployed");
	expect(f, "do 4 undeploy a@1\n"
		  "do 5 undeploy a@3\n"
		  "report a@1 g1 undeploying\n"
		  "report a@3 g3 undeploying\n");
}

static void a_spec_of_a_higher_revision_is_adopted(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started revision=2 grace=3000");
	ask(f, "a@1 g2 started revision=1 grace=1000");
	ask(f, "a@1 g3 started revision=3 grace=5000");
	ignore(f);
	ask(f, "a@1 g4 deployed nospec");
	expect(f, "do 3 stop a@1 grace=5000\n"
		  "report a@1 g4 stopping\n");
}

static void a_change_of_the_right_to_write_is_passed_on(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 deployed readonly");
	expect(f, "do 1 deploy a@1 readonly\n"
		  "report a@1 g1 deploying\n");
	ask(f, "a@1 g2 deployed");
	expect(f, "rights a@1 writes serves\n");
	succeed(f, 1);
	ignore(f);
	ask(f, "a@1 g3 started readonly");
	expect(f, "rights a@1 serves\n"
		  "do 2 start a@1 readonly\n"
		  "report a@1 g3 starting\n");
}

static void that_another_copy_serves_is_passed_on_and_kept(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started beside");
	expect(f, "do 1 deploy a@1 beside\n"
		  "report a@1 g1 deploying\n");
	succeed(f, 1);
	expect(f, "do 2 start a@1 beside\n"
		  "report a@1 g1 deployed\n"
		  "report a@1 g1 starting\n");
	succeed(f, 2);
	ignore(f);
	f->records_shown = true;
	ask(f, "a@1 g2 started");
	expect(f, "record T/a#1 started\n"
		  "rights a@1 writes serves\n"
		  "report a@1 g2 started\n");
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
		JOINED(a_full_set_removes_copies_of_any_epoch),
		JOINED(a_spec_of_a_higher_revision_is_adopted),
		JOINED(a_change_of_the_right_to_write_is_passed_on),
		JOINED(that_another_copy_serves_is_passed_on_and_kept),
		JOINED(a_copy_that_a_full_set_does_not_list_is_stopped),
		JOINED(a_copy_without_a_spec_is_not_deployed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
