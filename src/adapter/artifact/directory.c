#include "adapter/artifact/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/artifact/digest.h"
#include "base/check.h"
#include "base/str.h"

struct directory_store {
	struct artifact_store store; /* first */
	char *files, *temporary, *prefix;
	mode_t mode;
	int files_fd;
};

struct directory_writer {
	struct artifact_writer writer; /* first */
	char digest[ARTIFACT_DIGEST_CHARS + 1];
	struct digest hash;
	char *path; /* of the temporary file */
	int fd;
};

struct directory_reader {
	struct artifact_reader reader; /* first */
	int fd;
};

static struct directory_store *store_of(const struct artifact_store *store)
{
	return (struct directory_store *)(uintptr_t)store;
}

/* ---- writing ---- */

static int directory_put(struct artifact_store *store, const char *digest,
			 struct artifact_writer **ret_writer, struct error **err)
{
	const struct directory_store *d = store_of(store);
	CLEANUP(freep) char *path = str_printf("%s/%sXXXXXX", d->temporary, d->prefix);
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot make a file in %s", d->temporary);
	struct directory_writer *w = mem_new(struct directory_writer);
	w->writer.store = store;
	memcpy(w->digest, digest, ARTIFACT_DIGEST_CHARS);
	digest_init(&w->hash);
	w->path = steal_ptr(&path);
	w->fd = fd;
	*ret_writer = &w->writer;
	return 0;
}

