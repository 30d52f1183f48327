/* HELLO, heartbeats, and the removal from the cluster. */
#include "fixture.h"

static void heartbeats_begin_when_zrms_accepts(void **state)
{
	struct fixture *f = *state;
	up(f);
	expect(f, "hello n1 1\n");
	wait_ms(f, 20000);
	expect(f, "");
	accept(f);
	expect(f, "heartbeat 1\n");
	ask_full(f, "");
	run(f, "a@1 g1 started");
	wait_ms(f, 20000);
	expect(f, "heartbeat 2\nheartbeat 3\n");
	down(f);
	wait_ms(f, 20000);
	expect(f, "");
	up(f);
	expect(f, "hello n1 1\n"
		  "  holds a@1 g1 started\n");
	hello_ack(f, SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED);
	wait_ms(f, 20000);
	expect(f, "");
}

static void hello_reports_changes_made_while_disconnected(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started attempts=1");
	down(f);
	exits(f, "a", 1, "killed by signal 11");
	wait_ms(f, 1000);
	fails(f, 3, "exit status 1");
	ignore(f);
	up(f);
	expect(f, "hello n1 1\n"
		  "  holds a@1 g1 deployed failures=2 restarts=1 exhausted "
		  "\"start: exit status 1\"\n");
}

static void what_another_one_has_taken_over_stops_and_stays_deployed(void **state)
{
	struct fixture *f = *state;
	ask_full(f, "a@1 g1 started");
	succeed(f, 1);
	succeed(f, 2);
	ask(f, "b@2 g2 started");
	succeed(f, 3);
	succeed(f, 4);
	down(f);
	up(f);
	ignore(f);
	f->records_shown = true;
	supersede(f, "a", 1);
	expect(f, "record T/a#1 started\n"
		  "do 5 stop a@1 grace=10000\n");
	succeed(f, 5);
	expect(f, "record T/a#1 deployed\n");
	/* It does not start again by itself, nor in the next life of the zhost. */
	wait_ms(f, 600000);
	restart(f, "b@2 ");
	wait_ms(f, 600000);
	ignore(f);
	f->records_shown = false;
	rejoin(f);
	ask_full(f, "a@1 g1 started; b@2 g2 started");
	expect(f, "do 1 start a@1\n"
		  "report a@1 g1 starting\n"
		  "report b@2 g2 started well\n");
}

static void a_removed_zhost_stops_everything_and_exits(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	hello_ack(f, SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED);
	expect(f, "do 3 stop a@1 grace=10000\n"
		  "report a@1 g1 stopping\n");
	ask(f, "b@2 g2 started");
	succeed(f, 3);
	ignore(f);
	succeed(f, 4);
	/* Until the end is durable nothing is due: a zhost that asks when would ask without a pause. */
	assert_int_equal(agent_next_ms(f->agent), NEVER_MS);
	expect(f, "end\n"
		  "report a@1 g1 absent\n");
	up(f);
	expect(f, "");
}

static void a_removed_zhost_that_dies_knows_it_until_all_is_stopped(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	hello_ack(f, SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED);
	ignore(f);
	restart(f, "a@1 ");
	assert_true(agent_is_removed(f->agent));
	expect(f, "do 1 stop a@1 grace=10000\n");
	up(f);
	expect(f, "");
	succeed(f, 1);
	ignore(f);
	/* And once more, where no process is left. */
	restart(f, "");
	expect(f, "do 1 undeploy a@1\n");
	up(f);
	expect(f, "");
	succeed(f, 1);
	expect(f, "end\n");
	/* In its next life it may join again. */
	restart(f, "");
	assert_false(agent_is_removed(f->agent));
	ignore(f);
	up(f);
	expect(f, "hello n1 2\n");
}

static void a_removed_zhost_says_hello_no_more(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started");
	assert_false(agent_is_removed(f->agent));
	hello_ack(f, SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED);
	assert_true(agent_is_removed(f->agent));
	ignore(f);
	/* zrms would take it back, and it ends all the same. */
	down(f);
	up(f);
	expect(f, "");
	succeed(f, 3);
	ignore(f);
	succeed(f, 4);
	expect(f, "end\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALONE(heartbeats_begin_when_zrms_accepts),
		JOINED(hello_reports_changes_made_while_disconnected),
		JOINED(what_another_one_has_taken_over_stops_and_stays_deployed),
		JOINED(a_removed_zhost_stops_everything_and_exits),
		JOINED(a_removed_zhost_says_hello_no_more),
		JOINED(a_removed_zhost_that_dies_knows_it_until_all_is_stopped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
