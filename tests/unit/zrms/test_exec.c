/* zrms/exec.h without processes: a zhost's link and a client's stream over simulated streams, and a core
 * that answers as the test wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "adapter/sim/loop.h"
#include "adapter/sim/network.h"
#include "adapter/wire/wire_link.h"
#include "base/memory.h"
#include "port/exec.h"
#include "schema/message.h"
#include "zrms/exec.h"

enum { LINK_PORT = 1, CLIENT_PORT = 2, DEADLINE_MS = 60000 };

/* A zhost's or a client's end. */
struct end {
	struct stream *stream; /* until it is connected */
	struct stream *raw;    /* below `wire`, for what is no whole frame */
	struct wire_link *wire;
	bool is_closed;
	bool is_slow; /* a client that has not read the end */
	unsigned frames;
	ProtobufCMessage *last;
};

struct stage {
	struct loop loop;
	struct sim_network *net;
	struct stream_transport *machine;
	struct stream_listener *links_listener, *clients_listener;
	struct links *links;
	struct execs *execs;
	struct end zhost, client;
	uint64_t link_id;
	/* of the core */
	bool is_held;	  /* the record of a command is not durable yet */
	bool is_end_held; /* the end of the zhost's link is not told yet */
	bool is_between;  /* the zhost has left its link, and has no other one */
	exec_recorded_fn *recorded;
	void *waiting;
	char program[300];
	unsigned records;
};

/* ---- ends ---- */

static int on_frame(void *user, struct wire_link *wire, const struct frame *frame,
		    struct error **err)
{
	struct end *e = user;
	e->frames++;
	if (e->last != NULL)
		protobuf_c_message_free_unpacked(e->last, NULL);
	int r = frame_decode(frame, &e->last, err);
	if (r == 0 && frame->type == SAMOZA__V1__FRAME_TYPE__FRAME_EXEC_REPLY && !e->is_slow &&
	    ((const Samoza__V1__ExecReply *)e->last)->end != NULL)
		wire_link_close(wire, NULL);
	return r;
}

static void on_closed(void *user, struct wire_link *wire, const struct error *why)
{
	struct end *e = user;
	(void)wire;
	(void)why;
	e->wire = NULL;
	e->is_closed = true;
}

static const struct wire_link_handler wire_handler = {.frame = on_frame, .closed = on_closed};

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	struct end *e = user;
	assert_null(why);
	e->stream = NULL;
	e->raw = stream;
	e->wire = wire_link_new(stream, 0, &wire_handler, e);
}

static const struct stream_handler connect_handler = {.connected = on_connected};

static const Samoza__V1__Exec *order(const struct stage *s)
{
	assert_ptr_equal(s->zhost.last->descriptor, &samoza__v1__exec__descriptor);
	return (const Samoza__V1__Exec *)s->zhost.last;
}

static const Samoza__V1__ExecReply *answer(const struct stage *s)
{
	assert_ptr_equal(s->client.last->descriptor, &samoza__v1__exec_reply__descriptor);
	return (const Samoza__V1__ExecReply *)s->client.last;
}

static void client_send(struct stage *s, const Samoza__V1__Exec *message)
{
	assert_int_equal(wire_link_send(s->client.wire, SAMOZA__V1__FRAME_TYPE__FRAME_EXEC,
					&message->base, NULL),
			 0);
	sim_loop_run(&s->loop, 100);
}

/* A part of what makes frames. */
static void client_write(struct stage *s, const char *data, size_t size)
{
	size_t n = 0;
	assert_int_equal(stream_write(s->client.raw, data, size, &n, NULL), 0);
	assert_int_equal(n, size);
	sim_loop_run(&s->loop, 100);
}

static void zhost_send(struct stage *s, const Samoza__V1__ExecReply *message)
{
	assert_int_equal(wire_link_send(s->zhost.wire, SAMOZA__V1__FRAME_TYPE__FRAME_EXEC_REPLY,
					&message->base, NULL),
			 0);
	sim_loop_run(&s->loop, 100);
}

