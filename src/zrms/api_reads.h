/*
 * Requests that read. What they show must be durable: they wait for what is being committed. While the
 * store fails they see what is durable (committed.h) instead, so that people can look while it is tried again.
 *
 *   api_read_ready() ──► true: look at api_control() and answer
 *        └── false: is parked until what is durable was read, then its handler is called again;
 *                   refused, where it cannot be read
 *
 *   api_read_begin() ──► waits ──api_read_end(): true──► is answered
 *                          └── the store begins to fail: is parked; api_read_end(): false
 */
#ifndef SAMOZA_ZRMS_API_READS_H
#define SAMOZA_ZRMS_API_READS_H

#include "zrms/zrms.h"

/* Embedded by who waits. */
struct api_read {
	struct http_request *request; /* NULL: it is answered otherwise */
	struct api_read *next, *prev;
};

/* At the beginning of a handler that reads. False: its answer comes later, without the caller. */
bool api_read_ready(struct zrms *zrms, struct http_request *request);
/* What readers may see, as it is now. */
const struct control *api_control(const struct zrms *zrms);
/* What api_control() shows is durable: nothing is to be waited for. */
bool api_control_is_durable(const struct zrms *zrms);

/* The answer says so (`Samoza-Notice`). Before the reply; PRE: api_control_is_durable(). */
void api_read_notice(struct http_request *request);

/* PRE: api_read_ready(), and not api_control_is_durable(). */
void api_read_begin(struct zrms *zrms, struct api_read *read, struct http_request *request);
/* What it shows is durable. False: somebody else answers; else read->request is to be answered. */
bool api_read_end(struct zrms *zrms, struct api_read *read);

/* The store begins to fail: what waits is parked. */
void api_reads_park(struct zrms *zrms);
/* What is durable can be read, or the store works again, or neither: what is parked is answered. `user`: struct
 * zrms. */
void api_reads_continue(void *user);
/* What is parked is answered by `refuse_one`. */
void api_reads_refuse(struct zrms *zrms, void (*refuse_one)(struct http_request *request));
/* Nothing waits any more: the HTTP server is gone. Before the store is closed. */
void api_reads_end(struct zrms *zrms);

#endif
