/*
 * One SQLite file, ours alone: opened, locked, of a version that we know, set up so that a
 * commit that returned is on disk (WAL, synchronous=FULL).
 *
 * The lock is exclusive for the life of the connection: a second process is refused at once.
 * `PRAGMA user_version` holds the schema's version; older files are brought up to date step by
 * step in one transaction, newer ones are refused. `PRAGMA application_id` distinguishes
 * our files from others. Each row carries a checksum (checksum.h).
 *
 * SQLite is built to be called from one thread at a time here (NOMUTEX): first the one that
 * opens, then the worker.
 */
#ifndef SAMOZA_ADAPTER_SQLITE_DATABASE_H
#define SAMOZA_ADAPTER_SQLITE_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct database {
	sqlite3 *handle;
	char *path;
	int wal_pages;	 /* in the write-ahead log, not yet in the file */
	bool is_full;	 /* the last failure: the disk was full */
	bool is_damaged; /* the last failure: the file was */
	bool is_updated; /* it was new, or of an earlier version, when it was opened */
	bool is_aside;	 /* its version is above DATABASE_ASIDE */
	/* Only read: the log that SQLite makes where there was none, to be removed; or NULL. */
	char *made_log;
};

/* Added to the version of a file that no program but one that knows of it may use: others take it for one of a later
 * version. */
#define DATABASE_ASIDE 10000

struct database_schema {
	int32_t application_id;
	/* migrations[n] brings version n to n + 1; version 0 is the empty file. */
	const char *const *migrations;
	int version; /* count of migrations */
	bool may_be_aside;
};

/* What a copy is turned into, for an earlier program. */
struct database_downgrade {
	const char *sql;
	int version;
};

/* Creates the file (0600) where there is none. ERR_CONFLICT: another process has it open.
 * ERR_UNSUPPORTED: a newer version. ERR_INVALID: not one of our files, or damaged. */
int database_open(struct database *db, const char *path, const struct database_schema *schema,
		  struct error **err) must_check;
/* The same file as it is, of whatever version (ret_version), and without changing anything in it or
 * beside it. ERR_NOT_FOUND: there is none. */
int database_open_to_read(struct database *db, const char *path,
			  const struct database_schema *schema, int *ret_version,
			  struct error **err) must_check;
void database_close(struct database *db);

int database_exec(struct database *db, const char *sql, struct error **err) must_check;
/* For the life of the database (PREPARE_PERSISTENT); the caller finalizes. */
int database_prepare(struct database *db, const char *sql, sqlite3_stmt **ret_statement,
		     struct error **err) must_check;
/* Steps a statement that returns no rows, then resets and clears it. */
int database_step(struct database *db, sqlite3_stmt *statement, struct error **err) must_check;
/* What SQLite's last call on this connection complained about, in words for an operator. */
int database_failed(struct database *db, const char *doing, struct error **err);
/* Writes all of it, downgraded, into the file `path` (durably; 0600), which it replaces. PRE: no
 * transaction. */
int database_copy(struct database *db, const char *path,
		  const struct database_downgrade *downgrade, struct error **err) must_check;
/* Gives what was deleted back to the disk, a bounded amount at a time. For idle moments; failures are
 * left to the next one. */
void database_give_back(struct database *db);
/* Moves the write-ahead log into the file as far as it can. Not needed for durability; keeps
 * the log short. Failures are left to the next commit to find. */
void database_checkpoint(struct database *db);

#endif
