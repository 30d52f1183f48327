#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utlist.h>

#include "base/str.h"
#include "samoza_js.h"
#include "zhost/edge/edge_state.h"
#include "zhost/edge/file_type.h"
#include "zhost/edge/page_cookie.h"

/* How long a page waits for zrms, which may be starting or changing its leader; the time between two tries doubles. */
#define FILE_WAIT_MS	   10000
#define FILE_RETRY_MS	   200
#define FILE_RETRY_MOST_MS 1000

/* A file that is on its way from zrms.
 *
 *   ask ─► artifact_fetch ─► there: answered
 *    ▲          └► zrms cannot be reached ─► timer, until the request is FILE_WAIT_MS old: 503
 *    └──────────────────────────────────────┘
 */
struct file_wait {
	struct edge *edge;
	struct http_request *request;
	struct artifact_wait *wait; /* NULL while the timer runs */
	struct loop_timer *timer;
	int64_t until_ms, retry_ms;
	uint64_t size_bytes;
	char *name, *digest;
	bool is_private;
	struct file_wait *next, *prev;
};

void page_on_redirect(void *context, struct http_request *q)
{
	CLEANUP(freep) char *to = NULL;

	if (page_find(context, q) == NULL)
		return;
	/* The names matched a space: nothing in them needs to be encoded. */
	to = str_printf("/%s/%s/", http_param(q, "topology"), http_param(q, "space"));
	http_add_header(q, "Location", to);
	http_reply(q, 308, NULL, NULL, 0);
}

/* What pages may do. They come from a signed package, so scripts and styles within them are allowed; nothing from
 * elsewhere is, also not from other spaces of this zedge, and they talk to their own space only. */
static void add_policy(const struct edge *e, struct http_request *q, bool is_private)
{
	CLEANUP(freep)
	char *own = str_printf("%s://%s/%s/%s/", audience_scheme(e->audience, q),
			       http_header(q, "Host"), http_param(q, "topology"),
			       http_param(q, "space"));
	CLEANUP(freep)
	char *policy =
		str_printf("default-src %s data: blob:; script-src %s 'unsafe-inline' "
			   "'wasm-unsafe-eval'; style-src %s 'unsafe-inline'; connect-src %s; "
			   "frame-src 'none'; frame-ancestors '%s'; object-src 'none'; "
			   "base-uri %s; form-action %s",
			   own, own, own, own, is_private ? "none" : "self", own, own);

	http_add_header(q, "Content-Security-Policy", policy);
	http_add_header(q, "Referrer-Policy", "same-origin");
	http_add_header(q, "Cache-Control", is_private ? "private, no-cache" : "no-cache");
	http_add_header(q, "Vary", is_private ? "Cookie, Authorization" : "Cookie");
}

static void reply_path(const struct edge *e, struct http_request *q, const char *name,
		       const char *digest, const char *path, bool is_private)
{
	CLEANUP(freep) char *tag = str_printf("\"%s\"", digest);
	const char *known = http_header(q, "If-None-Match");
	struct stat st;
	int fd;

	add_policy(e, q, is_private);
	http_add_header(q, "ETag", tag);
	if (known != NULL && strstr(known, tag) != NULL) {
		http_reply(q, 304, NULL, NULL, 0);
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		closep(&fd);
		http_reply_failure(q, 500, "io", "cannot read the file");
		return;
	}
	http_reply_file(q, 200, file_type(name), fd, (uint64_t)st.st_size);
}

static void file_wait_free(struct file_wait *w)
{
	DL_DELETE(w->edge->waits, w);
	loop_timer_free(w->timer);
	free(w->name);
	free(w->digest);
	free(w);
}