static int directory_write(struct artifact_writer *writer, const void *data, size_t size,
			   struct error **err)
{
	struct directory_writer *w = (struct directory_writer *)writer;
	digest_add(&w->hash, data, size);
	for (size_t done = 0; done < size;) {
		ssize_t n = write(w->fd, (const char *)data + done, size - done);
		if (n < 0 && errno != EINTR)
			return error_errno(err, "cannot write artifact %.12s", w->digest);
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void writer_free(struct directory_writer *w)
{
	closep(&w->fd);
	free(w->path);
	free(w);
}

static void directory_abandon(struct artifact_writer *writer)
{
	struct directory_writer *w = (struct directory_writer *)writer;
	(void)unlink(w->path);
	writer_free(w);
}

static int writer_place(struct directory_writer *w, struct error **err)
{
	const struct directory_store *d = store_of(w->writer.store);
	char digest[ARTIFACT_DIGEST_CHARS + 1];
	digest_final(&w->hash, digest);
	if (strcmp(digest, w->digest) != 0)
		return error_set(err, ERR_INVALID,
				 "artifact %.12s has a different digest, %.12s: not accepted",
				 w->digest, digest);
	if (fchmod(w->fd, d->mode) < 0 || fsync(w->fd) < 0)
		return error_errno(err, "cannot write artifact %.12s", w->digest);
	if (renameat(AT_FDCWD, w->path, d->files_fd, w->digest) < 0)
		return error_errno(err, "cannot store artifact %.12s", w->digest);
	return 0;
}

static int directory_finish(struct artifact_writer *writer, struct error **err)
{
	struct directory_writer *w = (struct directory_writer *)writer;
	int r = writer_place(w, err);
	if (r < 0)
		(void)unlink(w->path);
	writer_free(w);
	return r;
}

/* A second name for the file. */
static int directory_adopt(struct artifact_store *store, const char *path, const char *digest,
			   struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return error_errno(err, "cannot read %s", path);
	/* Several threads may adopt the same one at once. */
	static atomic_uint adoptions;
	const struct directory_store *d = store_of(store);
	CLEANUP(freep)
	char *link_path = str_printf("%s/%s%.16s-%u", d->temporary, d->prefix, digest,
				     atomic_fetch_add(&adoptions, 1));
	/* Through a name of its own: what lies under the digest is replaced, whatever it is now. */
	if ((unlink(link_path) < 0 && errno != ENOENT) || link(path, link_path) < 0 ||
	    renameat(AT_FDCWD, link_path, d->files_fd, digest) < 0)
		return error_errno(err, "cannot store artifact %.12s", digest);
	(void)unlink(link_path); /* where both were the same file, rename() does nothing */
	return 0;
}

static int directory_sync(struct artifact_store *store, struct error **err)
{
	if (fsync(store_of(store)->files_fd) < 0)
		return error_errno(err, "cannot sync %s", store_of(store)->files);
	return 0;
}

/* ---- reading ---- */

/* Unlike the time of its content, the time of a file's change is not for programs to set. */
static uint64_t stamp_of(const struct stat *info)
{
	uint64_t changed_ns =
		(uint64_t)info->st_ctim.tv_sec * 1000000000 + (uint64_t)info->st_ctim.tv_nsec;
	return changed_ns ^ (uint64_t)info->st_ino
				    << 40; /* above the nanoseconds of some minutes */
}

static int directory_get(struct artifact_store *store, const char *digest,
			 struct artifact_reader **ret_reader, struct error **err)
{
	CLEANUP(closep)
	int fd = openat(store_of(store)->files_fd, digest, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat info;
	if (fd < 0 && errno == ENOENT)
		return error_set(err, ERR_NOT_FOUND, "no artifact %s", digest);
	if (fd < 0 || fstat(fd, &info) < 0)
		return error_errno(err, "cannot open artifact %s", digest);
	struct directory_reader *r = mem_new(struct directory_reader);
	r->reader.store = store;
	r->reader.size = (uint64_t)info.st_size;
	r->reader.stamp = stamp_of(&info);
	r->fd = fd;
	fd = -1;
	*ret_reader = &r->reader;
	return 0;
}

static int directory_read(struct artifact_reader *reader, void *to, size_t size,
			  size_t *ret_size, struct error **err)
{
	const struct directory_reader *r = (const struct directory_reader *)reader;
	ssize_t n;
	do
		n = read(r->fd, to, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, "cannot read an artifact");
	*ret_size = (size_t)n;
	return n > 0;
}

static int directory_take_file(struct artifact_reader *reader)
{
	int fd = ((struct directory_reader *)reader)->fd;
	free(reader);
	return fd;
}

static void directory_close(struct artifact_reader *reader)
{
	(void)close(((struct directory_reader *)reader)->fd);
	free(reader);
}

/* ---- what there is ---- */

static int directory_list(struct artifact_store *store, artifact_each_fn *each, void *user,
			  struct error **err)
{
	const struct directory_store *d = store_of(store);
	DIR *directory = opendir(d->files);
	if (directory == NULL)
		return error_errno(err, "cannot read %s", d->files);
	const struct dirent *entry;
	while ((entry = readdir(directory)) != NULL) {
		struct stat info;
		if (!artifact_digest_is_valid(entry->d_name) ||
		    fstatat(d->files_fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		each(user,
		     &(const struct artifact_info){.digest = entry->d_name,
						   .size = (uint64_t)info.st_size,
						   .used_ms = (int64_t)info.st_mtime * 1000});
	}
	(void)closedir(directory);
	return 0;
}

static void directory_touch(struct artifact_store *store, const char *digest)
{
	(void)utimensat(store_of(store)->files_fd, digest, NULL, 0);
}

static bool directory_remove(struct artifact_store *store, const char *digest)
{
	return unlinkat(store_of(store)->files_fd, digest, 0) == 0;
}

char *artifact_directory_path(const struct artifact_store *store, const char *digest)
{
	PRE(artifact_digest_is_valid(digest));
	return str_printf("%s/%s", store_of(store)->files, digest);
}

/* ---- life ---- */

static void directory_free(struct artifact_store *store)
{
	struct directory_store *d = store_of(store);
	closep(&d->files_fd);
	free(d->files);
	free(d->temporary);
	free(d->prefix);
	free(d);
}

static const struct artifact_store_ops directory_ops = {
	.put = directory_put,
	.write = directory_write,
	.finish = directory_finish,
	.abandon = directory_abandon,
	.adopt = directory_adopt,
	.sync = directory_sync,
	.get = directory_get,
	.read = directory_read,
	.take_file = directory_take_file,
	.close = directory_close,
	.list = directory_list,
	.touch = directory_touch,
	.remove = directory_remove,
	.free = directory_free,
};

static int leftovers_remove(const struct directory_store *d, struct error **err)
{
	DIR *directory = opendir(d->temporary);
	if (directory == NULL)
		return error_errno(err, "cannot read %s", d->temporary);
	const struct dirent *entry;
	while ((entry = readdir(directory)) != NULL)
		if (str_has_prefix(entry->d_name, d->prefix))
			(void)unlinkat(dirfd(directory), entry->d_name, 0);
	(void)closedir(directory);
	return 0;
}

static int directory_make(const char *path, struct error **err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot make %s", path);
	return 0;
}

int artifact_directory_open(const struct artifact_directory_options *options,
			    struct artifact_store **ret_store, struct error **err)
{
	struct directory_store *d = mem_new(struct directory_store);
	d->store.ops = &directory_ops;
	d->files = mem_strdup(options->files);
	d->temporary = mem_strdup(options->temporary);
	d->prefix = mem_strdup(options->prefix);
	d->mode = options->mode;
	d->files_fd = -1;
	int r = directory_make(d->temporary, err);
	if (r == 0)
		r = directory_make(d->files, err);
	if (r == 0) {
		d->files_fd = open(d->files, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (d->files_fd < 0)
			r = error_errno(err, "cannot open %s", d->files);
	}
	if (r == 0)
		r = leftovers_remove(d, err);
	if (r < 0) {
		directory_free(&d->store);
		return r;
	}
	*ret_store = &d->store;
	return 0;
}
