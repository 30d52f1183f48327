#include "zhost/state/run_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "zhost/state/instance_file.h"

#define PEOPLE_UID_MIN 1000u /* as login.defs and logind have it */
#define OWNER	       "owner"

/* Makes it unless it is there, and opens it; -1 unless it is ours alone. */
static int open_private(int at, const char *path)
{
	struct stat status;
	int fd;

	if (mkdirat(at, path, 0700) < 0 && errno != EEXIST)
		return -1;
	fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
	    (status.st_mode & 077) == 0)
		return fd;
	closep(&fd);
	return -1;
}

/* BASE/samoza-UID; NULL: there is none for this user. The caller frees. */
static char *memory_directory(void)
{
	static const char *const bases[] = {"/run", "/dev/shm"};

	for (size_t i = 0; i < ARRAY_SIZE(bases) && geteuid() < PEOPLE_UID_MIN; i++) {
		CLEANUP(freep)
		char *path = str_printf("%s/samoza-%u", bases[i], (unsigned)geteuid());
		CLEANUP(closep) int fd = -1;
		struct statfs base;

		if (statfs(bases[i], &base) == 0 && base.f_type == TMPFS_MAGIC)
			fd = open_private(AT_FDCWD, path);
		if (fd >= 0)
			return steal_ptr(&path);
	}
	return NULL;
}

/* ---------------------------------------------------------------- what others left */

/* Files only: there are no directories in it. */
static void remove_all(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;

	for (struct dirent *e; directory != NULL && (e = readdir(directory)) != NULL;)
		if (!str_equal(e->d_name, ".") && !str_equal(e->d_name, ".."))
			(void)unlinkat(fd, e->d_name, 0);
	if (directory != NULL)
		(void)closedir(directory);
	(void)unlinkat(at, name, AT_REMOVEDIR);
}

enum ownership { NOBODYS, OURS, ANOTHERS, LEFT_OVER };

/* DIR/run is made first and the owner's name last, so what is just being made is not taken for
 * left over. A DIR that was moved finds its own directory left over, and one that was copied finds
 * that of its original. */
static enum ownership ownership_of(int at, const char *name, const char *dir_path)
{
	CLEANUP(freep) char *link = str_printf("%s/" OWNER, name);
	char owner[PATH_MAX];
	ssize_t n = readlinkat(at, link, owner, sizeof(owner) - 1);
	struct stat status;

	if (n <= 0)
		return NOBODYS;
	owner[n] = '\0';
	if (str_equal(owner, dir_path))
		return OURS;
	CLEANUP(freep) char *run = str_printf("%s/run", owner);
	return lstat(run, &status) < 0 && (errno == ENOENT || errno == ENOTDIR) ? LEFT_OVER
										: ANOTHERS;
}

static void sweep(int memory_fd, const char *dir_path)
{
	int fd = openat(memory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;

	for (struct dirent *e; directory != NULL && (e = readdir(directory)) != NULL;)
		if (e->d_name[0] != '.' &&
		    ownership_of(memory_fd, e->d_name, dir_path) == LEFT_OVER)
			remove_all(memory_fd, e->d_name);
	if (directory != NULL)
		(void)closedir(directory);
}

/* ---------------------------------------------------------------- opening */

/* ERR_CONFLICT: it is that of another DIR. */
static int open_in_memory(const char *dir_path, const char *target, int *ret_fd,
			  struct error **err)
{
	const char *name = strrchr(target, '/') + 1;
	CLEANUP(freep) char *memory = mem_strndup(target, (size_t)(name - 1 - target));
	CLEANUP(closep) int memory_fd = open_private(AT_FDCWD, memory);
	enum ownership ownership;

	/* Until it is closed. Else another zhost, which has found this one left over (its DIR was made
	 * again, without `run`), could remove it after it is opened here. */
	bool is_locked = memory_fd >= 0 && flock(memory_fd, LOCK_EX) == 0;
	CLEANUP(closep) int fd = is_locked ? open_private(memory_fd, name) : -1;
	if (fd < 0)
		return error_set(err, ERR_DENIED,
				 "cannot use %s/run: it points to %s, which is not a private "
				 "directory of this user",
				 dir_path, target);
	ownership = ownership_of(memory_fd, name, dir_path);
	if (ownership == ANOTHERS)
		return error_set(
			err, ERR_CONFLICT,
			"cannot use %s/run: it points to %s, which belongs to another zhost",
			dir_path, target);
	if (ownership == LEFT_OVER)
		(void)unlinkat(fd, OWNER, 0);
	if (ownership != OURS && symlinkat(dir_path, fd, OWNER) < 0)
		return error_errno(err, "cannot write %s/" OWNER, target);
	sweep(memory_fd, dir_path);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int open_real(int dir_fd, const char *dir_path, int *ret_fd, struct error **err)
{
	if (mkdirat(dir_fd, "run", 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot make directory %s/run", dir_path);
	*ret_fd = openat(dir_fd, "run", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd < 0 ? error_errno(err, "cannot open directory %s/run", dir_path) : 0;
}

static int make_in_memory(int dir_fd, const char *dir_path, const char *memory, int *ret_fd,
			  struct error **err)
{
	char name[INSTANCE_FILE_NAME_SIZE];

	instance_file_name(dir_path, "run", 0, name);
	CLEANUP(freep) char *target = str_printf("%s/%s", memory, name);
	if (symlinkat(target, dir_fd, "run") < 0)
		return error_errno(err, "cannot make %s/run", dir_path);
	return open_in_memory(dir_path, target, ret_fd, err);
}

int run_dir_open(int dir_fd, const char *dir_path, int *ret_fd, struct error **err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir_fd, "run", target, sizeof(target) - 1);
	CLEANUP(error_freep) struct error *why = NULL;
	int r;

	if (n > 0 && target[0] == '/') {
		target[n] = '\0';
		r = open_in_memory(dir_path, target, ret_fd, &why);
		if (r != ERR_CONFLICT)
			return r < 0 ? error_move(err, steal_ptr(&why)) : 0;
		if (unlinkat(dir_fd, "run", 0) < 0)
			return error_errno(err, "cannot remove %s/run", dir_path);
	} else if (n >= 0 || errno != ENOENT) {
		return open_real(dir_fd, dir_path, ret_fd, err);
	}
	CLEANUP(freep) char *memory = memory_directory();
	return memory != NULL ? make_in_memory(dir_fd, dir_path, memory, ret_fd, err)
			      : open_real(dir_fd, dir_path, ret_fd, err);
}
