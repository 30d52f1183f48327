/*
 * A transaction that failed and was rolled back is tried again, because most reasons pass: a full disk
 * on which somebody makes room, a disk that was away. Nothing of it was answered, and everything that
 * is queued after it goes on waiting: to the caller it is a slow commit. In the worker's thread.
 *
 *     struct retry retry = {0};
 *     while (commit() < 0 && retry_wait(&retry, ...))
 *             ;
 */
#ifndef SAMOZA_ADAPTER_SQLITE_RETRY_H
#define SAMOZA_ADAPTER_SQLITE_RETRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapter/sqlite/database.h"

#define RETRY_FOR_MS 30000

struct retry {
	int64_t until_ms; /* 0: it has not failed yet */
};

/* Waits for a moment. False: it was tried long enough, or trying is of no use (a damaged file).
 * Sets `is_failing`; the caller clears it when it has succeeded. */
bool retry_wait(struct retry *r, const struct database *db, int64_t for_ms,
		atomic_bool *is_failing);

#endif
