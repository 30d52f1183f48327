/*
 * Translates modules to native code (adapter/wasm2c), a few at a time, each module once: a module
 * that is being translated already is not begun again; all that asked for it get the same answer.
 *
 *   ask ──► queue ──► check and start ──► programs run ──► digest of the result ──► done
 *                     (worker thread)     (child processes)   (worker thread)
 */
#ifndef SAMOZA_ZRMS_SUBMISSION_TRANSLATIONS_H
#define SAMOZA_ZRMS_SUBMISSION_TRANSLATIONS_H

#include <stddef.h>
#include <stdint.h>

#include "adapter/uv/loop.h"
#include "adapter/wasm2c/translate.h"
#include "base/error.h"
#include "base/metrics.h"

struct translations;

struct native_code {
	char path[4096]; /* in the translator's cache: never changes */
	char digest[65]; /* SHA-256 of it */
};

/* `translator` is borrowed. */
struct translations *translations_new(struct loop *loop, struct translator *translator,
				      unsigned parallel);
/* PRE: translations_stop() was called and translations_is_idle(). NULL is fine. */
void translations_free(struct translations *t);

/* What is known of a module by its digest without doing anything; NULL. Borrowed. */
const struct native_code *translations_known(const struct translations *t,
					     const char *module_digest);

/* Once, from the loop. `native` and `error` are borrowed. Code < 0: refused, or not possible.
 */
typedef void translation_done_fn(void *user, int code, const struct error *error,
				 const struct native_code *native);
/* Takes `module` over. */
void translations_ask(struct translations *t, const char *module_digest, uint8_t *module,
		      size_t size, uint64_t memory_bytes, translation_done_fn *done,
		      void *user);

/* Stops the programs that run and refuses what waits: every `done` is called, as soon as the
 * worker threads have returned. */
void translations_stop(struct translations *t);
bool translations_is_idle(const struct translations *t);
extern const struct metric_source translations_metrics; /* of struct translations */

#endif