static ProtobufCBinaryData bytes(size_t size)
{
	static uint8_t zeros[EXEC_FRAME_MAX + 1000];
	assert_true(size <= sizeof(zeros));
	return (ProtobufCBinaryData){.data = zeros, .len = size};
}

static void client_start(struct stage *s)
{
	Samoza__V1__Exec message = SAMOZA__V1__EXEC__INIT;
	Samoza__V1__ExecStart start = SAMOZA__V1__EXEC_START__INIT;
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	ProtobufCBinaryData words[] = {{2, (uint8_t *)"ls"}, {6, (uint8_t *)"secret"}};
	/* Another instance than that of its stream: zrms knows better. */
	key.topology = key.path = (char *)"other";
	start.key = &key;
	start.n_command = 2;
	start.command = words;
	message.session = 77;
	message.start = &start;
	client_send(s, &message);
}

static void client_input(struct stage *s, size_t size)
{
	Samoza__V1__Exec message = SAMOZA__V1__EXEC__INIT;
	message.has_input = true;
	message.input = bytes(size);
	client_send(s, &message);
}

static void zhost_output(struct stage *s, size_t size)
{
	Samoza__V1__ExecReply reply = SAMOZA__V1__EXEC_REPLY__INIT;
	reply.session = order(s)->session;
	reply.has_output = true;
	reply.output = bytes(size);
	zhost_send(s, &reply);
}

static void zhost_hello(struct stage *s, const bool *exec)
{
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__Hello hello = SAMOZA__V1__HELLO__INIT;
	spec.name = (char *)"alpha";
	hello.protocol = 3;
	hello.spec = &spec;
	hello.identity = (char *)"identity";
	hello.incarnation = 1;
	hello.has_exec = exec != NULL;
	hello.exec = exec != NULL && *exec;
	assert_int_equal(wire_link_send(s->zhost.wire, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO,
					&hello.base, NULL),
			 0);
	sim_loop_run(&s->loop, 0);
}

/* ---- zrms ---- */

static void on_input(void *user, const struct control_input *input)
{
	struct stage *s = user;
	if (input->type == CONTROL_HELLO)
		s->link_id = input->hello.link_id;
}

static void on_reply(void *user, uint64_t link_id, Samoza__V1__ExecReply *reply)
{
	struct stage *s = user;
	execs_reply(s->execs, link_id, reply);
}

static void on_link_closed(void *user, uint64_t link_id, bool had_hello)
{
	struct stage *s = user;
	(void)had_hello;
	if (!s->is_end_held)
		execs_link_gone(s->execs, link_id);
}

static void on_left(void *user, uint64_t link_id, const char *zhost,
		    const Samoza__V1__Leave *last)
{
	struct stage *s = user;
	assert_string_equal(zhost, "alpha");
	s->is_between = true;
	s->link_id = 0;
	if (last->has_exec_starts)
		execs_link_left(s->execs, link_id, last->exec_starts);
}

static void on_accepted(void *user, uint64_t link_id, const char *zhost)
{
	struct stage *s = user;
	(void)link_id;
	s->is_between = false;
	execs_link_accepted(s->execs, zhost);
}

static const struct links_listener links_listener = {.input = on_input,
						     .exec_reply = on_reply,
						     .left = on_left,
						     .accepted = on_accepted,
						     .closed = on_link_closed};

static int find(void *user, const char *topology, const char *path, struct control_exec *ret,
		struct error **err)
{
	const struct stage *s = user;
	if (strcmp(path, "p") != 0)
		return error_set(err, ERR_NOT_FOUND, "no %s", path);
	*ret = (struct control_exec){.topology = topology,
				     .path = path,
				     .epoch = 9,
				     .zhost = "alpha",
				     .link_id = s->link_id};
	return s->link_id != 0 ? 0 : error_set(err, ERR_UNAVAILABLE, "alpha cannot be reached");
}

static void record(void *user, const struct asker *who, const char *topology, const char *path,
		   const char *program, exec_recorded_fn *done, void *waiting)
{
	(void)who;
	struct stage *s = user;
	/* As the core refuses: with a reason. */
	const struct reply reply = {.code = s->link_id != 0 ? 0 : ERR_UNAVAILABLE,
				    .message = "alpha cannot be reached"};
	(void)topology;
	(void)path;
	s->records++;
	(void)snprintf(s->program, sizeof(s->program), "%s", program);
	s->recorded = done;
	s->waiting = waiting;
	if (!s->is_held)
		done(waiting, &reply);
}

