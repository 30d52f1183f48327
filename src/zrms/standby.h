/*
 * What a zrms answers while another one leads, from its start:
 *
 *     /healthz, /, /openapi.json    as always; the health is "standby"
 *     /metrics                      503: a monitor that follows would take the leader's for this one's
 *     everything else               307, to the same at the leader's address; 503 while nobody leads
 *     /v1/artifacts…                for other zrms of the cluster, by their certificates (copies.h)
 *     links of zhosts               LEADER with that address, at once; the zhost ends the link
 *
 * It has no records, so it knows nobody: who asks is asked for a token by the leader. What it tells is where that is.
 *
 * Source: [machines.replicated.standby].
 */
#ifndef SAMOZA_ZRMS_STANDBY_H
#define SAMOZA_ZRMS_STANDBY_H

#include "adapter/http/http.h"

struct zrms;
struct standby;

/* PRE: zrms->lead is there before the loop runs. */
struct standby *standby_new(struct zrms *zrms);
/* From now on it answers nothing; what has been asked on links is closed. */
void standby_end(struct standby *standby);
/* PRE: all its links are closed. NULL is fine. */
void standby_free(struct standby *standby);

/* Whether another one leads, or nobody yet. */
bool stands_by(const struct zrms *zrms);
/* For access_admit(). PRE: stands_by(). */
struct http_refusal standby_admit(struct zrms *zrms, struct http_request *request,
				  const struct http_route *route);
/* A stream whose other end is to send frames; taken over. PRE: stands_by(). */
void standby_take_link(struct zrms *zrms, struct stream *stream);

#endif
