/*
 * Stops a cluster: zhosts, then the zruns that they leave running, then zrms.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adapter/client/api.h"
#include "adapter/token/known_cluster.h"
#include "base/str.h"
#include "startz/cluster.h"
#include "startz/machines.h"
#include "startz/process.h"
#include "zrun/launch/launch.h"
#include "zrun/protocol/protocol.h"

#define DAEMON_GRACE_MS 10000
/* A zrun that is just being started accepts its socket within this time. */
#define STRAYS_WAIT_MS	5000
#define STRAY_GRACE_MS	5000
#define STRAYS_AGAIN_MS 20

/* Stops the members of `program`, or only those that this run has started. Returns their
 * number.
 */
static size_t end_members(struct state *s, const char *program, bool only_started)
{
	VECTOR(int) pidfds = {0};
	size_t count;

	vector_for_each (&s->members, m) {
		bool meant = str_equal(m->program, program) && (m->started || !only_started);
		int pidfd = meant ? process_open(&m->process) : -1;

		if (pidfd >= 0) {
			(void)printf("Stopping %s (pid %d)\n", m->name, (int)m->process.pid);
			vector_push(&pidfds, pidfd);
		}
		if (meant && m->address != NULL && str_equal(program, "zrms"))
			known_cluster_forget(m->address);
		if (meant)
			m->process = (struct process_id){0};
	}
	(void)fflush(stdout);
	count = pidfds.count;
	process_end_all(pidfds.items, count, DAEMON_GRACE_MS);
	vector_done(&pidfds);
	return count;
}

/* A zrun without its zhost. */
struct stray {
	int fd, pidfd;
};

typedef VECTOR(struct stray) stray_vector;

/* Finds the process that listens on a socket. 0: a zrun, added to `all`, or none (any more). 1:
 * a process that is not known yet. */
static int find_stray(int run_fd, const char *name, stray_vector *all)
{
	struct stray found = {-1, -1};
	pid_t pid = 0;
	int r = launch_connect(run_fd, name, &found.fd, NULL);

	if (r == ERR_UNAVAILABLE || r == ERR_NOT_FOUND)
		return 0;
	/* The kernel names the listener. If it had exited and its pid were reused, no process
	 * would listen; the name is checked nevertheless. */
	if (r == 0 && launch_adopt(found.fd, &pid, &found.pidfd, NULL) == 0 &&
	    process_has_name(pid, "zrun")) {
		vector_push(all, found);
		return 0;
	}
	closep(&found.pidfd);
	closep(&found.fd);
	return 1;
}

/* Adds the zruns of one zhost. Returns how many sockets are held by other processes. */
static size_t find_strays_of(const struct state *s, const char *zhost, stray_vector *all)
{
	CLEANUP(freep) char *path = state_path(s, "zhosts/%s/run", zhost);
	CLEANUP(closep) int run_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = opendir(path);
	size_t others = 0;

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		if (str_has_suffix(e->d_name, ".s"))
			others += (size_t)find_stray(run_fd, e->d_name, all);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return others;
}

/* Whether the zruns of this zhost are meant: all, or those of zhosts that this run started. */
static bool is_meant(struct state *s, const char *zhost, bool only_started)
{
	const struct member *m = only_started ? state_find(s, zhost) : NULL;

	return zhost[0] != '.' && (!only_started || (m != NULL && m->started));
}

/* By directory, not by member: zruns can outlive the state that startz has saved. */
static size_t find_strays(struct state *s, bool only_started, stray_vector *all)
{
	CLEANUP(freep) char *path = state_path(s, "zhosts");
	DIR *dir = opendir(path);
	size_t others = 0;

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		if (is_meant(s, e->d_name, only_started))
			others += find_strays_of(s, e->d_name, all);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return others;
}

/* The directories in which zruns of these zhosts keep files open: DIR/zhosts/NAME, and where
 * its `run` points to. */
struct directories {
	VECTOR(char *) list;
};

static void directories_done(struct directories *f)
{
	vector_for_each (&f->list, path)
		free(*path);
	vector_done(&f->list);
}

