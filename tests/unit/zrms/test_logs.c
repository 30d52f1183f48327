/* Questions for logs wait until the zhost is accepted on its link: what it is asked before that it does not hear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapter/sim/loop.h"
#include "adapter/sim/network.h"
#include "adapter/wire/wire_link.h"
#include "base/memory.h"
#include "zrms/logs.h"

enum { LINK_PORT = 1, WAIT_MS = 1000 };

struct stage {
	struct loop loop;
	struct sim_network *net;
	struct stream_transport *machine;
	struct stream_listener *listener;
	struct links *links;
	struct logs *logs;
	uint64_t link_id;
	/* the zhost */
	struct stream *stream;
	struct wire_link *wire;
	unsigned questions, acknowledged;
	/* who asks */
	unsigned answers;
	int code;
};

/* ---- the zhost ---- */

static int on_frame(void *user, struct wire_link *wire, const struct frame *frame,
		    struct error **err)
{
	struct stage *s = user;
	(void)wire;
	(void)err;
	s->acknowledged += frame->type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK;
	if (frame->type == SAMOZA__V1__FRAME_TYPE__FRAME_LOG_REQUEST) {
		assert_int_equal(s->acknowledged, 1); /* nothing precedes it */
		s->questions++;
	}
	return 0;
}

static void on_closed(void *user, struct wire_link *wire, const struct error *why)
{
	struct stage *s = user;
	(void)wire;
	(void)why;
	s->wire = NULL;
}

static const struct wire_link_handler wire_handler = {.frame = on_frame, .closed = on_closed};

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	struct stage *s = user;
	assert_null(why);
	s->stream = NULL;
	s->wire = wire_link_new(stream, 0, &wire_handler, s);
}

static const struct stream_handler connect_handler = {.connected = on_connected};

static void zhost_hello(struct stage *s)
{
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__Hello hello = SAMOZA__V1__HELLO__INIT;
	spec.name = (char *)"alpha";
	hello.protocol = 3;
	hello.spec = &spec;
	hello.identity = (char *)"identity";
	hello.incarnation = 1;
	assert_int_equal(
		wire_link_send(s->wire, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO, &hello.base, NULL),
		0);
	sim_loop_run(&s->loop, 0);
	assert_true(links_is_beginning(s->links, s->link_id));
}

static void zrms_accepts(struct stage *s)
{
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.verdict = SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED;
	links_send(s->links,
		   &(struct link_message){.link_id = s->link_id,
					  .type = SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK,
					  .message = &ack.base});
	sim_loop_run(&s->loop, 0);
	assert_false(links_is_beginning(s->links, s->link_id));
}

/* ---- zrms ---- */

static void on_input(void *user, const struct control_input *input)
{
	struct stage *s = user;
	if (input->type == CONTROL_HELLO)
		s->link_id = input->hello.link_id;
}

static void on_accepted(void *user, uint64_t link_id, const char *zhost)
{
	struct stage *s = user;
	logs_link_accepted(s->logs, link_id, zhost);
}

static void on_link_closed(void *user, uint64_t link_id, bool had_hello)
{
	struct stage *s = user;
	(void)had_hello;
	logs_link_gone(s->logs, link_id);
}

static const struct links_listener links_listener = {
	.input = on_input, .accepted = on_accepted, .closed = on_link_closed};

static void on_link(void *user, struct stream *stream)
{
	links_add(((struct stage *)user)->links, NULL, stream);
}

static const struct stream_listen_handler link_handler = {.accepted = on_link};

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	const struct stream_listen_options at = {.at = {"zrms", LINK_PORT}};
	sim_loop_init(&s->loop);
	s->net = sim_network_new(&s->loop, 3);
	s->machine = sim_network_machine(s->net, "zrms");
	s->links = links_new(&s->loop, 1000, &links_listener, s);
	s->logs = logs_new(&s->loop, s->links, NULL);
	assert_int_equal(stream_listen(s->machine, &at, &link_handler, s, &s->listener, NULL),
			 0);
	s->stream = stream_connect(
		s->machine, &(struct stream_connect_options){.to = at.at, .timeout_ms = 1000},
		&connect_handler, s);
	sim_loop_run(&s->loop, 100);
	zhost_hello(s);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	if (s->wire != NULL)
		wire_link_close(s->wire, NULL);
	logs_end_all(s->logs);
	sim_loop_run(&s->loop, 60000);
	logs_free(s->logs);
	links_free(s->links);
	stream_listener_close(s->listener);
	stream_transport_free(s->machine);
	sim_network_free(s->net);
	sim_loop_done(&s->loop);
	free(s);
	return 0;
}

/* ---- tests ---- */

static void on_done(void *user, int code, const char *message, char **lines, size_t count)
{
	struct stage *s = user;
	(void)message;
	(void)lines;
	(void)count;
	s->answers++;
	s->code = code;
}

static const struct logs_of of_alpha = {.topology = "t", .path = "p", .zhost = "alpha"};

static void a_question_before_the_zhost_is_accepted_is_asked_once_it_is(void **state)
{
	struct stage *s = *state;
	struct logs_of of = of_alpha;
	of.link_id = s->link_id;
	logs_ask(s->logs, &of, 10, WAIT_MS, on_done, s);
	sim_loop_run(&s->loop, 10);
	assert_int_equal(s->questions, 0);
	zrms_accepts(s);
	sim_loop_run(&s->loop, 10);
	assert_int_equal(s->questions, 1);
	assert_int_equal(s->answers, 0);
}

static void a_zhost_that_is_never_accepted_costs_the_question_its_time(void **state)
{
	struct stage *s = *state;
	struct logs_of of = of_alpha;
	of.link_id = s->link_id;
	logs_ask(s->logs, &of, 10, WAIT_MS, on_done, s);
	sim_loop_run(&s->loop, WAIT_MS + 10);
	assert_int_equal(s->answers, 1);
	assert_int_equal(s->code, ERR_TIMEOUT);
}

static void on_lines(void *user, char **lines, size_t count)
{
	(void)user;
	(void)lines;
	(void)count;
}

static void on_caught_up(void *user)
{
	(void)user;
}

static void on_ended(void *user, int code)
{
	struct stage *s = user;
	s->answers++;
	s->code = code;
}

static void of_several_logs_one_whose_zhost_is_not_accepted_counts_as_apart(void **state)
{
	static const struct logs_listener listener = {
		.lines = on_lines, .caught_up = on_caught_up, .ended = on_ended};
	static const struct logs_wanted wanted = {.lines = 10, .follow = true};
	struct stage *s = *state;
	assert_null(logs_open(s->logs, s->link_id, "t", "p", &wanted, &listener, s));
	zrms_accepts(s);
	struct log_query *q = logs_open(s->logs, s->link_id, "t", "p", &wanted, &listener, s);
	assert_non_null(q);
	sim_loop_run(&s->loop, 10);
	assert_int_equal(s->questions, 1);
	logs_close(q);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_question_before_the_zhost_is_accepted_is_asked_once_it_is),
		TEST(a_zhost_that_is_never_accepted_costs_the_question_its_time),
		TEST(of_several_logs_one_whose_zhost_is_not_accepted_counts_as_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