/* Starts the timer for the next try, unless another one would not help or come too late. */
static bool try_later(struct file_wait *w, const struct error *error)
{
	int64_t at = loop_now(w->edge->options.loop).mono_ms + w->retry_ms;

	if ((error->code != ERR_UNAVAILABLE && error->code != ERR_TIMEOUT) || at > w->until_ms)
		return false;
	w->retry_ms *= 2;
	if (w->retry_ms > FILE_RETRY_MOST_MS)
		w->retry_ms = FILE_RETRY_MOST_MS;
	loop_timer_at(w->timer, at);
	return true;
}

static void on_file_there(void *data, const char *path, const struct error *error)
{
	struct file_wait *w = data;

	w->wait = NULL;
	if (path == NULL && try_later(w, error))
		return;
	if (path != NULL) {
		reply_path(w->edge, w->request, w->name, w->digest, path, w->is_private);
	} else {
		http_add_header(w->request, "Retry-After", "5");
		http_reply_failure(w->request, 503, "unavailable", error->message);
	}
	file_wait_free(w);
}

static void ask(void *data)
{
	struct file_wait *w = data;
	struct artifact_wait *wait = artifact_fetch(w->edge->options.artifacts, w->digest,
						    w->size_bytes, on_file_there, w);

	if (wait != NULL) /* otherwise `w` may be gone */
		w->wait = wait;
}

static void serve(struct edge *e, struct http_request *q, struct mesh_peer *peer,
		  const char *url)
{
	CLEANUP(freep) char *name = NULL;
	struct file_wait *w;

	page_cookie_set(q, http_param(q, "topology"), http_param(q, "space"), peer->version,
			str_equal(audience_scheme(e->audience, q), "https"));
	name = file_of_url(url);
	vector_for_each (&peer->assets, a) {
		if (name == NULL || strcmp(a->name, name) != 0)
			continue;
		w = mem_new(struct file_wait);
		w->edge = e;
		w->request = q;
		w->is_private = page_asks_token(e, peer);
		w->name = steal_ptr(&name);
		w->digest = mem_strdup(a->digest);
		w->size_bytes = a->size_bytes;
		w->timer = loop_timer_new(e->options.loop, ask, w);
		w->until_ms = loop_now(e->options.loop).mono_ms + FILE_WAIT_MS;
		w->retry_ms = FILE_RETRY_MS;
		DL_APPEND(e->waits, w);
		ask(w);
		return;
	}
	http_reply_failure(q, 404, "not-found", "no such file in this space");
}

static void serve_index(struct edge *e, struct http_request *q, struct mesh_peer *peer)
{
	serve(e, q, peer, "");
}

static void serve_file(struct edge *e, struct http_request *q, struct mesh_peer *peer)
{
	serve(e, q, peer, http_param(q, "file"));
}

void page_on_index(void *context, struct http_request *q)
{
	page_enter(context, q, serve_index);
}

void page_on_file(void *context, struct http_request *q)
{
	page_enter(context, q, serve_file);
}

/* One source for both ways to load it: browsers say which one is meant. */
static void serve_script(struct edge *e, struct http_request *q, struct mesh_peer *peer)
{
	const char *mode = http_header(q, "Sec-Fetch-Mode");
	bool is_classic = mode != NULL && strcmp(mode, "no-cors") == 0;
	struct buffer b = BUFFER_INIT(PAGE_MAX);

	(void)e;
	(void)peer;
	(void)buffer_add(&b, embedded_samoza_js, embedded_samoza_js_size);
	if (!is_classic)
		(void)buffer_add(&b, embedded_samoza_exports_js,
				 embedded_samoza_exports_js_size);
	http_add_header(q, "Vary", "Sec-Fetch-Mode");
	http_add_header(q, "Cache-Control", "no-cache");
	page_reply_text(q, "text/javascript; charset=utf-8", &b);
}

void page_on_script(void *context, struct http_request *q)
{
	page_enter(context, q, serve_script);
}

void page_files_end(struct edge *e)
{
	struct file_wait *w, *next;

	DL_FOREACH_SAFE (e->waits, w, next) {
		if (w->wait != NULL)
			artifact_cancel(w->wait);
		file_wait_free(w);
	}
}
