/*
 * From a module to native code: module_check, module_rewrite, then wasm-validate, wasm2c and
 * the C compiler, each as a child process in a private directory, with limits on processor
 * time, memory, file size and wall clock. The result is a shared object without any code that
 * runs when it is loaded and without a symbol that zrun does not have (object.h); it goes to
 * CACHE/KEY.so by one rename. KEY is the SHA-256 of what is compiled (the rewritten module and
 * the glue), the versions of the programs, the flags and the machine's architecture, so whatever
 * has that name is what this would make again.
 *
 *   blocking:   translate_now(t, data, size, memory, &path, &err)
 *
 *   event loop: translation_start -> while it returns 1: wait until the descriptor
 *               translation_fd() is readable or translation_deadline_ms() has passed, then
 *               translation_continue() -> 0: translation_path()
 *
 * A program has limits of processor time, so a busy machine only makes it slow. One that uses none for a
 * while, or takes too long altogether, is ended.
 *
 * A program that dies of a signal or outlives its limits means "module refused"
 * (ERR_INVALID); missing programs and a full disk are ERR_UNAVAILABLE and ERR_IO: nothing is
 * said about the module then, and it can be tried again.
 */
#ifndef SAMOZA_ADAPTER_WASM2C_TRANSLATE_H
#define SAMOZA_ADAPTER_WASM2C_TRANSLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/wasm2c/module.h"
#include "base/error.h"

#define TRANSLATE_KEY_SIZE 65 /* 64 hexadecimal digits and NUL */

struct translator_options {
	const char *cache_directory; /* made if missing, mode 0700 */
	const char *wasm2c;	     /* NULL: found by PATH */
	const char *wasm_validate;
	const char *compiler; /* NULL: cc */
	/* For a module with hardly any code; three times that for MODULE_CODE_MAX. */
	unsigned cpu_seconds;	/* per program; 0: 30 */
	unsigned stall_seconds; /* without any processor time; 0: 60 */
	unsigned wall_seconds;	/* for the whole; 0: 20 minutes */
	uint64_t memory_bytes;	/* per program; 0: 2 GiB */
	uint64_t output_bytes;	/* per file; 0: 256 MiB */
	uint64_t
		cache_bytes; /* of all results; beyond it those go that were not used for longest;
				  0: 2 GiB */
};

struct translator;

/* Asks the programs for their versions (blocks some 20 ms). ERR_UNAVAILABLE with what to
 * install where one is missing, ERR_UNSUPPORTED where wasm2c is not 1.0.32: the C it writes
 * is no stable interface. Removes what interrupted translations left in the cache directory. */
int must_check translator_new(const struct translator_options *options,
			      struct translator **ret_translator, struct error **err);
/* All its translations must be freed before. */
void translator_free(struct translator *t);
/* What this program makes of a module beside the other programs' part, in eight hexadecimal digits: native
 * code of another version should be made again. */
const char *translate_version(void);
/* Whether a translator's description is of this version. */
bool translate_is_current(const char *description);
/* "wasm2c 1.0.32, gcc ..., glue 12ab34cd, x86_64": for logs and for comparing two machines. Borrowed. */
const char *translator_description(const struct translator *t);

/* The path in the cache (the caller frees) or NULL when it is not there; what is damaged is removed. Reads
 * the file. Counts as a use. */
char *translator_cached(const struct translator *t, const char *key);

struct translation;

/* Checks the module in this call. Returns 1: under way; 0: it was in the cache; or an error
 * (then there is no translation). The data may go after the call. */
int must_check translation_start(struct translator *t, const uint8_t *module, size_t size,
				 uint64_t memory_bytes, struct translation **ret_translation,
				 struct error **err);
/* A pidfd, readable when the current program has ended; another one after each step. */
int translation_fd(const struct translation *tr);
/* When translation_continue() is to be called though the program has not ended; another one after each
 * call. CLOCK_MONOTONIC, milliseconds. */
uint64_t translation_deadline_ms(const struct translation *tr);
/* 1: continue to wait, 0: done, or an error. Never blocks. */
int must_check translation_continue(struct translation *tr, struct error **err);
/* Borrowed; once done. */
const char *translation_path(const struct translation *tr);
const char *translation_key(const struct translation *tr);
const struct module_info *translation_info(const struct translation *tr);
/* Ends what runs, removes the private directory. NULL is fine. */
void translation_free(struct translation *tr);

/* All of it in one call. The caller frees *ret_path. */
int must_check translate_now(struct translator *t, const uint8_t *module, size_t size,
			     uint64_t memory_bytes, char **ret_path, struct error **err);

#endif
