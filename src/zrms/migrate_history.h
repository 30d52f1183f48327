/*
 * Events that a store on etcd keeps no longer, in a migration: each zrms has them in a file of its own, DIR/history.db
 * (own_history.h), and --dir is of one that was on the source, or will be on the target.
 *
 *   sqlite ──► etcd    all events go into DIR/history.db, the newest into etcd, too
 *   etcd ──► sqlite    those of DIR/history.db that are older than what etcd has go where the others go
 */
#ifndef SAMOZA_ZRMS_MIGRATE_HISTORY_H
#define SAMOZA_ZRMS_MIGRATE_HISTORY_H

#include "port/store.h"
#include "zrms/migrate_copy.h"
#include "zrms/settings.h"

struct chronicle;

/* *ret_older: that of `settings`, for migrate_source.older; migrate_history_close() it. NULL: there is none, or it is of another
 * history than `events`, which the store has. */
int migrate_history_open(const struct settings *settings, const struct migrate_part *events,
			 struct chronicle **ret_older, struct error **err) must_check;
/* NULL is fine. */
void migrate_history_close(struct chronicle *older);

/* All events of `from` are in the file of `settings` afterwards, and nothing else is: read back. `events`: of `from`. */
int migrate_history_fill(const struct settings *settings, struct store *from,
			 const struct migrate_part *events, struct error **err) must_check;

#endif
