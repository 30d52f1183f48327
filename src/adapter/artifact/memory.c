#include "adapter/artifact/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "adapter/artifact/digest.h"
#include "base/buffer.h"
#include "base/hash.h"

/* Content is shared by the store and its readers. */
struct content {
	unsigned references;
	struct buffer bytes;
};

struct stored {
	UT_hash_handle hh;
	char digest[ARTIFACT_DIGEST_CHARS + 1];
	struct content *content;
	int64_t used_ms;
};

struct memory_store {
	struct artifact_store store; /* first */
	pthread_mutex_t mutex;	     /* of all below, and of references */
	struct stored *all;	     /* by digest */
};

struct memory_writer {
	struct artifact_writer writer; /* first */
	char digest[ARTIFACT_DIGEST_CHARS + 1];
	struct digest hash;
	struct buffer bytes;
};

struct memory_reader {
	struct artifact_reader reader; /* first */
	struct content *content;
	size_t position;
};

static struct memory_store *lock(struct artifact_store *store)
{
	struct memory_store *m = (struct memory_store *)store;
	(void)pthread_mutex_lock(&m->mutex);
	return m;
}

static void unlock(struct memory_store *m)
{
	(void)pthread_mutex_unlock(&m->mutex);
}

static void content_unref(struct content *c)
{
	if (--c->references > 0)
		return;
	buffer_done(&c->bytes);
	free(c);
}

static int64_t wall_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct stored *stored_find(struct memory_store *m, const char *digest)
{
	struct stored *s = NULL;
	HASH_FIND(hh, m->all, digest, ARTIFACT_DIGEST_CHARS, s);
	return s;
}

/* Takes the bytes over. */
static void store_bytes(struct artifact_store *store, const char *digest, struct buffer *bytes)
{
	struct memory_store *m = lock(store);
	struct stored *s = stored_find(m, digest);
	if (s == NULL) {
		s = mem_new(struct stored);
		memcpy(s->digest, digest, ARTIFACT_DIGEST_CHARS);
		s->content = mem_new(struct content);
		s->content->references = 1;
		s->content->bytes = *bytes;
		HASH_ADD(hh, m->all, digest, ARTIFACT_DIGEST_CHARS, s);
	} else {
		buffer_done(bytes);
	}
	s->used_ms = wall_ms();
	unlock(m);
}

/* ---- writing ---- */

static int memory_put(struct artifact_store *store, const char *digest,
		      struct artifact_writer **ret_writer, struct error **err)
{
	(void)err;
	struct memory_writer *w = mem_new(struct memory_writer);
	w->writer.store = store;
	memcpy(w->digest, digest, ARTIFACT_DIGEST_CHARS);
	digest_init(&w->hash);
	w->bytes = BUFFER_INIT(SIZE_MAX / 2);
	*ret_writer = &w->writer;
	return 0;
}

static int memory_write(struct artifact_writer *writer, const void *data, size_t size,
			struct error **err)
{
	(void)err;
	struct memory_writer *w = (struct memory_writer *)writer;
	digest_add(&w->hash, data, size);
	return buffer_add(&w->bytes, data, size);
}

static void memory_abandon(struct artifact_writer *writer)
{
	struct memory_writer *w = (struct memory_writer *)writer;
	buffer_done(&w->bytes);
	free(w);
}

static int memory_finish(struct artifact_writer *writer, struct error **err)
{
	struct memory_writer *w = (struct memory_writer *)writer;
	char digest[ARTIFACT_DIGEST_CHARS + 1];
	int r = 0;
	digest_final(&w->hash, digest);
	if (strcmp(digest, w->digest) != 0) {
		r = error_set(err, ERR_INVALID,
			      "artifact %.12s has a different digest, %.12s: not accepted",
			      w->digest, digest);
		buffer_done(&w->bytes);
	} else {
		store_bytes(w->writer.store, digest, &w->bytes);
	}
	free(w);
	return r;
}

