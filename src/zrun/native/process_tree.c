#include "zrun/native/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum place { UNKNOWN, BELOW, ELSEWHERE };

struct entry {
	pid_t pid, parent;
	enum place place;
};

struct table {
	struct entry *entries;
	size_t count, capacity;
};

static pid_t parent_of(pid_t pid)
{
	char path[40], text[512];
	const char *end;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	/* "PID (NAME) STATE PARENT …", where the name may hold anything. */
	end = strrchr(text, ')');
	return end != NULL && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : -1;
}

static bool read_table(struct table *t)
{
	DIR *dir = opendir("/proc");

	if (dir == NULL)
		return false;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid <= 0)
			continue;
		if (t->count == t->capacity) {
			t->capacity = t->capacity == 0 ? 256 : 2 * t->capacity;
			t->entries = realloc(t->entries, t->capacity * sizeof(*t->entries));
			if (t->entries == NULL)
				abort();
		}
		t->entries[t->count++] = (struct entry){pid, parent_of(pid), UNKNOWN};
	}
	(void)closedir(dir);
	return true;
}

static int compare(const void *a, const void *b)
{
	pid_t x = ((const struct entry *)a)->pid, y = ((const struct entry *)b)->pid;

	return (x > y) - (x < y);
}

static struct entry *find(const struct table *t, pid_t pid)
{
	struct entry key = {.pid = pid};

	return bsearch(&key, t->entries, t->count, sizeof(key), compare);
}

/* Up from one until something is known, then the way back marked. */
static void place(const struct table *t, struct entry *from, pid_t root)
{
	enum place found = UNKNOWN;
	struct entry *e = from;

	for (size_t steps = 0; found == UNKNOWN; steps++) {
		if (e->place != UNKNOWN) {
			found = e->place;
		} else if (e->parent == root) {
			found = BELOW;
		} else {
			struct entry *parent = find(t, e->parent);

			/* A number used again may make a ring of what was read in turn. */
			if (parent == NULL || steps > t->count)
				found = ELSEWHERE;
			else
				e = parent;
		}
	}
	for (e = from; e != NULL && e->place == UNKNOWN; e = find(t, e->parent)) {
		e->place = found;
		if (e->parent == root)
			break;
	}
}

struct without {
	const pid_t *pids;
	size_t count;
};

static int each(pid_t root, bool with_root, struct without without,
		void (*fn)(pid_t pid, void *user), void *user)
{
	struct table t = {0};
	int count = 0;

	if (!read_table(&t))
		return -1;
	qsort(t.entries, t.count, sizeof(*t.entries), compare);
	for (size_t i = 0; i < without.count; i++) {
		struct entry *e = find(&t, without.pids[i]);

		if (e != NULL)
			e->place = ELSEWHERE;
	}
	for (size_t i = 0; i < t.count; i++)
		place(&t, &t.entries[i], root);
	for (size_t i = 0; i < t.count; i++)
		if (t.entries[i].place == BELOW || (with_root && t.entries[i].pid == root)) {
			fn(t.entries[i].pid, user);
			count++;
		}
	free(t.entries);
	return count;
}

static void send_signal(pid_t pid, void *user)
{
	(void)kill(pid, *(const int *)user);
}

int process_tree_signal(pid_t root, int signal, bool with_root)
{
	return each(root, with_root, (struct without){0}, send_signal, &signal);
}

int process_tree_each(pid_t root, const pid_t *without, size_t without_count,
		      void (*fn)(pid_t pid, void *user), void *user)
{
	return each(root, true, (struct without){without, without_count}, fn, user);
}