static bool is_between_links(void *user, const char *zhost)
{
	const struct stage *s = user;
	assert_string_equal(zhost, "alpha");
	return s->is_between;
}

static const struct exec_control control = {
	.find = find, .record = record, .is_between_links = is_between_links};

static void on_link(void *user, struct stream *stream)
{
	links_add(((struct stage *)user)->links, NULL, stream);
}

static void on_client(void *user, struct stream *stream)
{
	execs_add(((struct stage *)user)->execs, NULL, "t", "p", stream);
}

static void zhost_accept(struct stage *s)
{
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.verdict = SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED;
	links_send(s->links,
		   &(struct link_message){.link_id = s->link_id,
					  .type = SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK,
					  .message = &ack.base});
	sim_loop_run(&s->loop, 0);
	s->zhost.frames = 0;
}

static const struct stream_listen_handler link_handler = {.accepted = on_link};
static const struct stream_listen_handler client_handler = {.accepted = on_client};

/* ---- stage ---- */

static void connect_end(struct stage *s, struct end *e, uint16_t port)
{
	const struct stream_connect_options to = {.to = {"zrms", port}, .timeout_ms = 1000};
	e->stream = stream_connect(s->machine, &to, &connect_handler, e);
	sim_loop_run(&s->loop, 0);
}

static int begin(void **state)
{
	static const bool yes = true;
	struct stage *s = mem_new(struct stage);
	const struct stream_listen_options links_at = {.at = {"zrms", LINK_PORT}};
	const struct stream_listen_options clients_at = {.at = {"zrms", CLIENT_PORT}};
	sim_loop_init(&s->loop);
	s->net = sim_network_new(&s->loop, 3);
	s->machine = sim_network_machine(s->net, "zrms");
	s->links = links_new(&s->loop, 1000, &links_listener, s);
	s->execs = execs_new(&s->loop, s->links, NULL, &control, s);
	assert_int_equal(stream_listen(s->machine, &links_at, &link_handler, s,
				       &s->links_listener, NULL),
			 0);
	assert_int_equal(stream_listen(s->machine, &clients_at, &client_handler, s,
				       &s->clients_listener, NULL),
			 0);
	connect_end(s, &s->zhost, LINK_PORT);
	zhost_hello(s, &yes);
	zhost_accept(s);
	connect_end(s, &s->client, CLIENT_PORT);
	*state = s;
	return 0;
}

static void end_done(struct end *e)
{
	if (e->wire != NULL)
		wire_link_close(e->wire, NULL);
	if (e->last != NULL)
		protobuf_c_message_free_unpacked(e->last, NULL);
	e->last = NULL;
}

static int end(void **state)
{
	struct stage *s = *state;
	end_done(&s->client);
	sim_loop_run(&s->loop, DEADLINE_MS);
	end_done(&s->zhost);
	sim_loop_run(&s->loop, DEADLINE_MS);
	end_done(&s->client);
	assert_true(execs_is_empty(s->execs));
	execs_free(s->execs);
	links_free(s->links);
	stream_listener_close(s->links_listener);
	stream_listener_close(s->clients_listener);
	stream_transport_free(s->machine);
	sim_network_free(s->net);
	sim_loop_done(&s->loop);
	free(s);
	return 0;
}

/* ---- tests ---- */

static void a_zhost_that_does_not_allow_commands_or_is_older_is_refused_with_words(void **state)
{
	static const bool no = false;
	struct stage *s = *state;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(execs_check(s->execs, "t", "p", &err), 0);
	assert_int_equal(execs_check(s->execs, "t", "q", &err), ERR_NOT_FOUND);
	for (int k = 0; k < 2; k++) {
		wire_link_close(s->zhost.wire, NULL);
		sim_loop_run(&s->loop, DEADLINE_MS);
		connect_end(s, &s->zhost, LINK_PORT);
		zhost_hello(s, k == 0 ? &no : NULL);
		zhost_accept(s);
		error_free(steal_ptr(&err));
		assert_int_equal(execs_check(s->execs, "t", "p", &err),
				 k == 0 ? ERR_DENIED : ERR_UNSUPPORTED);
		assert_non_null(strstr(err->message, k == 0 ? "start it with --allow-exec"
							    : "of an earlier version"));
	}
}

