#include "startz/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "adapter/log/log_file.h"
#include "base/str.h"

#define KILL_WAIT_MS 10000

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---------------------------------------------------------------- who is who */

/* Reads a small file of /proc. Returns its size, or -1. */
static ssize_t read_small(const char *path, char *to, size_t size)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, to, size - 1) : -1;

	if (n >= 0)
		to[n] = '\0';
	return n;
}

/* State letter and start time of a process; -1: none. */
static int read_stat(pid_t pid, char *ret_state, uint64_t *ret_start)
{
	char path[64], text[1024];
	const char *at;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_small(path, text, sizeof(text)) < 0)
		return -1;
	/* The name may contain anything, even ") R": it ends at the last parenthesis. */
	at = strrchr(text, ')');
	if (at == NULL || at[1] != ' ')
		return -1;
	*ret_state = at[2];
	at += 2;
	/* The state is field 3, the start time field 22. */
	for (int field = 3; field < 22 && at != NULL; field++)
		at = strchr(at + 1, ' ');
	return at != NULL && sscanf(at, "%" SCNu64, ret_start) == 1 ? 0 : -1;
}

static void read_boot(char *ret_boot, size_t size)
{
	if (read_small("/proc/sys/kernel/random/boot_id", ret_boot, size) < 0)
		ret_boot[0] = '\0';
	ret_boot[strcspn(ret_boot, "\n")] = '\0';
}

static void identify(pid_t pid, struct process_id *ret_id)
{
	char state;

	*ret_id = (struct process_id){.pid = pid};
	if (read_stat(pid, &state, &ret_id->start_time) < 0)
		ret_id->start_time = 0;
	read_boot(ret_id->boot, sizeof(ret_id->boot));
}

bool process_runs(const struct process_id *id)
{
	char boot[sizeof(id->boot)], state = 'X';
	uint64_t start = 0;

	if (id->pid <= 0 || read_stat(id->pid, &state, &start) < 0)
		return false;
	read_boot(boot, sizeof(boot));
	return state != 'Z' && state != 'X' && start == id->start_time &&
	       strcmp(boot, id->boot) == 0;
}

int process_open(const struct process_id *id)
{
	int fd = id->pid > 0 ? (int)syscall(SYS_pidfd_open, id->pid, 0) : -1;

	/* Check again: the pid may have been reused before the pidfd was opened. */
	if (fd >= 0 && !process_runs(id)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

bool process_has_name(pid_t pid, const char *prefix)
{
	char path[64], name[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return read_small(path, name, sizeof(name)) > 0 && str_has_prefix(name, prefix);
}

/* ---------------------------------------------------------------- starting */

/* In the child: enters the network that the program is to have. */
static int enter(const char *network)
{
	CLEANUP(closep) int fd = open(network, O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? setns(fd, CLONE_NEWNET) : -1;
}

/* In the child: closes everything except the error pipe (3). Returns on failure only. */
static void become(const struct process_plan *plan)
{
	int null = open("/dev/null", O_RDONLY);
	int out = open(plan->log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
	sigset_t none;

	if (null < 0 || out < 0 || (plan->network != NULL && enter(plan->network) < 0))
		return;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0 || close_range(4, ~0U, 0) < 0)
		return;
	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (setsid() < 0 || chdir("/") < 0 ||
	    (plan->variable != NULL && putenv(plan->variable) != 0))
		return;
	(void)execv(plan->argv[0], plan->argv);
}

/* Pipes between startz and a child that has not become a daemon yet. */
struct birth {
	int go[2];     /* one byte: begin; the end: do not */
	int failed[2]; /* errno of what went wrong; the end: it runs the daemon */
};

static void close_both(int ends[2])
{
	closep(&ends[0]);
	closep(&ends[1]);
}

static void child(const struct birth *birth, const struct process_plan *plan)
{
	char go;
	ssize_t n;
	int failed;

	(void)close(birth->go[1]);
	do {
		n = read(birth->go[0], &go, sizeof(go));
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(go))
		_exit(127);
	if (birth->failed[1] == 3 || dup3(birth->failed[1], 3, O_CLOEXEC) == 3)
		become(plan);
	failed = errno;
	(void)!write(3, &failed, sizeof(failed));
	_exit(127);
}

/* Lets the child begin; 0, or the errno of why it did not. */
static int begin(struct birth *birth)
{
	int failed = 0;
	ssize_t n;

	closep(&birth->failed[1]);
	birth->failed[1] = -1;
	if (write(birth->go[1], "", 1) != 1)
		return errno;
	do {
		n = read(birth->failed[0], &failed, sizeof(failed));
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	return n == (ssize_t)sizeof(failed) ? failed : EIO;
}

static int start(struct birth *birth, const struct process_plan *plan, struct process_id *id,
		 process_record_fn *record, void *user, struct error **err)
{
	const char *program = plan->argv[0];
	struct process_id before = *id;
	pid_t pid = fork();
	int r;

	if (pid < 0)
		return error_errno(err, "cannot start %s", program);
	if (pid == 0)
		child(birth, plan);
	identify(pid, id);
	r = record(user, err);
	if (r == 0) {
		errno = begin(birth);
		if (errno == 0)
			return 0;
		r = error_errno(err, "cannot start %s", program);
	} else {
		r = error_wrap(err, "%s was not started", program);
	}
	closep(&birth->go[1]);
	birth->go[1] = -1;
	(void)waitpid(pid, NULL, 0);
	*id = before;
	return r;
}

int process_start(const struct process_plan *plan, struct process_id *id,
		  process_record_fn *record, void *user, struct error **err)
{
	struct birth birth = {.go = {-1, -1}, .failed = {-1, -1}};
	int r;

	/* So that what is read of it afterwards is not moved away at once by the daemon. */
	log_file_start_new(plan->log, LOG_FILE_BYTES / 2);
	if (pipe2(birth.go, O_CLOEXEC) < 0 || pipe2(birth.failed, O_CLOEXEC) < 0)
		r = error_errno(err, "cannot start %s", plan->argv[0]);
	else
		r = start(&birth, plan, id, record, user, err);
	close_both(birth.go);
	close_both(birth.failed);
	return r;
}

/* ---------------------------------------------------------------- ending */

static void send(int pidfd, int number)
{
	(void)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

/* Whether all have exited before the deadline. Reaps our own children. */
static bool wait_all(const int *pidfds, size_t count, int64_t deadline_ms)
{
	for (size_t i = 0; i < count; i++) {
		struct pollfd fd = {.fd = pidfds[i], .events = POLLIN};
		int64_t left = deadline_ms - now_ms();
		int n;

		do {
			n = poll(&fd, 1, left > 0 ? (int)left : 0);
			left = deadline_ms - now_ms();
		} while (n < 0 && errno == EINTR && left > 0);
		if (n <= 0)
			return false;
		(void)waitid(P_PIDFD, (id_t)pidfds[i], &(siginfo_t){0}, WEXITED | WNOHANG);
	}
	return true;
}

void process_wait_all(int *pidfds, size_t count, int grace_ms)
{
	if (!wait_all(pidfds, count, now_ms() + grace_ms)) {
		for (size_t i = 0; i < count; i++)
			send(pidfds[i], SIGKILL);
		(void)wait_all(pidfds, count, now_ms() + KILL_WAIT_MS);
	}
	for (size_t i = 0; i < count; i++)
		(void)close(pidfds[i]);
}

void process_end_all(int *pidfds, size_t count, int grace_ms)
{
	for (size_t i = 0; i < count; i++)
		send(pidfds[i], SIGTERM);
	process_wait_all(pidfds, count, grace_ms);
}
