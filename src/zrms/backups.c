#include "zrms/backups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapter/backup/passphrase.h"
#include "adapter/log/log.h"
#include "base/str.h"

#define RETRY_MAX_MS (5 * 60 * 1000) /* after a failure */

struct backups {
	struct backups_options options;
	char *target;
	char *passphrase_file;	  /* NULL: there is none */
	struct loop_timer *timer; /* NULL: none by itself */
	unsigned running;
	uint64_t made, failed;
	int64_t last_wall_ms; /* of the newest good one in `target`; 0: none */
	/* the one that is being made by itself */
	int fd;
	char *name, *temporary;
	char *passphrase; /* NULL: it is not sealed */
};

/* ---- metrics ---- */

enum { AGE, MADE, FAILED };
static const struct metric metrics[] = {
	[AGE] = {"zrms_backup_age_seconds", METRIC_GAUGE,
		 "Age of the newest good backup that zrms made by itself; none: there is none.",
		 "dir"},
	[MADE] = {"zrms_backups_total", METRIC_COUNTER, "Backups that were made."},
	[FAILED] = {"zrms_backups_failed_total", METRIC_COUNTER, "Backups that failed."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct backups *b = part;
	int64_t age_ms = loop_now(b->options.loop).wall_ms - b->last_wall_ms;
	if (b->last_wall_ms != 0)
		metric_set_labelled(to, AGE, b->target,
				    age_ms > 0 ? (uint64_t)age_ms / 1000 : 0);
	metric_set(to, MADE, b->made);
	metric_set(to, FAILED, b->failed);
}

const struct metric_source backups_metrics = METRIC_SOURCE(metrics, read_metrics);

/* ---- asked for ---- */

struct asked {
	struct backups *backups;
	int fd;
	backups_done_fn *done;
	void *user;
};

static void count(struct backups *b, const struct error *error)
{
	b->running--;
	b->made += error == NULL;
	b->failed += error != NULL;
}

static void on_asked(void *user, uint64_t size, const struct error *error)
{
	struct asked *a = user;
	count(a->backups, error);
	if (error != NULL) {
		log_error("backup", "failed", LOG_S("error", error->message));
		closep(&a->fd);
	} else {
		log_info("backup", "made", LOG_U("bytes", size));
	}
	a->done(a->user, error == NULL ? a->fd : -1, size, error);
	free(a);
}

int backups_take(struct backups *b, bool with_keys, backups_done_fn *done, void *user,
		 struct error **err)
{
	CLEANUP(freep) char *spool = str_printf("%s/spool", b->options.dir);
	if (b->options.store->ops->copy == NULL)
		return error_set(err, ERR_UNSUPPORTED,
				 "this store has backups of its own: use them");
	int fd = open(spool, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, "cannot make a file in %s", spool);
	struct asked *a = mem_new(struct asked);
	*a = (struct asked){b, fd, done, user};
	const struct backup_options options = {.loop = b->options.loop,
					       .store = b->options.store,
					       .dir = b->options.dir,
					       .target = b->target,
					       .with_keys = with_keys,
					       .secret = b->passphrase_file};
	b->running++;
	backup_take(&options, fd, on_asked, a);
	return 0;
}

/* ---- by itself ---- */

static int is_backup(const struct dirent *e)
{
	return backup_is_name(e->d_name);
}

/* Names sort by time. Removes the oldest beyond `keep`; the time of the newest. */
static void look(struct backups *b)
{
	struct dirent **all = NULL;
	int n = scandir(b->target, &all, is_backup, alphasort);
	for (int i = 0; i < n; i++) {
		CLEANUP(freep) char *path = str_printf("%s/%s", b->target, all[i]->d_name);
		struct stat st;
		if ((uint32_t)(n - i) > b->options.keep && unlink(path) < 0)
			log_warn("backup", "not.removed", LOG_S("file", path),
				 LOG_S("reason", strerror(errno)));
		if (i == n - 1 && stat(path, &st) == 0)
			b->last_wall_ms = (int64_t)st.st_mtim.tv_sec * 1000;
		free(all[i]);
	}
	free(all);
}

/* It is there when its name is. */
static int publish(const struct backups *b, struct error **err)
{
	CLEANUP(closep) int directory = open(b->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0 || rename(b->temporary, b->name) < 0 || fsync(directory) < 0)
		return error_errno(err, "cannot write %s", b->name);
	return 0;
}

static void again(struct backups *b, bool is_good)
{
	int64_t retry_ms =
		b->options.every_ms < RETRY_MAX_MS ? b->options.every_ms : RETRY_MAX_MS;
	loop_timer_at(b->timer, loop_now(b->options.loop).mono_ms +
					(is_good ? b->options.every_ms : retry_ms));
}

static void on_made(void *user, uint64_t size, const struct error *error)
{
	struct backups *b = user;
	CLEANUP(error_freep) struct error *err = NULL;
	closep(&b->fd);
	b->fd = -1;
	passphrase_free(steal_ptr(&b->passphrase));
	if (error != NULL)
		(void)error_set(&err, error->code, "%s", error->message);
	else
		(void)!publish(b, &err);
	count(b, err);
	if (err != NULL) {
		log_error("backup", "failed", LOG_S("file", b->name), LOG_E(err));
		(void)unlink(b->temporary);
	} else {
		log_info("backup", "made", LOG_S("file", b->name), LOG_U("bytes", size));
		look(b);
	}
	free(steal_ptr(&b->name));
	free(steal_ptr(&b->temporary));
	again(b, err == NULL);
}

/* "/backups/samoza-20261127T120000Z.backup" */
static char *next_name(const struct backups *b)
{
	char text[32];
	struct tm utc;
	time_t now = (time_t)(loop_now(b->options.loop).wall_ms / 1000);
	(void)strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
	return str_printf("%s/" BACKUP_PREFIX "%s" BACKUP_SUFFIX, b->target, text);
}

/* Without it there is no backup, rather than one that is not sealed. */
static int read_passphrase(struct backups *b, struct error **err)
{
	return b->passphrase_file == NULL
		       ? 0
		       : passphrase_read(b->passphrase_file, &b->passphrase, err);
}

static void make_one(void *user)
{
	struct backups *b = user;
	if (mkdir(b->target, 0700) < 0 && errno != EEXIST)
		log_warn("backup", "no.directory", LOG_S("dir", b->target),
			 LOG_S("reason", strerror(errno)));
	b->name = next_name(b);
	b->temporary = str_printf("%s/.new-backup", b->target);
	/* Of one that was cut off, or what somebody else put there. */
	(void)unlink(b->temporary);
	b->fd = open(b->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	b->running++;
	CLEANUP(error_freep) struct error *err = NULL;
	int r = b->fd < 0 ? error_errno(&err, "cannot make %s", b->temporary)
			  : read_passphrase(b, &err);
	if (r < 0) {
		on_made(b, 0, err);
		return;
	}
	const struct backup_options options = {.loop = b->options.loop,
					       .store = b->options.store,
					       .dir = b->options.dir,
					       .target = b->target,
					       .with_keys = true,
					       .secret = b->passphrase_file,
					       .passphrase = b->passphrase};
	backup_take(&options, b->fd, on_made, b);
}

/* The caller frees. */
static char *find_passphrase(const struct backups_options *options)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	if (!str_is_empty(options->passphrase_file))
		return mem_strdup(options->passphrase_file);
	if (directory == NULL)
		return NULL;
	char *path = str_printf("%s/backup-passphrase", directory);
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

struct backups *backups_new(const struct backups_options *options)
{
	struct backups *b = mem_new(struct backups);
	b->options = *options;
	b->fd = -1;
	b->target = str_is_empty(options->target) ? str_printf("%s/backups", options->dir)
						  : mem_strdup(options->target);
	b->passphrase_file = find_passphrase(options);
	return b;
}

/* What is wrong with it is said at once, not after a night. */
static int try_passphrase(struct backups *b, struct error **err)
{
	int r = read_passphrase(b, err);
	passphrase_free(steal_ptr(&b->passphrase));
	return r < 0 ? error_wrap(err, "cannot seal backups (backup.passphrase_file)") : 0;
}

int backups_start(struct backups *b, struct error **err)
{
	backup_clean(b->options.dir);
	if (b->options.every_ms == 0 || b->options.store->ops->copy == NULL)
		return 0;
	int r = try_passphrase(b, err);
	if (r < 0)
		return r;
	look(b);
	struct instant now = loop_now(b->options.loop);
	int64_t age_ms = now.wall_ms - b->last_wall_ms;
	int64_t wait_ms = age_ms < 0 ? b->options.every_ms : b->options.every_ms - age_ms;
	b->timer = loop_timer_new(b->options.loop, make_one, b);
	loop_timer_at(b->timer, now.mono_ms + (wait_ms > 0 ? wait_ms : 0));
	return 0;
}

int64_t backups_newest_ms(const struct backups *b)
{
	return b->last_wall_ms;
}

int64_t backups_old_after_ms(const struct backups *b)
{
	if (b->timer == NULL)
		return 0;
	return b->options.old_after_ms > 0 ? b->options.old_after_ms : 3 * b->options.every_ms;
}

bool backups_are_idle(const struct backups *b)
{
	return b->running == 0;
}

void backups_free(struct backups *b)
{
	if (b == NULL)
		return;
	loop_timer_free(b->timer);
	free(b->target);
	free(b->passphrase_file);
	free(b);
}
