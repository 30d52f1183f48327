#include "adapter/archive/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "base/vector.h"
#include "model/manifest.h"

#define PIECE_BYTES (64u * 1024)

struct directory_file {
	char *path;
	uint64_t size;
	bool executable;
};

struct mex_source {
	struct archive *archive; /* or NULL: a directory */
	int directory;
	VECTOR(struct directory_file) files; /* of the directory */
	uint64_t total;
};

/* ---- Directories ---- */

/* Of a source directory only this belongs into an archive; what a build leaves beside it
 * (object files, a README, .git) does not. */
static bool belongs(const char *path)
{
	if (strcmp(path, "manifest.yaml") == 0 || strcmp(path, "topology.yaml") == 0 ||
	    strcmp(path, "spaces") == 0 || strcmp(path, "world") == 0)
		return true;
	if (!str_has_prefix(path, "spaces/") && !str_has_prefix(path, "world/"))
		return false;
	const char *last = strrchr(path, '/') + 1;
	if (last[0] == '.')
		return false;
	/* spaces/NAME/src */
	const char *space = strchr(path, '/') + 1;
	const char *below = strchr(space, '/');
	return !str_has_prefix(path, "spaces/") || below == NULL || strcmp(below, "/src") != 0;
}

static int add_file(struct mex_source *s, const char *path, const struct stat *status,
		    struct error **err)
{
	if ((uint64_t)status->st_size > ARCHIVE_MAX_ENTRY_BYTES)
		return error_set(err, ERR_LIMIT, "%s has %llu bytes: at most %llu", path,
				 (unsigned long long)status->st_size,
				 (unsigned long long)ARCHIVE_MAX_ENTRY_BYTES);
	s->total += (uint64_t)status->st_size;
	if (s->total > ARCHIVE_MAX_UNPACKED_BYTES)
		return error_set(err, ERR_LIMIT, "the files have more than %llu bytes in all",
				 (unsigned long long)ARCHIVE_MAX_UNPACKED_BYTES);
	if (s->files.count >= ARCHIVE_MAX_ENTRIES)
		return error_set(err, ERR_LIMIT, "more than %u files", ARCHIVE_MAX_ENTRIES);
	vector_push(&s->files,
		    ((struct directory_file){mem_strdup(path), (uint64_t)status->st_size,
					     (status->st_mode & 0111) != 0}));
	return 0;
}

static int scan_directory(struct mex_source *s, const char *path, struct error **err);

static int scan_entry(struct mex_source *s, const char *path, struct error **err)
{
	struct stat status;
	int r;

	if (!belongs(path))
		return 0;
	r = package_path_check(path, err);
	if (r < 0)
		return r;
	if (fstatat(s->directory, path, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(err, "cannot read %s", path);
	if (S_ISLNK(status.st_mode))
		return error_set(err, ERR_INVALID, "%s is a symbolic link", path);
	if (S_ISDIR(status.st_mode))
		return scan_directory(s, path, err); /* paths have at most 32 parts */
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERR_INVALID, "%s is a device or another special file",
				 path);
	return add_file(s, path, &status, err);
}

static int scan_directory(struct mex_source *s, const char *path, struct error **err)
{
	int fd = openat(s->directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *entry;
	int r = 0;

	if (fd < 0)
		return error_errno(err, "cannot read %s", path);
	DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		r = error_errno(err, "cannot read %s", path);
		close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
		char *below;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		below = strcmp(path, ".") == 0 ? mem_strdup(entry->d_name)
					       : str_printf("%s/%s", path, entry->d_name);
		r = scan_entry(s, below, err);
		free(below);
	}
	if (r == 0 && errno != 0)
		r = error_errno(err, "cannot read %s", path);
	closedir(dir);
	return r;
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const struct directory_file *)a)->path,
		      ((const struct directory_file *)b)->path);
}

int source_open_directory(const char *directory, struct mex_source **ret_source,
			  struct error **err)
{
	struct mex_source *s = mem_new(struct mex_source);
	int r = 0;

	s->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->directory < 0)
		r = error_errno(err, "cannot read directory %s", directory);
	if (r == 0)
		r = scan_directory(s, ".", err);
	if (r < 0) {
		source_close(s);
		return r;
	}
	if (s->files.count > 0)
		qsort(s->files.items, s->files.count, sizeof(s->files.items[0]), compare_files);
	*ret_source = s;
	return 0;
}

