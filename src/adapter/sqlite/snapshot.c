#include "adapter/sqlite/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/memory.h"

#define STEP_PAGES 1024 /* 4 MiB: a few milliseconds, for which commits wait */

struct snapshot {
	struct database *db; /* borrowed */
	char *path;
	sqlite3 *to;
	sqlite3_backup *backup;
	bool is_done;
};

static int failed(struct snapshot *s, int code, struct error **err)
{
	enum error_code of = code == SQLITE_FULL ? ERR_LIMIT : ERR_IO;
	return error_set(err, of, "cannot copy %s to %s: %s", s->db->path, s->path,
			 sqlite3_errstr(code));
}

static int open_target(struct snapshot *s, struct error **err)
{
	CLEANUP(closep)
	int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == EEXIST)
		return error_set(err, ERR_CONFLICT, "%s is there already", s->path);
	if (fd < 0)
		return error_errno(err, "cannot make %s", s->path);
	int code = sqlite3_open_v2(s->path, &s->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
				   NULL);
	/* It is synced as a whole when it is complete; until then it is worth nothing. */
	if (code == SQLITE_OK)
		code = sqlite3_exec(s->to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF",
				    NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : failed(s, code, err);
}

int snapshot_new(struct database *db, const char *path, struct snapshot **ret_snapshot,
		 struct error **err)
{
	struct snapshot *s = mem_new(struct snapshot);
	s->db = db;
	s->path = mem_strdup(path);
	int r = open_target(s, err);
	if (r == 0) {
		s->backup = sqlite3_backup_init(s->to, "main", db->handle, "main");
		if (s->backup == NULL)
			r = failed(s, sqlite3_errcode(s->to), err);
	}
	if (r < 0) {
		s->is_done = r == ERR_CONFLICT; /* it is not ours to remove */
		snapshot_free(s);
		return r;
	}
	*ret_snapshot = s;
	return 0;
}

static int finish(struct snapshot *s, struct error **err)
{
	int code = sqlite3_backup_finish(s->backup);
	s->backup = NULL;
	if (code == SQLITE_OK)
		code = sqlite3_close(s->to);
	if (code != SQLITE_OK)
		return failed(s, code, err);
	s->to = NULL;
	CLEANUP(closep) int fd = open(s->path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return error_errno(err, "cannot write %s", s->path);
	return 0;
}

int snapshot_step(struct snapshot *s, bool *ret_done, struct error **err)
{
	int code = sqlite3_backup_step(s->backup, STEP_PAGES);
	if (code != SQLITE_DONE && code != SQLITE_OK)
		return failed(s, code, err);
	int r = code == SQLITE_DONE ? finish(s, err) : 0;
	s->is_done = code == SQLITE_DONE && r == 0;
	if (r == 0)
		*ret_done = s->is_done;
	return r;
}

void snapshot_free(struct snapshot *s)
{
	if (s == NULL)
		return;
	if (s->backup != NULL)
		(void)sqlite3_backup_finish(s->backup);
	(void)sqlite3_close(s->to);
	if (!s->is_done)
		(void)unlink(s->path);
	free(s->path);
	free(s);
}
