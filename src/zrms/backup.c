#include "zrms/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapter/backup/archive.h"
#include "adapter/cli/version.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"
#include "zrms/tree.h"

#define ARTIFACTS "artifacts/sha256"
#define WORK	  "backup-" /* and six letters, in DIR/spool */

struct backup {
	struct backup_options options;
	time_t begun; /* what came later may not be in it */
	int fd;
	char *work; /* DIR/spool/backup-XXXXXX: what is copied or linked */
	struct error *err;
	backup_done_fn *done;
	void *user;
	uv_work_t thread;
};

/* Made again with each start, large and needless, or copied in another way. */
static bool is_left_out(const char *name)
{
	static const char *const names[] = {"address", "api.sock", "artifacts", "backups",
					    "cache",   "lock",	   "recorder",	"spool"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_equal(name, names[i]))
			return true;
	return name[0] == '.' || str_has_prefix(name, "zrms.db") ||
	       str_has_prefix(name, "history.db");
}

bool backup_is_name(const char *name)
{
	return str_has_prefix(name, BACKUP_PREFIX) && str_has_suffix(name, BACKUP_SUFFIX);
}

static int is_work(const struct dirent *e)
{
	return str_has_prefix(e->d_name, WORK);
}

void backup_clean(const char *dir)
{
	CLEANUP(freep) char *spool = str_printf("%s/spool", dir);
	struct dirent **all = NULL;
	int n = scandir(spool, &all, is_work, alphasort);
	for (int i = 0; i < n; i++) {
		CLEANUP(freep) char *path = str_printf("%s/%s", spool, all[i]->d_name);
		tree_remove(path);
		free(all[i]);
	}
	free(all);
}

/* ---- in a thread: artifacts ---- */

static int link_artifacts(const struct backup *b, struct error **err)
{
	CLEANUP(freep) char *from = str_printf("%s/" ARTIFACTS, b->options.dir);
	CLEANUP(freep) char *to = str_printf("%s/" ARTIFACTS, b->work);
	DIR *all = opendir(from);
	int r = 0;
	if (all == NULL)
		return errno == ENOENT ? 0 : error_errno(err, "cannot read %s", from);
	CLEANUP(closep) int to_fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to_fd < 0)
		r = error_errno(err, "cannot open %s", to);
	for (struct dirent *e; r == 0 && (e = readdir(all)) != NULL;)
		/* ENOENT: nobody needs it any more, not even the copy of the store. */
		if (e->d_name[0] != '.' &&
		    linkat(dirfd(all), e->d_name, to_fd, e->d_name, 0) < 0 && errno != EEXIST &&
		    errno != ENOENT)
			r = error_errno(err, "cannot link %s", e->d_name);
	(void)closedir(all);
	return r;
}

static int prepare(struct backup *b, struct error **err)
{
	CLEANUP(freep) char *artifacts = NULL;
	b->work = str_printf("%s/spool/" WORK "XXXXXX", b->options.dir);
	if (mkdtemp(b->work) == NULL) {
		int r = error_errno(err, "cannot make a directory in %s/spool", b->options.dir);
		free(steal_ptr(&b->work));
		return r;
	}
	artifacts = str_printf("%s/artifacts", b->work);
	CLEANUP(freep) char *files = str_printf("%s/" ARTIFACTS, b->work);
	if (mkdir(artifacts, 0700) < 0 || mkdir(files, 0700) < 0)
		return error_errno(err, "cannot make the directory %s", files);
	return link_artifacts(b, err);
}

/* ---- in a thread: the file ---- */

static int add_file(void *user, const char *path, int fd, struct error **err)
{
	struct archive_writer *archive = user;
	return archive_file(archive, path, fd, err);
}

static bool is_wanted(void *user, const char *path)
{
	const struct backup *b = user;
	const char *slash = strrchr(path, '/');
	if (backup_is_name(slash == NULL ? path : slash + 1))
		return false; /* with keys, maybe, where these are not wanted */
	if (strchr(path, '/') != NULL)
		return strstr(path, "/.") == NULL; /* what is just being written */
	return !is_left_out(path) && (b->options.with_keys || !str_equal(path, "credentials"));
}

