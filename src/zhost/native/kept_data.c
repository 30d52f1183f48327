#include "zhost/native/kept_data.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "zhost/state/instance_file.h"

#define GONE	  ".gone-"
#define NAME_MAX_ 180 /* of the part before the epoch */

/* ---- names ---- */

static char *name_of(const char *topology, const char *path)
{
	char *name;
	if (strlen(path) > NAME_MAX_) {
		name = mem_calloc(1, INSTANCE_FILE_NAME_SIZE);
		instance_file_name(topology, path, 0, name);
		return name;
	}
	name = mem_strdup(path);
	for (char *c = name; *c != '\0'; c++)
		if (*c == '/')
			*c = '+';
	return name;
}

/* "NAME@EPOCH" */
static bool read_epoch(const char *entry, uint64_t *ret_epoch)
{
	const char *at = strrchr(entry, '@');
	return at != NULL && str_to_u64(at + 1, ret_epoch) == 0;
}

static bool is_named(const char *entry, const char *name)
{
	const char *at = strrchr(entry, '@');
	return at != NULL && strlen(name) == (size_t)(at - entry) &&
	       memcmp(entry, name, strlen(name)) == 0;
}

/* ---- the directory of an instance ---- */

char *kept_data_find(const char *dir, const char *topology, const char *path,
		     uint64_t from_epoch)
{
	CLEANUP(freep) char *all = str_printf("%s/data/%s", dir, topology);
	CLEANUP(freep) char *name = name_of(topology, path);
	DIR *entries = opendir(all);
	uint64_t newest = 0;
	char *found = NULL;
	for (struct dirent *e; entries != NULL && (e = readdir(entries)) != NULL;) {
		uint64_t epoch;
		if (!is_named(e->d_name, name) || !read_epoch(e->d_name, &epoch) ||
		    epoch < from_epoch || (found != NULL && epoch <= newest))
			continue;
		free(found);
		found = str_printf("%s/%s", all, e->d_name);
		newest = epoch;
	}
	if (entries != NULL)
		(void)closedir(entries);
	return found;
}

static int make(const char *path, struct error **err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot make directory %s", path);
	return 0;
}

int kept_data_make(const char *dir, const char *topology, const char *path, uint64_t epoch,
		   uid_t uid, char **ret_path, struct error **err)
{
	CLEANUP(freep) char *top = str_printf("%s/data", dir);
	CLEANUP(freep) char *all = str_printf("%s/%s", top, topology);
	CLEANUP(freep) char *name = name_of(topology, path);
	CLEANUP(freep) char *own = str_printf("%s/%s@%" PRIu64, all, name, epoch);
	int r = make(top, err);
	if (r == 0)
		r = make(all, err);
	/* What is forgotten meanwhile may have taken the last one away, and the directory with it. */
	if (r == 0 && mkdir(own, 0700) < 0 && errno != EEXIST)
		r = errno == ENOENT ? make(all, err) : 0;
	if (r == 0)
		r = make(own, err);
	if (r == 0 && geteuid() == 0 && chown(own, uid, (gid_t)uid) < 0)
		r = error_errno(err, "cannot give %s to its instance", own);
	if (r == 0)
		*ret_path = steal_ptr(&own);
	return r;
}

/* ---- forgetting ---- */

static int sync_directory(const char *path, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return error_errno(err, "cannot write %s to the disk", path);
	return 0;
}

/* Under a name that nothing has: the same one may be forgotten again. It is shortened, both together may be too long. */
static int move_away(const char *top, const char *topology, const char *entry,
		     path_vector *gone, struct error **err)
{
	CLEANUP(freep) char *from = str_printf("%s/%s/%s", top, topology, entry);
	for (unsigned n = 0;; n++) {
		CLEANUP(freep)
		char *to = str_printf("%s/" GONE "%u-%.63s-%.100s", top, n, topology, entry);
		if (rename(from, to) == 0) {
			vector_push(gone, steal_ptr(&to));
			return 0;
		}
		if (errno != EEXIST && errno != ENOTEMPTY)
			return error_errno(err, "cannot rename %s", from);
	}
}

int kept_data_forget(const char *dir, const char *topology, uint64_t epoch, path_vector *gone,
		     struct error **err)
{
	CLEANUP(freep) char *top = str_printf("%s/data", dir);
	CLEANUP(freep) char *all = str_printf("%s/%s", top, topology);
	DIR *entries = opendir(all);
	int r = 0;
	if (entries == NULL)
		return errno == ENOENT ? 0 : error_errno(err, "cannot read %s", all);
	for (struct dirent *e; r == 0 && (e = readdir(entries)) != NULL;) {
		uint64_t made;
		if (read_epoch(e->d_name, &made) && made < epoch)
			r = move_away(top, topology, e->d_name, gone, err);
	}
	(void)closedir(entries);
	if (r == 0)
		r = sync_directory(all, err);
	(void)rmdir(all); /* if nothing is left in it */
	return r == 0 ? sync_directory(top, err) : r;
}

void kept_data_gone(const char *dir, path_vector *gone)
{
	CLEANUP(freep) char *top = str_printf("%s/data", dir);
	DIR *entries = opendir(top);
	for (struct dirent *e; entries != NULL && (e = readdir(entries)) != NULL;)
		if (str_has_prefix(e->d_name, GONE))
			vector_push(gone, str_printf("%s/%s", top, e->d_name));
	if (entries != NULL)
		(void)closedir(entries);
}
