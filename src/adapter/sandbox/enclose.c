#include "adapter/sandbox/enclose.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/sandbox/enclose_root.h"
#include "adapter/sandbox/landlock.h"

/* Of one user. Threads count, and the user is the instance's own. */
#define PROCESSES_MAX 4096

/* ---- namespaces ------------------------------------------------------------------------ */

static int write_self(const char *name, const char *text)
{
	char path[40];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* In the child: one user and one group, which keep their numbers. */
static int map_self(uid_t uid, gid_t gid)
{
	char users[40], groups[40];

	(void)snprintf(users, sizeof(users), "%u %u 1\n", (unsigned)uid, (unsigned)uid);
	(void)snprintf(groups, sizeof(groups), "%u %u 1\n", (unsigned)gid, (unsigned)gid);
	if (write_self("setgroups", "deny") < 0 && errno != ENOENT)
		return -1;
	return write_self("uid_map", users) < 0 || write_self("gid_map", groups) < 0 ? -1 : 0;
}

pid_t enclose_fork(struct enclosure *e)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC;
	pid_t pid = -1;

	if (uid != 0)
		flags |= CLONE_NEWUSER;
	if (!e->without_namespaces) {
		pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
		if (pid == 0 && uid != 0 && map_self(uid, gid) < 0)
			_exit(126);
	}
	if (pid >= 0) {
		e->namespaces = ENCLOSE_NAMESPACE_PIDS | ENCLOSE_NAMESPACE_MOUNTS |
				(uid != 0 ? ENCLOSE_NAMESPACE_USER : 0);
		return pid;
	}
	e->fork_errno = e->without_namespaces ? 0 : errno;
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

/* ---- Landlock --------------------------------------------------------------------------- */

static void allow(struct confine *c, int ruleset, uint64_t handled, const char *path,
		  uint64_t access)
{
	struct landlock_path_beneath rule = {.allowed_access = access & handled};

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return; /* this system has none */
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH_, &rule, 0) <
	    0) {
		char text[120];

		(void)snprintf(text, sizeof(text), "Landlock rule for %s", path);
		confine_note(c, text);
	}
	close(rule.parent_fd);
}

static void allow_all(struct enclosure *e, int ruleset, uint64_t handled)
{
	static const char *const devices[] = {"/dev/null",   "/dev/zero",    "/dev/full",
					      "/dev/random", "/dev/urandom", "/dev/tty"};
	const uint64_t look =
		LANDLOCK_FS_READ_FILE | LANDLOCK_FS_READ_DIR | LANDLOCK_FS_EXECUTE;
	struct confine *c = &e->confine;

	if (e->has_root) {
		allow(c, ruleset, handled, "/", look);
		/* comm, oom_score_adj and so on of its own processes: no others are there. */
		allow(c, ruleset, handled, "/proc", look | LANDLOCK_FS_WRITE_FILE);
		allow(c, ruleset, handled, ENCLOSE_DATA, ~0ull);
		if (e->kept != NULL)
			allow(c, ruleset, handled, ENCLOSE_KEPT, ~0ull);
		allow(c, ruleset, handled, ENCLOSE_TMP, ~0ull);
		/* For its keeper; to the programs it is read only. */
		if (e->secrets_fd >= 0)
			allow(c, ruleset, handled, ENCLOSE_SECRETS, ~0ull);
		allow(c, ruleset, handled, "/var/tmp", ~0ull);
		allow(c, ruleset, handled, "/dev/shm", ~0ull);
	} else {
		for (const char *const *f = enclose_system_directories; *f != NULL; f++)
			allow(c, ruleset, handled, *f, look);
		allow(c, ruleset, handled, "/proc", look);
		allow(c, ruleset, handled, e->package, look);
		allow(c, ruleset, handled, e->data, ~0ull);
		if (e->kept != NULL)
			allow(c, ruleset, handled, e->kept, ~0ull);
		allow(c, ruleset, handled, e->tmp, ~0ull);
	}
	for (size_t n = 0; n < sizeof(devices) / sizeof(devices[0]); n++)
		allow(c, ruleset, handled, devices[n],
		      LANDLOCK_FS_OF_FILES & ~LANDLOCK_FS_EXECUTE);
	for (unsigned n = 0; n < e->device_count; n++)
		allow(c, ruleset, handled, e->devices[n],
		      LANDLOCK_FS_OF_FILES & ~LANDLOCK_FS_EXECUTE);
}

