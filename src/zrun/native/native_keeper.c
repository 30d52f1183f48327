#include "zrun/native/native_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zrun/native/native_files.h"
#include "zrun/native/native_health.h"
#include "zrun/native/native_programs.h"
#include "zrun/native/native_settings.h"
#include "zrun/native/native_turn.h"
#include "zrun/native/process_tree.h"
#include "zrun/protocol/process_identity.h"
#include "zrun/runner/clocks.h"
#include "zrun/runner/priority.h"

#define ENCLOSE_MS 10000
#define KILL_MS	   10000 /* how long the kernel may take to end what was killed */

__attribute__((noreturn)) static void keep(struct native *n, int socket)
{
	struct strings groups = {0};
	char name[16];
	int fd;

	(void)snprintf(name, sizeof(name), "keeper:%s", n->instance->path);
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
	(void)!signal(SIGALRM, SIG_IGN);
	/* Nothing of the supervisor's stays open but standard error. */
	fd = dup2(socket, 3) == 3 ? 3 : -1;
	(void)syscall(SYS_close_range, 4u, ~0u, 0u);
	if (fd < 0)
		_exit(1);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	for (unsigned k = 0; k < n->group.procs_count; k++)
		strings_add_text(&groups, n->group.procs[k], strlen(n->group.procs[k]));
	if ((n->group.limited & CGROUP_CPU) == 0)
		priority_set((uint32_t)native_number(n, "cpu_millicores"));
	keeper_run(&n->enclosure, fd, groups.data, groups.size, native_setting(n, "closed"));
}

/* For the zhost that sees this process end, also if it is killed at any moment from now on: the
 * keeper has run nothing yet. */
static void record_keeper(const struct native *n)
{
	struct zrun_keeper keeper = {
		.pid = (uint32_t)n->keeper,
		.is_first = (n->enclosure.namespaces & ENCLOSE_NAMESPACE_PIDS) != 0,
	};
	uint64_t start;

	if (!process_identity_start(n->keeper, &start))
		return; /* it has ended, and was not reaped yet */
	keeper.start = start;
	connection_record(n->instance, ZRUN_KEEPER, &keeper, sizeof(keeper));
}

/* Without a root directory of their own its programs find what it keeps by way of zhost's directory
 * (native_kept()), which is closed to them. */
static void find_kept(struct native *n)
{
	struct enclosure *e = &n->enclosure;

	if (e->kept == NULL || (native_open_way(e->hidden, e->kept) == 0 &&
				native_open_way(e->hidden, n->directory) == 0))
		return;
	connection_note(n->instance, ZRUN_LEVEL_WARN,
			"sandbox: no SAMOZA_DATA: its user cannot be let through %s: %s",
			e->hidden, strerror(errno));
	e->kept = NULL;
}

bool native_enclose(struct native *n, char *text, size_t size)
{
	uint64_t until = mono_ms() + ENCLOSE_MS;
	const struct cgroup_resources resources = {
		.cpu_millicores = (uint32_t)native_number(n, "cpu_millicores"),
		.cpu_limit_millicores = (uint32_t)native_number(n, "cpu_limit_millicores"),
		.memory_bytes = native_number(n, "memory_bytes"),
	};
	int sockets[2];

	cgroup_make(&n->group, native_setting(n, "group"), &resources);
	n->oom_kills = cgroup_oom_kills(&n->group);
	if (n->group.missing[0] != '\0')
		connection_note(n->instance, ZRUN_LEVEL_WARN, "resources: %s%s",
				n->group.missing,
				(n->group.limited & CGROUP_CPU) == 0
					? " (cpu is a nice value, without a limit)"
					: "");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) {
		native_text(text, size, "no socket for its keeper: %s", strerror(errno));
		return false;
	}
	n->keeper = enclose_fork(&n->enclosure);
	if (n->keeper == 0)
		keep(n, sockets[1]);
	close(sockets[1]);
	if (n->keeper < 0) {
		native_text(text, size, "cannot fork its keeper: %s", strerror(errno));
		close(sockets[0]);
		n->keeper = 0;
		return false;
	}
	record_keeper(n);
	n->socket = sockets[0];
	n->is_empty = true;
	while (!n->is_ready && !n->has_failed && mono_ms() < until)
		native_turn(n, until);
	if (!n->is_ready)
		native_text(text, size, "%s",
			    n->has_failed ? n->keeper_error : "its keeper did not start");
	else if (!n->enclosure.has_root && n->is_root)
		find_kept(n);
	return n->is_ready;
}

static void reap_keeper(struct native *n)
{
	uint64_t until = mono_ms() + KILL_MS;
	pid_t pid = n->keeper;

	/* The end of its socket ends it; where it is number 1, its death ends all. */
	close(n->socket);
	n->socket = -1;
	n->keeper = 0;
	if ((n->enclosure.namespaces & ENCLOSE_NAMESPACE_PIDS) != 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, WNOHANG) == 0 && mono_ms() < until)
		(void)poll(NULL, 0, 2);
}

void native_end_all(struct native *n)
{
	uint64_t until = mono_ms() + KILL_MS;

	native_probe_stop(n, &n->ready);
	native_probe_stop(n, &n->health);
	if (n->keeper > 0 && !n->is_empty)
		native_signal(n, KEEPER_ALL, SIGKILL, false);
	while (n->keeper > 0 && !n->is_empty && mono_ms() < until)
		native_turn(n, until);
	if (n->keeper > 0)
		reap_keeper(n);
	if (n->group.kill_fd >= 0 && !n->is_empty)
		(void)!write(n->group.kill_fd, "1", 1);
	/* Where the keeper has gone and was not number 1, its processes are ours. */
	if ((n->enclosure.namespaces & ENCLOSE_NAMESPACE_PIDS) == 0)
		while (process_tree_signal(getpid(), SIGKILL, false) > 0 && mono_ms() < until) {
			while (waitpid(-1, NULL, WNOHANG) > 0)
				continue;
			(void)poll(NULL, 0, 5);
		}
	for (int job = JOB_MAIN; job < JOB_COUNT; job++)
		native_close_outputs(n, (enum job)job);
	log_budget_report(n->instance, &n->budget, true);
}