static int write_meta(const struct backup *b, struct archive_writer *archive,
		      struct error **err)
{
	char text[32];
	struct tm utc;
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&b->begun, &utc));
	int r = archive_meta(archive, "created", text, err);
	if (r == 0)
		r = archive_meta(archive, "version", SAMOZA_VERSION, err);
	if (r == 0)
		r = archive_meta(archive, "keys", b->options.with_keys ? "yes" : "no", err);
	return r;
}

static int write_archive(struct backup *b, struct error **err)
{
	struct seal_writer *seal = NULL;
	int r = seal_writer_new(b->fd, b->options.passphrase, &seal, err);
	if (r < 0)
		return r;
	struct archive_writer *archive = archive_writer_new(seal);
	const struct tree_visitor copied = {.file = add_file, .user = archive};
	struct stat without[2];
	size_t count = stat(b->options.target, &without[0]) == 0;
	if (b->options.secret != NULL && stat(b->options.secret, &without[count]) == 0)
		count++;
	const struct tree_visitor others = {.wants = is_wanted,
					    .wants_user = b,
					    .without = without,
					    .without_count = count,
					    .file = add_file,
					    .user = archive};
	r = write_meta(b, archive, err);
	if (r == 0)
		r = tree_walk(b->work, &copied, err);
	if (r == 0)
		r = tree_walk(b->options.dir, &others, err);
	if (r == 0)
		r = archive_end(archive, err);
	if (r == 0)
		r = seal_finish(seal, err);
	archive_writer_free(archive);
	seal_writer_free(seal);
	return r;
}

/* ---- one step after the other ---- */

static void end(struct backup *b)
{
	struct stat st = {0};
	if (b->err == NULL && fstat(b->fd, &st) < 0)
		(void)error_errno(&b->err, "cannot read the backup");
	b->done(b->user, (uint64_t)st.st_size, b->err);
	error_free(b->err);
	free(b->work);
	free(b);
}

static void on_written(uv_work_t *thread, int status)
{
	(void)status;
	end(container_of(thread, struct backup, thread));
}

static void do_write(uv_work_t *thread)
{
	struct backup *b = container_of(thread, struct backup, thread);
	int r = b->err == NULL ? link_artifacts(b, &b->err) : 0;
	if (r == 0 && b->err == NULL)
		(void)!write_archive(b, &b->err);
	if (b->work != NULL)
		tree_remove(b->work);
}

static void go_on(struct backup *b, void (*work)(uv_work_t *), void (*after)(uv_work_t *, int))
{
	if (uv_queue_work(loop_uv(b->options.loop), &b->thread, work, after) < 0)
		IMPOSSIBLE("libuv's threads were made at the start");
}

static void on_copied(void *user, int code, const struct error *error)
{
	struct backup *b = user;
	if (code < 0)
		(void)error_set(&b->err, error->code, "%s", error->message);
	go_on(b, do_write, on_written);
}

static void on_prepared(uv_work_t *thread, int status)
{
	struct backup *b = container_of(thread, struct backup, thread);
	(void)status;
	if (b->err != NULL) {
		go_on(b, do_write, on_written);
		return;
	}
	CLEANUP(freep) char *path = str_printf("%s/zrms.db", b->work);
	b->options.store->ops->copy(b->options.store, path, on_copied, b);
}

static void do_prepare(uv_work_t *thread)
{
	struct backup *b = container_of(thread, struct backup, thread);
	(void)!prepare(b, &b->err);
}

void backup_take(const struct backup_options *options, int fd, backup_done_fn *done, void *user)
{
	struct backup *b = mem_new(struct backup);
	b->options = *options;
	b->begun = time(NULL);
	b->fd = fd;
	b->done = done;
	b->user = user;
	go_on(b, do_prepare, on_prepared);
}