static int memory_adopt(struct artifact_store *store, const char *path, const char *digest,
			struct error **err)
{
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return error_errno(err, "cannot read %s", path);
	struct buffer bytes = BUFFER_INIT(SIZE_MAX / 2);
	char chunk[4096];
	size_t n;
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		(void)buffer_add(&bytes, chunk, n);
	(void)fclose(file);
	store_bytes(store, digest, &bytes);
	return 0;
}

static int memory_sync(struct artifact_store *store, struct error **err)
{
	(void)store;
	(void)err;
	return 0;
}

/* ---- reading ---- */

static int memory_get(struct artifact_store *store, const char *digest,
		      struct artifact_reader **ret_reader, struct error **err)
{
	struct memory_store *m = lock(store);
	struct stored *s = stored_find(m, digest);
	struct content *content = s != NULL ? s->content : NULL;
	if (content != NULL)
		content->references++;
	unlock(m);
	if (content == NULL)
		return error_set(err, ERR_NOT_FOUND, "no artifact %s", digest);
	struct memory_reader *r = mem_new(struct memory_reader);
	r->reader.store = store;
	r->reader.size = content->bytes.size;
	r->content = content;
	*ret_reader = &r->reader;
	return 0;
}

static int memory_read(struct artifact_reader *reader, void *to, size_t size, size_t *ret_size,
		       struct error **err)
{
	(void)err;
	struct memory_reader *r = (struct memory_reader *)reader;
	size_t left = r->content->bytes.size - r->position;
	*ret_size = left < size ? left : size;
	if (*ret_size > 0)
		memcpy(to, r->content->bytes.data + r->position, *ret_size);
	r->position += *ret_size;
	return *ret_size > 0;
}

static int memory_take_file(struct artifact_reader *reader)
{
	(void)reader;
	return -1;
}

static void memory_close(struct artifact_reader *reader)
{
	struct memory_store *m = lock(reader->store);
	content_unref(((struct memory_reader *)reader)->content);
	unlock(m);
	free(reader);
}

/* ---- what there is ---- */

static int memory_list(struct artifact_store *store, artifact_each_fn *each, void *user,
		       struct error **err)
{
	(void)err;
	struct memory_store *m = (struct memory_store *)store;
	struct stored *s, *next;
	HASH_ITER (hh, m->all, s, next)
		each(user, &(const struct artifact_info){.digest = s->digest,
							 .size = s->content->bytes.size,
							 .used_ms = s->used_ms});
	return 0;
}

static void memory_touch(struct artifact_store *store, const char *digest)
{
	struct memory_store *m = lock(store);
	struct stored *s = stored_find(m, digest);
	if (s != NULL)
		s->used_ms = wall_ms();
	unlock(m);
}

static bool memory_remove(struct artifact_store *store, const char *digest)
{
	struct memory_store *m = lock(store);
	struct stored *s = stored_find(m, digest);
	if (s != NULL) {
		HASH_DEL(m->all, s);
		content_unref(s->content);
		free(s);
	}
	unlock(m);
	return s != NULL;
}

static void memory_free(struct artifact_store *store)
{
	struct memory_store *m = (struct memory_store *)store;
	struct stored *s, *next;
	HASH_ITER (hh, m->all, s, next) {
		HASH_DEL(m->all, s);
		content_unref(s->content);
		free(s);
	}
	(void)pthread_mutex_destroy(&m->mutex);
	free(m);
}

static const struct artifact_store_ops memory_ops = {
	.put = memory_put,
	.write = memory_write,
	.finish = memory_finish,
	.abandon = memory_abandon,
	.adopt = memory_adopt,
	.sync = memory_sync,
	.get = memory_get,
	.read = memory_read,
	.take_file = memory_take_file,
	.close = memory_close,
	.list = memory_list,
	.touch = memory_touch,
	.remove = memory_remove,
	.free = memory_free,
};

struct artifact_store *artifact_memory_new(void)
{
	struct memory_store *m = mem_new(struct memory_store);
	m->store.ops = &memory_ops;
	(void)pthread_mutex_init(&m->mutex, NULL);
	return &m->store;
}
