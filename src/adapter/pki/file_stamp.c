#include "adapter/pki/file_stamp.h"

#include <sys/stat.h>

struct file_stamp file_stamp_of(const char *path)
{
	struct stat status;
	if (stat(path, &status) < 0)
		return (struct file_stamp){0};
	return (struct file_stamp){status.st_ino, status.st_size, status.st_mtim};
}

bool file_stamp_differs(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->inode != b->inode || a->size != b->size ||
	       a->changed.tv_sec != b->changed.tv_sec ||
	       a->changed.tv_nsec != b->changed.tv_nsec;
}
