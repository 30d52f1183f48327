#include "adapter/snapshot/snapshot.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

/* ---- the child ---- */

static bool write_all(int fd, const struct buffer *b)
{
	for (size_t at = 0; at < b->size;) {
		ssize_t n = write(fd, b->data + at, b->size - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

/* Links end for the other side when its parent closes them, and the lock of its directory is its parent's alone. */
static void close_others(int fd)
{
	(void)close_range(3, (unsigned)fd - 1, 0);
	(void)close_range((unsigned)fd + 1, ~0u, 0);
}

static _Noreturn void child(pid_t parent, int fd, snapshot_write_fn *write, void *user)
{
	struct buffer b = BUFFER_INIT(SIZE_MAX);
	struct error *err = NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	close_others(fd);
	_exit(write(user, &b, &err) >= 0 && write_all(fd, &b) ? 0 : 1);
}

/* ---- its parent ---- */

static int open_memory(void)
{
	int fd = memfd_create("snapshot", MFD_CLOEXEC);
	if (fd < 0 || fd >= 3)
		return fd;
	close(fd); /* the standard descriptors are not for this */
	return -1;
}

int snapshot_fork(snapshot_write_fn *write, void *user, struct snapshot *ret,
		  struct error **err)
{
	*ret = (struct snapshot){.fd = open_memory(), .written = BUFFER_INIT(SIZE_MAX)};
	sigset_t all, before;
	sigfillset(&all);
	pid_t parent = getpid();
	/* Handlers would write to what the child shares with its parent. */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = ret->fd >= 0 ? fork() : -1;
	if (pid == 0)
		child(parent, ret->fd, write, user);
	int why = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid > 0) {
		ret->pid = pid;
		return 0;
	}
	if (ret->fd >= 0)
		close(ret->fd);
	ret->fd = -1;
	return error_set(err, ERR_UNAVAILABLE, "no process can be made for a snapshot: %s",
			 strerror(why));
}

void snapshot_take(snapshot_write_fn *write, void *user, struct snapshot *ret)
{
	if (snapshot_fork(write, user, ret, NULL) < 0)
		(void)!write(user, &ret->written, &ret->err);
}

static int read_all(int fd, struct buffer *to, struct error **err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_errno(err, "cannot read a snapshot");
	char *room = buffer_reserve(to, (size_t)st.st_size);
	for (off_t at = 0; at < st.st_size;) {
		ssize_t n = pread(fd, room + at, (size_t)(st.st_size - at), at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_errno(err, "cannot read a snapshot");
		at += n;
	}
	buffer_grew(to, (size_t)st.st_size);
	return 0;
}

int snapshot_read(struct snapshot *s, struct buffer *ret, struct error **err)
{
	int status = -1, result = 0;
	pid_t ended;
	if (s->pid == 0) {
		*ret = s->written;
		return s->err != NULL ? error_move(err, steal_ptr(&s->err)) : 0;
	}
	while ((ended = waitpid(s->pid, &status, 0)) < 0 && errno == EINTR)
		;
	*ret = BUFFER_INIT(SIZE_MAX);
	if (ended != s->pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		result = error_set(err, ERR_UNAVAILABLE,
				   "the snapshot of the state was not written (status %d); try "
				   "again in a moment",
				   status);
	else
		result = read_all(s->fd, ret, err);
	close(s->fd);
	return result;
}
