/*
 * How a notice leaves zrms: as a request to a webhook, or as the input of a command. One for each target, with a thread or a
 * process of its own, so that one that hangs delays neither the loop nor the others. One notice at a time.
 *
 *     webhook   POST, JSON body; delivered: the answer is 2xx. What else it answers is not read, and no redirection is
 *               followed.
 *     command   execve() of the program with its arguments, no shell; zrms' user; the JSON as its standard input. Delivered: it
 *               ends with status 0 in time. Its output is cut, and goes to the log.
 */
#ifndef SAMOZA_ZRMS_NOTICE_SENDER_H
#define SAMOZA_ZRMS_NOTICE_SENDER_H

#include "adapter/uv/loop.h"
#include "proto/view.pb-c.h"
#include "zrms/notice_settings.h"

struct notice_outcome {
	bool is_delivered;
	const char *why;  /* otherwise; never a secret */
	int64_t after_ms; /* in which the target asks to be left alone; 0: it does not */
};

struct notice_sender;
/* From the loop, never from inside notice_send(). */
typedef void notice_sent_fn(void *user, const struct notice_outcome *outcome);

/* `target` and `dir`, of zrms, are borrowed. ERR_IO: the system has no thread for it. */
int notice_sender_new(struct loop *loop, const struct notice_target *target, const char *dir,
		      notice_sent_fn *done, void *user, struct notice_sender **ret_sender,
		      struct error **err) must_check;
/* PRE: idle. `notice` is borrowed for the call. */
void notice_send(struct notice_sender *sender, const Samoza__V1__NoticeView *notice);
bool notice_sender_is_idle(const struct notice_sender *sender);
/* What is being sent is broken off, and nobody hears of it. Frees it, at the latest in loop_done(). NULL is fine. */
void notice_sender_close(struct notice_sender *sender);

#endif
