/* Several copies of one instance on one zhost. */
#include "fixture.h"

static void a_newer_copy_starts_when_the_process_of_the_older_has_ended(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	ask(f, "a@2 g2 started");
	expect(f, "do 3 deploy a@2\n"
		  "report a@2 g2 deploying\n");
	succeed(f, 3);
	expect(f, "report a@2 g2 deployed\n");
	ask(f, "a@2 g3 started"); /* answered when it starts */
	expect(f, "");
	ask(f, "a@1 g4 none");
	expect(f, "do 4 stop a@1 grace=10000\n"
		  "report a@1 g4 stopping\n");
	succeed(f, 4);
	expect(f, "do 5 undeploy a@1\n"
		  "do 6 start a@2\n"
		  "report a@1 g4 deployed\n"
		  "report a@1 g4 undeploying\n"
		  "report a@2 g3 starting\n");
	succeed_all(f, 5, 6);
	expect(f, "report a@1 g4 absent\n"
		  "report a@2 g3 started\n");
}

static void a_newer_copy_starts_when_the_older_one_crashes(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	ask(f, "a@2 g2 started");
	succeed(f, 3);
	ignore(f);
	exits(f, "a", 1, "killed by signal 9");
	expect(f,
	       "do 4 start a@2\n"
	       "report a@1 g1 deployed failures=1 retry=1000 \"process: killed by signal 9\"\n"
	       "report a@2 g2 starting\n");
	wait_ms(f, 5000);
	expect(f, ""); /* it does not start again while a newer one is wanted */
	ask(f, "a@2 g3 deployed");
	fails(f, 4, "exit status 1");
	expect(f, "do 5 start a@1\n"
		  "report a@2 g3 deployed failures=1 \"start: exit status 1\"\n"
		  "report a@1 g1 starting failures=1 restarts=1\n");
}

static void an_older_copy_does_not_start_while_a_newer_one_is_wanted(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@2 g2 started;a@1 g1 started");
	ignore(f);
	succeed(f, 2);
	expect(f, "report a@1 g1 deployed\n");
	succeed(f, 1);
	expect(f, "do 3 start a@2\n"
		  "report a@2 g2 deployed\n"
		  "report a@2 g2 starting\n");
}

static void copies_that_need_not_be_alone_run_together(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started together");
	ask(f, "a@2 g2 started together");
	succeed(f, 3);
	expect(f, "do 3 deploy a@2\n"
		  "report a@2 g2 deploying\n"
		  "do 4 start a@2\n"
		  "report a@2 g2 deployed\n"
		  "report a@2 g2 starting\n");
	succeed(f, 4);
	ignore(f);
	ask(f, "a@3 g3 started"); /* alone: it waits for both */
	succeed(f, 5);
	ignore(f);
	ask(f, "a@1 g4 none");
	succeed(f, 6);
	ignore(f);
	ask(f, "a@2 g5 none");
	succeed(f, 8);
	expect(f, "do 8 stop a@2 grace=10000\n"
		  "report a@2 g5 stopping\n"
		  "do 9 undeploy a@2\n"
		  "do 10 start a@3\n"
		  "report a@2 g5 deployed\n"
		  "report a@2 g5 undeploying\n"
		  "report a@3 g3 starting\n");
}

/* Start-first: recovery may place a third copy there meanwhile, which takes its turn. */
static void a_successor_runs_beside_its_incumbent_and_beside_no_other_copy(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	ask(f, "a@2 g2 started next-to=1");
	succeed(f, 3);
	succeed(f, 4);
	expect(f, "do 3 deploy a@2\n"
		  "report a@2 g2 deploying\n"
		  "do 4 start a@2\n"
		  "report a@2 g2 deployed\n"
		  "report a@2 g2 starting\n"
		  "report a@2 g2 started\n");
	ask(f, "a@3 g3 started next-to=2");
	succeed(f, 5);
	expect(f, "do 5 deploy a@3\n"
		  "report a@3 g3 deploying\n"
		  "report a@3 g3 deployed\n"); /* not beside the first one */
	ask(f, "a@1 g4 none");
	succeed(f, 6);
	expect(f, "do 6 stop a@1 grace=10000\n"
		  "report a@1 g4 stopping\n"
		  "do 7 undeploy a@1\n"
		  "do 8 start a@3\n"
		  "report a@1 g4 deployed\n"
		  "report a@1 g4 undeploying\n"
		  "report a@3 g3 starting\n");
}

