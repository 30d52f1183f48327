/* A new agent on the records of the one before. */
#include "fixture.h"

static void a_restarted_agent_adopts_running_processes(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started i2");
	ask(f, "b@2 g2 started");
	succeed(f, 3);
	succeed_exporting(f, 4, "port", "81");
	ask(f, "c@3 g3 deployed");
	succeed(f, 5);
	ignore(f);
	restart(f, "b@2 ");
	expect(f, "");
	wait_ms(f, 5000); /* nothing starts before a full set */
	expect(f, "");
	up(f);
	expect(f, "hello n1 2\n"
		  "  holds a@1 g0 deployed failures=1 retry=0 "
		  "\"process: ended while the zhost was away\"\n"
		  "  holds b@2 g0 started port=81\n"
		  "  holds c@3 g0 deployed\n");
	accept(f);
	expect(f, "heartbeat 1\n");
	ask_full(f, "a@1 g4 started i2;b@2 g5 started;c@3 g6 deployed");
	expect(f, "do 1 start a@1 i2\n"
		  "report a@1 g4 starting failures=1 restarts=1\n"
		  "report b@2 g5 started port=81\n"
		  "report c@3 g6 deployed\n");
}

static void a_process_that_a_reboot_ended_has_not_failed(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started i2");
	reboot(f);
	expect(f, "");
	up(f);
	expect(f, "hello n1 2\n"
		  "  holds a@1 g0 deployed\n");
	accept(f);
	expect(f, "heartbeat 1\n");
	ask_full(f, "a@1 g2 started i2");
	expect(f, "do 1 start a@1 i2\n"
		  "report a@1 g2 starting\n");
}

static void a_start_with_an_unknown_result_is_stopped(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started");
	succeed(f, 1);
	ignore(f);
	restart(f, "a@1 ");
	expect(f, "do 1 stop a@1 grace=10000\n");
	succeed(f, 1);
	up(f);
	expect(f, "hello n1 2\n"
		  "  holds a@1 g0 deployed\n");
}

static void an_interrupted_deploy_is_repeated(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started");
	ignore(f);
	restart(f, "");
	rejoin(f);
	ask_full(f, "a@1 g2 started");
	expect(f, "do 1 deploy a@1\n"
		  "report a@1 g2 deploying\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOINED(a_restarted_agent_adopts_running_processes),
		JOINED(a_process_that_a_reboot_ended_has_not_failed),
		JOINED(a_start_with_an_unknown_result_is_stopped),
		JOINED(an_interrupted_deploy_is_repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
