#include "zhost/artifact/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utlist.h>

#include "adapter/artifact/digest.h"
#include "adapter/artifact/directory.h"
#include "adapter/log/log.h"
#include "adapter/token/token.h"
#include "adapter/wasm2c/translate.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "zhost/artifact/cached.h"
#include "zhost/artifact/compilation.h"
#include "zhost/artifact/compiled.h"
#include "zhost/artifact/download.h"
#include "zhost/artifact/placing.h"

#define ARTIFACT_MAX ((uint64_t)256 * 1024 * 1024)

struct artifact_wait {
	struct artifact_job *job;
	artifact_done_fn *done;
	void *data;
	struct artifact_wait *next, *prev;
};

/* A look at what the cache holds, a download, or the compilation of a module. */
struct artifact_job {
	struct artifacts *artifacts;
	char *name; /* digest; of a compilation "compile:DIGEST" */
	UT_hash_handle hh;
	struct artifact_wait *waits;
	uint64_t size_bytes; /* 0: not known, until it is downloaded */

	/* look */
	struct digest look;
	char *look_path;
	int look_fd; /* -1: none */
	struct stat seen;
	struct loop_timer *timer;

	/* download */
	struct download *download;
	struct artifact_writer *writer; /* NULL once it is placed */
	struct placing *placing;

	/* compilation */
	char *module; /* digest */
	char *native; /* digest of what zrms has made with an earlier version, for when it fails */
	uint64_t memory_bytes;
	struct compilation *compilation;
};

struct artifacts {
	struct artifacts_options options;
	struct artifact_counters counters;
	struct cached_files cache;
	struct compiled_files compiled;
	struct artifact_job *jobs;
	struct compiler *compiler;
	void (*name_needed)(void *user);
	void *needs_user;
};

/* ---- the cache ---- */

void artifact_suspect(struct artifacts *a, const char *digest)
{
	struct cached *c =
		artifact_digest_is_valid(digest) ? cached_find(&a->cache, digest) : NULL;

	if (c != NULL)
		c->is_sound = false;
}

void artifact_needed(struct artifacts *a, const char *digest)
{
	struct cached *c =
		artifact_digest_is_valid(digest) ? cached_find(&a->cache, digest) : NULL;

	if (c != NULL)
		c->is_needed = true;
}

static void trim(struct artifacts *a)
{
	if (a->name_needed != NULL && cached_is_too_large(&a->cache))
		a->name_needed(a->needs_user);
	cached_trim(&a->cache);
}

void artifacts_keep(struct artifacts *a, void (*name_all)(void *user), void *user)
{
	a->name_needed = name_all;
	a->needs_user = user;
	trim(a);
}

/* ---- jobs ---- */

static struct artifact_job *job_new(struct artifacts *a, char *name)
{
	struct artifact_job *j = mem_new(struct artifact_job);

	j->artifacts = a;
	j->look_fd = -1;
	j->name = name;
	HASH_ADD_KEYPTR(hh, a->jobs, j->name, strlen(j->name), j);
	return j;
}

static struct artifact_wait *job_wait(struct artifact_job *j, artifact_done_fn *done,
				      void *data)
{
	struct artifact_wait *w = mem_new(struct artifact_wait);

	w->job = j;
	w->done = done;
	w->data = data;
	DL_APPEND(j->waits, w);
	return w;
}

static void job_free(struct artifact_job *j)
{
	struct artifact_wait *w, *next;

	DL_FOREACH_SAFE (j->waits, w, next)
		free(w);
	artifact_abandon(j->writer);
	placing_cancel(j->placing);
	loop_timer_free(j->timer);
	closep(&j->look_fd);
	compilation_cancel(j->compilation);
	free(j->name);
	free(j->module);
	free(j->native);
	free(j->look_path);
	free(j);
}

