/*
 * The audit (core/control/request/audit.h) in zrms: what is refused before the core is asked, and those who read it.
 *
 *   refused by the route table, a handler, a body that is no JSON ──► access_refused() ──► CONTROL_REFUSED
 *   GET /v1/audit ──► the store, a page; follow=1 ──► page after page, then each line once it is durable
 *
 * Followers read from the store alone: a new line only says that there is one, so that none is missed or
 * comes twice.
 *
 * Source: [machines.people.audit].
 */
#ifndef SAMOZA_ZRMS_AUDIT_H
#define SAMOZA_ZRMS_AUDIT_H

#include "adapter/http/http.h"
#include "port/store.h"
#include "proto/view.pb-c.h"
#include "zrms/access.h"

struct audit_feed;

/* Borrowed. */
struct audit_feed *audit_feed_new(struct store *store, struct access_watches *open);
/* PRE: the HTTP server, and with it every stream, has ended. NULL is fine. */
void audit_feed_free(struct audit_feed *feed);
/* Answers with server-sent events: the lines of the query, from the store, and what follows. Its user is
 * copied. */
void audit_feed_add(struct audit_feed *feed, struct http_request *request,
		    const struct audit_query *query);
/* A line has become durable. */
void audit_feed_line(struct audit_feed *feed);
void audit_feed_end_all(struct audit_feed *feed);

/* What a line looks like outside; the caller frees. */
Samoza__V1__AuditView *audit_view_new(const Samoza__V1__AuditRecord *line);

#endif
