/*
 * Nothing is answered by a zrms that may lead no more: what it has in memory may have been replaced by another one. So a
 * request is handled only while nobody else can lead, which is until the promise of its lease ends (core/leader); otherwise it
 * waits for the next renewal.
 *
 *     certain_begins() ──► true: it leads at this moment, which lies between the question and the answer
 *          └── false: the request waits ──► promised: its handler is called
 *                                      ├──► a lease later: 503, and so is what comes until a renewal, and
 *                                      │    what waits for the store (api_reads.h); where the loop was held,
 *                                      │    a lease from then, once for each promise
 *                                      └──► another one leads: this process begins again
 *
 * Not what is for everybody (the health, the console), nor the metrics: they say nothing of the cluster. Nor links of zhosts: their frames have
 * a term.
 */
#ifndef SAMOZA_ZRMS_CERTAIN_H
#define SAMOZA_ZRMS_CERTAIN_H

#include "adapter/http/http.h"

struct zrms;
struct certain;

struct certain *certain_new(struct zrms *zrms);
/* PRE: the HTTP server is gone. NULL is fine. */
void certain_free(struct certain *certain);

/* For http_options.begins; context: struct zrms. */
bool certain_begins(void *context, struct http_request *request,
		    const struct http_route *route);
/* Whether nobody else can lead at this moment: who is unknown here may be known to another one. NULL: nobody else ever can. */
bool certain_is(const struct certain *certain);
/* As what waited too long: 503. For access_admit(). */
struct http_refusal certain_refusal(struct http_request *request);
/* A renewal was granted, or the promise has ended. NULL is fine. */
void certain_promised(struct certain *certain);

#endif
