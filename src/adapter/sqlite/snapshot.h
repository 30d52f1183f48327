/*
 * A copy of an open database into another file, some pages at a time: commits of the same connection go on
 * between two steps, and the copy is of the moment of the last one.
 */
#ifndef SAMOZA_ADAPTER_SQLITE_SNAPSHOT_H
#define SAMOZA_ADAPTER_SQLITE_SNAPSHOT_H

#include "adapter/sqlite/database.h"

struct snapshot;

/* ERR_CONFLICT: there is such a file. The thread of `db`, as the others. */
int snapshot_new(struct database *db, const char *path, struct snapshot **ret_snapshot,
		 struct error **err) must_check;
/* PRE: no transaction. *ret_done: the copy is complete, and on disk. */
int snapshot_step(struct snapshot *snapshot, bool *ret_done, struct error **err) must_check;
/* What is not complete is removed. NULL is fine. */
void snapshot_free(struct snapshot *snapshot);

#endif