static void a_command_goes_to_its_zhost_after_its_event_is_durable(void **state)
{
	struct stage *s = *state;
	const struct reply durable = {0};
	s->is_held = true;
	client_start(s);
	client_input(s, 10);
	assert_int_equal(s->zhost.frames, 0);
	assert_string_equal(s->program, "ls");
	s->recorded(s->waiting, &durable);
	sim_loop_run(&s->loop, 100);
	/* The start, then what waited. */
	assert_int_equal(s->zhost.frames, 2);
	assert_int_equal(order(s)->input.len, 10);
	assert_int_equal(s->records, 1);
}

static void a_start_names_the_copy_that_zrms_knows_and_a_number_of_its_own(void **state)
{
	struct stage *s = *state;
	client_start(s);
	assert_string_equal(order(s)->start->key->topology, "t");
	assert_string_equal(order(s)->start->key->path, "p");
	assert_int_equal(order(s)->start->key->epoch, 9);
	assert_int_equal(order(s)->start->n_command, 2);
	assert_int_not_equal(order(s)->session, 77);
}

static void an_end_is_passed_on_and_closes_the_stream(void **state)
{
	struct stage *s = *state;
	Samoza__V1__ExecReply reply = SAMOZA__V1__EXEC_REPLY__INIT;
	Samoza__V1__ExecEnd done = SAMOZA__V1__EXEC_END__INIT;
	client_start(s);
	reply.session = order(s)->session;
	done.has_exit_status = true;
	done.exit_status = 7;
	reply.end = &done;
	zhost_send(s, &reply);
	assert_int_equal(answer(s)->end->exit_status, 7);
	assert_true(s->client.is_closed);
	/* The zhost has forgotten it already. */
	assert_int_equal(s->zhost.frames, 1);
	assert_true(execs_is_empty(s->execs));
}

/* It sends meanwhile, of what it had taken before: the one that closes first resets the connection. */
static void a_client_that_reads_slowly_closes_when_it_has_read_the_end(void **state)
{
	struct stage *s = *state;
	Samoza__V1__ExecReply reply = SAMOZA__V1__EXEC_REPLY__INIT;
	Samoza__V1__ExecEnd done = SAMOZA__V1__EXEC_END__INIT;
	s->client.is_slow = true;
	client_start(s);
	reply.session = order(s)->session;
	zhost_output(s, 10);
	reply.end = &done;
	zhost_send(s, &reply);
	client_input(s, EXEC_PART_MAX);
	sim_loop_run(&s->loop, 290000);
	assert_false(s->client.is_closed);
	assert_int_equal(s->zhost.frames, 1);
	wire_link_close(s->client.wire, NULL);
	sim_loop_run(&s->loop, 100);
	assert_true(execs_is_empty(s->execs));
}

/* As one does that waits for zrms to close. */
static void a_client_that_has_taken_all_has_five_seconds_to_close(void **state)
{
	struct stage *s = *state;
	Samoza__V1__ExecReply reply = SAMOZA__V1__EXEC_REPLY__INIT;
	Samoza__V1__ExecEnd done = SAMOZA__V1__EXEC_END__INIT;
	Samoza__V1__Exec taken = SAMOZA__V1__EXEC__INIT;
	s->client.is_slow = true;
	client_start(s);
	reply.session = order(s)->session;
	zhost_output(s, 10);
	reply.end = &done;
	zhost_send(s, &reply);
	taken.has_credit = true;
	taken.credit = 9;
	client_send(s, &taken);
	sim_loop_run(&s->loop, 60000);
	assert_false(s->client.is_closed);
	taken.credit = 1;
	client_send(s, &taken);
	taken.credit = 0;
	sim_loop_run(&s->loop, 3000);
	client_send(s, &taken); /* begins no time again */
	assert_false(s->client.is_closed);
	sim_loop_run(&s->loop, 2000);
	assert_true(s->client.is_closed);
	assert_true(execs_is_empty(s->execs));
}