/* Each placement has a parent and a child of its own. */
static void a_child_belongs_to_the_parent_of_its_placement(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started of=1 together;a/b@2 g1 started in=a of=1 together");
	succeed_all(f, 1, 4);
	ask(f, "a@3 g2 started of=3 together;a/b@4 g2 started in=a of=3 together");
	ignore(f);
	succeed(f, 6);
	expect(f, "report a/b@4 g2 deployed \"start: its ancestor does not run here\"\n");
	succeed(f, 5);
	succeed(f, 7);
	expect(f, "do 7 start a@3\n"
		  "report a@3 g2 deployed\n"
		  "report a@3 g2 starting\n"
		  "do 8 start a/b@4\n"
		  "report a@3 g2 started\n"
		  "report a/b@4 g2 starting\n");
	succeed(f, 8);
	ignore(f);
	ask_full(f, "a@3 g3 started of=3;a/b@4 g3 started in=a of=3");
	expect(f, "do 9 stop a/b@2 grace=10000\n"
		  "report a/b@2 g1 stopping\n"
		  "report a@3 g3 started\n"
		  "report a/b@4 g3 started\n");
	succeed(f, 9);
	expect(f, "do 10 undeploy a/b@2\n"
		  "do 11 stop a@1 grace=10000\n"
		  "report a/b@2 g1 deployed\n"
		  "report a/b@2 g1 undeploying\n"
		  "report a@1 g1 stopping\n");
}

static void a_restarted_agent_adopts_each_copy_by_its_own_process(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started grace=3600000");
	ask(f, "a@2 g2 started;b@3 g2 started together;b@4 g2 started together");
	succeed_all(f, 3, 7);
	ignore(f);
	restart(f, "a@1 b@4 ");
	up(f);
	expect(f, "hello n1 2\n"
		  "  holds a@1 g0 started\n"
		  "  holds b@4 g0 started\n"
		  "  holds b@3 g0 deployed failures=1 retry=1000 "
		  "\"process: ended while the zhost was away\"\n"
		  "  holds a@2 g0 deployed\n");
	accept(f);
	ignore(f);
	ask_full(f, "a@2 g1 started;b@3 g1 started together;b@4 g1 started together");
	expect(f, "do 1 stop a@1 grace=3600000\n"
		  "report a@1 g0 stopping\n"
		  "report b@3 g1 deployed failures=1 retry=1000 "
		  "\"process: ended while the zhost was away\"\n"
		  "report b@4 g1 started\n");
	restart(f, "a@1 b@4 "); /* once more, in the middle of the stop */
	expect(f, "do 1 stop a@1 grace=3600000\n");
	rejoin(f);
	ask_full(f, "a@2 g1 started");
	ignore(f);
	succeed(f, 1);
	expect(f, "do 4 undeploy a@1\n"
		  "do 5 start a@2\n"
		  "report a@1 g0 deployed\n"
		  "report a@1 g0 undeploying\n"
		  "report a@2 g1 starting\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOINED(a_newer_copy_starts_when_the_process_of_the_older_has_ended),
		JOINED(a_newer_copy_starts_when_the_older_one_crashes),
		JOINED(an_older_copy_does_not_start_while_a_newer_one_is_wanted),
		JOINED(copies_that_need_not_be_alone_run_together),
		JOINED(a_successor_runs_beside_its_incumbent_and_beside_no_other_copy),
		JOINED(a_child_belongs_to_the_parent_of_its_placement),
		JOINED(a_restarted_agent_adopts_each_copy_by_its_own_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
