/*
 * The files of a package: listed, hashed, read.
 */
#include "adapter/archive/package_files.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/archive/package_opening.h"
#include "base/check.h"

struct hashing {
	crypto_hash_sha256_state state;
};

static int hash_piece(void *context, const void *data, size_t size, struct error **err)
{
	struct hashing *h = context;

	(void)crypto_hash_sha256_update(&h->state, data, size);
	return 0;
}

static void hash_text(crypto_hash_sha256_state *state, char ret_hash[65])
{
	uint8_t digest[crypto_hash_sha256_BYTES];

	(void)crypto_hash_sha256_final(state, digest);
	(void)sodium_bin2hex(ret_hash, 65, digest, sizeof(digest));
}

int source_hash(struct mex_source *s, unsigned index, char ret_hash[65], struct error **err)
{
	struct hashing h;
	int r;

	INVARIANT(sodium_init() >= 0);
	(void)crypto_hash_sha256_init(&h.state);
	r = source_read(s, index, hash_piece, &h, err);
	if (r < 0)
		return r;
	hash_text(&h.state, ret_hash);
	return 0;
}

int hash_files(struct mex_package *p, struct error **err)
{
	for (unsigned i = 0; i < p->file_count; i++) {
		int r = source_hash(p->source, p->private->source_index[i], p->files[i].hash,
				    err);
		if (r < 0)
			return r;
	}
	return 0;
}

void list_files(struct mex_package *p)
{
	unsigned count = source_count(p->source);

	p->files = mem_new_array(struct mex_file, count + 1);
	p->private->source_index = mem_new_array(unsigned, count + 1);
	for (unsigned i = 0; i < count; i++) {
		struct source_file file = source_at(p->source, i);

		p->unpacked_bytes += file.size;
		if (strcmp(file.path, "manifest.yaml") == 0)
			continue;
		p->private->source_index[p->file_count] = i;
		p->files[p->file_count++] = (struct mex_file){
			.path = file.path, .size = file.size, .executable = file.executable};
	}
}

const struct mex_file *mex_package_find(const struct mex_package *p, const char *path)
{
	unsigned low = 0, high = p->file_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int order = strcmp(p->files[middle].path, path);

		if (order == 0)
			return &p->files[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Hashes what passes through, so that it can be compared at the end. */
struct checking {
	struct hashing hashing;
	archive_sink sink;
	void *context;
};

static int check_piece(void *context, const void *data, size_t size, struct error **err)
{
	struct checking *c = context;

	(void)hash_piece(&c->hashing, data, size, err);
	return c->sink(c->context, data, size, err);
}

int mex_package_read(struct mex_package *p, const struct mex_file *file, archive_sink sink,
		     void *context, struct error **err)
{
	struct checking c = {.sink = sink, .context = context};
	char hash[65];
	int r;

	(void)crypto_hash_sha256_init(&c.hashing.state);
	r = source_read(p->source, p->private->source_index[file - p->files], check_piece, &c,
			err);
	if (r < 0)
		return r;
	hash_text(&c.hashing.state, hash);
	if (strcmp(hash, file->hash) != 0)
		return error_set(err, ERR_INVALID, "%s has changed since it was checked",
				 file->path);
	return 0;
}

struct loading {
	uint8_t *data;
	size_t size, capacity;
};

static int load_piece(void *context, const void *data, size_t size, struct error **err)
{
	struct loading *l = context;

	if (size > l->capacity - l->size)
		return error_set(err, ERR_INVALID, "the file is larger than its entry says");
	memcpy(l->data + l->size, data, size);
	l->size += size;
	return 0;
}

int mex_package_load(struct mex_package *p, const struct mex_file *file, uint8_t **ret_data,
		     size_t *ret_size, struct error **err)
{
	struct loading l = {.data = mem_calloc(1, (size_t)file->size + 1),
			    .capacity = (size_t)file->size};
	int r = mex_package_read(p, file, load_piece, &l, err);

	if (r < 0) {
		free(l.data);
		return r;
	}
	*ret_data = l.data;
	*ret_size = l.size;
	return 0;
}

static int write_piece(void *context, const void *data, size_t size, struct error **err)
{
	const char *p = data;

	while (size > 0) {
		ssize_t n = write(*(int *)context, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot write");
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int mex_package_extract(struct mex_package *p, const struct mex_file *file, int fd,
			struct error **err)
{
	return mex_package_read(p, file, write_piece, &fd, err);
}