/* Clients that have not read the end take no place of a command, and are as many as may be. */
static void ended_sessions_have_a_bound_of_their_own(void **state)
{
	enum { MANY = 257 };
	struct stage *s = *state;
	static struct end clients[MANY];
	Samoza__V1__ExecReply reply = SAMOZA__V1__EXEC_REPLY__INIT;
	Samoza__V1__ExecEnd done = SAMOZA__V1__EXEC_END__INIT;
	wire_link_close(s->client.wire, NULL);
	sim_loop_run(&s->loop, 100);
	for (size_t n = 0; n < MANY; n++) {
		clients[n] = (struct end){.is_slow = true};
		connect_end(s, &clients[n], CLIENT_PORT);
		s->client.wire = clients[n].wire;
		client_start(s);
		zhost_output(s, 10); /* never taken */
		reply.session = order(s)->session;
		reply.end = &done;
		assert_false(clients[0].is_closed);
		zhost_send(s, &reply);
		assert_int_equal(execs_check(s->execs, "t", "p", NULL), 0);
	}
	assert_true(clients[0].is_closed);
	assert_false(clients[1].is_closed);
	for (size_t n = 0; n < MANY; n++)
		end_done(&clients[n]);
	sim_loop_run(&s->loop, 100);
	s->client.wire = NULL;
}

static void a_client_that_does_not_close_holds_up_no_shutdown(void **state)
{
	struct stage *s = *state;
	Samoza__V1__ExecReply reply = SAMOZA__V1__EXEC_REPLY__INIT;
	Samoza__V1__ExecEnd done = SAMOZA__V1__EXEC_END__INIT;
	s->client.is_slow = true;
	client_start(s);
	reply.session = order(s)->session;
	reply.end = &done;
	zhost_send(s, &reply);
	unsigned frames = s->client.frames;
	execs_end_all(s->execs);
	sim_loop_run(&s->loop, 4000);
	assert_false(s->client.is_closed);
	assert_int_equal(s->client.frames, frames);
	sim_loop_run(&s->loop, 2000);
	assert_true(s->client.is_closed);
	assert_true(execs_is_empty(s->execs));
}

static void a_client_that_is_refused_has_five_seconds_to_read_why(void **state)
{
	struct stage *s = *state;
	s->client.is_slow = true;
	client_start(s);
	wire_link_close(s->zhost.wire, NULL);
	sim_loop_run(&s->loop, 100);
	assert_non_null(answer(s)->end->error);
	sim_loop_run(&s->loop, 4000);
	assert_false(s->client.is_closed);
	sim_loop_run(&s->loop, 2000);
	assert_true(s->client.is_closed);
}

static void a_client_that_sends_more_than_its_window_loses_its_command(void **state)
{
	struct stage *s = *state;
	client_start(s);
	client_input(s, EXEC_PART_MAX);
	client_input(s, EXEC_PART_MAX);
	assert_false(s->client.is_closed);
	client_input(s, 1);
	assert_true(s->client.is_closed);
	assert_true(order(s)->cancel);
}

/* Nothing is read there, and the output of its link takes no frame of input more. */
static void zhost_link_fill(struct stage *s)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
	Samoza__V1__Exec message = SAMOZA__V1__EXEC__INIT;
	struct frame frame;
	sim_network_window(s->net, 1000);
	wire_link_pause(s->zhost.wire, true);
	sim_loop_run(&s->loop, 0);
	message.has_input = true;
	for (size_t size = 500000; size > 100; size /= 2) {
		static uint8_t zeros[500000];
		message.input = (ProtobufCBinaryData){.data = zeros, .len = size};
		buffer_clear(&b);
		assert_int_equal(frame_encode(&b, SAMOZA__V1__FRAME_TYPE__FRAME_EXEC,
					      &message.base, NULL),
				 0);
		assert_int_equal(frame_next(b.data, b.size, &frame, NULL), 1);
		while (links_forward(s->links, s->link_id, &frame, SIZE_MAX, NULL) == 0)
			continue;
	}
}