static void landlock(struct enclosure *e)
{
	struct landlock_ruleset rules;
	long abi = landlock_abi();
	int fd;

	if (abi < 1) {
		confine_note(&e->confine, "no Landlock");
		return;
	}
	size_t size = landlock_ruleset_for(abi, &rules);
	rules.handled_access_net = 0; /* they serve ports, and reach their providers */
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0) {
		confine_note(&e->confine, "no Landlock");
		return;
	}
	allow_all(e, fd, rules.handled_access_fs);
	if (syscall(SYS_landlock_restrict_self, fd, 0) == 0)
		e->confine.done |= CONFINE_LANDLOCK;
	else
		confine_note(&e->confine, "no Landlock");
	close(fd);
}

/* ---- the rest --------------------------------------------------------------------------- */

static void limit(int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit now, l = {.rlim_cur = soft, .rlim_max = hard};

	/* An ordinary user cannot raise what it was given. */
	if (getrlimit((__rlimit_resource_t)resource, &now) == 0 && now.rlim_max < hard)
		l.rlim_max = now.rlim_max;
	if (l.rlim_cur > l.rlim_max)
		l.rlim_cur = l.rlim_max;
	(void)setrlimit((__rlimit_resource_t)resource, &l);
}

static void limits(struct enclosure *e)
{
	/* 0 keeps dumps out of files alone. Of 1, which is too little for any, none goes to a program that takes them by a pipe either
	 * (core(5)): there may be secrets in it. */
	limit(RLIMIT_CORE, 1, 1);
	limit(RLIMIT_NOFILE, 1024, 65536);
	limit(RLIMIT_MSGQUEUE, 0, 0);
	/* Counted for each user (and user namespace): not where the user has other processes. */
	if (geteuid() == 0 || (e->namespaces & ENCLOSE_NAMESPACE_USER) != 0)
		limit(RLIMIT_NPROC, PROCESSES_MAX, PROCESSES_MAX);
	e->confine.done |= CONFINE_LIMITS;
}

static int become_unprivileged(struct enclosure *e)
{
	if (geteuid() == 0) {
		if (setgroups(e->group_count, e->groups) < 0)
			confine_note(&e->confine, "supplementary groups stay");
		if (setresgid(e->gid, e->gid, e->gid) < 0 ||
		    setresuid(e->uid, e->uid, e->uid) < 0)
			return -1;
	}
	if (confine_drop_capabilities() < 0)
		return -1;
	if (geteuid() == 0) {
		errno = EPERM;
		return -1;
	}
	e->confine.done |= CONFINE_UNPRIVILEGED;
	/* Whoever runs as the same user must not look into or change this process. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		confine_note(&e->confine, "stays dumpable");
	return 0;
}

static int enter_root(struct enclosure *e)
{
	const char *what;

	if ((e->namespaces & ENCLOSE_NAMESPACE_MOUNTS) == 0) {
		errno = e->fork_errno;
		confine_note(&e->confine, e->without_namespaces
						  ? "namespaces are switched off"
						  : "no namespaces of processes and mounts");
		return 0;
	}
	e->confine.done |= CONFINE_MOUNT;
	if (enclose_root(e, &what) < 0) {
		char text[120];
		int saved = errno;

		(void)snprintf(text, sizeof(text), "cannot build the root directory at %s",
			       what);
		confine_note(&e->confine, text);
		errno = saved;
		return -1;
	}
	e->has_root = true;
	return 0;
}

int enclose_enter(struct enclosure *e)
{
	e->secrets_fd = -1;
	(void)umask(022); /* others than root are to find their way */
	if (enter_root(e) < 0 || chdir(e->has_root ? ENCLOSE_DATA : e->data) < 0)
		return -1;
	limits(e);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		confine_note(&e->confine, "no_new_privs is not set");
		return -1;
	}
	e->confine.done |= CONFINE_NO_NEW_PRIVS;
	landlock(e);
	if (become_unprivileged(e) < 0)
		return -1;
	confine_seccomp(&e->confine, e->filter, e->filter_size);
	return 0;
}

int enclose_try_secrets(void)
{
	struct enclosure e = {.secrets_fd = -1};
	int status = 0;
	pid_t pid = enclose_fork(&e);

	if (pid == 0)
		_exit((e.namespaces & ENCLOSE_NAMESPACE_MOUNTS) == 0 ? e.fork_errno & 0x7f
		      : enclose_root_try_secrets() < 0		     ? errno & 0x7f
								     : 0);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
	return errno == 0 ? 0 : -1;
}
