/*
 * `notices` in the settings file of zrms: whom it notifies, of what, and how.
 *
 *     notices:
 *       - name: ops
 *         on: [topology.failed, zhost.problem]
 *         to: webhook
 *         url: https://hooks.example.com/samoza
 *
 * Files that it names are read here, once: what cannot work is said when zrms starts, with file, line and column.
 */
#ifndef SAMOZA_ZRMS_NOTICE_SETTINGS_H
#define SAMOZA_ZRMS_NOTICE_SETTINGS_H

#include "base/error.h"
#include "core/notice/notice_queue.h"
#include "proto/model.pb-c.h"

struct notice_target {
	const Samoza__V1__NoticeTarget *said; /* in the list */
	struct notice_rule rule;	      /* borrows from it */
	struct notice_limits limits;
	int64_t timeout_ms;
	char *url;    /* webhook */
	char *where;  /* for people: without what may be a secret */
	char *secret; /* with which it is signed: bytes; NULL: it is not */
	size_t secret_size;
};

struct notice_settings {
	Samoza__V1__NoticeSettings *message;
	struct notice_target *targets; /* message->n_notices of them */
	size_t count;
};

/* `path` NULL: there is no file, and no target. ERR_INVALID: what is wrong, and where. notice_settings_done() in any case. */
int notice_settings_read(const char *path, struct notice_settings *ret_settings,
			 struct error **err) must_check;
void notice_settings_done(struct notice_settings *s);

#endif