static void input_that_a_full_link_does_not_take_ends_the_command(void **state)
{
	struct stage *s = *state;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(10000);
	Samoza__V1__Exec message = SAMOZA__V1__EXEC__INIT;
	s->client.is_slow = true;
	client_start(s);
	zhost_link_fill(s);
	sim_network_window(s->net, 100000);
	message.has_input = true;
	message.input = bytes(1000);
	for (int n = 0; n < 3; n++)
		assert_int_equal(frame_encode(&b, SAMOZA__V1__FRAME_TYPE__FRAME_EXEC,
					      &message.base, NULL),
				 0);
	/* In two readings: the first frame waits for its rest, with which the others come. */
	client_write(s, b.data, 7);
	client_write(s, b.data + 7, b.size - 10);
	assert_non_null(answer(s)->end->error);
	assert_false(s->client.is_closed);
	sim_loop_run(&s->loop, 5000);
	assert_true(s->client.is_closed);
	assert_true(execs_is_empty(s->execs));
}

static void what_the_zhost_has_taken_may_be_sent_again(void **state)
{
	struct stage *s = *state;
	Samoza__V1__ExecReply reply = SAMOZA__V1__EXEC_REPLY__INIT;
	client_start(s);
	reply.session = order(s)->session;
	reply.has_credit = true;
	reply.credit = EXEC_PART_MAX;
	for (unsigned n = 0; n < 10; n++) {
		client_input(s, EXEC_PART_MAX);
		zhost_send(s, &reply);
	}
	assert_false(s->client.is_closed);
	/* More than was sent cannot have been taken. */
	zhost_send(s, &reply);
	assert_true(s->client.is_closed);
}

static void a_zhost_that_sends_more_than_its_window_loses_the_session_only(void **state)
{
	struct stage *s = *state;
	Samoza__V1__Exec taken = SAMOZA__V1__EXEC__INIT;
	client_start(s);
	zhost_output(s, EXEC_PART_MAX);
	taken.has_credit = true;
	taken.credit = EXEC_PART_MAX;
	client_send(s, &taken);
	zhost_output(s, EXEC_PART_MAX);
	zhost_output(s, EXEC_PART_MAX);
	assert_false(s->client.is_closed);
	zhost_output(s, 1);
	assert_true(s->client.is_closed);
	assert_true(order(s)->cancel);
	assert_false(s->zhost.is_closed);
}

static void a_frame_that_is_too_large_is_not_kept(void **state)
{
	struct stage *s = *state;
	Samoza__V1__Exec message = SAMOZA__V1__EXEC__INIT;
	Samoza__V1__ExecStart start = SAMOZA__V1__EXEC_START__INIT;
	ProtobufCBinaryData word = bytes(EXEC_FRAME_MAX + 1);
	start.n_command = 1;
	start.command = &word;
	message.start = &start;
	client_send(s, &message);
	assert_true(s->client.is_closed);
	assert_int_equal(s->records, 0);
}

static void a_client_that_goes_cancels_its_command(void **state)
{
	struct stage *s = *state;
	client_start(s);
	wire_link_close(s->client.wire, NULL);
	sim_loop_run(&s->loop, 100);
	assert_true(order(s)->cancel);
	assert_true(execs_is_empty(s->execs));
}

static void a_client_that_goes_before_its_event_is_durable_runs_nothing(void **state)
{
	struct stage *s = *state;
	const struct reply durable = {0};
	s->is_held = true;
	client_start(s);
	wire_link_close(s->client.wire, NULL);
	sim_loop_run(&s->loop, DEADLINE_MS);
	/* Nothing is read from it while it waits: its end shows afterwards. */
	s->recorded(s->waiting, &durable);
	sim_loop_run(&s->loop, DEADLINE_MS);
	assert_true(s->zhost.frames == 0 || order(s)->cancel);
	assert_true(execs_is_empty(s->execs));
}

