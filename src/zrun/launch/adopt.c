/* The sockets of instances, and processes by their pidfd (launch.h). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "zrun/launch/launch.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* Through /proc: a socket's path is limited to 107 bytes, the directory's is not. */
static int address_of(int dir_fd, const char *name, struct sockaddr_un *ret_address,
		      struct error **err)
{
	int n;

	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path),
		     "/proc/self/fd/%d/%s", dir_fd, name);
	if (n < 0 || (size_t)n >= sizeof(ret_address->sun_path) || strchr(name, '/') != NULL)
		return error_set(err, ERR_INVALID, "'%s' is not a valid socket name", name);
	return 0;
}

int launch_listen(int dir_fd, const char *name, int *ret_fd, struct error **err)
{
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int r = address_of(dir_fd, name, &address, err);

	if (r < 0)
		return r;
	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return error_errno(err, "cannot remove the old socket %s", name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(dir_fd, name, 0600, 0) < 0 || listen(fd, 8) < 0)
		return error_errno(err, "cannot listen on the socket %s", name);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int launch_connect(int dir_fd, const char *name, int *ret_fd, struct error **err)
{
	CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int r = address_of(dir_fd, name, &address, err);

	if (r < 0)
		return r;
	if (fd < 0)
		return error_errno(err, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == ECONNREFUSED)
			return error_set(err, ERR_UNAVAILABLE, "no process listens on %s",
					 name);
		if (errno == EAGAIN)
			return error_set(err, ERR_TIMEOUT, "%s is busy", name);
		return error_errno(err, "cannot connect to %s", name);
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int launch_adopt(int connection_fd, pid_t *ret_pid, int *ret_pidfd, struct error **err)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int pidfd;

	if (getsockopt(connection_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return error_errno(err, "cannot identify the connected process");
	/* We made the listener and zrun has not taken it over (yet). */
	if (peer.pid <= 0 || peer.pid == getpid())
		return error_set(err, ERR_UNAVAILABLE, "no instance has taken the socket");
	pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	if (pidfd < 0 && errno == ESRCH)
		return error_set(err, ERR_UNAVAILABLE, "process %d has ended", (int)peer.pid);
	if (pidfd < 0)
		return error_errno(err, "cannot watch process %d", (int)peer.pid);
	*ret_pid = peer.pid;
	*ret_pidfd = pidfd;
	return 0;
}

bool launch_is_zrun(pid_t pid)
{
	CLEANUP(freep) char *path = str_printf("/proc/%d/comm", (int)pid);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char comm[32] = "";

	return fd >= 0 && read(fd, comm, sizeof(comm) - 1) > 0 && str_has_prefix(comm, "zrun");
}

int launch_reap(int pidfd, int *ret_status, struct error **err)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	siginfo_t end = {0};

	if (poll(&p, 1, 0) == 0)
		return error_set(err, ERR_CONFLICT, "the process is still running");
	if (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &end, WEXITED | WNOHANG) < 0) {
		if (errno != ECHILD)
			return error_errno(err, "cannot wait for a process");
		*ret_status = -1;
		return 0;
	}
	*ret_status = end.si_code == CLD_EXITED ? (end.si_status & 0xff) << 8 : end.si_status;
	return 0;
}

char *launch_status_text(int status)
{
	if (status == -1)
		return mem_strdup("ended while no zhost was watching it");
	if (WIFSIGNALED(status))
		return str_printf("killed by signal %d (%s)", WTERMSIG(status),
				  strsignal(WTERMSIG(status)));
	return str_printf("exit status %d", WEXITSTATUS(status));
}

void launch_kill(int pidfd)
{
	(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}
