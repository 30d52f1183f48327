/* Commands on the way to a zrun: frames with descriptors (zrun_socket.h), and what zrun says of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "zrun_stage.h"

#define WORDS "ls\0-l"

static void hello(struct stage *s, struct fake_zrun *z, uint16_t flags)
{
	const struct zrun_hello fixed = {.version = ZRUN_PROTOCOL_VERSION,
					 .epoch = s->identity.epoch,
					 .phase = ZRUN_PHASE_STARTED};
	uint8_t frame[512];
	size_t size = fake_hello(frame, sizeof(frame), &fixed, s->identity.topology,
				 s->identity.path);
	memcpy(frame + offsetof(struct zrun_frame, flags), &flags, sizeof(flags));
	assert_int_equal(send(z->fd, frame, size, MSG_NOSIGNAL), size);
	loop_run_ready(&s->loop);
}

/* A process that says in its HELLO what it can. */
static struct fake_zrun *begin(struct stage *s, uint16_t flags)
{
	struct fake_zrun *z = start_with_lease(s, 0, 0);
	fake_zrun_accept(z);
	hello(s, z, flags);
	s->log[0] = '\0';
	return z;
}

/* The reading end of a pipe whose writing end goes to the command three times. */
static int pipe_for(int fds[ZRUN_EXEC_FDS])
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	fds[0] = ends[1];
	for (unsigned f = 1; f < ZRUN_EXEC_FDS; f++)
		fds[f] = fcntl(ends[1], F_DUPFD_CLOEXEC, 0);
	return ends[0];
}

static int run(struct stage *s, uint32_t session, const int *fds)
{
	const struct zrun_command command = {.session = session,
					     .words = WORDS,
					     .words_size = sizeof(WORDS),
					     .words_count = 2,
					     .term = "vt100",
					     .is_terminal = true};
	return zrun_process_exec(s->process, &command, fds, NULL);
}

static bool is_at_end(int fd)
{
	char byte;
	return read(fd, &byte, 1) == 0;
}

/* What zhost has written, with the descriptors that came with it in order. */
static size_t receive_all(struct fake_zrun *z, uint8_t *to, size_t room, int *fds,
			  unsigned *ret_fds)
{
	size_t size = 0;
	*ret_fds = 0;
	for (;;) {
		union {
			struct cmsghdr header;
			char bytes[CMSG_SPACE(ZRUN_EXEC_FDS * sizeof(int))];
		} control;
		struct iovec vector = {to + size, room - size};
		struct msghdr message = {.msg_iov = &vector,
					 .msg_iovlen = 1,
					 .msg_control = control.bytes,
					 .msg_controllen = sizeof(control.bytes)};
		ssize_t n = recvmsg(z->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n <= 0)
			return size;
		size += (size_t)n;
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		if (c == NULL)
			continue;
		assert_int_equal(c->cmsg_len, CMSG_LEN(ZRUN_EXEC_FDS * sizeof(int)));
		memcpy(fds + *ret_fds, CMSG_DATA(c), ZRUN_EXEC_FDS * sizeof(int));
		*ret_fds += ZRUN_EXEC_FDS;
	}
}

static void a_process_of_an_earlier_version_is_not_asked(void **state)
{
	struct stage *s = *state;
	int fds[ZRUN_EXEC_FDS];
	int reader = pipe_for(fds);
	uint8_t body[256];
	size_t size;
	struct fake_zrun *z = begin(s, 0);
	assert_int_equal(run(s, 1, fds), ERR_UNSUPPORTED);
	assert_true(is_at_end(reader));
	zrun_process_exec_signal(s->process, 1, 2);
	assert_int_equal(receive(s, z, body, sizeof(body), &size), 0);
	close(reader);
}

