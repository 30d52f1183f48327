#include "adapter/sqlite/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/sqlite/checksum.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

int database_failed(struct database *db, const char *doing, struct error **err)
{
	int code = sqlite3_errcode(db->handle);
	db->is_full = code == SQLITE_FULL;
	db->is_damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
	switch (code) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return error_set(err, ERR_CONFLICT, "%s is in use by another process",
				 db->path);
	case SQLITE_FULL:
		return error_set(err, ERR_IO,
				 "cannot %s: the disk of %s is full; free at least 8 MiB there",
				 doing, db->path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return error_set(err, ERR_INVALID, "%s is damaged or is not a database: %s",
				 db->path, sqlite3_errmsg(db->handle));
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return error_set(err, ERR_DENIED, "cannot %s: %s: %s", doing, db->path,
				 sqlite3_errmsg(db->handle));
	default:
		return error_set(err, ERR_IO, "cannot %s: %s: %s (%d)", doing, db->path,
				 sqlite3_errmsg(db->handle),
				 sqlite3_extended_errcode(db->handle));
	}
}

int database_exec(struct database *db, const char *sql, struct error **err)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return database_failed(db, sql, err);
	return 0;
}

int database_prepare(struct database *db, const char *sql, sqlite3_stmt **ret_statement,
		     struct error **err)
{
	sqlite3_stmt *statement = NULL;
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
			       NULL) != SQLITE_OK)
		return database_failed(db, sql, err);
	*ret_statement = statement;
	return 0;
}

int database_step(struct database *db, sqlite3_stmt *statement, struct error **err)
{
	int r = sqlite3_step(statement);
	if (r != SQLITE_DONE && r != SQLITE_ROW) {
		r = database_failed(db, "write", err);
		(void)sqlite3_reset(statement);
		return r;
	}
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return 0;
}

static int pragma_int(struct database *db, const char *sql, int *ret_value, struct error **err)
{
	sqlite3_stmt *statement = NULL;
	int r = database_prepare(db, sql, &statement, err);
	if (r < 0)
		return r;
	if (sqlite3_step(statement) == SQLITE_ROW)
		*ret_value = sqlite3_column_int(statement, 0);
	else
		r = database_failed(db, "read", err);
	(void)sqlite3_finalize(statement);
	return r;
}

#define FREE_PAGES_KEPT 256 /* 1 MiB: they are used again soon */

void database_checkpoint(struct database *db)
{
	int left = 0, moved = 0;
	if (sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &left,
				      &moved) == SQLITE_OK)
		db->wal_pages = left - moved;
}

#define GIVE_BACK_PAGES 512 /* in a transaction: their log must fit on a disk that is full */
#define GIVE_BACK_STEPS 32  /* at a time: 64 MiB */

static int free_pages(struct database *db)
{
	int count = 0;
	return pragma_int(db, "PRAGMA freelist_count", &count, NULL) == 0 ? count : 0;
}

