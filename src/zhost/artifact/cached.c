#include "zhost/artifact/cached.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "adapter/artifact/directory.h"
#include "adapter/log/log.h"
#include "base/memory.h"

#define TOUCH_MS ((int64_t)3600 * 1000)

static void add(struct cached_files *a, const char *digest, uint64_t size, int64_t used_ms)
{
	struct cached *c = mem_new(struct cached);

	c->digest = mem_strdup(digest);
	c->size = size;
	c->used_ms = used_ms;
	HASH_ADD_KEYPTR(hh, a->files, c->digest, ARTIFACT_DIGEST_CHARS, c);
	a->bytes += size;
}

void cached_drop(struct cached_files *a, struct cached *c)
{
	a->bytes -= c->size;
	HASH_DEL(a->files, c);
	free(c->digest);
	free(c);
}

static int compare(struct cached *x, struct cached *y)
{
	return x->used_ms != y->used_ms ? (x->used_ms < y->used_ms ? -1 : 1)
					: strcmp(x->digest, y->digest);
}

bool cached_is_too_large(const struct cached_files *a)
{
	return a->bytes > a->most_bytes;
}

void cached_trim(struct cached_files *a)
{
	uint64_t most = a->most_bytes, before = a->bytes;
	struct cached *c, *next;

	if (!cached_is_too_large(a))
		return;
	HASH_SORT(a->files, compare);
	HASH_ITER (hh, a->files, c, next) {
		bool is_needed = c->is_needed;
		c->is_needed = false;
		if (is_needed || a->bytes <= most / 10 * 9)
			continue;
		(void)artifact_remove(a->store, c->digest);
		cached_drop(a, c);
	}
	if (a->bytes < before)
		log_info("cache", "trimmed", LOG_BYTES("size", a->bytes),
			 LOG_BYTES("most", most));
}

void cached_add(struct cached_files *a, const char *digest, uint64_t size)
{
	add(a, digest, size, loop_now(a->loop).wall_ms);
}

static void on_listed(void *user, const struct artifact_info *info)
{
	add(user, info->digest, info->size, info->used_ms);
}

int cached_init(struct cached_files *a, struct loop *loop, struct artifact_store *store,
		uint64_t most_bytes, struct error **err)
{
	*a = (struct cached_files){.loop = loop, .store = store, .most_bytes = most_bytes};
	return artifact_list(store, on_listed, a, err);
}

void cached_done(struct cached_files *a)
{
	struct cached *c, *next;

	HASH_ITER (hh, a->files, c, next)
		cached_drop(a, c);
}

char *cached_path(struct cached_files *a, const char *digest)
{
	struct cached *c;
	char *path;

	HASH_FIND(hh, a->files, digest, ARTIFACT_DIGEST_CHARS, c);
	if (c == NULL)
		return NULL;
	path = artifact_directory_path(a->store, digest);
	if (access(path, R_OK) < 0) { /* removed by hand */
		cached_drop(a, c);
		free(path);
		return NULL;
	}
	return path;
}

bool cached_is_sound(const struct cached *c, const char *path)
{
	struct stat now;

	return c->is_sound && stat(path, &now) == 0 && now.st_ino == c->seen.st_ino &&
	       now.st_size == c->seen.st_size && now.st_mtim.tv_sec == c->seen.st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == c->seen.st_mtim.tv_nsec;
}

struct cached *cached_find(struct cached_files *a, const char *digest)
{
	struct cached *c;

	HASH_FIND(hh, a->files, digest, ARTIFACT_DIGEST_CHARS, c);
	return c;
}

/* A use that is noted changes the file's time, so first that. */
void cached_sound(struct cached_files *a, const char *digest, const char *path)
{
	struct cached *c = cached_find(a, digest);
	int64_t now = loop_now(a->loop).wall_ms;

	if (now - c->used_ms > TOUCH_MS) {
		c->used_ms = now;
		artifact_touch(a->store, digest);
	}
	c->is_sound = stat(path, &c->seen) == 0;
}

int cached_read(const char *path, uint8_t **ret_data, size_t *ret_size, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t have = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "cannot read module %s", path);
	*ret_data = mem_calloc(1, (size_t)st.st_size + 1);
	while (have < (size_t)st.st_size) {
		ssize_t n = read(fd, *ret_data + have, (size_t)st.st_size - have);

		if (n <= 0)
			return error_errno(err, "cannot read module %s", path);
		have += (size_t)n;
	}
	*ret_size = have;
	return 0;
}
