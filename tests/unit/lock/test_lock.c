/* Who holds a lock refuses others at once; what a child of one that is gone still holds is waited for. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/lock/lock.h"
#include "base/memory.h"

static char file[] = "/tmp/test-lock-XXXXXX";

static int open_file(void)
{
	int fd = open(file, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* ---- a holder with a child that shares its lock ---- */

struct holder {
	pid_t pid;
	int child_ends; /* closed: the child ends */
};

static void share(int begun, int end)
{
	char c;
	(void)!write(begun, "c", 1);
	_exit((int)read(end, &c, 1));
}

static void hold(int begun, int end)
{
	int fd = open_file();
	if (lock_hold(fd, "DIR", "another", NULL) < 0)
		_exit(1);
	if (fork() == 0)
		share(begun, end);
	for (;;)
		pause();
}

static struct holder start_holder(void (*run)(int begun, int end))
{
	char c;
	int begun[2], end[2];
	assert_int_equal(pipe2(begun, O_CLOEXEC), 0);
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(end[1]);
		run(begun[1], end[0]);
	}
	close(begun[1]);
	close(end[0]);
	assert_int_equal(read(begun[0], &c, 1), 1);
	close(begun[0]);
	return (struct holder){.pid = pid, .child_ends = end[1]};
}

/* It stays a process that nobody has asked for. */
static void kill_holder(const struct holder *h)
{
	siginfo_t info;
	assert_int_equal(kill(h->pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)h->pid, &info, WEXITED | WNOWAIT), 0);
}

/* ---- tests ---- */

static void a_holder_is_named_and_not_waited_for(void **state)
{
	(void)state;
	CLEANUP(error_freep) struct error *err = NULL;
	struct holder h = start_holder(hold);
	char says[96];
	(void)snprintf(says, sizeof says, "DIR is in use by another (pid %ld): stop it first",
		       (long)h.pid);
	CLEANUP(closep) int fd = open_file();
	assert_int_equal(lock_hold(fd, "DIR", "another", &err), ERR_CONFLICT);
	assert_string_equal(err->message, says);
	kill_holder(&h);
	assert_int_equal(waitpid(h.pid, NULL, 0), h.pid);
	close(h.child_ends);
}

/* R: runs, S: waits, Z: has ended, as proc(5) has it. */
static char state_of(pid_t pid)
{
	char path[32], text[128] = "";
	(void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
	return strrchr(text, ')')[2];
}

static pid_t start_waiting(const struct holder *h)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	close(h->child_ends);
	int fd = open_file();
	_exit(lock_hold(fd, "DIR", "another", NULL) == 0 ? 0 : 1);
}

static void wait_for(bool is_reaped)
{
	int status = -1;
	struct holder h = start_holder(hold);
	kill_holder(&h);
	if (is_reaped)
		assert_int_equal(waitpid(h.pid, NULL, 0), h.pid);
	pid_t waiter = start_waiting(&h);
	while (state_of(waiter) == 'R')
		;
	close(h.child_ends);
	assert_int_equal(waitpid(waiter, &status, 0), waiter);
	assert_int_equal(status, 0);
	if (!is_reaped)
		assert_int_equal(waitpid(h.pid, NULL, 0), h.pid);
}

static void a_child_of_one_that_is_gone_is_waited_for(void **state)
{
	(void)state;
	wait_for(true);
}

static void and_of_one_that_nobody_has_asked_for(void **state)
{
	(void)state;
	wait_for(false);
}

/* As a program that runs itself again, its children going on. */
static void hold_again(int begun, int end)
{
	int fd = open_file();
	if (lock_hold(fd, "DIR", "another", NULL) < 0)
		_exit(1);
	if (fork() == 0)
		share(begun, end);
	close(fd);
	fd = open_file();
	_exit(lock_hold(fd, "DIR", "another", NULL) == 0 ? 0 : 1);
}

static void a_child_of_a_former_life_is_waited_for(void **state)
{
	(void)state;
	int status = -1;
	struct holder h = start_holder(hold_again);
	while (state_of(h.pid) == 'R')
		;
	close(h.child_ends);
	assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
	assert_int_equal(status, 0);
}

static void a_lock_that_was_given_up_is_taken_and_says_its_holder(void **state)
{
	(void)state;
	char text[32] = "", pid[32];
	int first = open_file();
	assert_int_equal(lock_hold(first, "DIR", "another", NULL), 0);
	close(first);
	CLEANUP(closep) int fd = open_file();
	assert_int_equal(lock_hold(fd, "DIR", "another", NULL), 0);
	assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
	(void)snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	assert_string_equal(text, pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_that_was_given_up_is_taken_and_says_its_holder),
		cmocka_unit_test(a_holder_is_named_and_not_waited_for),
		cmocka_unit_test(a_child_of_one_that_is_gone_is_waited_for),
		cmocka_unit_test(and_of_one_that_nobody_has_asked_for),
		cmocka_unit_test(a_child_of_a_former_life_is_waited_for),
	};
	int fd = mkstemp(file);
	if (fd < 0)
		return 1;
	close(fd);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(file);
	return failed;
}
