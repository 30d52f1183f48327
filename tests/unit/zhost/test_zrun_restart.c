/* zhost/process/: processes that an earlier zhost left are adopted, rejected, evicted or ended. */
#include "zrun_stage.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "descriptors.h"
#include "zhost/process/end_spaces.h"

/* A process that an earlier zhost left: it listens under `name`, sends `hello`, and lives until it
 * is killed or, where it `obeys`, asked to stop. */
struct orphan {
	pid_t pid;
};

struct orphan_options {
	const char *name; /* of its socket */
	const char *comm; /* what the kernel calls it */
	uint64_t epoch;
	bool obeys;
};

static void wait_for_stop(int fd)
{
	struct zrun_frame frame = {0};
	while (recv(fd, &frame, sizeof(frame), 0) == sizeof(frame) && frame.type != ZRUN_STOP)
		;
	_exit(frame.type == ZRUN_STOP ? 0 : 3);
}

static void orphan_main(struct stage *s, int ready_fd, const struct orphan_options *o,
			const void *hello, size_t size)
{
	int listener_fd = -1;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NAME, o->comm);
	if (launch_listen(s->run_fd, o->name, &listener_fd, NULL) < 0 ||
	    write(ready_fd, "x", 1) != 1)
		_exit(1);
	(void)poll(&(struct pollfd){.fd = listener_fd, .events = POLLIN}, 1, -1);
	int fd = accept(listener_fd, NULL, NULL);
	(void)!send(fd, hello, size, MSG_NOSIGNAL); /* zhost may be gone again */
	if (o->obeys)
		wait_for_stop(fd);
	for (;;)
		(void)pause();
}

static struct orphan orphan_with(struct stage *s, const struct orphan_options *options)
{
	char frame[512], byte;
	int ready[2];
	struct zrun_hello hello = {.version = ZRUN_PROTOCOL_VERSION,
				   .epoch = options->epoch,
				   .phase = ZRUN_PHASE_STARTED};
	size_t size = fake_hello(frame, sizeof(frame), &hello, "t1", "api-2");
	assert_int_equal(pipe(ready), 0);
	struct orphan o = {.pid = fork()};
	assert_true(o.pid >= 0);
	if (o.pid == 0)
		orphan_main(s, ready[1], options, frame, size);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return o;
}

static struct orphan orphan_new(struct stage *s, const char *comm, uint64_t epoch)
{
	return orphan_with(s, &(struct orphan_options){
				      .name = FILE_NAME ".s", .comm = comm, .epoch = epoch});
}

static void orphan_end(struct orphan *o)
{
	(void)kill(o->pid, SIGKILL);
	assert_killed(o->pid);
}

static void assert_exited(pid_t child)
{
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static struct zrun_process *find(struct stage *s)
{
	struct exit_report report;
	s->process =
		zrun_process_find(s->processes, &s->identity, &zrun_stage_listener, s, &report);
	if (s->process == NULL)
		s->report = report;
	return s->process;
}

static void a_process_of_an_earlier_zhost_is_adopted_by_its_socket(void **state)
{
	struct stage *s = *state;
	struct orphan o = orphan_new(s, "zrun", 7);
	assert_non_null(find(s));
	zrun_processes_await_hello(s->processes, 10000);
	assert_int_equal(zrun_process_pid(s->process), o.pid);
	assert_log(s, ""); /* the HELLO is there, and not taken yet */
	loop_run_until(&s->loop, is_connected_again, s);
	assert_log(s, "connected(1)");
	struct fake_zrun *z = fake_zrun_last(&s->host);
	assert_false(z->is_killed);
	orphan_end(&o);
	fake_zrun_exit(z, -1);
	assert_report(s, false, false, false, "ended while no zhost was watching it");
}

static void without_descriptors_a_process_is_not_taken_for_gone(void **state)
{
	struct stage *s = *state;
	struct orphan o = orphan_new(s, "zrun", 7);
	/* For the connection; for what watches the process. */
	for (int count = 0; count < 2; count++) {
		CLEANUP(error_freep) struct error *err = NULL;
		set_descriptors(count);
		assert_null(find(s));
		set_descriptors(-1);
		assert_int_equal(zrun_processes_found(s->processes, &err), ERR_IO);
		assert_non_null(strstr(err->message, "Too many open files"));
		assert_int_equal(kill(o.pid, 0), 0);
	}
	/* The next zhost finds it. */
	assert_non_null(find(s));
	assert_int_equal(zrun_processes_found(s->processes, NULL), 0);
	assert_int_equal(zrun_process_pid(s->process), o.pid);
	zrun_processes_await_hello(s->processes, 10000);
	orphan_end(&o);
	fake_zrun_exit(fake_zrun_last(&s->host), -1);
}

static void a_process_of_another_epoch_is_rejected_and_killed(void **state)
{
	struct stage *s = *state;
	struct orphan o = orphan_new(s, "zrun", 6);
	assert_non_null(find(s));
	zrun_processes_await_hello(s->processes, 10000);
	assert_log(s, "rejected");
	assert_true(fake_zrun_last(&s->host)->is_killed);
	orphan_end(&o);
}

static void a_process_that_is_not_a_zrun_is_not_adopted(void **state)
{
	struct stage *s = *state;
	struct orphan o = orphan_new(s, "impostor", 7);
	assert_null(find(s));
	assert_false(s->report.is_known);
	assert_int_equal(s->host.all.count, 0);
	orphan_end(&o);
}

/* Between fork and listen() the socket still carries the number of the zhost that made it. When that zhost
 * ends there, the next one meets a number without a process: that is no reason not to start. */
static void a_socket_whose_maker_has_ended_is_without_a_process(void **state)
{
	struct stage *s = *state;
	int listener_fd = -1, ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t maker = fork();
	assert_true(maker >= 0);
	if (maker == 0) {
		bool listens =
			launch_listen(s->run_fd, FILE_NAME ".s", &listener_fd, NULL) == 0;
		pid_t holder = listens ? fork() : -1;
		if (holder != 0)
			_exit(holder > 0 ? 0 : 1);
		(void)close(ends[1]);
		char byte;
		_exit(read(ends[0], &byte, 1) == 0 ? 0 : 1); /* until the test closes its end */
	}
	assert_exited(maker);
	(void)close(ends[0]);
	assert_null(find(s));
	assert_int_equal(zrun_processes_found(s->processes, NULL), 0);
	assert_int_equal(s->host.all.count, 0);
	(void)close(ends[1]);
}

static void the_report_of_an_ended_process_is_found(void **state)
{
	struct stage *s = *state;
	const struct zrun_stopped stopped = {.cause = ZRUN_STOPPED_FINISHED};
	struct zrun_frame frame = {.size = sizeof(stopped), .type = ZRUN_STOPPED};
	int fd = openat(s->run_fd, FILE_NAME ".e", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, &frame, sizeof(frame)), sizeof(frame));
	assert_int_equal(write(fd, &stopped, sizeof(stopped)), sizeof(stopped));
	(void)close(fd);
	assert_null(find(s));
	assert_true(s->report.is_known && s->report.is_finished);
	assert_false(file_exists(s, "e"));
}

