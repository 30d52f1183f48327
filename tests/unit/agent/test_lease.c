/* Exclusive copies: what happens when zrms is silent [topology.exclusive.zhost]. */
#include "fixture.h"

static void children_of_an_exclusive_copy_stop_with_its_lease(void **state)
{
	struct fixture *f = *state;
	run_family(f, " exclusive");
	down(f);
	wait_ms(f, 19999);
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "do 7 stop a/b/c@3 grace=3333\n"); /* a third of the time is its level's */
	succeed(f, 7);
	expect(f, "do 8 stop a/b@2 grace=6666\n");
	wait_ms(f, 4000);
	succeed(f, 8);
	expect(f, "do 9 stop a@1 grace=6000\n");
	succeed(f, 9);
	rejoin(f);
	ask_full(f, "a/b/c@3 g1 started in=a/b;a/b@2 g1 started in=a;a@1 g1 started exclusive");
	expect(f, "");
	heartbeat_ack(f, 2);
	expect(f, "do 10 start a@1 until=54000\n"
		  "report a@1 g1 starting\n");
	succeed(f, 10);
	succeed(f, 11);
	expect(f, "renew a until=54000\n"
		  "do 11 start a/b@2 until=50666\n"
		  "report a@1 g1 started\n"
		  "report a/b@2 g1 starting\n"
		  "renew a/b until=50666\n"
		  "renew a until=54000\n"
		  "do 12 start a/b/c@3 until=47333\n"
		  "report a/b@2 g1 started\n"
		  "report a/b/c@3 g1 starting\n");
}

static void no_child_outlives_its_part_of_the_lease(void **state)
{
	struct fixture *f = *state;
	run_family(f, " exclusive");
	down(f);
	wait_ms(f, 20000);
	succeed(f, 7);
	wait_ms(f, 4000);
	expect(f, "do 7 stop a/b/c@3 grace=3333\n"
		  "do 8 stop a/b@2 grace=6666\n");
	wait_ms(f, 2665); /* it hangs; its parent was not asked yet */
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "kill 8 stop a/b@2\n");
	fails(f, 8, "killed");
	expect(f, "do 9 stop a@1 grace=3334\n");
}

static void a_child_that_starts_at_the_end_of_the_lease_is_killed(void **state)
{
	struct fixture *f = *state;
	ask(f, "a/b@2 g1 started in=a;a@1 g1 started exclusive");
	succeed_all(f, 1, 3);
	down(f);
	ignore(f);
	wait_ms(f, 30000);
	expect(f, "kill 4 start a/b@2\n"
		  "kill 0 stop a@1\n");
	fails(f, 4, "killed");
	expect(f, "do 5 stop a@1 grace=0\n");
	up(f);
	expect(f, "hello n1 1\n"
		  "  holds a/b@2 g1 deployed \"start: its ancestor does not run here\"\n"
		  "  holds a@1 g1 stopping\n"); /* not a failure */
}

static void a_renewed_lease_starts_what_has_stopped(void **state)
{
	struct fixture *f = *state;
	ask(f, "a/b@2 g1 started in=a;a/c@3 g1 started in=a;a@1 g1 started exclusive");
	succeed_all(f, 1, 6);
	ignore(f);
	wait_ms(f, 20000);
	succeed(f, 7);
	ignore(f);
	heartbeat_ack(f, 3);
	expect(f, "renew a until=50000\n"
		  "renew a/c until=45000\n"
		  "renew a until=50000\n"
		  "do 9 start a/b@2 until=45000\n"
		  "report a/b@2 g1 starting\n");
	succeed(f, 8);
	expect(f, "renew a until=50000\n"
		  "do 10 start a/c@3 until=45000\n"
		  "report a/c@3 g1 deployed\n"
		  "report a/c@3 g1 starting\n");
}

/* What runs has its lease by the timeout before: a start inside of it must not shorten that of its parent
 * alone, which would end before the other children. */
static void a_new_timeout_counts_from_the_next_acknowledged_heartbeat_on(void **state)
{
	struct fixture *f = *state;
	const char *set =
		"a/c@3 g2 started in=a;a/b@2 g1 started in=a;a@1 g1 started exclusive";
	ask(f, "a/c@3 g1 deployed in=a;a/b@2 g1 started in=a;a@1 g1 started exclusive");
	succeed_all(f, 1, 5);
	down(f);
	wait_ms(f, 15000);
	up(f);
	accept_within(f, 2000, 8000);
	ignore(f);
	ask_full(f, set);
	expect(f, "renew a until=30000\n"
		  "do 6 start a/c@3 until=25000\n"
		  "report a/c@3 g2 starting\n");
	heartbeat_ack(f, 2);
	expect(f, "renew a until=23000\n"
		  "renew a/c until=21000\n"
		  "renew a/b until=21000\n");
}

