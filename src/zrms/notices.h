/*
 * What zrms notifies people of. Events that are durable become notices (core/notice), which go to their targets; how
 * far each target has got is durable, too. Only the zrms that leads has this part.
 *
 *     history of events ─┐
 *     new events ────────┴─► queue of each target ─► sender ─► position (CONTROL_NOTICE_SENT) ─► the next one
 *
 * A crash between a delivery and its commit sends that one notice once more; nothing is left out.
 *
 * Source: [observe.logs.notices].
 */
#ifndef SAMOZA_ZRMS_NOTICES_H
#define SAMOZA_ZRMS_NOTICES_H

#include "base/metrics.h"
#include "zrms/notice_sender.h"

struct notices;
struct zrms;

/* For the targets of zrms->notice_settings, which stay. */
int notices_new(struct zrms *zrms, struct notices **ret_notices, struct error **err) must_check;
/* The commits have started: says whom the settings name, and reads what they have not got yet. */
void notices_start(struct notices *n);
/* Nothing more is sent; what is being sent may end. */
void notices_stop(struct notices *n);
/* Stopped, and nothing is being sent, or it takes too long. */
bool notices_are_idle(const struct notices *n);
/* Breaks off what is being sent: nothing is committed any more. */
void notices_end(struct notices *n);
/* NULL is fine. */
void notices_free(struct notices *n);

/* An event that is durable. */
void notices_event(struct notices *n, const Samoza__V1__EventRecord *event);

/* The caller frees. */
Samoza__V1__NoticeListView *notices_view(const struct notices *n);
/* ERR_NOT_FOUND: there is no target of that name, or at all; ERR_CONFLICT: a test of it is under way. */
int notices_check(const struct notices *n, const char *name, struct error **err) must_check;
/* Where they go, for people, without a secret; borrowed. NULL: there is no target of that name. */
const char *notices_where(const struct notices *n, const char *name);
/* Sends one that is no event, apart from those that wait; `done` is called once, from the loop. PRE: notices_check() has found it. */
void notices_test(struct notices *n, const char *name, notice_sent_fn *done, void *user);

extern const struct metric_source notices_metrics;

#endif
