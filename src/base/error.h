/*
 * Errors with a message for a person.
 *
 * A function that can fail returns int: 0 or positive on success, a negative `enum error_code` on
 * failure. Its last parameter is `struct error **err`. On success *err is untouched. On failure it
 * is set to a new error that says what failed, why, and, where the cause is in the *user's* input,
 * in which file, line and column. Callers add context with error_wrap() as they return. `err` may
 * be NULL: then only the code is returned.
 *
 *   int key_load(const char *path, struct key **ret_key, struct error **err)
 *   {
 *           if (read(...) < 0)
 *                   return error_errno(err, "cannot read key %s", path);
 *   ...
 *           r = key_load(path, &key, err);
 *           if (r < 0)
 *                   return error_wrap(err, "signing %s", archive);
 */
#ifndef SAMOZA_BASE_ERROR_H
#define SAMOZA_BASE_ERROR_H

#include <stdarg.h>

#include "base/memory.h"

#define must_check __attribute__((warn_unused_result))

enum error_code {
	ERR_INVALID = -1,     /* the input breaks a rule                       HTTP 422 / 400 */
	ERR_NOT_FOUND = -2,   /* the named object does not exist               HTTP 404 */
	ERR_CONFLICT = -3,    /* the current state does not allow it           HTTP 409 */
	ERR_DENIED = -4,      /* not allowed: signature, capability, address   HTTP 403 */
	ERR_LIMIT = -5,	      /* larger than a limit                           HTTP 413 */
	ERR_IO = -6,	      /* a system call failed                          HTTP 500 */
	ERR_TIMEOUT = -7,     /* a time limit was exceeded                     HTTP 503 */
	ERR_UNAVAILABLE = -8, /* the peer cannot be reached                    HTTP 503 */
	ERR_UNSUPPORTED = -9, /* valid, but not in this version or machine     HTTP 422 */
	ERR_STALE = -10,      /* an older epoch, version or incarnation        HTTP 409 */
};

struct error {
	enum error_code code;
	char *message;
	char *file;    /* the user's file, or NULL */
	unsigned line; /* from 1; 0: unknown */
	unsigned column;
};

/* Sets *err (which must be NULL or err itself NULL) and returns `code`. */
int error_set(struct error **err, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int error_set_at(struct error **err, enum error_code code, const char *file, unsigned line,
		 unsigned column, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
/* Appends ": " and strerror(errno); ERR_NOT_FOUND for ENOENT, ERR_DENIED for EACCES and EPERM,
 * ERR_IO otherwise. */
int error_errno(struct error **err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Prepends "CONTEXT: " to the message; returns the error's code (ERR_IO if err is NULL). */
int error_wrap(struct error **err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Moves `from` into *err; returns its code. */
int error_move(struct error **err, struct error *from);

/* "FILE:LINE:COLUMN: MESSAGE", without the parts that are unknown. The caller frees. */
char *error_text(const struct error *error);
const char *error_code_name(enum error_code code);

void error_free(struct error *error);
/* For CLEANUP(error_freep) struct error *err = NULL; */
void error_freep(struct error **err);

#endif