/* Answers all who wait, and the job is gone. */
static void job_end(struct artifact_job *j, const char *path, const struct error *error)
{
	struct artifacts *a = j->artifacts;

	HASH_DEL(a->jobs, j);
	if (error != NULL)
		log_warn("cache", "failed", LOG_S("artifact", j->name), LOG_E(error));
	while (j->waits != NULL) {
		struct artifact_wait *w = j->waits;

		DL_DELETE(j->waits, w);
		w->done(w->data, path, error);
		free(w);
	}
	job_free(j);
}

/* Takes the error over. */
static void job_fail(struct artifact_job *j, struct error *error)
{
	job_end(j, NULL, error);
	error_free(error);
}

void artifact_cancel(struct artifact_wait *w)
{
	DL_DELETE(w->job->waits, w);
	free(w);
}

void artifact_abort(struct artifact_wait *w, const char *why)
{
	struct error *error = NULL;

	(void)error_set(&error, ERR_TIMEOUT, "%s", why);
	DL_DELETE(w->job->waits, w);
	w->done(w->data, NULL, error);
	free(w);
	error_free(error);
}

/* ---- download ---- */

static void on_placed(void *user, struct error *take_error)
{
	struct artifact_job *j = user;
	struct artifacts *a = j->artifacts;

	j->placing = NULL;
	if (take_error != NULL) {
		job_fail(j, take_error);
		return;
	}
	CLEANUP(freep) char *path = artifact_directory_path(a->options.store, j->name);
	cached_add(&a->cache, j->name, j->size_bytes);
	cached_sound(&a->cache, j->name, path);
	a->counters.fetched++;
	a->counters.bytes += j->size_bytes;
	log_info("cache", "fetched", LOG_S("artifact", j->name),
		 LOG_BYTES("size", j->size_bytes));
	job_end(j, path, NULL);
	trim(a);
}

static void on_downloaded(void *user, uint64_t size, const struct error *why)
{
	struct artifact_job *j = user;
	struct error *err = NULL;

	j->download = NULL;
	if (why != NULL)
		(void)error_set(&err, why->code, "cannot fetch artifact %.12s: %s", j->name,
				why->message);
	else if (j->size_bytes > 0 && j->size_bytes != size)
		(void)error_set(&err, ERR_INVALID,
				"artifact %.12s has %" PRIu64 " byte%s instead of %" PRIu64,
				j->name, size, str_plural(size), j->size_bytes);
	if (err != NULL) {
		job_fail(j, err);
		return;
	}
	j->size_bytes = size;
	j->placing =
		placing_new(j->artifacts->options.loop, steal_ptr(&j->writer), on_placed, j);
}

static int download(struct artifact_job *j, struct error **err)
{
	struct artifacts *a = j->artifacts;
	CLEANUP(freep) char *target = str_printf("/v1/artifacts/sha256/%s", j->name);
	int r = artifact_put(a->options.store, j->name, &j->writer, err);

	if (r < 0)
		return r;
	CLEANUP(token_freep) char *token = token_source_read(a->options.token);
	j->download = download_new(
		a->options.loop, a->options.transport, a->options.zrms, token, target,
		j->writer, j->size_bytes > 0 ? j->size_bytes : ARTIFACT_MAX, on_downloaded, j);
	return 0;
}

static struct artifact_wait *refuse(artifact_done_fn *done, void *data, struct error *error)
{
	done(data, NULL, error);
	error_free(error);
	return NULL;
}

/* ---- looking at what the cache holds ---- */

static void look_again_elsewhere(struct artifact_job *j)
{
	struct artifacts *a = j->artifacts;
	struct cached *c = cached_find(&a->cache, j->name);
	struct error *err = NULL;

	log_warn("cache", "damaged", LOG_S("artifact", j->name),
		 LOG_S("then", "fetched from zrms again"));
	a->counters.damaged++;
	(void)artifact_remove(a->options.store, j->name);
	if (c != NULL)
		cached_drop(&a->cache, c);
	if (download(j, &err) < 0)
		job_fail(j, err);
}

