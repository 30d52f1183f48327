/*
 * The cache of artifacts, by digest: modules as zrms compiled them, pages of UI spaces.
 *
 *   artifact_fetch(DIGEST) ── in cache/ ? ─ yes, and known to be sound ─► done at once
 *                              │ no    └───── yes ─► read once: has it that digest? ─ yes ─► done
 *                              ▼  one download, however many ask    │ no: it is removed
 *                              ◄────────────────────────────────────┘
 *        GET /v1/artifacts/sha256/DIGEST ─► store (port/artifact.h): cache/DIGEST
 *
 * A module for another kind of machine is fetched as WebAssembly and compiled here (adapter/
 * wasm2c; compilation.h); so is one that another version of zrms compiled, unless that fails. What
 * is not used is removed, the longest unused first, when the cache is over its size. Templates of what is here stay: its
 * next start may be one without zrms.
 */
#ifndef SAMOZA_ZHOST_ARTIFACT_ARTIFACT_H
#define SAMOZA_ZHOST_ARTIFACT_ARTIFACT_H

#include "adapter/cli/cli.h"
#include "adapter/uv/loop.h"
#include "base/error.h"
#include "port/artifact.h"
#include "port/stream.h"
#include "proto/wire.pb-c.h"
#include "zhost/uplink/token_source.h"
#include "zhost/uplink/zrms_addresses.h"

struct artifacts;
struct artifact_wait;

/* All borrowed. */
struct artifacts_options {
	struct loop *loop;
	struct stream_transport *transport;
	const struct zrms_addresses *zrms;
	struct token_source *token;   /* NULL: none is shown */
	struct artifact_store *store; /* a directory of files (adapter/artifact/directory.h) */
	const char *cache_path;	      /* that directory, absolute: for what is compiled here */
	uint64_t cache_bytes;	      /* what the cache may hold */
	const char *machine;	      /* "x86_64": what native modules must be for */
};

/* Takes up what is in the cache. */
int artifacts_new(const struct artifacts_options *options, struct artifacts **ret_artifacts,
		  struct error **err) must_check;
/* No `done` is called any more. NULL is fine. */
void artifacts_free(struct artifacts *a);

/* Trims the cache, now and later, but for what is named then: `name_all` calls artifact_needed() for each of those. It is
 * called when something is to be removed. NULL: nothing is needed. */
void artifacts_keep(struct artifacts *a, void (*name_all)(void *user), void *user);
/* From within `name_all`. `digest` may be anything, also of what is not here. */
void artifact_needed(struct artifacts *a, const char *digest);

/* `path`: absolute, borrowed for the call; or NULL and `error`. */
typedef void artifact_done_fn(void *data, const char *path, const struct error *error);

/* `size_bytes`: how large it must be; 0: not known. Returns NULL when it was there and `done`
 * was called; otherwise something to cancel with. */
struct artifact_wait *artifact_fetch(struct artifacts *a, const char *digest,
				     uint64_t size_bytes, artifact_done_fn *done, void *data);
/* The module that an instance runs: as zrms compiled it, or compiled here. */
struct artifact_wait *artifact_fetch_module(struct artifacts *a,
					    const Samoza__V1__InstanceSpec *spec,
					    artifact_done_fn *done, void *data);
/* What ran from it crashed: its content is looked at again before the next use. */
void artifact_suspect(struct artifacts *a, const char *digest);
/* The same for the module that an instance runs. */
void artifact_suspect_module(struct artifacts *a, const Samoza__V1__InstanceSpec *spec);
/* `done` is not called any more; a download continues, for others that wait or ask later. */
void artifact_cancel(struct artifact_wait *wait);
/* `done` is called now, with this error. */
void artifact_abort(struct artifact_wait *wait, const char *why);

struct artifact_counters {
	uint64_t fetched, bytes; /* from zrms */
	uint64_t hits;		 /* were in the cache */
	uint64_t compiled;	 /* here */
	uint64_t damaged;	 /* found in the cache, and removed */
};
struct artifact_counters artifacts_counters(const struct artifacts *a);

#endif
