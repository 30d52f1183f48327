/*
 * What the files of zedge share: edge.c (routes, the list, life), page.c, page_gate.c, page_files.c, page_messages.c;
 * who may ask for what is audience.c, the way of other machines to it site.c.
 */
#ifndef SAMOZA_ZHOST_EDGE_EDGE_STATE_H
#define SAMOZA_ZHOST_EDGE_EDGE_STATE_H

#include "adapter/http/http.h"
#include "zhost/edge/audience.h"
#include "zhost/edge/broadcast.h"
#include "zhost/edge/edge.h"
#include "zhost/edge/page_access.h"
#include "zhost/edge/session.h"
#include "zhost/edge/site.h"

#define PAGE_MAX ((size_t)4 * 1024 * 1024)

struct file_wait;

struct edge {
	struct edge_options options;
	struct http_server *server;
	struct audience *audience;
	struct site *site; /* NULL: plain, on loopback */
	struct sessions *sessions;
	struct page_access *access;
	struct file_wait *waits;
	struct broadcast *broadcast;
	struct loop_timer *expire, *notify;
};

/* page.c */
/* The started UI space that the URL names, in the version that the page has; NULL after a 404. */
struct mesh_peer *page_find(struct edge *e, struct http_request *q);
/* Whether only those may see it whom zrms knows. */
bool page_asks_token(struct edge *e, const struct mesh_peer *peer);

/* page_gate.c */
typedef void page_serve_fn(struct edge *e, struct http_request *q, struct mesh_peer *peer);
/* Calls `serve` for who may see the page, now or later; has answered, or will, everybody else. */
void page_enter(struct edge *e, struct http_request *q, page_serve_fn *serve);
/* Of a request that has entered such a page: the hash of what it has shown. */
bool page_shown(const struct http_request *q, uint8_t ret_hash[TOKEN_HASH_SIZE]);
void page_on_sign_in_form(void *context, struct http_request *q);
void page_on_sign_in(void *context, struct http_request *q);
/* The whole of `b`, which is empty afterwards. */
void page_reply_text(struct http_request *q, const char *type, struct buffer *b);

/* page_files.c */
void page_on_redirect(void *context, struct http_request *q);
void page_on_index(void *context, struct http_request *q);
void page_on_file(void *context, struct http_request *q);
void page_on_script(void *context, struct http_request *q);
/* What waits for a file is answered by the server's end. */
void page_files_end(struct edge *e);

/* page_messages.c */
void page_on_messages(void *context, struct http_request *q);
void page_on_emit(void *context, struct http_request *q);
void page_on_placements(void *context, struct http_request *q);
/* From now on messages of the mesh reach pages; until page_messages_end(). */
void page_messages_begin(struct edge *e);
void page_messages_end(struct edge *e);

#endif
