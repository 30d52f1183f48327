#include "zhost/native/native_config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "zhost/native/native_runtime.h"

#define NEW_FILE ".new" /* no name in `config` begins with '.' */

#define HIDDEN	 ".samoza"

static int enter(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* Made where it is missing, whatever the umask is. -1: errno. */
static int make(int at, const char *name)
{
	if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
		return -1;
	int fd = enter(at, name);
	if (fd >= 0 && fchmod(fd, 0755) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int make_directory(const char *package)
{
	CLEANUP(closep) int top = enter(AT_FDCWD, package);
	CLEANUP(closep) int hidden = top >= 0 ? make(top, HIDDEN) : -1;
	return hidden >= 0 ? make(hidden, "config") : -1;
}

static bool write_whole(int fd, const char *content)
{
	size_t size = strlen(content);
	while (size > 0) {
		ssize_t n = write(fd, content, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		content += n;
		size -= (size_t)n;
	}
	return true;
}

/* `owner`: of the instance; where zhost is not root all are one user. */
static bool write_file(int directory, const struct native_config_file *file,
		       const struct stat *owner)
{
	(void)unlinkat(directory, NEW_FILE, 0);
	CLEANUP(closep)
	int fd = openat(directory, NEW_FILE,
			O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd >= 0 && write_whole(fd, file->content) && fchmod(fd, 0400) == 0 &&
	       (geteuid() != 0 || fchown(fd, owner->st_uid, owner->st_gid) == 0) &&
	       renameat(directory, NEW_FILE, directory, file->name) == 0;
}

static bool is_listed(const struct native_config_file *files, size_t count, const char *name)
{
	for (size_t k = 0; k < count; k++)
		if (str_equal(files[k].name, name))
			return true;
	return false;
}

static void remove_others(int directory, const struct native_config_file *files, size_t count)
{
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
		if (!is_listed(files, count, e->d_name))
			(void)unlinkat(directory, e->d_name, 0);
	if (dir != NULL)
		(void)closedir(dir);
	else if (copy >= 0)
		close(copy);
}

/* Those of a version before, with their directory. Where there are none nothing is made. */
static void remove_all(const char *package)
{
	CLEANUP(closep) int top = enter(AT_FDCWD, package);
	CLEANUP(closep) int hidden = top >= 0 ? enter(top, HIDDEN) : -1;
	CLEANUP(closep) int directory = hidden >= 0 ? enter(hidden, "config") : -1;
	if (directory < 0)
		return;
	remove_others(directory, NULL, 0);
	(void)unlinkat(hidden, "config", AT_REMOVEDIR);
	(void)unlinkat(top, HIDDEN, AT_REMOVEDIR);
}

int native_config_write(const struct native_runtime *n, const char *file_name,
			const struct native_config_file *files, size_t count,
			struct error **err)
{
	const char *top = native_directory(n);
	CLEANUP(freep) char *package = str_printf("%s/spaces/%s/package", top, file_name);
	CLEANUP(freep) char *data = str_printf("%s/spaces/%s/data", top, file_name);
	struct stat owner = {0};
	if (count == 0) {
		remove_all(package);
		return 0;
	}
	CLEANUP(closep) int directory = make_directory(package);
	if (directory < 0 || stat(data, &owner) < 0)
		return error_errno(err, "cannot make the directory of its config in %s",
				   package);
	for (size_t k = 0; k < count; k++)
		if (!write_file(directory, &files[k], &owner))
			return error_errno(err, "cannot write %s", files[k].name);
	remove_others(directory, files, count);
	return 0;
}
