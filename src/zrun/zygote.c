#include "zrun/zygote.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adapter/sandbox/confine.h"
#include "zrun/runner/run.h"

static union {
	struct spawn_request request;
	char bytes[SPAWN_MAX];
} packet;

/* Size of the packet with its descriptors; 0 at the end of the socket, -1 for a bad one. */
static ssize_t receive(int socket, int *fds, unsigned *ret_fds)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(SPAWN_FDS * sizeof(int))];
	} control;
	struct iovec vector = {packet.bytes, sizeof(packet.bytes)};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	*ret_fds = 0;
	c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		*ret_fds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), *ret_fds * sizeof(int));
	}
	return n;
}

static bool usable(ssize_t size, unsigned fds)
{
	return spawn_request_valid(&packet.request, (size_t)size) &&
	       packet.request.secrets_count <= ZRUN_SECRETS_MAX &&
	       fds == spawn_fds(&packet.request) + packet.request.secrets_count;
}

static int answer(int socket, uint32_t sequence, int32_t pid)
{
	struct spawn_answer a = {sequence, pid};

	return send(socket, &a, sizeof(a), MSG_NOSIGNAL) == sizeof(a) ? 0 : -1;
}

/* What ps shows: "zrun TOPOLOGY INSTANCE" in the memory of the program's arguments. */
static void set_title(char **argv, int argc)
{
	size_t room = (size_t)(argv[argc - 1] - argv[0]) + strlen(argv[argc - 1]) + 1;
	const char *topology = (const char *)(&packet.request + 1);

	memset(argv[0], 0, room);
	(void)snprintf(argv[0], room, "zrun %s %s", topology,
		       topology + packet.request.topology_size);
}

void zygote_run(int socket, uid_t unprivileged_uid, bool with_namespaces, char **argv, int argc,
		const struct runner_kind *const *kinds)
{
	struct confine_shared shared;

	/* One session for all instances: a session each would cost up to a millisecond. */
	(void)setsid();
	(void)prctl(PR_SET_NAME, "zhost-zygote", 0, 0, 0);
	(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	confine_prepare(&shared, unprivileged_uid, with_namespaces);
	if (answer(socket, 0, (int32_t)getpid()) < 0)
		_exit(0);
	for (;;) {
		int fds[SPAWN_FDS];
		unsigned count;
		ssize_t size = receive(socket, fds, &count);
		pid_t pid = -1;

		if (size <= 0)
			_exit(0);
		if (usable(size, count)) {
			pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
			if (pid == 0) {
				close(socket);
				set_title(argv, argc);
				runner_run(&packet.request, fds, &shared, kinds);
			}
		} else {
			errno = EBADMSG;
		}
		if (answer(socket, packet.request.sequence, pid > 0 ? (int32_t)pid : -errno) <
		    0)
			_exit(0);
		for (unsigned n = 0; n < count; n++)
			close(fds[n]);
		/* The next ones are copies of this memory: its settings are for that one alone. */
		explicit_bzero(packet.bytes, sizeof(packet.bytes));
	}
}

void zygote_run_one(int socket, char **argv, int argc, const struct runner_kind *const *kinds)
{
	static struct confine_shared shared;
	int fds[SPAWN_FDS];
	unsigned count;
	ssize_t size = receive(socket, fds, &count);

	close(socket);
	if (size <= 0 || !usable(size, count)) {
		fprintf(stderr, "zrun: a damaged request\n");
		_exit(ZRUN_EXIT_FAILED);
	}
	(void)setsid();
	confine_prepare(&shared, packet.request.unprivileged_uid,
			(packet.request.flags & SPAWN_WITHOUT_NAMESPACES) == 0);
	set_title(argv, argc);
	runner_run(&packet.request, fds, &shared, kinds);
}
