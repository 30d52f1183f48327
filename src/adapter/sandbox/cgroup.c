#include "adapter/sandbox/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A hierarchy that is mounted: version 2, or one of version 1 with its controllers. */
struct hierarchy {
	bool is_unified;
	char controllers[80]; /* version 1: "cpu,cpuacct" */
	char mount[PATH_MAX]; /* where it is mounted */
	char root[PATH_MAX];  /* which group of it is mounted there: "/" */
	char own[PATH_MAX];   /* the caller's group, from the mount on: "", "/system.slice/x" */
};

static const char *const controllers[] = {"memory", "cpu", "pids"};
#define PREFIX	    "samoza-"
#define SWEEP_S	    60
#define CONTROLLERS (sizeof(controllers) / sizeof(controllers[0]))

/* ---- finding ---- */

static bool has_word(const char *list, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = list; (at = strstr(at, word)) != NULL; at += size)
		if ((at == list || at[-1] == ',' || at[-1] == ' ') &&
		    (at[size] == '\0' || at[size] == ',' || at[size] == ' ' ||
		     at[size] == '\n'))
			return true;
	return false;
}

/* Of the caller in /proc/self/cgroup: "ID:CONTROLLERS:PATH". */
static bool find_own(struct hierarchy *h, const char *controller)
{
	char line[PATH_MAX + 100];
	FILE *file = fopen("/proc/self/cgroup", "re");
	bool found = false;

	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		char *names = strchr(line, ':');
		char *path = names != NULL ? strchr(names + 1, ':') : NULL;
		size_t skip;

		if (path == NULL)
			continue;
		*names++ = '\0';
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		found = h->is_unified ? names[0] == '\0' : has_word(names, controller);
		/* A container sees a part of the hierarchy. */
		skip = strcmp(h->root, "/") != 0 && strncmp(path, h->root, strlen(h->root)) == 0
			       ? strlen(h->root)
			       : 0;
		if (found)
			(void)snprintf(h->own, sizeof(h->own), "%s",
				       strcmp(path + skip, "/") == 0 ? "" : path + skip);
	}
	if (file != NULL)
		(void)fclose(file);
	return found;
}

/* In /proc/self/mountinfo: "36 35 98:0 /ROOT /MOUNT OPTIONS … - TYPE SOURCE SUPER-OPTIONS".
 * NULL as controller: version 2. */
static bool find_hierarchy(struct hierarchy *h, const char *controller)
{
	char line[3 * PATH_MAX], type[20], options[200];
	FILE *file = fopen("/proc/self/mountinfo", "re");
	bool found = false;

	*h = (struct hierarchy){.is_unified = controller == NULL};
	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		const char *dash = strstr(line, " - ");

		if (dash == NULL || sscanf(dash, " - %19s %*s %199s", type, options) != 2 ||
		    sscanf(line, "%*s %*s %*s %4095s %4095s", h->root, h->mount) != 2)
			continue;
		found = h->is_unified
				? strcmp(type, "cgroup2") == 0
				: strcmp(type, "cgroup") == 0 && has_word(options, controller);
	}
	if (file != NULL)
		(void)fclose(file);
	return found && find_own(h, controller);
}

/* ---- files ---- */

static int write_file(const char *directory, const char *name, const char *text)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return -1;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static bool hands_out(const char *directory, const char *controller)
{
	char path[PATH_MAX], text[400];
	ssize_t n = -1;
	int fd;

	if (snprintf(path, sizeof(path), "%s/cgroup.subtree_control", directory) <
	    (int)sizeof(path)) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			n = read(fd, text, sizeof(text) - 1);
			close(fd);
		}
	}
	if (n < 0)
		return false;
	text[n] = '\0';
	return has_word(text, controller);
}

/* ---- limits ---- */

static void limit_memory(const char *directory, bool is_unified, uint64_t bytes,
			 struct cgroup *g)
{
	char text[32], path[PATH_MAX];

	(void)snprintf(text, sizeof(text), "%" PRIu64, bytes);
	if (bytes == 0 ||
	    write_file(directory, is_unified ? "memory.max" : "memory.limit_in_bytes", text) <
		    0)
		return;
	(void)write_file(directory, "memory.oom.group", "1");
	if (snprintf(path, sizeof(path), "%s/%s", directory,
		     is_unified ? "memory.events" : "memory.oom_control") < (int)sizeof(path))
		g->events_fd = open(path, O_RDONLY | O_CLOEXEC);
	g->limited |= CGROUP_MEMORY;
}