void database_give_back(struct database *db)
{
	int left = free_pages(db);
	if (left < FREE_PAGES_KEPT)
		return;
	CLEANUP(freep)
	char *sql = str_printf("PRAGMA incremental_vacuum(%d); PRAGMA wal_checkpoint(TRUNCATE)",
			       GIVE_BACK_PAGES);
	(void)sqlite3_exec(db->handle, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	for (int step = 0; step < GIVE_BACK_STEPS && left > 0; step++) {
		int before = left;
		(void)sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
		left = free_pages(db);
		if (left >= before)
			return;
	}
}

/* ---- copies ---- */

static int failed_copy(const char *doing, const char *path, struct error **err)
{
	return error_set(err, ERR_IO, "cannot %s %s: %s", doing, path, strerror(errno));
}

/* Durable under its name: the file and the entry of its directory. */
static int rename_durably(const char *from, const char *to, struct error **err)
{
	CLEANUP(freep) char *directory = mem_strdup(to);
	char *slash = strrchr(directory, '/');
	if (slash != NULL)
		*slash = '\0';
	CLEANUP(closep) int file = open(from, O_RDONLY | O_CLOEXEC);
	if (file < 0 || fchmod(file, 0600) < 0 || fsync(file) < 0)
		return failed_copy("write", from, err);
	if (rename(from, to) < 0)
		return failed_copy("write", to, err);
	CLEANUP(closep)
	int entry = open(slash != NULL ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (entry < 0 || fsync(entry) < 0)
		return failed_copy("write", to, err);
	return 0;
}

static int downgrade_run(const char *path, const struct database_downgrade *downgrade,
			 struct error **err)
{
	struct database copy = {.path = mem_strdup(path)};
	CLEANUP(freep)
	char *version = str_printf("PRAGMA user_version=%d", downgrade->version);
	int r = 0;
	if (sqlite3_open_v2(path, &copy.handle,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
				    SQLITE_OPEN_PRIVATECACHE,
			    NULL) != SQLITE_OK)
		r = database_failed(&copy, "open", err);
	if (r == 0)
		r = database_exec(&copy, downgrade->sql, err);
	if (r == 0)
		r = database_exec(&copy, version, err);
	database_close(&copy);
	return r;
}

int database_copy(struct database *db, const char *path,
		  const struct database_downgrade *downgrade, struct error **err)
{
	CLEANUP(freep) char *partial = str_printf("%s.partial", path);
	sqlite3_stmt *statement = NULL;
	if (unlink(partial) < 0 && errno != ENOENT)
		return failed_copy("replace", partial, err);
	int r = database_prepare(db, "VACUUM INTO ?1", &statement, err);
	if (r < 0)
		return r;
	if (sqlite3_bind_text(statement, 1, partial, -1, SQLITE_STATIC) != SQLITE_OK)
		r = database_failed(db, "copy", err);
	else
		r = database_step(db, statement, err);
	(void)sqlite3_finalize(statement);
	if (r == 0)
		r = downgrade_run(partial, downgrade, err);
	return r < 0 ? r : rename_durably(partial, path, err);
}

/* ---- opening ---- */

static int schema_check(struct database *db, const struct database_schema *schema,
			int *ret_version, struct error **err)
{
	int version = 0, application = 0, objects = 0;
	int r = pragma_int(db, "PRAGMA user_version", &version, err);
	if (r == 0)
		r = pragma_int(db, "PRAGMA application_id", &application, err);
	if (r == 0)
		r = pragma_int(db, "SELECT count(*) FROM sqlite_master", &objects, err);
	if (r < 0)
		return r;
	bool is_new = version == 0 && application == 0 && objects == 0;
	if (!is_new && application != schema->application_id)
		return error_set(err, ERR_INVALID, "%s is not a file of this program",
				 db->path);
	db->is_aside = schema->may_be_aside && version > DATABASE_ASIDE;
	version -= db->is_aside ? DATABASE_ASIDE : 0;
	if (version > schema->version)
		return error_set(err, ERR_UNSUPPORTED,
				 "%s has schema version %d, this program knows up to %d: a "
				 "newer version has written it",
				 db->path, version, schema->version);
	*ret_version = version;
	return 0;
}

/* All steps in one transaction: a crash in between leaves the old version. BEGIN EXCLUSIVE also
 * takes the lock that is then kept. */
static int schema_update(struct database *db, const struct database_schema *schema,
			 struct error **err)
{
	int r = database_exec(db, "BEGIN EXCLUSIVE", err);
	if (r < 0)
		return r;
	int version = 0;
	r = schema_check(db, schema, &version, err);
	db->is_updated = version < schema->version;
	for (int v = version; r == 0 && v < schema->version; v++)
		r = database_exec(db, schema->migrations[v], err);
	if (r == 0 && version < schema->version) {
		CLEANUP(freep)
		char *sql = str_printf("PRAGMA user_version=%d; PRAGMA application_id=%d",
				       schema->version + (db->is_aside ? DATABASE_ASIDE : 0),
				       schema->application_id);
		r = database_exec(db, sql, err);
	}
	if (r < 0) {
		(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
		return r;
	}
	return database_exec(db, "COMMIT", err);
}

/* Counts the pages of the log after each commit, instead of SQLite's own checkpoint inside a
 * commit, which would have to wait for it. */
static int wal_grew(void *user, sqlite3 *handle, const char *name, int pages)
{
	(void)handle;
	(void)name;
	struct database *db = user;
	db->wal_pages = pages;
	return SQLITE_OK;
}

/* SQLite would create the file with the process's umask. */
static int file_prepare(const char *path, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	return 0;
}

static int connect(struct database *db, const char *path, int flags, struct error **err)
{
	*db = (struct database){.path = mem_strdup(path)};
	if (sqlite3_open_v2(path, &db->handle,
			    flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
			    NULL) != SQLITE_OK ||
	    checksum_register(db->handle) != SQLITE_OK)
		return database_failed(db, "open", err);
	(void)sqlite3_extended_result_codes(db->handle, 0);
	return 0;
}

int database_open_to_read(struct database *db, const char *path,
			  const struct database_schema *schema, int *ret_version,
			  struct error **err)
{
	CLEANUP(freep) char *log = str_printf("%s-wal", path);
	bool had_log = access(log, F_OK) == 0;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return error_set(err, ERR_NOT_FOUND, "there is no %s", path);
	/* SQLite takes its lock only on a file that may be written. The index of the log stays in
	 * memory (exclusive); the log is read, and left as it is. */
	int r = connect(db, path, SQLITE_OPEN_READWRITE, err);
	if (!had_log)
		db->made_log = steal_ptr(&log);
	if (r == 0)
		r = database_exec(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA query_only=1",
				  err);
	if (r == 0)
		r = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) ==
				    SQLITE_OK
			    ? 0
			    : database_failed(db, "open", err);
	if (r == 0)
		r = schema_check(db, schema, ret_version, err);
	if (r < 0)
		database_close(db);
	return r;
}

/* A file of an earlier version keeps what is deleted; once rewritten, it can give it back. Where there
 * is no room for that, it stays as it is. */
static void vacuum(struct database *db)
{
	int mode = 0;
	if (pragma_int(db, "PRAGMA auto_vacuum", &mode, NULL) == 0 && mode == 0)
		(void)sqlite3_exec(db->handle, "PRAGMA auto_vacuum=INCREMENTAL; VACUUM", NULL,
				   NULL, NULL);
}

int database_open(struct database *db, const char *path, const struct database_schema *schema,
		  struct error **err)
{
	int r = file_prepare(path, err);
	if (r < 0)
		return r;
	r = connect(db, path, SQLITE_OPEN_READWRITE, err);
	/* secure_delete: what is deleted must not be written once more, as zeros: a disk that is full
	 * would have no room for that. */
	if (r == 0)
		r = database_exec(db,
				  "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA secure_delete=FAST;"
				  "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
				  "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;"
				  "PRAGMA cache_size=-4096; PRAGMA journal_size_limit=67108864",
				  err);
	if (r == 0)
		r = schema_update(db, schema, err);
	if (r == 0 && db->is_updated)
		vacuum(db);
	if (r < 0) {
		database_close(db);
		return r;
	}
	(void)sqlite3_wal_hook(db->handle, wal_grew, db);
	return 0;
}

void database_close(struct database *db)
{
	/* Statements are finalized by their owners; closing also empties the log. */
	int r = sqlite3_close(db->handle);
	INVARIANT(r == SQLITE_OK);
	if (db->made_log != NULL)
		(void)unlink(db->made_log);
	free(db->made_log);
	free(db->path);
	*db = (struct database){0};
}
