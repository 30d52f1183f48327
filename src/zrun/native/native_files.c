#include "zrun/native/native_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 32
#define LINE_MAX_ 1400

static int failed(char *text, size_t size, const char *what, const char *name)
{
	(void)snprintf(text, size, "cannot %s %s: %s", what, name, strerror(errno));
	return -1;
}

/* ---- removing ---- */

struct removal {
	int top;       /* the directory itself */
	unsigned deep; /* directories moved up to it */
};

static int remove_below(struct removal *r, int at, unsigned depth);

/* What lies too deep is moved up and has its turn later: no path and no stack grows. */
static int move_up(struct removal *r, int at, const char *name)
{
	char to[32];

	do
		(void)snprintf(to, sizeof(to), ".deep-%u", r->deep++);
	while (renameat(at, name, r->top, to) < 0 && (errno == EEXIST || errno == ENOTEMPTY));
	return 0;
}

/* Something else may be removing the same directory: what is no longer there is removed. */
static int unless_gone(int result)
{
	return result == 0 || errno == ENOENT ? 0 : -1;
}

static int remove_entry(struct removal *r, int at, const char *name, unsigned depth)
{
	int fd, result;

	if (unless_gone(unlinkat(at, name, 0)) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	if (unless_gone(unlinkat(at, name, AT_REMOVEDIR)) == 0)
		return 0;
	if (errno == EACCES || errno == ENOTDIR)
		return -1;
	if (depth >= DEPTH_MAX)
		return move_up(r, at, name);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == EACCES && fchmodat(at, name, 0700, 0) == 0)
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return unless_gone(-1);
	/* An ordinary user needs it for what is inside. */
	(void)fchmod(fd, 0700);
	result = remove_below(r, fd, depth + 1);
	return result < 0 ? result : unless_gone(unlinkat(at, name, AT_REMOVEDIR));
}

/* Takes `at` over. */
static int remove_below(struct removal *r, int at, unsigned depth)
{
	DIR *dir = fdopendir(at);
	int result = 0;

	if (dir == NULL) {
		close(at);
		return -1;
	}
	for (struct dirent *e; result == 0 && (e = readdir(dir)) != NULL;)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			result = remove_entry(r, at, e->d_name, depth);
	(void)closedir(dir);
	return result;
}

int native_remove(const char *directory, char *text, size_t text_size)
{
	struct removal r = {
		.top = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
	int result = 0;

	if (r.top < 0)
		return errno == ENOENT ? 0 : failed(text, text_size, "open", directory);
	/* Again while something was moved up, or appeared while one looked. */
	for (unsigned n = 0; n < 100000; n++) {
		int fd = openat(r.top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		result = fd < 0 ? unless_gone(-1) : remove_below(&r, fd, 0);
		if (result < 0 || rmdir(directory) == 0 || errno == ENOENT)
			break;
		if (errno != ENOTEMPTY) {
			result = -1;
			break;
		}
	}
	if (result < 0)
		(void)failed(text, text_size, "remove what is in", directory);
	close(r.top);
	return result;
}

/* ---- the way to a directory ---- */

int native_open_way(const char *top, const char *path)
{
	char above[4200];
	size_t size = strlen(top);
	struct stat st;

	if (size == 0 || strncmp(path, top, size) != 0 || path[size] != '/' ||
	    snprintf(above, sizeof(above), "%s", path) >= (int)sizeof(above)) {
		errno = EINVAL;
		return -1;
	}
	for (char *slash; (slash = strrchr(above, '/')) >= above + size;) {
		*slash = '\0';
		if (lstat(above, &st) < 0)
			return -1;
		if ((st.st_mode & S_IXOTH) == 0 &&
		    chmod(above, (st.st_mode & 07777) | S_IXOTH) < 0)
			return -1;
	}
	return 0;
}

/* ---- installing ---- */

static int make_directory(int at, const char *name, mode_t mode)
{
	return mkdirat(at, name, mode) < 0 && errno != EEXIST ? -1
							      : fchmodat(at, name, mode, 0);
}

/* The directory that the last part of `name` is in, made where it is missing; *ret_last is that
 * part. The descriptor, or -1. */
static int enter_directories(int package, char *name, const char **ret_last)
{
	int at = dup(package);

	for (char *slash; at >= 0 && (slash = strchr(name, '/')) != NULL; name = slash + 1) {
		int next = -1;

		*slash = '\0';
		errno = EINVAL;
		if (name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    make_directory(at, name, 0755) == 0)
			next = openat(at, name,
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(at);
		at = next;
	}
	*ret_last = name;
	return at;
}

static int copy(int from, int to)
{
	static char data[64 * 1024];
	ssize_t n;

	while ((n = read(from, data, sizeof(data))) > 0)
		if (write(to, data, (size_t)n) != n)
			return -1;
	return n < 0 ? -1 : 0;
}

static int install_file(int cache, int package, mode_t mode, const char *digest, char *name)
{
	const char *last;
	int at = enter_directories(package, name, &last);
	int from = openat(cache, digest, O_RDONLY | O_CLOEXEC);
	int to = at >= 0 && from >= 0
			 ? openat(at, last, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
			 : -1;
	int r = to >= 0 && copy(from, to) == 0 && fchmod(to, mode) == 0 ? 0 : -1;
	int saved = errno;

	if (to >= 0)
		close(to);
	if (from >= 0)
		close(from);
	if (at >= 0)
		close(at);
	errno = saved;
	return r;
}

static int install_files(int cache, int package, FILE *list, char *text, size_t text_size)
{
	char line[LINE_MAX_], name[LINE_MAX_], digest[65];
	unsigned mode;

	while (fgets(line, sizeof(line), list) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%o %64s %1399[^\n]", &mode, digest, name) != 3) {
			errno = EINVAL;
			return failed(text, text_size, "read the list of files at", line);
		}
		if (install_file(cache, package, (mode_t)(mode & 0777), digest, name) < 0)
			return failed(text, text_size, "install", line);
	}
	return 0;
}

/* Of the instance only its own user looks inside, where there is more than one user. */
static int make_top(const char *directory, uid_t uid)
{
	if (mkdir(directory, 0755) < 0)
		return -1;
	if (geteuid() != 0)
		return chmod(directory, 0755);
	return chown(directory, 0, (gid_t)uid) == 0 ? chmod(directory, 0750) : -1;
}

static int make_own(int at, const char *name, uid_t uid)
{
	if (make_directory(at, name, 0700) < 0)
		return -1;
	return geteuid() == 0 ? fchownat(at, name, uid, (gid_t)uid, AT_SYMLINK_NOFOLLOW) : 0;
}

int native_install(const char *directory, const char *list, const char *cache, uid_t uid,
		   char *text, size_t text_size)
{
	int top, package = -1, cache_fd = -1, r = -1;
	FILE *file = fopen(list, "re");

	if (file == NULL)
		return failed(text, text_size, "read", list);
	if (native_remove(directory, text, text_size) < 0) {
		(void)fclose(file);
		return -1;
	}
	top = make_top(directory, uid) == 0
		      ? open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
		      : -1;
	if (top >= 0 && make_directory(top, "package", 0755) == 0 &&
	    make_own(top, "data", uid) == 0 && make_own(top, "tmp", uid) == 0) {
		package = openat(top, "package", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		cache_fd = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (package < 0 || cache_fd < 0)
		(void)failed(text, text_size, "make", directory);
	else
		r = install_files(cache_fd, package, file, text, text_size);
	(void)fclose(file);
	if (cache_fd >= 0)
		close(cache_fd);
	if (package >= 0)
		close(package);
	if (top >= 0)
		close(top);
	return r;
}
