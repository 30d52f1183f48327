#include "zrms/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"

#define DESCRIPTORS_MAX 16

static int walk(const char *directory, const char *below, const struct tree_visitor *v,
		struct error **err);

static bool is_left_out(const struct tree_visitor *v, const struct stat *st)
{
	for (size_t k = 0; k < v->without_count; k++)
		if (st->st_dev == v->without[k].st_dev && st->st_ino == v->without[k].st_ino)
			return true;
	return false;
}

static int visit(const char *directory, const char *path, const char *full,
		 const struct tree_visitor *v, struct error **err)
{
	struct stat st;
	if (v->wants != NULL && !v->wants(v->wants_user, path))
		return 0;
	CLEANUP(closep) int fd = open(full, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	/* Gone meanwhile, a link, or a socket. */
	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENXIO))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "cannot read %s", full);
	if (is_left_out(v, &st))
		return 0;
	if (S_ISDIR(st.st_mode))
		return walk(directory, path, v, err);
	return S_ISREG(st.st_mode) ? v->file(v->user, path, fd, err) : 0;
}

static int no_dots(const struct dirent *e)
{
	return !str_equal(e->d_name, ".") && !str_equal(e->d_name, "..");
}

/* `below`: "" for the directory itself. */
static int walk(const char *directory, const char *below, const struct tree_visitor *v,
		struct error **err)
{
	CLEANUP(freep) char *here = str_printf("%s/%s", directory, below);
	struct dirent **names = NULL;
	int count = scandir(here, &names, no_dots, alphasort), r = 0;
	if (count < 0)
		return error_errno(err, "cannot read %s", here);
	for (int i = 0; i < count; i++) {
		CLEANUP(freep)
		char *path = str_printf("%s%s%s", below, *below != '\0' ? "/" : "",
					names[i]->d_name);
		CLEANUP(freep) char *full = str_printf("%s/%s", directory, path);
		if (r == 0)
			r = visit(directory, path, full, v, err);
		free(names[i]);
	}
	free(names);
	return r;
}

int tree_walk(const char *root, const struct tree_visitor *visitor, struct error **err)
{
	return walk(root, "", visitor, err);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	(void)remove(path);
	return 0;
}

void tree_remove(const char *root)
{
	(void)nftw(root, remove_one, DESCRIPTORS_MAX, FTW_DEPTH | FTW_PHYS);
}

/* nftw() has no argument for it; a restore is one thread. */
static struct {
	uid_t user;
	gid_t group;
} owner;

static int give_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return lchown(path, owner.user, owner.group);
}

int tree_give(const char *root, uid_t user, gid_t group, struct error **err)
{
	owner.user = user;
	owner.group = group;
	if (nftw(root, give_one, DESCRIPTORS_MAX, FTW_PHYS) != 0)
		return error_errno(err, "cannot give %s to its owner", root);
	return 0;
}
