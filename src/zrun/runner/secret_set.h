/*
 * The secrets of an instance in its zrun: in memory that is locked, in no dump, and not in what is forked.
 *
 *   start    a stream for each from zhost ──► staged ──► settled with the imports of the start
 *   update   SECRET frames ──────► staged ──► settled with those of the UPDATE; what is not named goes
 *
 * Imports name them: "@ secret-env VARIABLE" and "@ secret-file FILE" have the key of one as their value.
 */
#ifndef SAMOZA_ZRUN_RUNNER_SECRET_SET_H
#define SAMOZA_ZRUN_RUNNER_SECRET_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zrun/runner/import_set.h"

#define SECRET_ENV  "@ secret-env " /* zhost/space/settings.h */
#define SECRET_FILE "@ secret-file "

/* Reserves the memory, before anything is confined. Without it there are no secrets. */
void secrets_open(void);
/* A stream of a start, until its end; closes it. False: it is damaged, or there is no memory. */
bool secrets_read(int fd);
/* One that comes before an update. False: there are too many. */
bool secrets_stage(const char *key, size_t key_size, const void *value, size_t size);
/* Those that were staged are for an update that does not come. */
void secrets_unstage(void);
/* Those that the set names are what there is from now on. False: one of them is not here; nothing has changed, but that none is staged. */
bool secrets_settle(const struct import_set *set);
/* A value by its key; a zero byte follows. NULL: there is none. Until the next update. */
const char *secrets_value(const char *key, size_t *ret_size);
/* The value that a pair with that name has as its value, in that set; as secrets_value(). */
const char *secrets_of(const struct import_set *set, const char *name, size_t name_size,
		       size_t *ret_size);
bool secrets_any(void);
/* At the end. Async-signal-safe. */
void secrets_wipe(void);

#endif