static void the_end_of_the_link_is_told_to_the_client(void **state)
{
	struct stage *s = *state;
	client_start(s);
	wire_link_close(s->zhost.wire, NULL);
	sim_loop_run(&s->loop, 100);
	assert_string_equal(answer(s)->end->error,
			    "the command was ended: the connection with zhost alpha was lost");
	assert_true(s->client.is_closed);
}

static void
what_comes_while_the_link_is_closing_does_not_cost_the_client_its_message(void **state)
{
	struct stage *s = *state;
	client_start(s);
	s->is_end_held = true;
	wire_link_close(s->zhost.wire, NULL);
	sim_loop_run(&s->loop, 100);
	client_input(s, 10);
	assert_false(s->client.is_closed);
	execs_link_gone(s->execs, s->link_id);
	sim_loop_run(&s->loop, 100);
	assert_string_equal(answer(s)->end->error,
			    "the command was ended: the connection with zhost alpha was lost");
	assert_true(s->client.is_closed);
}

static void a_stream_without_a_command_is_closed_after_ten_seconds(void **state)
{
	struct stage *s = *state;
	sim_loop_run(&s->loop, 9000);
	assert_false(s->client.is_closed);
	sim_loop_run(&s->loop, 2000);
	assert_true(s->client.is_closed);
	assert_int_equal(s->records, 0);
}

static void data_before_the_command_and_a_second_command_close_the_stream(void **state)
{
	struct stage *s = *state;
	client_input(s, 3);
	assert_true(s->client.is_closed);
	assert_int_equal(s->zhost.frames, 0);
	connect_end(s, &s->client, CLIENT_PORT);
	s->client.is_closed = false;
	client_start(s);
	assert_int_equal(s->zhost.frames, 1);
	client_start(s);
	assert_true(s->client.is_closed);
}

/* ---- a zhost that goes from one link to another ---- */

/* `taken`: commands that it has begun on this link; negative: it does not say. */
static void zhost_leave(struct stage *s, int taken)
{
	Samoza__V1__Leave last = SAMOZA__V1__LEAVE__INIT;
	last.has_exec_starts = taken >= 0;
	last.exec_starts = (uint64_t)taken;
	assert_int_equal(wire_link_send(s->zhost.wire, SAMOZA__V1__FRAME_TYPE__FRAME_LEAVE,
					&last.base, NULL),
			 0);
	sim_loop_run(&s->loop, 0);
	assert_true(s->zhost.is_closed);
	s->zhost.is_closed = false;
}

static void zhost_come_again(struct stage *s)
{
	static const bool yes = true;
	connect_end(s, &s->zhost, LINK_PORT);
	zhost_hello(s, &yes);
	s->zhost.frames = 0;
	if (s->zhost.last != NULL)
		protobuf_c_message_free_unpacked(steal_ptr(&s->zhost.last), NULL);
	zhost_accept(s);
	sim_loop_run(&s->loop, 100);
}

static void a_command_that_a_zhost_has_not_begun_is_asked_for_on_its_other_link(void **state)
{
	struct stage *s = *state;
	client_start(s);
	client_input(s, 10);
	assert_int_equal(s->zhost.frames, 2);
	zhost_leave(s, 0);
	assert_false(s->client.is_closed);
	zhost_come_again(s);
	assert_int_equal(s->records, 1);
	assert_int_equal(order(s)->input.len, 10);
	zhost_output(s, 5);
	assert_int_equal(answer(s)->output.len, 5);
	client_input(s, EXEC_WINDOW - 10);
	assert_false(s->client.is_closed);
}

static void a_command_that_a_zhost_has_begun_is_not_asked_for_again(void **state)
{
	static const int taken[] = {1, -1};
	struct stage *s = *state;
	for (size_t k = 0; k < ARRAY_SIZE(taken); k++) {
		client_start(s);
		zhost_leave(s, taken[k]);
		sim_loop_run(&s->loop, 100);
		assert_string_equal(
			answer(s)->end->error,
			"the command was ended: the connection with zhost alpha was lost");
		zhost_come_again(s);
		assert_int_equal(s->zhost.frames, 0);
		connect_end(s, &s->client, CLIENT_PORT);
		s->client.is_closed = false;
	}
}

