#include "adapter/sqlite/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"

#define ALMOST_NOTHING (1024 * 1024) /* bytes */

uint64_t reserve_room(const struct reserve *r)
{
	CLEANUP(freep) char *directory = mem_strdup(r->path);
	char *slash = strrchr(directory, '/');
	struct statvfs info;
	if (slash != NULL)
		*slash = '\0';
	if (statvfs(slash != NULL ? directory : ".", &info) < 0)
		return UINT64_MAX;
	return (uint64_t)info.f_bavail * info.f_frsize;
}

void reserve_give(struct reserve *r)
{
	atomic_store(&r->is_given, true);
	(void)unlink(r->path);
}

/* Real blocks: a file with holes would hold nothing. */
static bool make(const struct reserve *r)
{
	CLEANUP(closep)
	int fd = open(r->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && posix_fallocate(fd, 0, RESERVE_BYTES) == 0)
		return true;
	(void)unlink(r->path);
	return false;
}

void reserve_restore(struct reserve *r)
{
	if (atomic_load(&r->is_given) && reserve_room(r) >= 2 * RESERVE_BYTES && make(r))
		atomic_store(&r->is_given, false);
}

bool reserve_is_missed(const struct reserve *r)
{
	return atomic_load(&r->is_given) && reserve_room(r) < 2 * RESERVE_BYTES;
}

void reserve_init(struct reserve *r, const char *database)
{
	r->path = str_printf("%s-reserve", database);
	struct stat info;
	bool is_there = stat(r->path, &info) == 0 && info.st_size == RESERVE_BYTES;
	atomic_store(&r->is_given, !is_there);
	if (is_there && reserve_room(r) < ALMOST_NOTHING)
		reserve_give(r);
	else
		reserve_restore(r);
}

void reserve_done(struct reserve *r)
{
	free(steal_ptr(&r->path));
}
