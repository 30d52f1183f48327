/* Writers of sinks that a test can look at closely: large messages to journald. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "zhost/sink/sink.h"

static int receiver(struct sockaddr_un *ret_address)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct timeval wait = {.tv_sec = 20};
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	(void)snprintf(ret_address->sun_path, sizeof(ret_address->sun_path),
		       "/tmp/samoza-test-journal-%d", getpid());
	(void)unlink(ret_address->sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)ret_address, sizeof(*ret_address)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	return fd;
}

/* The descriptor that came with a datagram without bytes; -1: there was none. */
static int receive(int fd, char *bytes, size_t size, ssize_t *ret_size)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {bytes, size};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	*ret_size = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	assert_true(*ret_size >= 0);
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int came = -1;
	if (header != NULL)
		memcpy(&came, CMSG_DATA(header), sizeof(came));
	return came;
}

static void what_is_too_large_for_a_datagram_goes_to_journald_as_a_sealed_file(void **state)
{
	(void)state;
	struct sockaddr_un address;
	CLEANUP(closep) int fd = receiver(&address);
	struct sink_writer *w = journal_writer_new(address.sun_path);
	static char text[600 * 1024], got[700 * 1024];
	ssize_t size;
	memset(text, 'x', sizeof(text));
	struct sink_record r = {.wall_ms = 1777545000123,
				.level = "error",
				.zhost = "n1",
				.topology = "shop",
				.id = "t1",
				.space = "api",
				.path = "api-1",
				.text = "short",
				.size = 5};
	assert_int_equal(w->ops->write(w, &r, NULL), 0);
	assert_int_equal(receive(fd, got, sizeof(got), &size), -1);
	assert_memory_equal(got, "MESSAGE=short\nPRIORITY=3\n", 25);
	r.text = text;
	r.size = sizeof(text);
	assert_int_equal(w->ops->write(w, &r, NULL), 0);
	CLEANUP(closep) int file = receive(fd, got, sizeof(got), &size);
	assert_int_equal(size, 0);
	assert_true(file >= 0);
	assert_int_equal(fcntl(file, F_GET_SEALS) & F_SEAL_WRITE, F_SEAL_WRITE);
	size = pread(file, got, sizeof(got), 0);
	assert_true(size > (ssize_t)sizeof(text));
	assert_memory_equal(got, "MESSAGE=xxx", 11);
	got[size] = '\0';
	assert_non_null(strstr(got + sizeof(text), "\nSAMOZA_INSTANCE=api-1\n"));
	(void)unlink(address.sun_path);
	/* Nobody is there: it is to be given again. */
	CLEANUP(error_freep) struct error *why = NULL;
	closep(&fd);
	fd = -1;
	assert_int_equal(w->ops->write(w, &r, &why), ERR_UNAVAILABLE);
	assert_non_null(strstr(why->message, address.sun_path));
	w->ops->free(w);
}

static void a_line_that_was_cut_by_a_full_disk_is_written_as_a_whole_or_not_at_all(void **state)
{
	(void)state;
	struct sink_writer *w = files_writer_new("/dev/full");
	const struct sink_record r = {
		.level = "info", .topology = "shop", .path = "api/1", .text = "x", .size = 1};
	CLEANUP(error_freep) struct error *why = NULL;
	assert_int_equal(w->ops->write(w, &r, &why), ERR_UNAVAILABLE);
	w->ops->free(w);
}

static void urls_of_sinks_are_read(void **state)
{
	(void)state;
	static const char *const good[] = {"journald", "journald:/run/x", "file:/var/log/x",
					   "syslog+tcp://log.example:601",
					   "syslog+udp://[::1]:514"};
	static const char *const bad[] = {"",
					  "journal",
					  "file:x",
					  "file:",
					  "syslog://h:1",
					  "syslog+tcp://h",
					  "syslog+tcp://h:",
					  "syslog+tcp://h:0",
					  "syslog+tcp://h:65536",
					  "syslog+tcp://:1",
					  "syslog+udp://h:1x"};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct sink *s = NULL;
		assert_int_equal(sink_new(good[i], "n1", &s, NULL), 0);
		assert_string_equal(sink_url(s), good[i]);
		sink_free(s, true);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sink *s = NULL;
		assert_int_equal(sink_new(bad[i], "n1", &s, NULL), ERR_INVALID);
		assert_null(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_is_too_large_for_a_datagram_goes_to_journald_as_a_sealed_file),
		cmocka_unit_test(
			a_line_that_was_cut_by_a_full_disk_is_written_as_a_whole_or_not_at_all),
		cmocka_unit_test(urls_of_sinks_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