static void descriptors_come_with_their_command_and_in_order(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = begin(s, ZRUN_FLAG_EXEC);
	static const uint16_t expected[] = {ZRUN_CANCEL, ZRUN_EXEC, ZRUN_CANCEL, ZRUN_EXEC,
					    ZRUN_EXEC_SIGNAL};
	int fds[ZRUN_EXEC_FDS], got[4 * ZRUN_EXEC_FDS], readers[2];
	unsigned count;
	uint8_t data[4096];
	size_t at = 0;
	for (unsigned k = 0; k < 2; k++) {
		readers[k] = pipe_for(fds);
		zrun_process_cancel(s->process);
		assert_int_equal(run(s, k + 1, fds), 0);
	}
	zrun_process_exec_signal(s->process, 2, 15);
	loop_run_ready(&s->loop);
	size_t size = receive_all(z, data, sizeof(data), got, &count);
	assert_int_equal(count, 2 * ZRUN_EXEC_FDS);
	for (unsigned k = 0; k < 5; k++) {
		struct zrun_frame frame = {0};
		struct zrun_exec exec;
		const uint8_t *body = NULL;
		const char *words, *term;
		size_t need;
		assert_int_equal(zrun_frame_parse(data + at, size - at, &frame, &body, &need),
				 1);
		assert_int_equal(frame.type, expected[k]);
		at += need;
		if (frame.type != ZRUN_EXEC)
			continue;
		assert_true(zrun_exec_parse(body, frame.size, &exec, &words, &term));
		assert_int_equal(exec.session, k / 2 + 1);
		assert_int_equal(exec.is_terminal, 1);
		assert_memory_equal(words, WORDS, sizeof(WORDS));
		assert_memory_equal(term, "vt100", 5);
	}
	assert_int_equal(at, size);
	/* Each is that of its command, and zhost has kept none. */
	for (unsigned k = 0; k < 2; k++) {
		char byte = 0;
		assert_int_equal(write(got[k * ZRUN_EXEC_FDS], k == 0 ? "a" : "b", 1), 1);
		assert_int_equal(read(readers[k], &byte, 1), 1);
		assert_int_equal(byte, k == 0 ? 'a' : 'b');
		for (unsigned f = 0; f < ZRUN_EXEC_FDS; f++)
			close(got[k * ZRUN_EXEC_FDS + f]);
		assert_true(is_at_end(readers[k]));
		close(readers[k]);
	}
}

static void descriptors_of_a_connection_that_is_lost_are_closed(void **state)
{
	struct stage *s = *state;
	int fds[ZRUN_EXEC_FDS];
	int reader = pipe_for(fds);
	struct fake_zrun *z = begin(s, ZRUN_FLAG_EXEC);
	assert_int_equal(run(s, 1, fds), 0);
	/* Before they are written. */
	fake_zrun_hang_up(z);
	loop_run_ready(&s->loop);
	loop_run_ready(&s->loop);
	assert_true(is_at_end(reader));
	close(reader);
}

static void what_becomes_of_a_command_reaches_the_listener(void **state)
{
	struct stage *s = *state;
	struct fake_zrun *z = begin(s, ZRUN_FLAG_EXEC);
	struct {
		struct zrun_exec_report report;
		char text[3];
	} __attribute__((packed))
	said = {.report = {.session = 7, .status = 127}, .text = {'w', 'h', 'y'}};
	fake_zrun_send(z, ZRUN_EXEC_STARTED, 0, &said, sizeof(said.report));
	fake_zrun_send(z, ZRUN_EXEC_REFUSED, 0, &said, sizeof(said));
	fake_zrun_send(z, ZRUN_EXEC_ENDED, 0, &said, sizeof(said.report));
	loop_run_ready(&s->loop);
	loop_run_ready(&s->loop);
	assert_log(s, "command(0,7,127,) command(1,7,127,why) command(2,7,127,)");
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, zrun_stage_begin, zrun_stage_end)
	const struct CMUnitTest tests[] = {
		TEST(a_process_of_an_earlier_version_is_not_asked),
		TEST(descriptors_come_with_their_command_and_in_order),
		TEST(descriptors_of_a_connection_that_is_lost_are_closed),
		TEST(what_becomes_of_a_command_reaches_the_listener),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
