/*
 * Whether a file is still the one that was read: it was replaced or written when its stamp differs.
 */
#ifndef SAMOZA_ADAPTER_PKI_FILE_STAMP_H
#define SAMOZA_ADAPTER_PKI_FILE_STAMP_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct file_stamp {
	ino_t inode;
	off_t size;
	struct timespec changed;
};

/* Of the file that `path` leads to, through links; zero: there is none. */
struct file_stamp file_stamp_of(const char *path);
bool file_stamp_differs(const struct file_stamp *a, const struct file_stamp *b);

#endif
