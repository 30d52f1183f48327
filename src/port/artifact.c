#include "port/artifact.h"

#include <string.h>

#include "base/check.h"

bool artifact_digest_is_valid(const char *digest)
{
	return digest != NULL && strlen(digest) == ARTIFACT_DIGEST_CHARS &&
	       strspn(digest, "0123456789abcdef") == ARTIFACT_DIGEST_CHARS;
}

static int digest_check(const char *digest, struct error **err)
{
	if (artifact_digest_is_valid(digest))
		return 0;
	return error_set(err, ERR_INVALID, "'%s' is not a digest",
			 digest != NULL ? digest : "");
}

/* ---- writing ---- */

int artifact_put(struct artifact_store *store, const char *digest,
		 struct artifact_writer **ret_writer, struct error **err)
{
	int r = digest_check(digest, err);
	return r < 0 ? r : store->ops->put(store, digest, ret_writer, err);
}

int artifact_write(struct artifact_writer *writer, const void *data, size_t size,
		   struct error **err)
{
	return writer->store->ops->write(writer, data, size, err);
}

int artifact_finish(struct artifact_writer *writer, struct error **err)
{
	return writer->store->ops->finish(writer, err);
}

void artifact_abandon(struct artifact_writer *writer)
{
	if (writer != NULL)
		writer->store->ops->abandon(writer);
}

int artifact_adopt(struct artifact_store *store, const char *path, const char *digest,
		   struct error **err)
{
	int r = digest_check(digest, err);
	return r < 0 ? r : store->ops->adopt(store, path, digest, err);
}

int artifact_sync(struct artifact_store *store, struct error **err)
{
	return store->ops->sync(store, err);
}

/* ---- reading ---- */

int artifact_get(struct artifact_store *store, const char *digest,
		 struct artifact_reader **ret_reader, struct error **err)
{
	if (!artifact_digest_is_valid(digest))
		return error_set(err, ERR_NOT_FOUND, "no artifact %s",
				 digest != NULL ? digest : "");
	return store->ops->get(store, digest, ret_reader, err);
}

uint64_t artifact_size(const struct artifact_reader *reader)
{
	return reader->size;
}

uint64_t artifact_stamp(const struct artifact_reader *reader)
{
	return reader->stamp;
}

int artifact_read(struct artifact_reader *reader, void *to, size_t size, size_t *ret_size,
		  struct error **err)
{
	PRE(size > 0);
	return reader->store->ops->read(reader, to, size, ret_size, err);
}

int artifact_take_file(struct artifact_reader **reader)
{
	int fd = (*reader)->store->ops->take_file(*reader);
	if (fd >= 0)
		*reader = NULL;
	return fd;
}

void artifact_close(struct artifact_reader *reader)
{
	if (reader != NULL)
		reader->store->ops->close(reader);
}

/* ---- what there is ---- */

int artifact_list(struct artifact_store *store, artifact_each_fn *each, void *user,
		  struct error **err)
{
	return store->ops->list(store, each, user, err);
}

void artifact_touch(struct artifact_store *store, const char *digest)
{
	if (artifact_digest_is_valid(digest))
		store->ops->touch(store, digest);
}

bool artifact_remove(struct artifact_store *store, const char *digest)
{
	return artifact_digest_is_valid(digest) && store->ops->remove(store, digest);
}

void artifact_store_free(struct artifact_store *store)
{
	if (store != NULL)
		store->ops->free(store);
}
