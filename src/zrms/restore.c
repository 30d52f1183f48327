#include "zrms/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapter/backup/archive.h"
#include "adapter/backup/passphrase.h"
#include "adapter/lock/lock.h"
#include "base/str.h"
#include "zrms/check.h"
#include "zrms/settings.h"
#include "zrms/tree.h"

#define MARK "restored"

struct restore_options {
	char *passphrase_file;
	bool replace;
};

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_option options[] = {
	{.name = "passphrase-file",
	 .type = CLI_PATH,
	 .offset = offsetof(struct restore_options, passphrase_file),
	 .help = "file whose first line is the passphrase of a backup that is sealed"},
	{.name = "replace",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct restore_options, replace),
	 .help = "also where DIR holds a cluster; it is kept as DIR.before-TIME"},
	{0},
};

static const struct cli_argument arguments[] = {{.name = "FILE"}, {0}};

const struct cli_command restore_command = {
	.words = "restore",
	.summary = "make the directory of a zrms from a backup",
	.details = "Checks all of FILE (zshell cluster backup) and what is in it first, and "
		   "changes "
		   "nothing of --dir before. zhosts that still run are adopted by the zrms "
		   "that is then "
		   "started on it; their spaces go on.",
	.arguments = arguments,
	.options = options,
	.options_size = sizeof(struct restore_options),
	.run = run,
};

bool restore_is_fresh(const char *dir)
{
	CLEANUP(freep) char *path = str_printf("%s/" MARK, dir);
	return access(path, F_OK) == 0;
}

/* "2026-11-28T03:54:32Z"; 0: it is no such text. */
static int64_t time_of(const char *text)
{
	struct tm utc = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return end != NULL && *end == '\0' ? (int64_t)timegm(&utc) * 1000 : 0;
}

bool restore_times(const char *dir, int64_t *ret_after_ms, int64_t *ret_until_ms)
{
	char text[128], after[64], until[64];
	CLEANUP(freep) char *path = str_printf("%s/" MARK, dir);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%63s %63s", after, until) != 2)
		return false;
	*ret_after_ms = time_of(after) - 1; /* also what was issued in that second */
	*ret_until_ms = time_of(until) + 999;
	return *ret_after_ms > 0 && *ret_until_ms > *ret_after_ms;
}

void restore_done(const char *dir)
{
	CLEANUP(freep) char *path = str_printf("%s/" MARK, dir);
	(void)unlink(path);
}

/* ---- what is there ---- */

struct place {
	const char *dir;
	bool is_there;
	struct stat owner;
	int lock_fd; /* held until the end, so that no zrms starts meanwhile; -1 */
};

static int look(struct place *p, bool may_replace, struct error **err)
{
	CLEANUP(freep) char *lock = str_printf("%s/lock", p->dir);
	CLEANUP(freep) char *store = str_printf("%s/zrms.db", p->dir);
	p->is_there = stat(p->dir, &p->owner) == 0;
	if (!p->is_there && errno != ENOENT)
		return error_errno(err, "cannot look at %s", p->dir);
	if (!p->is_there)
		return 0;
	if (!S_ISDIR(p->owner.st_mode))
		return error_set(err, ERR_INVALID, "%s is no directory", p->dir);
	p->lock_fd = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int r = p->lock_fd >= 0 ? lock_hold(p->lock_fd, p->dir, "a zrms", err) : 0;
	if (r < 0)
		return r;
	if (access(store, F_OK) == 0 && !may_replace)
		return error_set(err, ERR_CONFLICT,
				 "%s holds a cluster: restore into another directory, or give "
				 "--replace, which keeps it as %s.before-TIME",
				 p->dir, p->dir);
	return 0;
}

/* ---- what is made ---- */