/* That it is deployed would be taken for a start that failed. */
static void a_start_that_waits_for_a_lease_is_answered_when_it_begins(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 deployed exclusive");
	succeed(f, 1);
	wait_ms(f, 25000);
	ignore(f);
	ask(f, "a@1 g2 started exclusive");
	expect(f, "");
	heartbeat_ack(f, 3);
	expect(f, "do 2 start a@1 until=50000\n"
		  "report a@1 g2 starting\n");
}

/* [topology.exclusive.zhost]: 20 s after the last acknowledged heartbeat it is asked to stop,
 * at 30 s it is killed. */
static void an_exclusive_copy_stops_when_zrms_is_silent(void **state)
{
	struct fixture *f = *state;
	ask(f, "a@1 g1 started exclusive grace=60000");
	succeed(f, 1);
	expect(f, "do 1 deploy a@1\n"
		  "report a@1 g1 deploying\n"
		  "do 2 start a@1 until=30000\n"
		  "report a@1 g1 deployed\n"
		  "report a@1 g1 starting\n");
	succeed(f, 2);
	ignore(f);
	wait_ms(f, 10000);
	expect(f, "heartbeat 2\n");
	wait_ms(f, 500);
	heartbeat_ack(f, 2); /* counts from when it was sent */
	expect(f, "renew a until=40000\n");
	down(f);
	wait_ms(f, 19499);
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "do 3 stop a@1 grace=10000\n");
	wait_ms(f, 9999);
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "kill 3 stop a@1\n");
	succeed(f, 3);
	assert_false(agent_is_busy(f->agent, NULL));
	up(f);
	accept(f);
	expect(f, "hello n1 1\n"
		  "  holds a@1 g1 deployed \"stop: killed after 10 s\"\n"
		  "heartbeat 3\n");
	ask_full(f, "a@1 g1 started exclusive grace=60000");
	expect(f, "");
	heartbeat_ack(f, 3);
	expect(f, "do 4 start a@1 until=70000\n"
		  "report a@1 g1 starting\n");
}

static void an_exclusive_copy_that_is_starting_is_killed_at_the_timeout(void **state)
{
	struct fixture *f = *state;
	wait_ms(f, 5000);
	down(f);
	rejoin(f);
	heartbeat_ack(f, 2);
	ask_full(f, "a@1 g1 started exclusive");
	succeed(f, 1);
	down(f);
	ignore(f);
	wait_ms(f, 29999);
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "kill 2 start a@1\n");
	fails(f, 2, "killed");
	up(f);
	expect(f, "hello n1 1\n"
		  "  holds a@1 g1 deployed\n"); /* not a failure */
}

static void an_adopted_exclusive_copy_has_a_lease_too(void **state)
{
	struct fixture *f = *state;
	run(f, "a@1 g1 started exclusive");
	wait_ms(f, 1000);
	restart(f, "a@1 ");
	wait_ms(f, 19999);
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "do 1 stop a@1 grace=10000\n");
}

/* Its parent, which is looked at first, is to go and waits for it. */
static void an_adopted_child_that_must_stop_has_a_lease_too(void **state)
{
	struct fixture *f = *state;
	ask(f, "a/b@2 g1 started in=a exclusive;a@1 g1 started");
	succeed_all(f, 1, 4);
	ask(f, "a@1 g2 none");
	ignore(f);
	restart(f, "a@1 a/b@2 ");
	expect(f, "do 1 stop a/b@2 grace=10000\n");
	wait_ms(f, 30000);
	expect(f, "kill 1 stop a/b@2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOINED(children_of_an_exclusive_copy_stop_with_its_lease),
		JOINED(no_child_outlives_its_part_of_the_lease),
		JOINED(a_child_that_starts_at_the_end_of_the_lease_is_killed),
		JOINED(a_renewed_lease_starts_what_has_stopped),
		JOINED(a_new_timeout_counts_from_the_next_acknowledged_heartbeat_on),
		JOINED(a_start_that_waits_for_a_lease_is_answered_when_it_begins),
		JOINED(an_exclusive_copy_stops_when_zrms_is_silent),
		JOINED(an_exclusive_copy_that_is_starting_is_killed_at_the_timeout),
		JOINED(an_adopted_exclusive_copy_has_a_lease_too),
		JOINED(an_adopted_child_that_must_stop_has_a_lease_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
