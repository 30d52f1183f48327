#include "zbench/keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "base/vector.h"

/* ---------------------------------------------------------------- processes below */

struct process {
	pid_t pid, parent;
	bool below;
};

struct processes {
	VECTOR(struct process) list;
};

static bool read_stat(const char *pid, struct process *ret)
{
	char path[64], text[512];
	CLEANUP(closep) int fd = -1;
	ssize_t n;
	char *behind;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	behind = strrchr(text, ')'); /* a name may contain anything */
	if (behind == NULL || sscanf(behind + 1, " %*c %d", &ret->parent) != 1)
		return false;
	ret->pid = (pid_t)strtol(pid, NULL, 10);
	return true;
}

static void list_processes(struct processes *all)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		struct process p = {0};

		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    read_stat(entry->d_name, &p))
			vector_push(&all->list, p);
	}
	if (directory != NULL)
		(void)closedir(directory);
}

/* Marks what descends from `top`: as many passes as the tree is deep. */
static void mark_below(struct processes *all, pid_t top)
{
	bool more = true;

	while (more) {
		more = false;
		vector_for_each (&all->list, p) {
			bool below = p->parent == top;

			if (p->below)
				continue;
			vector_for_each (&all->list, q)
				below = below || (q->below && q->pid == p->parent);
			p->below = below;
			more = more || below;
		}
	}
}

/* Returns how many were there. */
static size_t kill_below(pid_t top)
{
	struct processes all = {0};
	size_t count = 0;

	list_processes(&all);
	mark_below(&all, top);
	vector_for_each (&all.list, p) {
		if (p->below && kill(p->pid, SIGKILL) == 0)
			count++;
	}
	vector_done(&all.list);
	return count;
}

void keeper_kill_all(void)
{
	do {
		(void)kill_below(getpid());
		/* Those whose parent died meanwhile become ours, and are seen by the next pass.
		 */
		while (waitpid(-1, NULL, 0) > 0)
			continue;
	} while (errno == EINTR || kill_below(getpid()) > 0);
}

void keeper_kill_tree(pid_t pid)
{
	/* It first: it can then neither start more nor notice. */
	(void)kill(pid, SIGSTOP);
	(void)kill_below(pid);
	(void)kill(pid, SIGKILL);
}

/* ---------------------------------------------------------------- starting */

int keeper_spawn(char *const argv[], const char *log, pid_t *ret_pid, struct error **err)
{
	CLEANUP(closep)
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	pid_t parent = getpid(), pid;

	if (fd < 0)
		return error_errno(err, "cannot write %s", log);
	if (access(argv[0], X_OK) < 0)
		return error_errno(err, "cannot run %s", argv[0]);
	pid = fork();
	if (pid < 0)
		return error_errno(err, "cannot start %s", argv[0]);
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY);

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
		if (null < 0 || dup2(null, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
			_exit(127);
		(void)execv(argv[0], argv);
		_exit(127);
	}
	*ret_pid = pid;
	return 0;
}

/* The end of a file, for a message. The caller frees. */
static char *tail_of(const char *path)
{
	char text[1500];
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	off_t from = size > (off_t)sizeof(text) ? size - (off_t)sizeof(text) : 0;
	ssize_t n = fd >= 0 ? pread(fd, text, sizeof(text), from) : 0;

	return mem_strndup(text, n > 0 ? (size_t)n : 0);
}

int keeper_wait(pid_t pid, const char *name, const char *log, struct error **err)
{
	CLEANUP(freep) char *tail = NULL;
	int status = 0;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error_errno(err, "cannot wait for %s", name);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	tail = tail_of(log);
	return error_set(err, ERR_INVALID, "%s failed (status %#x):\n%s", name,
			 (unsigned)status, tail);
}

/* ---------------------------------------------------------------- keeper and worker */

static volatile pid_t worker;

static void pass_on(int signal)
{
	if (worker > 0)
		(void)kill(worker, signal);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	char target[PATH_MAX];
	ssize_t n = type == FTW_SL && str_equal(path + ftw->base, "run")
			    ? readlink(path, target, sizeof(target) - 1)
			    : -1;

	/* A zhost's sockets lie in memory: DIR/run leads there. */
	if (n > 0) {
		target[n] = '\0';
		keeper_remove_directory(target);
	}
	(void)remove(path);
	return 0;
}

void keeper_remove_directory(const char *path)
{
	(void)nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
}

static void watch_signals(void)
{
	struct sigaction pass = {.sa_handler = pass_on};

	/* A terminal sends Ctrl-C to the worker as well. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)sigaction(SIGTERM, &pass, NULL);
	(void)sigaction(SIGHUP, &pass, NULL);
}

static int wait_for_worker(void)
{
	int status = 0;
	pid_t pid;

	do
		pid = waitpid(worker, &status, 0);
	while (pid < 0 && errno == EINTR);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int keeper_run(const char *scratch, bool keep_scratch, int (*work)(void *data), void *data)
{
	pid_t keeper = getpid(), child;
	int status;

	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	(void)fflush(NULL);
	child = fork();
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
		(void)signal(SIGPIPE, SIG_IGN);
		if (getppid() != keeper)
			_exit(1);
		exit(work(data));
	}
	worker = child;
	if (child < 0) {
		perror("zbench: cannot fork");
		status = 1;
	} else {
		watch_signals();
		status = wait_for_worker();
	}
	keeper_kill_all();
	if (!keep_scratch)
		keeper_remove_directory(scratch);
	return status;
}
