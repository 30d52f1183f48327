/*
 * The end of a cluster: zhosts, then the zruns that they leave running, then zrms.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "startz/cluster.h"
#include "startz/process.h"
#include "zrun/launch.h"
#include "zshell/api.h"

#define DAEMON_GRACE_MS 10000
/* A zrun that is just being started takes its socket over within this time. */
#define STRAYS_WAIT_MS	10000
#define STRAYS_AGAIN_MS 20

/* Ends the members of `program`, or only those that this run has started; how many there were.
 */
static size_t end_members(struct state *s, const char *program, bool only_started)
{
	VECTOR(int) pidfds = {0};
	size_t count;

	vector_for_each (&s->members, m) {
		bool meant = str_equal(m->program, program) && (m->started || !only_started);
		int pidfd = meant ? process_open(&m->process) : -1;

		if (pidfd >= 0) {
			(void)printf("Ending %s, process %d\n", m->name, (int)m->process.pid);
			vector_push(&pidfds, pidfd);
		}
		if (meant)
			m->process = (struct process_id){0};
	}
	(void)fflush(stdout);
	count = pidfds.count;
	process_end_all(pidfds.items, count, DAEMON_GRACE_MS);
	vector_done(&pidfds);
	return count;
}

/* Kills the zrun that listens on a socket. 0: nobody listens (any more). 1: somebody does who
 * cannot be told yet. */
static int kill_listener(int run_fd, const char *name, size_t *count)
{
	CLEANUP(closep) int fd = -1;
	pid_t pid = 0;
	int pidfd = -1;
	int r = launch_connect(run_fd, name, &fd, NULL);

	if (r == ERR_UNAVAILABLE || r == ERR_NOT_FOUND)
		return 0;
	/* By the kernel's word: the listener. Were it gone and its number another's, nobody
	 * would listen; the name is looked at all the same. */
	if (r < 0 || launch_adopt(fd, &pid, &pidfd, NULL) < 0)
		return 1;
	if (!process_has_name(pid, "zrun")) {
		(void)close(pidfd);
		return 1;
	}
	process_kill(pidfd);
	(*count)++;
	return 0;
}

/* One pass over DIR/zhosts/NAME/run. How many sockets are still listened on. */
static size_t kill_listeners(int run_fd, size_t *count)
{
	int fd = fcntl(run_fd, F_DUPFD_CLOEXEC, 3);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	size_t left = 0;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	rewinddir(dir);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (str_has_suffix(e->d_name, ".s"))
			left += (size_t)kill_listener(run_fd, e->d_name, count);
	}
	(void)closedir(dir);
	return left;
}

/* The zruns of one zhost, which itself has ended. */
static size_t end_zruns(const struct state *s, const char *zhost, struct error **err)
{
	CLEANUP(freep) char *path = state_path(s, "zhosts/%s/run", zhost);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int64_t deadline = mono_now_ms() + STRAYS_WAIT_MS;
	size_t count = 0;

	while (fd >= 0) {
		size_t left = kill_listeners(fd, &count);

		if (left == 0)
			break;
		if (mono_now_ms() >= deadline) {
			(void)error_set(
				err, ERR_TIMEOUT,
				"%zu sockets in %s are held by processes that are no zrun",
				left, path);
			break;
		}
		(void)poll(NULL, 0, STRAYS_AGAIN_MS);
	}
	return count;
}

/* By folder, not by member: zruns outlive what startz knows. */
static int end_all_zruns(const struct state *s, struct error **err)
{
	CLEANUP(freep) char *path = state_path(s, "zhosts");
	CLEANUP(error_freep) struct error *first = NULL;
	DIR *dir = opendir(path);
	size_t count = 0;

	if (dir == NULL)
		return errno == ENOENT ? 0 : error_errno(err, "cannot read %s", path);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] != '.')
			count += end_zruns(s, e->d_name, first == NULL ? &first : NULL);
	}
	(void)closedir(dir);
	if (count > 0)
		(void)printf("Ended %zu zrun\n", count);
	return first != NULL ? error_move(err, steal_ptr(&first)) : 0;
}

int cluster_down(struct state *s, struct error **err)
{
	CLEANUP(error_freep) struct error *first = NULL;
	size_t ended = end_members(s, "zhost", false);
	int r = end_all_zruns(s, &first);

	ended += end_members(s, "zrms", false);
	r = state_save(s, first == NULL ? &first : NULL);
	if (first != NULL)
		return error_move(err, steal_ptr(&first));
	if (ended == 0)
		(void)printf("Nothing of %s runs\n", s->dir);
	(void)fflush(stdout);
	return r;
}

int cluster_undo(struct state *s, struct error **err)
{
	(void)end_members(s, "zhost", true);
	(void)end_members(s, "zrms", true);
	return state_save(s, err);
}
