/*
 * The backups of a zrms: those that somebody asks for, and those that it makes by itself, every so often, as
 * files TARGET/samoza-TIME.backup, of which the newest are kept.
 */
#ifndef SAMOZA_ZRMS_BACKUPS_H
#define SAMOZA_ZRMS_BACKUPS_H

#include "base/metrics.h"
#include "zrms/backup.h"

struct backups;

struct backups_options {
	struct loop *loop;
	struct store *store;
	const char *dir;      /* of zrms */
	int64_t every_ms;     /* 0: none by itself */
	int64_t old_after_ms; /* 0: three times as long */
	const char *target;   /* NULL: DIR/backups */
	uint32_t keep;
	/* Its first line seals those that zrms makes by itself; it is read for each, and is in none. NULL:
	 * $CREDENTIALS_DIRECTORY/backup-passphrase (systemd: LoadCredential=), else they are not sealed. */
	const char *passphrase_file;
};

extern const struct metric_source backups_metrics;

/* All of the options is borrowed for its life. */
struct backups *backups_new(const struct backups_options *options);
/* PRE: idle. NULL is fine. */
void backups_free(struct backups *b);
/* Looks at what there is, removes what was cut off, and begins to make backups by itself. ERR_…: there is a
 * passphrase to be read, and it cannot be. */
int backups_start(struct backups *b, struct error **err) must_check;
/* When the newest good one that zrms made by itself was made; wall clock; 0: there is none. */
int64_t backups_newest_ms(const struct backups *b);
/* When one of these is an old one; 0: never, as zrms makes none by itself. */
int64_t backups_old_after_ms(const struct backups *b);
bool backups_are_idle(const struct backups *b);

/* One for somebody who asked, into a file without a name in DIR/spool, which `done` takes over; -1 after an
 * error, which is borrowed. */
typedef void backups_done_fn(void *user, int fd, uint64_t size, const struct error *error);
int backups_take(struct backups *b, bool with_keys, backups_done_fn *done, void *user,
		 struct error **err) must_check;

#endif
