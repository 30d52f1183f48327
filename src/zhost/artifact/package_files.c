#include "zhost/artifact/package_files.h"

#include <stdlib.h>

#include "base/memory.h"

struct package_fetch {
	struct artifacts *artifacts;
	const Samoza__V1__InstanceSpec *spec;
	package_fetch_fn *done;
	void *user;
	size_t next;
	struct artifact_wait *wait;
	char *error;
	bool is_walking; /* a file of the cache is answered from within artifact_fetch() */
};

const Samoza__V1__AssetFile *package_file(const Samoza__V1__InstanceSpec *spec, size_t index)
{
	if (index < spec->n_recipes)
		return spec->recipes[index];
	index -= spec->n_recipes;
	return index < spec->n_assets ? spec->assets[index] : NULL;
}

static void fetch_free(struct package_fetch *f)
{
	free(f->error);
	free(f);
}

/* True: all files are there, or one failed; `done` was called, and `f` is gone. */
static bool fetch_walk(struct package_fetch *f);

static void on_file(void *data, const char *path, const struct error *error)
{
	struct package_fetch *f = data;
	f->wait = NULL;
	if (path == NULL)
		f->error = mem_strdup(error->message);
	if (!f->is_walking)
		(void)fetch_walk(f);
}

static bool fetch_walk(struct package_fetch *f)
{
	const Samoza__V1__AssetFile *file;
	f->is_walking = true;
	while (f->wait == NULL && f->error == NULL &&
	       (file = package_file(f->spec, f->next)) != NULL) {
		f->next++;
		f->wait = artifact_fetch(f->artifacts, file->digest, file->size_bytes, on_file,
					 f);
	}
	f->is_walking = false;
	if (f->wait != NULL)
		return false;
	f->done(f->user, f->error);
	fetch_free(f);
	return true;
}

struct package_fetch *package_fetch_new(struct artifacts *artifacts,
					const Samoza__V1__InstanceSpec *spec,
					package_fetch_fn *done, void *user)
{
	struct package_fetch *f = mem_new(struct package_fetch);
	f->artifacts = artifacts;
	f->spec = spec;
	f->done = done;
	f->user = user;
	return fetch_walk(f) ? NULL : f;
}

void package_fetch_cancel(struct package_fetch *f)
{
	if (f == NULL)
		return;
	artifact_cancel(f->wait);
	fetch_free(f);
}

void package_fetch_abort(struct package_fetch *f, const char *why)
{
	artifact_abort(f->wait, why);
}