static void look_ended(struct artifact_job *j)
{
	struct artifacts *a = j->artifacts;
	struct cached *c = cached_find(&a->cache, j->name);
	CLEANUP(freep) char *path = steal_ptr(&j->look_path);
	char found[ARTIFACT_DIGEST_CHARS + 1];

	digest_final(&j->look, found);
	closep(&j->look_fd);
	j->look_fd = -1;
	loop_timer_free(steal_ptr(&j->timer));
	if (c == NULL || strcmp(found, j->name) != 0) {
		look_again_elsewhere(j);
		return;
	}
	/* As it was before it was read: a later change shows. */
	c->seen = j->seen;
	c->is_sound = true;
	job_end(j, path, NULL);
}

/* A piece in each turn of the loop: nothing else waits for a large file. */
static void look_on(void *user)
{
	struct artifact_job *j = user;
	struct loop *loop = j->artifacts->options.loop;
	ssize_t n;

	do
		n = read(j->look_fd, loop->scratch, LOOP_SCRATCH_BYTES);
	while (n < 0 && errno == EINTR);
	if (n <= 0) { /* what cannot be read has another digest */
		look_ended(j);
		return;
	}
	digest_add(&j->look, loop->scratch, (size_t)n);
	loop_timer_at(j->timer, loop_now(loop).mono_ms);
}

static void look(struct artifact_job *j, const char *path)
{
	struct loop *loop = j->artifacts->options.loop;

	j->look_path = mem_strdup(path);
	j->look_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (j->look_fd >= 0)
		(void)fstat(j->look_fd, &j->seen);
	digest_init(&j->look);
	j->timer = loop_timer_new(loop, look_on, j);
	loop_timer_at(j->timer, loop_now(loop).mono_ms);
}

struct artifact_wait *artifact_fetch(struct artifacts *a, const char *digest,
				     uint64_t size_bytes, artifact_done_fn *done, void *data)
{
	CLEANUP(freep) char *path = NULL;
	struct error *err = NULL;
	struct artifact_job *j;

	if (!artifact_digest_is_valid(digest)) {
		(void)error_set(&err, ERR_INVALID, "'%s' is not a digest", digest);
		return refuse(done, data, err);
	}
	path = cached_path(&a->cache, digest);
	if (path != NULL && cached_is_sound(cached_find(&a->cache, digest), path)) {
		cached_sound(&a->cache, digest, path);
		a->counters.hits++;
		done(data, path, NULL);
		return NULL;
	}
	HASH_FIND_STR(a->jobs, digest, j);
	if (j == NULL) {
		j = job_new(a, mem_strdup(digest));
		j->size_bytes = size_bytes;
		if (path != NULL)
			look(j, path);
		else if (download(j, &err) < 0) {
			HASH_DEL(a->jobs, j);
			job_free(j);
			return refuse(done, data, err);
		}
	}
	return job_wait(j, done, data);
}

/* ---- compilation ---- */

static void on_native(void *data, const char *path, const struct error *error)
{
	job_end(data, path, error);
}

/* Takes the error over. What ran before can still run: zrms or a compiler may only be away. */
static void compile_failed(struct artifact_job *j, struct error *error)
{
	struct artifacts *a = j->artifacts;
	CLEANUP(freep) char *native = steal_ptr(&j->native);

	if (native == NULL) {
		job_fail(j, error);
		return;
	}
	log_warn("cache", "not_renewed", LOG_S("module", j->module), LOG_E(error),
		 LOG_S("then", "what an earlier version of zrms made of it is used"));
	error_free(error);
	(void)artifact_fetch(a, native, 0, on_native, j);
}

static void on_compiled(void *user, const char *path, struct error *take_error)
{
	struct artifact_job *j = user;
	struct artifacts *a = j->artifacts;

	j->compilation = NULL;
	if (path == NULL) {
		compile_failed(j, take_error);
		return;
	}
	a->counters.compiled++;
	log_info("cache", "compiled", LOG_S("module", j->module));
	compiled_add(&a->compiled, j->module, j->memory_bytes, path);
	job_end(j, path, NULL);
}

