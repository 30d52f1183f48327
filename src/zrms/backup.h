/*
 * One backup of the control plane, taken while it works: the store as of one moment, the artifacts that it
 * needs, and every other file of DIR that is worth keeping.
 *
 *   links to the artifacts ─► copy of the store ─► links again ─► one file        (adapter/backup/archive.h)
 *        in a thread           beside commits            in a thread
 *
 * Linked twice, nothing that the copy names is missing: what was there at first stays, though nobody needs it
 * any more, and what came meanwhile is there at the end.
 */
#ifndef SAMOZA_ZRMS_BACKUP_H
#define SAMOZA_ZRMS_BACKUP_H

#include "adapter/uv/loop.h"
#include "port/store.h"

struct backup_options {
	struct loop *loop;
	struct store *store;
	const char *dir; /* of zrms */
	/* Where zrms makes backups by itself: left out. It need not be there. */
	const char *target;
	bool with_keys; /* the directory credentials/, too */
	/* A file that is left out, wherever it is: what opens other backups. NULL: none. */
	const char *secret;
	const char *passphrase; /* seals it; NULL: as it is */
};

#define BACKUP_PREFIX "samoza-"
#define BACKUP_SUFFIX ".backup"
/* Of one that zrms made by itself: "samoza-20261127T120000Z.backup". */
bool backup_is_name(const char *name);

/* Removes what backups that were cut off have left in DIR/spool. PRE: none is being made. */
void backup_clean(const char *dir);

/* `size`: of what was written. `error` is borrowed; NULL: it is complete, and synced. */
typedef void backup_done_fn(void *user, uint64_t size, const struct error *error);

/* Writes it to `fd`, which is borrowed until `done`, and is to be synced as a file. All of `options` is
 * borrowed until then as well. PRE: the store can copy. */
void backup_take(const struct backup_options *options, int fd, backup_done_fn *done,
		 void *user);

#endif
