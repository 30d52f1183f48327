/* What of the agent's messages waits for the disk, which answers when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapter/sim/sim_kv.h"
#include "base/memory.h"
#include "core/agent/agent_loop.h"

enum { HEARTBEAT_MS = 10000 };

struct stage {
	struct sim_disk disk;
	struct kv *kv;
	struct agent *agent;
	struct agent_loop *loop;
	struct instant now;
	unsigned hellos, heartbeats;
	bool ends_at_a_heartbeat;
};

static void on_order(void *user, const struct agent_order *order)
{
	(void)user;
	(void)order;
}

static void input(struct stage *s, const struct agent_input *in)
{
	agent_loop_input(s->loop, s->now, in);
	(void)agent_loop_turn(s->loop);
}

static void on_message(void *user, Samoza__V1__FrameType type, const ProtobufCMessage *message)
{
	struct stage *s = user;
	(void)message;
	s->hellos += type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO;
	s->heartbeats += type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT;
	/* As where a link breaks when something is sent on it. */
	if (s->ends_at_a_heartbeat && type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT)
		input(s, &(struct agent_input){.type = AGENT_LINK_DOWN});
}

static void on_stopped(void *user, enum commit_outcome outcome, const struct error *why)
{
	(void)user;
	(void)outcome;
	fail_msg("the loop stopped: %s", why != NULL ? why->message : "no reason");
}

static const struct agent_loop_listener listener = {on_order, on_message, on_stopped, NULL};

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	spec.name = (char *)"n1";
	spec.cpu = (char *)"4";
	spec.memory = (char *)"8GiB";
	s->now = (struct instant){.mono_ms = 1000, .wall_ms = 1000000};
	s->kv = sim_kv_new(&s->disk, NULL);
	s->agent = agent_new(&(struct agent_config){.identity = "identity of n1",
						    .incarnation = 1,
						    .boot = "first",
						    .spec = &spec,
						    .heartbeat_ms = HEARTBEAT_MS,
						    .failure_timeout_ms = 3 * HEARTBEAT_MS});
	s->loop = agent_loop_new(s->agent, s->kv, &listener, s);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	agent_loop_stop(s->loop);
	sim_kv_crash(s->kv, 0); /* frees it */
	agent_loop_free(s->loop);
	agent_free(s->agent);
	sim_disk_done(&s->disk);
	free(s);
	return 0;
}

static void disk_answers(struct stage *s)
{
	while (sim_kv_waiting(s->kv) > 0)
		sim_kv_answer(s->kv, COMMIT_DURABLE, true);
}

/* By a zrms of that term, which goes into the record of the link. */
static void accept(struct stage *s, uint64_t term)
{
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.verdict = SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED;
	ack.has_term = true;
	ack.term = term;
	input(s, &(struct agent_input){.type = AGENT_LINK_UP});
	input(s, &(struct agent_input){.type = AGENT_HELLO_ACK, .hello_ack = &ack});
}

/* An instance that is to run: a record of it, which has to be on the disk before anything is done. */
static void want(struct stage *s)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	Samoza__V1__DesiredInstance instance = SAMOZA__V1__DESIRED_INSTANCE__INIT;
	Samoza__V1__DesiredInstance *instances[] = {&instance};
	Samoza__V1__Desired desired = SAMOZA__V1__DESIRED__INIT;
	key.topology = (char *)"id-1";
	key.path = (char *)"web";
	key.epoch = 7;
	spec.topology_name = (char *)"shop";
	spec.space = (char *)"web";
	spec.type = SAMOZA__V1__SPACE_TYPE__CALL;
	instance.key = &key;
	instance.spec = &spec;
	instance.generation = 1;
	instance.target = SAMOZA__V1__TARGET__TARGET_STARTED;
	desired.full = true;
	desired.n_instances = 1;
	desired.instances = instances;
	input(s, &(struct agent_input){.type = AGENT_DESIRED, .desired = &desired});
}

static void heartbeat_is_due(struct stage *s)
{
	s->now.mono_ms += HEARTBEAT_MS;
	s->now.wall_ms += HEARTBEAT_MS;
	input(s, &(struct agent_input){.type = AGENT_TICK});
}

static void heartbeats_do_not_wait_for_the_disk(void **state)
{
	struct stage *s = *state;
	accept(s, 1);
	disk_answers(s);
	assert_int_equal(s->heartbeats, 1);
	want(s);
	assert_true(sim_kv_waiting(s->kv) > 0);
	heartbeat_is_due(s);
	heartbeat_is_due(s);
	assert_int_equal(s->heartbeats, 3);
	assert_true(sim_kv_waiting(s->kv) > 0);
}

static void where_the_disk_does_not_answer_for_a_failure_timeout_they_wait(void **state)
{
	struct stage *s = *state;
	accept(s, 1);
	disk_answers(s);
	want(s);
	for (unsigned k = 0; k < 5; k++)
		heartbeat_is_due(s);
	assert_int_equal(s->heartbeats, 3);
	disk_answers(s);
	assert_int_equal(s->heartbeats, 6);
	heartbeat_is_due(s);
	assert_int_equal(s->heartbeats, 7);
}

static void the_first_one_of_a_link_waits_until_its_record_is_durable(void **state)
{
	struct stage *s = *state;
	accept(s, 1);
	disk_answers(s);
	input(s, &(struct agent_input){.type = AGENT_LINK_DOWN});
	accept(s, 2);
	assert_int_equal(s->hellos, 2);
	heartbeat_is_due(s);
	heartbeat_is_due(s);
	assert_int_equal(s->heartbeats, 1);
	disk_answers(s);
	assert_true(s->heartbeats > 1);
}

static void a_link_that_breaks_when_one_is_sent_gets_no_more(void **state)
{
	struct stage *s = *state;
	accept(s, 1);
	disk_answers(s);
	s->ends_at_a_heartbeat = true;
	heartbeat_is_due(s);
	assert_int_equal(s->heartbeats, 2);
	heartbeat_is_due(s);
	disk_answers(s);
	assert_int_equal(s->heartbeats, 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(heartbeats_do_not_wait_for_the_disk),
		TEST(where_the_disk_does_not_answer_for_a_failure_timeout_they_wait),
		TEST(the_first_one_of_a_link_waits_until_its_record_is_durable),
		TEST(a_link_that_breaks_when_one_is_sent_gets_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