static void find_directories(struct state *s, bool only_started, struct directories *f)
{
	CLEANUP(freep) char *zhosts = state_path(s, "zhosts");
	DIR *dir = opendir(zhosts);

	if (!only_started)
		vector_push(&f->list, str_printf("%s/", zhosts));
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		CLEANUP(freep) char *run = str_printf("%s/%s/run", zhosts, e->d_name);
		char target[PATH_MAX];
		ssize_t n;

		if (!is_meant(s, e->d_name, only_started))
			continue;
		if (only_started)
			vector_push(&f->list, str_printf("%s/%s/", zhosts, e->d_name));
		n = readlink(run, target, sizeof(target) - 1);
		if (n > 0 && target[0] == '/')
			vector_push(&f->list, str_printf("%.*s/", (int)n, target));
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* Whether a process has an open file below one of them. */
static bool has_file_below(pid_t pid, const struct directories *directories)
{
	CLEANUP(freep) char *path = str_printf("/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	bool found = false;

	for (struct dirent *e; dir != NULL && !found && (e = readdir(dir)) != NULL;) {
		char target[PATH_MAX];
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		vector_for_each (&directories->list, directory)
			found = found || str_has_prefix(target, *directory);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

/* Kills zruns whose socket is gone, which cannot be asked to stop. They are recognised by their
 * exit report, which they keep open in their zhost's directory. Returns their number. */
static size_t kill_hidden(struct state *s, bool only_started)
{
	CLEANUP(directories_done) struct directories directories = {0};
	size_t count = 0;
	DIR *dir = opendir("/proc");
	uint64_t pid;

	find_directories(s, only_started, &directories);
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		int pidfd;

		if (str_to_u64(e->d_name, &pid) < 0 || !process_has_name((pid_t)pid, "zrun"))
			continue;
		pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
		/* Checked after the pidfd was opened: it is the process of the pidfd. */
		if (pidfd >= 0 && process_has_name((pid_t)pid, "zrun") &&
		    has_file_below((pid_t)pid, &directories)) {
			process_wait_all(&pidfd, 1, 0);
			count++;
		} else {
			closep(&pidfd);
		}
	}
	if (dir != NULL)
		(void)closedir(dir);
	return count;
}

/* As their zhost would do it: on_close and stop recipes run. */
static void ask_to_stop(const struct stray *stray)
{
	struct {
		struct zrun_frame frame;
		struct zrun_stop stop;
	} __attribute__((packed)) request = {
		.frame = {.size = sizeof(struct zrun_stop), .type = ZRUN_STOP},
		.stop = {.grace_ms = STRAY_GRACE_MS},
	};

	/* A zrun that cannot be asked is killed. */
	(void)!send(stray->fd, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Stops the zruns in `all`. Returns their number. */
static size_t end_strays(stray_vector *all)
{
	VECTOR(int) pidfds = {0};
	size_t count = all->count;

	vector_for_each (all, stray) {
		ask_to_stop(stray);
		vector_push(&pidfds, stray->pidfd);
	}
	process_wait_all(pidfds.items, count, STRAY_GRACE_MS);
	vector_for_each (all, done)
		closep(&done->fd);
	vector_done(all);
	vector_done(&pidfds);
	return count;
}

static int end_zruns(struct state *s, bool only_started, struct error **err)
{
	int64_t deadline = mono_now_ms() + STRAYS_WAIT_MS;
	size_t count = 0;

	for (;;) {
		stray_vector all = {0};
		size_t others = find_strays(s, only_started, &all);
		size_t found = end_strays(&all);

		if (found + others == 0)
			found = kill_hidden(s, only_started);
		count += found;
		if (found + others == 0)
			break;
		if (found == 0 && mono_now_ms() >= deadline)
			return error_set(err, ERR_TIMEOUT,
					 "%zu socket%s in %s/zhosts/*/run %s held by processes "
					 "other than zrun",
					 others, str_plural(others), s->dir, str_are(others));
		/* Search again: a zrun that was just being started accepts its socket now. */
		if (others > 0)
			(void)poll(NULL, 0, STRAYS_AGAIN_MS);
	}
	if (count > 0)
		(void)printf("Stopped %zu instance%s\n", count, str_plural(count));
	return 0;
}

static int stop(struct state *s, bool only_started, struct error **err)
{
	CLEANUP(error_freep) struct error *first = NULL;
	size_t ended = end_members(s, "zhost", only_started);
	int r = end_zruns(s, only_started, &first);

	ended += end_members(s, "zrms", only_started);
	ended += end_members(s, "etcd", only_started);
	if (r == 0 && !only_started)
		r = machines_remove(s, &first);
	r = state_save(s, first == NULL ? &first : NULL);
	if (first != NULL)
		return error_move(err, steal_ptr(&first));
	if (ended == 0 && !only_started)
		(void)printf("Nothing is running in %s\n", s->dir);
	(void)fflush(stdout);
	return r;
}

int cluster_down(struct state *s, struct error **err)
{
	return stop(s, false, err);
}

int cluster_leave(struct state *s, struct error **err)
{
	return stop(s, !cluster_is_whole(s), err);
}

bool cluster_is_whole(const struct state *s)
{
	vector_for_each (&s->members, m) {
		if (!m->started && process_runs(&m->process))
			return false;
	}
	return true;
}

int cluster_undo(struct state *s, struct error **err)
{
	(void)end_members(s, "zhost", true);
	(void)end_members(s, "zrms", true);
	(void)end_members(s, "etcd", true);
	return state_save(s, err);
}