uint64_t cgroup_oom_kills(const struct cgroup *g)
{
	char text[400];
	ssize_t n = g->events_fd >= 0 ? pread(g->events_fd, text, sizeof(text) - 1, 0) : 0;
	const char *at;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, "oom_kill "); /* not oom_kill_disable */
	return at != NULL ? strtoull(at + strlen("oom_kill "), NULL, 10) : 0;
}

/* Its share under contention; the limit only where there is one. */
static void limit_cpu(const char *directory, bool is_unified,
		      const struct cgroup_resources *resources, struct cgroup *g)
{
	uint32_t limit = resources->cpu_limit_millicores;
	uint64_t shares = (uint64_t)resources->cpu_millicores * 1024 / 1000;
	uint64_t weight;
	char text[64];
	int r;

	if (resources->cpu_millicores == 0)
		return;
	if (shares < 2)
		shares = 2;
	weight = 1 + (shares - 2) * 9999 / 262142;
	(void)snprintf(text, sizeof(text), "%" PRIu64,
		       !is_unified	? shares
		       : weight > 10000 ? 10000
					: weight);
	r = write_file(directory, is_unified ? "cpu.weight" : "cpu.shares", text);
	if (r == 0 && limit > 0) {
		if (limit < CGROUP_CPU_LEAST)
			limit = CGROUP_CPU_LEAST;
		if (!is_unified)
			(void)write_file(directory, "cpu.cfs_period_us", "100000");
		(void)snprintf(text, sizeof(text), is_unified ? "%u 100000" : "%u",
			       limit * 100);
		r = write_file(directory, is_unified ? "cpu.max" : "cpu.cfs_quota_us", text);
	}
	if (r == 0)
		g->limited |= CGROUP_CPU;
}

static void limit_pids(const char *directory, struct cgroup *g)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", CGROUP_PIDS);
	if (write_file(directory, "pids.max", text) == 0)
		g->limited |= CGROUP_PIDS_;
}

/* ---- making ---- */

/* Makes it there. Returns whether it is there; its path in `directory`. */
static bool make(const char *above, const char *name, char *directory, size_t size)
{
	if (snprintf(directory, size, "%s/" PREFIX "%s", above, name) >= (int)size)
		return false;
	return mkdir(directory, 0755) == 0 || errno == EEXIST;
}

static void add_procs(struct cgroup *g, const char *directory)
{
	char *to = g->procs[g->procs_count];

	for (unsigned n = 0; n < g->procs_count; n++)
		if (strncmp(g->procs[n], directory, strlen(directory)) == 0)
			return; /* one hierarchy for cpu and another controller */
	if (snprintf(to, sizeof(g->procs[0]), "%s/cgroup.procs", directory) <
	    (int)sizeof(g->procs[0]))
		g->procs_count++;
	else
		to[0] = '\0';
}

/* The group of version 2 below which it is to lie: the nearest that hands out memory, else the
 * caller's own (then without limits, only to end all at one stroke). Only of its own group the
 * caller asks for it; those above belong to others. */
static void unified_above(const struct hierarchy *h, char *above, size_t size)
{
	(void)snprintf(above, size, "%s%s", h->mount, h->own);
	if (!hands_out(above, "memory"))
		(void)write_file(above, "cgroup.subtree_control", "+memory +cpu +pids");
	while (!hands_out(above, "memory")) {
		if (strlen(above) <= strlen(h->mount)) {
			(void)snprintf(above, size, "%s%s", h->mount, h->own);
			return;
		}
		*strrchr(above, '/') = '\0';
	}
}

static void make_unified(struct cgroup *g, const char *name,
			 const struct cgroup_resources *resources)
{
	struct hierarchy h;
	char above[2 * PATH_MAX], directory[PATH_MAX], path[PATH_MAX];

	if (!find_hierarchy(&h, NULL))
		return;
	unified_above(&h, above, sizeof(above));
	if (!make(above, name, directory, sizeof(directory)))
		return;
	limit_memory(directory, true, resources->memory_bytes, g);
	limit_cpu(directory, true, resources, g);
	limit_pids(directory, g);
	g->unified = g->limited;
	add_procs(g, directory);
	if (snprintf(path, sizeof(path), "%s/cgroup.kill", directory) < (int)sizeof(path))
		g->kill_fd = open(path, O_WRONLY | O_CLOEXEC);
}

