/*
 * How both stores commit: all jobs that wait in one transaction, which is tried again where it fails, and
 * on a full disk has the room of the reserve.
 *
 *     run ──► commit ──done──► checkpoint, where the log has become long
 *              ▲  │
 *              │  │ failed
 *     a pause ─┘◄─┴─ for longer than retry_ms, or the file is damaged ──► `broken`: nothing is
 *                                                                        written after it
 *
 * Most reasons pass: a full disk on which somebody makes room, a disk that was away. Nothing of a
 * transaction that failed was answered, and everything that is queued after it waits: to the
 * caller it is a slow commit. All in the worker's thread, but for is_failing.
 */
#ifndef SAMOZA_ADAPTER_SQLITE_COMMITS_H
#define SAMOZA_ADAPTER_SQLITE_COMMITS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapter/sqlite/data_table.h"
#include "adapter/sqlite/database.h"
#include "adapter/sqlite/reserve.h"
#include "adapter/uv/worker.h"

struct commits_ops {
	/* One transaction of all jobs; rolled back as a whole when it fails. */
	int (*commit)(void *owner, struct worker_job *jobs, struct error **err);
	/* The jobs are as before they were worked on. */
	void (*reset)(struct worker_job *jobs);
	/* Between two attempts: answers what need not wait for them. May be NULL. */
	void (*meanwhile)(void *owner, struct worker_job **jobs);
};

/* Embedded by a store. */
struct commits {
	const struct commits_ops *ops;
	void *owner;
	struct worker *worker;
	struct database db;
	struct data_table data;
	struct reserve reserve;
	int64_t retry_ms;
	atomic_bool is_failing; /* it tries again; also for the loop's thread */
	struct error
		*broken; /* the first failure that did not pass: nothing is written after it */
};

/* Opens the file, and gives it a reserve. On failure nothing is left of it. */
int commits_open(struct commits *c, const struct commits_ops *ops, void *owner,
		 const char *path, const struct database_schema *schema,
		 struct error **err) must_check;
/* Also of one that is half made. */
void commits_done(struct commits *c);

/* For worker_ops. After a run with `broken`, the caller fails the jobs with it. */
void commits_run(struct commits *c, struct worker_job **jobs);
void commits_idle(struct commits *c);

#endif
