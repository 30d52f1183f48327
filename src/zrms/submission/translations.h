/*
 * Translates modules to native code (adapter/wasm2c), a few at a time, each module once: a module
 * that is being translated already is not begun again; all that asked for it get the same answer.
 * A refusal is remembered for an hour, so that a module that takes long to refuse does so once; for
 * a minute when its time ran out, which may be the machine's fault.
 *
 *   ask ──► queue ──► check and start ──► programs run ──► result and its digest ──► done
 *                     (worker thread)     (child processes)   (worker thread)
 *
 * What a translation costs is told by the size of the code. A module is never behind more expensive
 * ones: the cheapest is begun first, where each second of waiting counts for what is translated in
 * a second, so that no module waits for ever; and modules are of three classes of cost (up to
 * 64 KiB, 256 KiB, more), each of which may have one translation beyond `parallel` when none of
 * its class or of a cheaper one runs. Two expensive modules hold up neither a small one nor one of
 * medium size.
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

/* Of `parallel` translations at once. `translator` is borrowed. */
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
/* What is to be translated. */
struct translation_request {
	const char *module_digest;
	uint8_t *module; /* taken over */
	size_t size;
	uint64_t memory_bytes;
	uint32_t code_bytes; /* module_info: the cost */
};
void translations_ask(struct translations *t, const struct translation_request *request,
		      translation_done_fn *done, void *user);

/* Stops the programs that run and refuses what waits: every `done` is called, as soon as the
 * worker threads have returned. */
void translations_stop(struct translations *t);
bool translations_is_idle(const struct translations *t);
extern const struct metric_source translations_metrics; /* of struct translations */

#endif