static int read_directory_file(struct mex_source *s, const struct directory_file *file,
			       archive_sink sink, void *context, struct error **err)
{
	CLEANUP(closep)
	int fd = openat(s->directory, file->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP(freep) char *piece = mem_calloc(1, PIECE_BYTES);
	uint64_t total = 0;

	if (fd < 0)
		return error_errno(err, "cannot read %s", file->path);
	for (;;) {
		ssize_t n = read(fd, piece, PIECE_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot read %s", file->path);
		if (n == 0)
			break;
		total += (uint64_t)n;
		if (total > file->size)
			break;
		int r = sink(context, piece, (size_t)n, err);
		if (r < 0)
			return r;
	}
	if (total != file->size)
		return error_set(err, ERR_INVALID, "%s changes while it is read", file->path);
	return 0;
}

/* ---- Both ---- */

int source_open_archive(int fd, struct mex_source **ret_source, struct error **err)
{
	struct mex_source *s = mem_new(struct mex_source);
	int r;

	s->directory = -1;
	r = archive_open_fd(fd, &s->archive, err);
	if (r < 0) {
		source_close(s);
		return r;
	}
	*ret_source = s;
	return 0;
}

void source_close(struct mex_source *s)
{
	if (s == NULL)
		return;
	archive_close(s->archive);
	closep(&s->directory);
	vector_for_each (&s->files, file)
		free(file->path);
	vector_done(&s->files);
	free(s);
}

unsigned source_count(const struct mex_source *s)
{
	return s->archive != NULL ? archive_entry_count(s->archive) : (unsigned)s->files.count;
}

struct source_file source_at(const struct mex_source *s, unsigned index)
{
	if (s->archive != NULL) {
		const struct archive_entry *entry = archive_entry_at(s->archive, index);
		return (struct source_file){entry->name, entry->size, entry->executable};
	}
	const struct directory_file *file = &s->files.items[index];
	return (struct source_file){file->path, file->size, file->executable};
}

int source_find(const struct mex_source *s, const char *path)
{
	unsigned low = 0, high = source_count(s);

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int order = strcmp(source_at(s, middle).path, path);

		if (order == 0)
			return (int)middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

int source_read(struct mex_source *s, unsigned index, archive_sink sink, void *context,
		struct error **err)
{
	if (s->archive != NULL)
		return archive_read(s->archive, archive_entry_at(s->archive, index), sink,
				    context, err);
	return read_directory_file(s, &s->files.items[index], sink, context, err);
}

struct loading {
	uint8_t *data;
	size_t size, capacity;
};

static int load_piece(void *context, const void *data, size_t size, struct error **err)
{
	struct loading *l = context;

	if (size > l->capacity - l->size)
		return error_set(err, ERR_INVALID,
				 "the file has grown since its size was read");
	memcpy(l->data + l->size, data, size);
	l->size += size;
	return 0;
}

int source_load(struct mex_source *s, unsigned index, uint64_t max, uint8_t **ret_data,
		size_t *ret_size, struct error **err)
{
	struct source_file file = source_at(s, index);
	struct loading l = {0};
	int r;

	if (file.size > max)
		return error_set(err, ERR_LIMIT, "%s has %llu bytes: at most %llu", file.path,
				 (unsigned long long)file.size, (unsigned long long)max);
	l.capacity = (size_t)file.size;
	l.data = mem_calloc(1, l.capacity + 1);
	r = source_read(s, index, load_piece, &l, err);
	if (r < 0) {
		free(l.data);
		return r;
	}
	*ret_data = l.data;
	*ret_size = l.size;
	return 0;
}

uint64_t source_packed_bytes(const struct mex_source *s)
{
	return s->archive != NULL ? archive_bytes(s->archive) : 0;
}

bool source_is_directory(const struct mex_source *s)
{
	return s->archive == NULL;
}

bool source_has_sources(const struct mex_source *s, const char *space)
{
	CLEANUP(freep) char *path = str_printf("spaces/%s/src", space);
	struct stat status;

	return fstatat(s->directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(status.st_mode);
}
