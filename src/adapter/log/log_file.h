/*
 * A log in a file that does not grow without end: when it is larger than LOG_FILE_BYTES, it becomes FILE.1,
 * what was FILE.1 becomes FILE.2, and so on; the oldest is deleted.
 *
 *   FILE ──► FILE.1 ──► FILE.2 ──► FILE.3 ──► deleted
 *
 * Where standard output and error lead to the file as well, as startz has it, they go with it.
 */
#ifndef SAMOZA_ADAPTER_LOG_LOG_FILE_H
#define SAMOZA_ADAPTER_LOG_LOG_FILE_H

#include "base/error.h"

#define LOG_FILE_BYTES ((int64_t)16 * 1024 * 1024)
#define LOG_FILES_KEPT 3 /* besides FILE */

/* The log goes to this file from now on, at the same level. Once for each program. */
int log_file_open(const char *path, struct error **err) must_check;
/* The log of a daemon, as its options say (adapter/cli/log_options.h): to standard error at this level, or
 * to `file` (NULL: none). PRE: `level` is one of those. */
int log_start(const char *level, const char *path, struct error **err) must_check;
/* Starts a new FILE when it is too large, before anybody has it open. What fails is left as it is. */
void log_file_start_new(const char *path, int64_t most_bytes);
/* For tests: another bound. */
void log_file_set_bytes(int64_t bytes);

#endif