static int extract(const char *file, const char *passphrase, const char *made,
		   struct archive_contents *ret_contents, struct error **err)
{
	struct seal_reader *seal = NULL;
	CLEANUP(closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot read %s", file);
	CLEANUP(closep) int directory = open(made, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return error_errno(err, "cannot open %s", made);
	int r = seal_reader_new(fd, passphrase, &seal, err);
	if (r == 0)
		r = archive_extract(seal, directory, ret_contents, err);
	seal_reader_free(seal);
	return r < 0 ? error_wrap(err, "%s", file) : 0;
}

/* Bytes may be those that were written, and the store damaged all the same when it was copied. */
static int check_made(const char *made, struct check_result *ret_result, struct error **err)
{
	int r = check_directory(made, made, ret_result, err);
	if (r == 0 && ret_result->findings > 0)
		return error_set(err, ERR_INVALID,
				 "what the backup holds is damaged (%" PRIu64
				 " finding%s, see above): take another one",
				 ret_result->findings, str_plural(ret_result->findings));
	return r;
}

/* Which backup it is of, and when it was restored. */
static int mark(const char *made, const char *created, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/" MARK, made);
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char until[32];
	struct tm utc;
	time_t now = time(NULL);
	(void)strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	if (fd < 0 || dprintf(fd, "%s %s\n", created, until) < 0 || fsync(fd) < 0)
		return error_errno(err, "cannot write %s", path);
	return 0;
}

int restore_begin(const char *dir, int64_t after_ms, struct error **err)
{
	char created[32];
	struct tm utc;
	time_t seconds = (time_t)(after_ms / 1000);
	(void)strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ",
		       gmtime_r(&seconds, &utc));
	CLEANUP(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = mark(dir, created, err);
	if (r == 0 && (fd < 0 || fsync(fd) < 0))
		r = error_errno(err, "cannot write %s", dir);
	return r;
}

static void sync_parent(const char *dir)
{
	CLEANUP(freep) char *path = mem_strdup(dir);
	char *slash = strrchr(path, '/');
	if (slash != NULL)
		*slash = '\0';
	CLEANUP(closep)
	int fd = open(slash == NULL   ? "."
		      : slash == path ? "/"
				      : path,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

/* From here on `made` is DIR, and what was there is `*ret_kept`: under a name of its own where it can be
 * given one, else under that of `made`. */
static int exchange(const struct place *p, const char *made, char **ret_kept,
		    struct error **err)
{
	char *kept = str_printf("%s.before-%lld", p->dir, (long long)time(NULL));
	if (renameat2(AT_FDCWD, made, AT_FDCWD, p->dir, RENAME_EXCHANGE) < 0) {
		free(kept);
		return error_errno(err, "cannot put %s in the place of %s", made, p->dir);
	}
	if (renameat2(AT_FDCWD, made, AT_FDCWD, kept, RENAME_NOREPLACE) < 0) {
		free(kept);
		kept = mem_strdup(made);
	}
	*ret_kept = kept;
	return 0;
}

static int put_in_place(const struct place *p, const char *made, char **ret_kept,
			struct error **err)
{
	int r = 0;
	if (p->is_there && geteuid() == 0)
		r = tree_give(made, p->owner.st_uid, p->owner.st_gid, err);
	if (r < 0)
		return r;
	if (rmdir(p->dir) < 0 && errno != ENOENT) /* it holds something, which is kept */
		r = exchange(p, made, ret_kept, err);
	else if (rename(made, p->dir) < 0)
		r = error_errno(err, "cannot rename %s to %s", made, p->dir);
	if (r == 0)
		sync_parent(p->dir);
	return r;
}

/* After an error what was made is removed: put_in_place() has none once that is DIR. */
static int make(const struct place *p, const char *file, const char *passphrase,
		char **ret_kept, struct archive_contents *ret_contents,
		struct check_result *ret_result, struct error **err)
{
	CLEANUP(freep) char *made = str_printf("%s.restoring-XXXXXX", p->dir);
	if (mkdtemp(made) == NULL)
		return error_errno(err, "cannot make a directory beside %s", p->dir);
	int r = extract(file, passphrase, made, ret_contents, err);
	if (r == 0)
		r = check_made(made, ret_result, err);
	if (r == 0)
		r = mark(made, ret_contents->created, err);
	if (r == 0)
		r = put_in_place(p, made, ret_kept, err);
	if (r < 0)
		tree_remove(made);
	return r;
}

static void say(const char *dir, const struct archive_contents *contents, const char *kept)
{
	(void)printf(
		"%s: %" PRIu64 " files, %" PRIu64 " bytes, of the backup of %s by zrms %s\n",
		dir, contents->files, contents->bytes, contents->created, contents->version);
	if (kept != NULL)
		(void)printf("what was there is in %s\n", kept);
	/* Nothing here knows what was removed, or which key came after the one in the store. */
	bool has_time = contents->created[0] != '\0';
	(void)printf(
		"after the start of zrms:\n"
		"- users, tokens, zhosts and signing keys that were removed, and tokens that "
		"were changed or used up, since %s are good again: remove or change them "
		"again\n"
		"- zhosts that it knows come back, also those that have renewed their "
		"certificates "
		"since then: cluster audit names them; those that joined since then are "
		"refused: join them again: zhost --join TOKEN\n",
		has_time ? contents->created : "the backup");
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct settings *settings = context;
	const struct restore_options *o = line->options;
	struct archive_contents contents = {0};
	struct check_result result = {0};
	CLEANUP(freep) char *kept = NULL;
	CLEANUP(freep) char *dir = mem_strdup(settings->dir);
	CLEANUP(passphrase_freep) char *passphrase = NULL;
	for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
		dir[n - 1] = '\0';
	struct place place = {.dir = dir, .lock_fd = -1};
	int r = sodium_init() < 0 ? error_set(err, ERR_IO, "no random numbers") : 0;
	if (r == 0 && o->passphrase_file != NULL)
		r = passphrase_read(o->passphrase_file, &passphrase, err);
	if (r == 0)
		r = look(&place, o->replace, err);
	if (r == 0)
		r = make(&place, cli_argument(line, 0), passphrase, &kept, &contents, &result,
			 err);
	closep(&place.lock_fd);
	if (r < 0)
		return r;
	say(dir, &contents, kept);
	check_say_secrets(&result, dir, kept);
	return CLI_DONE;
}
