#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/uv/loop.h"
#include "base/heap.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

struct pid_watch {
	uv_poll_t poll; /* first: freed as it */
	int pidfd;
	pid_t pid;
	void (*fn)(void *user, pid_t pid, int status);
	void *user;
};

/* waitid() speaks in siginfo; everybody else in wait statuses. */
static int status_of(const siginfo_t *info)
{
	switch (info->si_code) {
	case CLD_EXITED:
		return (info->si_status & 0xff) << 8;
	case CLD_DUMPED:
		return info->si_status | 0x80;
	default:
		return info->si_status;
	}
}

static void process_ended(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	struct pid_watch *watch = container_of(poll, struct pid_watch, poll);
	siginfo_t info = {0};
	int result = -1;
	if (waitid((idtype_t)P_PIDFD, (id_t)watch->pidfd, &info, WEXITED | WNOHANG) == 0 &&
	    info.si_pid != 0)
		result = status_of(&info);
	(void)uv_poll_stop(poll);
	watch->fn(watch->user, watch->pid, result);
}

int pid_watch_new(struct loop *loop, pid_t pid, int pidfd,
		  void (*fn)(void *user, pid_t pid, int status), void *user,
		  struct pid_watch **ret_watch, struct error **err)
{
	if (pidfd < 0)
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		if (errno == ESRCH)
			return error_set(err, ERR_NOT_FOUND, "no process %ld", (long)pid);
		return error_errno(err, "cannot watch process %ld", (long)pid);
	}
	struct pid_watch *watch = mem_new(struct pid_watch);
	*watch = (struct pid_watch){.pidfd = pidfd, .pid = pid, .fn = fn, .user = user};
	int r = uv_poll_init(loop_uv(loop), &watch->poll, pidfd);
	if (r < 0) {
		(void)close(pidfd);
		free(watch);
		return error_set(err, ERR_IO, "cannot watch process %ld: %s", (long)pid,
				 uv_strerror(r));
	}
	(void)uv_poll_start(&watch->poll, UV_READABLE, process_ended);
	*ret_watch = watch;
	return 0;
}

static void watch_closed(uv_handle_t *handle)
{
	free(handle);
}

void pid_watch_free(struct pid_watch *watch)
{
	if (watch == NULL)
		return;
	(void)uv_poll_stop(&watch->poll);
	uv_close((uv_handle_t *)&watch->poll, watch_closed);
	(void)close(watch->pidfd);
}

int pid_watch_kill(struct pid_watch *watch, int signum, struct error **err)
{
	if (syscall(SYS_pidfd_send_signal, watch->pidfd, signum, NULL, 0) == 0)
		return 0;
	if (errno == ESRCH)
		return error_set(err, ERR_NOT_FOUND, "no process %ld", (long)watch->pid);
	return error_errno(err, "cannot send signal %d to process %ld", signum,
			   (long)watch->pid);
}