static void on_module(void *data, const char *path, const struct error *error)
{
	struct artifact_job *j = data;
	struct error *err = NULL;

	if (path == NULL) {
		(void)error_set(&err, error->code, "%s", error->message);
		compile_failed(j, err);
		return;
	}
	j->compilation =
		compilation_new(j->artifacts->compiler, path, j->memory_bytes, on_compiled, j);
}

/* "wasm2c 1.0.32, gcc 12.2.0, glue 12ab34cd, x86_64": the machine is what counts, since a module calls nothing
 * but the table that zrun gives it. */
static bool is_for_us(const struct artifacts *a, const char *platform)
{
	const char *machine = strrchr(platform, ' ');

	return strcmp(machine != NULL ? machine + 1 : platform, a->options.machine) == 0;
}

void artifact_suspect_module(struct artifacts *a, const Samoza__V1__InstanceSpec *spec)
{
	artifact_suspect(a, spec->native_digest);
	artifact_suspect(a, spec->module_digest);
	if (spec->module_digest != NULL)
		compiled_suspect(&a->compiled, spec->module_digest);
}

struct artifact_wait *artifact_fetch_module(struct artifacts *a,
					    const Samoza__V1__InstanceSpec *spec,
					    artifact_done_fn *done, void *data)
{
	struct artifact_wait *w;
	struct error *err = NULL;
	struct artifact_job *j;
	CLEANUP(freep) char *name = NULL;

	bool runs_here = spec->native_digest != NULL && spec->native_platform != NULL &&
			 is_for_us(a, spec->native_platform);

	if (runs_here &&
	    (translate_is_current(spec->native_platform) || spec->module_digest == NULL))
		return artifact_fetch(a, spec->native_digest, 0, done, data);
	if (spec->module_digest == NULL || !artifact_digest_is_valid(spec->module_digest)) {
		(void)error_set(&err, ERR_INVALID, "zrms named no module for space '%s'",
				spec->space);
		return refuse(done, data, err);
	}
	const uint64_t memory_bytes =
		spec->memory_bytes > 0 ? spec->memory_bytes : (uint64_t)32 * 1024 * 1024;
	const char *path = compiled_use(&a->compiled, spec->module_digest, memory_bytes);
	if (path != NULL) {
		a->counters.hits++;
		done(data, path, NULL);
		return NULL;
	}
	name = str_printf("compile:%s", spec->module_digest);
	HASH_FIND_STR(a->jobs, name, j);
	if (j != NULL)
		return job_wait(j, done, data);
	j = job_new(a, mem_strdup(name));
	j->module = mem_strdup(spec->module_digest);
	j->native = runs_here ? mem_strdup(spec->native_digest) : NULL;
	j->memory_bytes = memory_bytes;
	/* The caller's wait before anything can end the job from within. */
	w = job_wait(j, done, data);
	(void)artifact_fetch(a, spec->module_digest, 0, on_module, j);
	HASH_FIND_STR(a->jobs, name, j);
	return j != NULL ? w : NULL;
}

/* ---- life ---- */

int artifacts_new(const struct artifacts_options *options, struct artifacts **ret_artifacts,
		  struct error **err)
{
	struct artifacts *a = mem_new(struct artifacts);
	int r;

	a->options = *options;
	CLEANUP(freep) char *directory = str_printf("%s/compiled", options->cache_path);
	a->compiler = compiler_new(options->loop, directory);
	r = cached_init(&a->cache, options->loop, options->store, options->cache_bytes, err);
	if (r < 0) {
		artifacts_free(a);
		return r;
	}
	*ret_artifacts = a;
	return 0;
}

struct artifact_counters artifacts_counters(const struct artifacts *a)
{
	return a->counters;
}

void artifacts_free(struct artifacts *a)
{
	struct artifact_job *j, *next_job;

	if (a == NULL)
		return;
	HASH_ITER (hh, a->jobs, j, next_job) {
		HASH_DEL(a->jobs, j);
		download_cancel(j->download);
		job_free(j);
	}
	cached_done(&a->cache);
	compiled_done(&a->compiled);
	compiler_free(a->compiler);
	free(a);
}
