#include "zrun/native/secret_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_SIZE 64 /* with its NUL */

/* Names of files do not begin with a dot. */
static void beside(const char *name, char to[NAME_MAX_SIZE + 1])
{
	(void)snprintf(to, NAME_MAX_SIZE + 1, ".%s", name);
}

static bool is_name(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	return length > 0 && length < size && length < NAME_MAX_SIZE && text[0] != '.' &&
	       memchr(text, '/', length) == NULL;
}

static int write_whole(int fd, const char *at, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int secret_file_write(int directory, const char *text, size_t size)
{
	char name[NAME_MAX_SIZE + 1];
	size_t name_size;
	int fd, r;

	if (!is_name(text, size))
		return EINVAL;
	name_size = strlen(text) + 1;
	beside(text, name);
	(void)unlinkat(directory, name, 0);
	fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0)
		return errno;
	r = write_whole(fd, text + name_size, size - name_size);
	if (r == 0 && fchmod(fd, 0400) < 0)
		r = errno;
	close(fd);
	if (r != 0)
		(void)unlinkat(directory, name, 0);
	return r;
}

static bool is_listed(const char *names, size_t size, const char *name)
{
	for (const char *at = names; at < names + size; at += strlen(at) + 1)
		if (strcmp(at, name) == 0)
			return true;
	return false;
}

static void remove_others(int directory, const char *names, size_t size)
{
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
		if (!is_listed(names, size, e->d_name))
			(void)unlinkat(directory, e->d_name, 0);
	if (dir != NULL)
		(void)closedir(dir);
	else if (copy >= 0)
		close(copy);
}

int secret_files_settle(int directory, const char *names, size_t size)
{
	char name[NAME_MAX_SIZE + 1];

	if (size > 0 && names[size - 1] != '\0')
		return EINVAL;
	for (const char *at = names; at < names + size; at += strlen(at) + 1) {
		if (!is_name(at, (size_t)(names + size - at)))
			return EINVAL;
		beside(at, name);
		if (renameat(directory, name, directory, at) < 0)
			return errno;
	}
	remove_others(directory, names, size);
	return 0;
}
