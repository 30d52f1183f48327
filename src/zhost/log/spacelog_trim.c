#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "zhost/log/spacelog.h"
#include "zhost/state/instance_file.h"

#define NAME_LENGTH (INSTANCE_FILE_NAME_SIZE - 1)

/* A log in the directory. */
struct old_log {
	char name[INSTANCE_FILE_NAME_SIZE];
	int64_t modified_ms; /* of its newest file; 0: there is none left */
};

typedef VECTOR(struct old_log) old_log_vector;

static int64_t modified_ms(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

static int64_t keep_of(const struct spacelogs *s, const char *name)
{
	const struct spacelog *log = spacelogs_find(s, name);
	char file[INSTANCE_FILE_NAME_SIZE + 8], text[32] = {0};
	long long keep;

	if (log != NULL)
		return spacelog_keep_ms(log);
	(void)snprintf(file, sizeof(file), "%s.keep", name);
	CLEANUP(closep) int fd = openat(spacelogs_dir(s), file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return SPACELOG_KEEP_MS;
	keep = strtoll(text, NULL, 10);
	return keep > 0 ? keep : SPACELOG_KEEP_MS;
}

/* Removes its files that are too old; how old the newest of the others is goes to the log. */
static void trim_files(struct spacelogs *s, struct old_log *old, int64_t wall_ms)
{
	struct spacelog *log = spacelogs_find(s, old->name);
	int64_t keep_ms = keep_of(s, old->name);

	for (unsigned age = 0; age < SPACELOG_FILES; age++) {
		char file[INSTANCE_FILE_NAME_SIZE + 8];
		struct stat st;

		spacelog_file_name(old->name, age, file, sizeof(file));
		if (fstatat(spacelogs_dir(s), file, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (modified_ms(&st) > wall_ms - keep_ms) {
			if (modified_ms(&st) > old->modified_ms)
				old->modified_ms = modified_ms(&st);
			continue;
		}
		if (age == 0 && log != NULL)
			spacelog_let_go(log);
		(void)unlinkat(spacelogs_dir(s), file, 0);
	}
}

static void remove_log(const struct spacelogs *s, const char *name)
{
	char file[INSTANCE_FILE_NAME_SIZE + 8];

	for (unsigned age = 0; age < SPACELOG_FILES; age++) {
		spacelog_file_name(name, age, file, sizeof(file));
		(void)unlinkat(spacelogs_dir(s), file, 0);
	}
	(void)snprintf(file, sizeof(file), "%s.keep", name);
	(void)unlinkat(spacelogs_dir(s), file, 0);
}

static int compare_name(const void *a, const void *b)
{
	return strcmp(((const struct old_log *)a)->name, ((const struct old_log *)b)->name);
}

static int compare_age(const void *a, const void *b)
{
	const struct old_log *x = a, *y = b;

	if (x->modified_ms != y->modified_ms)
		return x->modified_ms < y->modified_ms ? -1 : 1;
	return compare_name(a, b);
}

static bool is_ours(const char *file)
{
	return strlen(file) > NAME_LENGTH && strspn(file, "0123456789abcdef") == NAME_LENGTH &&
	       (str_has_prefix(file + NAME_LENGTH, ".log") ||
		str_equal(file + NAME_LENGTH, ".keep"));
}

/* Each once, by name. */
static void list(const struct spacelogs *s, old_log_vector *ret)
{
	int fd = openat(spacelogs_dir(s), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	size_t kept = 0;

	for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
		if (is_ours(e->d_name))
			memcpy(vector_add(ret)->name, e->d_name, NAME_LENGTH);
	if (ret->count > 0)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_name);
	for (size_t i = 0; i < ret->count; i++)
		if (i == 0 || compare_name(&ret->items[i], &ret->items[i - 1]) != 0)
			ret->items[kept++] = ret->items[i];
	ret->count = kept;
	if (dir != NULL)
		closedir(dir);
	else
		closep(&fd);
}

void spacelogs_trim(struct spacelogs *s, int64_t wall_ms)
{
	old_log_vector logs = {0};
	size_t gone = 0;

	list(s, &logs);
	vector_for_each (&logs, old) {
		trim_files(s, old, wall_ms);
		if (spacelogs_find(s, old->name) != NULL)
			continue;
		if (old->modified_ms == 0)
			remove_log(s, old->name);
		else
			logs.items[gone++] = *old;
	}
	logs.count = gone;
	if (gone > SPACELOG_KEPT) {
		qsort(logs.items, gone, sizeof(*logs.items), compare_age);
		for (size_t i = 0; i < gone - SPACELOG_KEPT; i++)
			remove_log(s, logs.items[i].name);
	}
	vector_done(&logs);
}
