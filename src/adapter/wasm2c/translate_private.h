/* What translator.c (programs, cache, keys) and translate.c (one translation) share. */
#ifndef SAMOZA_ADAPTER_WASM2C_TRANSLATE_PRIVATE_H
#define SAMOZA_ADAPTER_WASM2C_TRANSLATE_PRIVATE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "adapter/wasm2c/translate.h"
#include "base/buffer.h"

struct translator {
	char *cache_directory;
	char *wasm_validate;
	char *wasm2c;
	char *compiler;
	char *programs; /* their versions, and the machine */
	char *description;
	const char *const *dialect; /* arguments of this compiler alone; NULL at the end */
	unsigned cpu_seconds;
	unsigned stall_seconds;
	unsigned wall_seconds;
	uint64_t memory_bytes;
	uint64_t output_bytes;
	uint64_t cache_bytes;
	atomic_uint translations; /* alive; begun in worker threads, freed by the loop's */
};

/* Arguments that every C compiler gets; they follow the dialect's. NULL at the end. */
extern const char *const translate_compiler_arguments[];

/* What is compiled. */
struct translation_source {
	struct module_rewritten module;
	struct buffer glue;
};

/* Starts a program under the limits in `directory` (a path), its output and errors appended to
 * the file "output" there; own process group, no other descriptors. */
int must_check translator_spawn(const struct translator *t, const char *directory,
				const char *const *argv, unsigned cpu_seconds, pid_t *ret_pid,
				struct error **err);
/* Of everything that the result depends on. */
void translator_key(const struct translator *t, const struct translation_source *source,
		    char ret_key[TRANSLATE_KEY_SIZE]);
/* Removes results, the longest unused first, until the others are within the limit. `kept`: the
 * path of one that stays; may be NULL. */
void translator_trim(const struct translator *t, const char *kept);
uint64_t translate_now_ms(void);
/* With the plain files in it. */
void translate_remove_directory(const char *path);

#endif