static void make_separate(struct cgroup *g, const char *controller, const char *name,
			  const struct cgroup_resources *resources)
{
	struct hierarchy h;
	char above[2 * PATH_MAX], directory[PATH_MAX];

	if (!find_hierarchy(&h, controller))
		return;
	(void)snprintf(above, sizeof(above), "%s%s", h.mount, h.own);
	if (!make(above, name, directory, sizeof(directory)))
		return;
	if (strcmp(controller, "memory") == 0)
		limit_memory(directory, false, resources->memory_bytes, g);
	else if (strcmp(controller, "cpu") == 0)
		limit_cpu(directory, false, resources, g);
	else
		limit_pids(directory, g);
	add_procs(g, directory);
}

void cgroup_make(struct cgroup *g, const char *name, const struct cgroup_resources *resources)
{
	*g = (struct cgroup){.kill_fd = -1, .events_fd = -1};
	make_unified(g, name, resources);
	if ((g->limited & CGROUP_MEMORY) == 0)
		for (size_t c = 0; c < CONTROLLERS; c++)
			make_separate(g, controllers[c], name, resources);
	if ((g->limited & (CGROUP_MEMORY | CGROUP_CPU)) != (CGROUP_MEMORY | CGROUP_CPU))
		(void)snprintf(g->missing, sizeof(g->missing), "no control group%s%s: %s",
			       (g->limited & CGROUP_MEMORY) == 0 ? " for memory" : "",
			       (g->limited & CGROUP_CPU) == 0 ? " for cpu" : "",
			       geteuid() != 0 ? "this user may not create any"
					      : "none can be created here");
}

void cgroup_probe(struct cgroup *g)
{
	static const struct cgroup_resources some = {.cpu_millicores = 1000,
						     .cpu_limit_millicores = 1000,
						     .memory_bytes = UINT64_C(64) << 20};
	char name[32];

	(void)snprintf(name, sizeof(name), "probe-%d", (int)getpid());
	cgroup_make(g, name, &some);
	cgroup_remove(name);
	if (g->kill_fd >= 0)
		close(g->kill_fd);
	if (g->events_fd >= 0)
		close(g->events_fd);
	g->kill_fd = g->events_fd = -1;
}

static void sweep(const char *above)
{
	DIR *dir = opendir(above);

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		struct stat st;

		/* One that is just being made is empty, too. */
		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0 &&
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    time(NULL) - st.st_mtime > SWEEP_S)
			(void)unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

void cgroup_sweep(void)
{
	struct hierarchy h;
	char above[2 * PATH_MAX];

	for (size_t c = 0; c < CONTROLLERS; c++)
		if (find_hierarchy(&h, controllers[c])) {
			(void)snprintf(above, sizeof(above), "%s%s", h.mount, h.own);
			sweep(above);
		}
	if (!find_hierarchy(&h, NULL))
		return;
	(void)snprintf(above, sizeof(above), "%s%s", h.mount, h.own);
	for (sweep(above); strlen(above) > strlen(h.mount); sweep(above))
		*strrchr(above, '/') = '\0';
}

/* Calls for each directory that the group may have. */
static void each_directory(const char *name, void (*fn)(const char *directory, void *user),
			   void *user)
{
	struct hierarchy h;
	char above[2 * PATH_MAX], directory[3 * PATH_MAX];

	for (size_t c = 0; c < CONTROLLERS; c++)
		if (find_hierarchy(&h, controllers[c])) {
			(void)snprintf(directory, sizeof(directory), "%s%s/" PREFIX "%s",
				       h.mount, h.own, name);
			fn(directory, user);
		}
	if (!find_hierarchy(&h, NULL))
		return;
	(void)snprintf(above, sizeof(above), "%s%s", h.mount, h.own);
	for (;;) {
		(void)snprintf(directory, sizeof(directory), "%s/" PREFIX "%s", above, name);
		fn(directory, user);
		if (strlen(above) <= strlen(h.mount))
			return;
		*strrchr(above, '/') = '\0';
	}
}

static void kill_processes(const char *directory, void *user)
{
	unsigned *count = user;
	char path[3 * PATH_MAX + 20];
	FILE *file;
	int pid;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	file = fopen(path, "re");
	/* 0: a process of another namespace, which the caller may not end. */
	while (file != NULL && fscanf(file, "%d", &pid) == 1)
		if (pid > 0) {
			(void)kill(pid, SIGKILL);
			(*count)++;
		}
	if (file != NULL)
		(void)fclose(file);
}

unsigned cgroup_kill(const char *name)
{
	unsigned count = 0;

	each_directory(name, kill_processes, &count);
	return count;
}

static void remove_directory(const char *directory, void *user)
{
	(void)user;
	(void)rmdir(directory);
}

void cgroup_remove(const char *name)
{
	each_directory(name, remove_directory, NULL);
}