static void an_answered_command_is_not_asked_for_again_whatever_the_zhost_says(void **state)
{
	struct stage *s = *state;
	client_start(s);
	zhost_output(s, 5);
	zhost_leave(s, 0);
	sim_loop_run(&s->loop, 100);
	assert_non_null(answer(s)->end);
	assert_true(s->client.is_closed);
}

static void a_command_that_comes_between_two_links_waits_for_the_other_one(void **state)
{
	struct stage *s = *state;
	zhost_leave(s, 0);
	assert_int_equal(execs_check(s->execs, "t", "p", NULL), 0);
	client_start(s);
	assert_false(s->client.is_closed);
	zhost_come_again(s);
	assert_int_equal(s->records, 1);
	assert_non_null(order(s)->start);
	zhost_output(s, 5);
	assert_int_equal(answer(s)->output.len, 5);
}

static void a_command_that_comes_before_the_zhost_is_accepted_waits_for_that(void **state)
{
	static const bool yes = true;
	struct stage *s = *state;
	zhost_leave(s, 0);
	connect_end(s, &s->zhost, LINK_PORT);
	zhost_hello(s, &yes);
	s->is_between = false;
	assert_int_equal(execs_check(s->execs, "t", "p", NULL), 0);
	client_start(s);
	assert_int_equal(s->zhost.frames, 0);
	assert_false(s->client.is_closed);
	zhost_accept(s);
	sim_loop_run(&s->loop, 100);
	assert_int_equal(s->records, 1);
	assert_non_null(order(s)->start);
}

static void
a_zhost_that_does_not_come_again_costs_the_command_and_the_client_is_told(void **state)
{
	struct stage *s = *state;
	client_start(s);
	zhost_leave(s, 0);
	sim_loop_run(&s->loop, 6000);
	assert_string_equal(answer(s)->end->error,
			    "the connection with zhost alpha was lost before the command "
			    "began: run it again");
	assert_true(s->client.is_closed);
	zhost_come_again(s);
	assert_int_equal(s->zhost.frames, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_zhost_that_does_not_allow_commands_or_is_older_is_refused_with_words),
		TEST(a_command_goes_to_its_zhost_after_its_event_is_durable),
		TEST(a_start_names_the_copy_that_zrms_knows_and_a_number_of_its_own),
		TEST(an_end_is_passed_on_and_closes_the_stream),
		TEST(a_client_that_reads_slowly_closes_when_it_has_read_the_end),
		TEST(a_client_that_has_taken_all_has_five_seconds_to_close),
		TEST(ended_sessions_have_a_bound_of_their_own),
		TEST(a_client_that_does_not_close_holds_up_no_shutdown),
		TEST(a_client_that_is_refused_has_five_seconds_to_read_why),
		TEST(a_client_that_sends_more_than_its_window_loses_its_command),
		TEST(input_that_a_full_link_does_not_take_ends_the_command),
		TEST(what_the_zhost_has_taken_may_be_sent_again),
		TEST(a_zhost_that_sends_more_than_its_window_loses_the_session_only),
		TEST(a_frame_that_is_too_large_is_not_kept),
		TEST(a_client_that_goes_cancels_its_command),
		TEST(a_client_that_goes_before_its_event_is_durable_runs_nothing),
		TEST(the_end_of_the_link_is_told_to_the_client),
		TEST(what_comes_while_the_link_is_closing_does_not_cost_the_client_its_message),
		TEST(a_stream_without_a_command_is_closed_after_ten_seconds),
		TEST(data_before_the_command_and_a_second_command_close_the_stream),
		TEST(a_command_that_comes_before_the_zhost_is_accepted_waits_for_that),
		TEST(a_command_that_a_zhost_has_not_begun_is_asked_for_on_its_other_link),
		TEST(a_command_that_a_zhost_has_begun_is_not_asked_for_again),
		TEST(an_answered_command_is_not_asked_for_again_whatever_the_zhost_says),
		TEST(a_command_that_comes_between_two_links_waits_for_the_other_one),
		TEST(a_zhost_that_does_not_come_again_costs_the_command_and_the_client_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
