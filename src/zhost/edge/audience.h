/*
 * Who may ask a zedge for what: this machine for everything, all others for pages, within their limits.
 *
 *   request ──► audience_count() ──► who is it (client.h)? has it something left (client_limits.h)?
 *                     │ no: 429 with Retry-After; 400: a trusted proxy does not say for whom it asks
 *                     ▼
 *               its handler ──► answer ──► audience_sent(): its bytes are counted
 */
#ifndef SAMOZA_ZHOST_EDGE_AUDIENCE_H
#define SAMOZA_ZHOST_EDGE_AUDIENCE_H

#include "adapter/http/http.h"
#include "zhost/edge/edge.h"

#define AUDIENCE_BODY_MAX ((size_t)128 * 1024) /* of a request */

struct audience;

/* ERR_INVALID: `public->proxies` names no networks. */
int audience_new(struct loop *loop, const struct edge_public *public,
		 struct audience **ret_audience, struct error **err) must_check;
void audience_free(struct audience *a);

/* For http_options.count: what is refused afterwards is counted, too. Also adds the headers that all answers have. */
struct http_refusal audience_count(struct audience *a, struct http_request *q);
/* Through a trusted proxy, under the name of `public->url`. */
bool audience_is_proxied(const struct audience *a, const struct http_request *q);
bool audience_is_proxy(const struct audience *a, const char *address);
void audience_sent(struct audience *a, struct http_request *q, uint64_t bytes);

/* A program of this machine, which no proxy speaks for. PRE: counted. */
bool audience_is_local(struct http_request *q);
/* Who else it is. PRE: counted. */
const struct client_address *audience_client(struct http_request *q);
/* "https" or "http": by which the page was asked for. */
const char *audience_scheme(const struct audience *a, const struct http_request *q);

struct audience_counters {
	uint64_t slowed_total; /* requests over a limit */
	size_t clients;	       /* that are known */
};
struct audience_counters audience_counters(const struct audience *a);

#endif