static void a_damaged_report_is_ignored(void **state)
{
	struct stage *s = *state;
	int fd = openat(s->run_fd, FILE_NAME ".e", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "not a frame at all", 18), 18);
	(void)close(fd);
	assert_null(find(s));
	assert_false(s->report.is_known);
	assert_null(s->report.error);
}

static void an_evicted_process_is_killed(void **state)
{
	struct stage *s = *state;
	struct orphan o = orphan_new(s, "zrun", 7);
	assert_int_equal(zrun_process_evict(s->processes, &s->identity, NULL), 0);
	assert_killed(o.pid);
}

/* ---- zhost --end-spaces ---- */

static bool is_in_run(const struct stage *s, const char *name)
{
	return faccessat(s->run_fd, name, F_OK, 0) == 0;
}

static void every_process_is_asked_to_stop(void **state)
{
	struct stage *s = *state;
	unsigned count = 0;
	struct orphan a = orphan_with(
		s, &(struct orphan_options){.name = "a.s", .comm = "zrun", .obeys = true});
	struct orphan b = orphan_with(
		s, &(struct orphan_options){.name = "b.s", .comm = "zrun:web", .obeys = true});
	assert_int_equal(end_spaces(s->run_fd, s->directory, &count, NULL), 0);
	assert_int_equal(count, 2);
	assert_exited(a.pid);
	assert_exited(b.pid);
	assert_false(is_in_run(s, "a.s") || is_in_run(s, "b.s"));
}

static void a_process_that_does_not_stop_is_killed(void **state)
{
	struct stage *s = *state;
	unsigned count = 0;
	struct orphan o = orphan_new(s, "zrun", 7);
	assert_int_equal(end_spaces(s->run_fd, s->directory, &count, NULL), 0);
	assert_int_equal(count, 1);
	assert_killed(o.pid);
	assert_false(file_exists(s, "s"));
}

static void a_process_that_is_not_a_zrun_is_not_ended(void **state)
{
	struct stage *s = *state;
	unsigned count = 1;
	struct orphan o = orphan_new(s, "impostor", 7);
	assert_int_equal(end_spaces(s->run_fd, s->directory, &count, NULL), 0);
	assert_int_equal(count, 0);
	assert_int_equal(waitpid(o.pid, NULL, WNOHANG), 0); /* it still runs */
	orphan_end(&o);
}

static void a_socket_without_a_process_is_removed(void **state)
{
	struct stage *s = *state;
	unsigned count = 1;
	int listener_fd = -1;
	assert_int_equal(launch_listen(s->run_fd, "gone.s", &listener_fd, NULL), 0);
	(void)close(listener_fd);
	int fd = openat(s->run_fd, "kept.e", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)close(fd);
	assert_int_equal(end_spaces(s->run_fd, s->directory, &count, NULL), 0);
	assert_int_equal(count, 0);
	assert_false(is_in_run(s, "gone.s"));
	assert_true(is_in_run(s, "kept.e")); /* the next zhost reads how it ended */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, zrun_stage_begin, zrun_stage_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_process_of_an_earlier_zhost_is_adopted_by_its_socket),
		TEST(without_descriptors_a_process_is_not_taken_for_gone),
		TEST(a_process_of_another_epoch_is_rejected_and_killed),
		TEST(a_process_that_is_not_a_zrun_is_not_adopted),
		TEST(a_socket_whose_maker_has_ended_is_without_a_process),
		TEST(the_report_of_an_ended_process_is_found),
		TEST(a_damaged_report_is_ignored),
		TEST(an_evicted_process_is_killed),
		TEST(every_process_is_asked_to_stop),
		TEST(a_process_that_does_not_stop_is_killed),
		TEST(a_process_that_is_not_a_zrun_is_not_ended),
		TEST(a_socket_without_a_process_is_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
