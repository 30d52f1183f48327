/*
 * What the instances of one zygote share, made by a short-lived helper process that shares
 * the descriptors of the zygote:
 *
 *   zygote                                  helper
 *     | clone(CLONE_FILES) ------------------> unshare(NEWUSER)
 *     |<------------------------------ 'u' or an error
 *     | writes setgroups, uid_map, gid_map
 *     | 'm' ---------------------------------> unshare(NEWNET | NEWNS), tmpfs,
 *     |                                        opens its namespaces and the empty directory
 *     |<------------------------------ struct made, exits
 */
#include "adapter/sandbox/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct made {
	int user_fd, network_fd, root_fd;
	int user_errno, network_errno, root_errno;
};

static int open_namespace(const char *name)
{
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* In the helper's own mount namespace; the directory outlives it by its descriptor. */
static int empty_directory(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	if (mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
		  "size=4k,nr_inodes=2,mode=0555") < 0)
		return -1;
	return open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

__attribute__((noreturn)) static void helper(int socket)
{
	struct made made = {-1, -1, -1, 0, 0, 0};
	char go;

	if (unshare(CLONE_NEWUSER) < 0)
		made.user_errno = errno;
	if (write(socket, &made.user_errno, sizeof(made.user_errno)) < 0 ||
	    read(socket, &go, 1) != 1)
		_exit(1);
	if (made.user_errno == 0 && go != 'm')
		_exit(1); /* not mapped: useless, and nothing can be made inside it */
	if (made.user_errno == 0)
		made.user_fd = open_namespace("user");
	if (unshare(CLONE_NEWNET) < 0 || (made.network_fd = open_namespace("net")) < 0)
		made.network_errno = errno;
	if (unshare(CLONE_NEWNS) < 0 || (made.root_fd = empty_directory()) < 0)
		made.root_errno = errno;
	_exit(write(socket, &made, sizeof(made)) == sizeof(made) ? 0 : 1);
}

static int write_proc(pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd, saved;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	saved = errno;
	close(fd);
	errno = saved;
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* One user and one group, which keep their numbers. */
static int map(pid_t pid, uid_t uid, gid_t gid)
{
	char users[40], groups[40];

	(void)snprintf(users, sizeof(users), "%u %u 1\n", (unsigned)uid, (unsigned)uid);
	(void)snprintf(groups, sizeof(groups), "%u %u 1\n", (unsigned)gid, (unsigned)gid);
	if (write_proc(pid, "setgroups", "deny") < 0 && errno != ENOENT)
		return -1;
	if (write_proc(pid, "uid_map", users) < 0)
		return -1;
	return write_proc(pid, "gid_map", groups);
}

/* 0, or the errno that kept the helper from a mapped user namespace (then nothing was made
 * and `without_user` is worth a try). */
static int run_helper(const struct confine_shared *s, struct made *ret_made)
{
	int sockets[2], user_errno = 0, status = 0, map_errno = 0;
	char go = 'm';
	pid_t pid;

	*ret_made = (struct made){-1, -1, -1, 0, 0, 0};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return errno;
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		helper(sockets[1]);
	if (pid < 0) {
		map_errno = errno;
	} else if (read(sockets[0], &user_errno, sizeof(user_errno)) != sizeof(user_errno)) {
		map_errno = EIO;
	} else {
		if (user_errno == 0 && map(pid, s->uid, s->gid) < 0) {
			map_errno = errno;
			go = 'x';
		}
		if (write(sockets[0], &go, 1) == 1 && map_errno == 0 &&
		    read(sockets[0], ret_made, sizeof(*ret_made)) != sizeof(*ret_made))
			map_errno = EIO;
	}
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
	close(sockets[0]);
	close(sockets[1]);
	if (map_errno == 0)
		ret_made->user_errno = user_errno;
	return map_errno;
}

static void missing(struct confine_shared *s, const char *what, int error)
{
	size_t at = strlen(s->missing);

	(void)snprintf(s->missing + at, sizeof(s->missing) - at, "%sno %s: %s",
		       at > 0 ? "; " : "", what, strerror(error));
}

void confine_prepare(struct confine_shared *s, uid_t unprivileged_uid, bool with_namespaces)
{
	struct made made;
	int r;

	*s = (struct confine_shared){.user_fd = -1, .network_fd = -1, .root_fd = -1};
	s->uid = geteuid() == 0 ? unprivileged_uid : geteuid();
	s->gid = geteuid() == 0 ? (gid_t)unprivileged_uid : getegid();
	if (!with_namespaces) {
		(void)snprintf(s->missing, sizeof(s->missing), "namespaces are switched off");
		return;
	}
	r = run_helper(s, &made);
	if (r != 0) {
		missing(s, "user namespace", r);
		return;
	}
	if (made.user_errno != 0)
		missing(s, "user namespace", made.user_errno);
	if (made.network_errno != 0)
		missing(s, "network namespace", made.network_errno);
	if (made.root_errno != 0)
		missing(s, "mount namespace", made.root_errno);
	s->user_fd = made.user_fd;
	s->network_fd = made.network_fd;
	s->root_fd = made.root_fd;
}
