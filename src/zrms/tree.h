/* Directories with all that is below them. Symbolic links are not followed, and left out. */
#ifndef SAMOZA_ZRMS_TREE_H
#define SAMOZA_ZRMS_TREE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"

struct tree_visitor {
	/* Whether the file or directory of that path is wanted. NULL: all are. */
	bool (*wants)(void *user, const char *path);
	void *wants_user;
	/* Files, and directories with all that is below them, that are left out, by whatever path they are found. */
	const struct stat *without;
	size_t without_count;
	/* Each regular file, open to read, by its path below the root; sorted by name. */
	int (*file)(void *user, const char *path, int fd, struct error **err);
	void *user;
};

int tree_walk(const char *root, const struct tree_visitor *visitor,
	      struct error **err) must_check;
/* As far as it can. */
void tree_remove(const char *root);
/* Gives all of it to that user and group. */
int tree_give(const char *root, uid_t user, gid_t group, struct error **err) must_check;

#endif
