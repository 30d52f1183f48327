/*
 * Which version of a UI space a page began with: a cookie of the space's own path, so that it goes with every
 * request of the page, for files as for messages, to whichever zedge, and new windows of that browser get the
 * same version. It is no secret.
 *
 *   first file ──► Set-Cookie: samoza-page=VERSION ──► files of VERSION while a copy of it is there
 *                       ▲                                     │ gone
 *                       └───────── the one that serves ◄──────┘
 */
#ifndef SAMOZA_ZHOST_EDGE_PAGE_COOKIE_H
#define SAMOZA_ZHOST_EDGE_PAGE_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

struct http_request;

/* `header`: of the request, "Cookie"; NULL is fine. 0: it names none. */
uint64_t page_cookie_read(const char *header);
/* Value of "Set-Cookie"; `is_secure`: for https only. The caller frees. PRE: the names need no encoding. */
char *page_cookie_new(const char *topology, const char *space, uint64_t version,
		      bool is_secure);

/* With the answer, where the request names another version [change.rollout.page]. */
void page_cookie_set(struct http_request *request, const char *topology, const char *space,
		     uint64_t version, bool is_secure);

#endif
