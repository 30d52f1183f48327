#include "server_routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/str.h"

static void handle_hello(void *context, struct http_request *request)
{
	struct serving *s = context;
	atomic_fetch_add(&s->handled, 1);
	char *text = str_printf("hello %s\n", http_param(request, "name"));
	http_reply(request, 200, "text/plain", text, strlen(text));
}

static void handle_echo(void *context, struct http_request *request)
{
	struct serving *s = context;
	atomic_fetch_add(&s->handled, 1);
	size_t size = http_body_size(request);
	char *text;
	if (http_body_fd(request) >= 0) {
		text = mem_calloc(size + 1, 1);
		assert_int_equal(read(http_body_fd(request), text, size), (ssize_t)size);
	} else {
		text = http_body_take(request);
	}
	http_reply(request, 200, "text/plain", text, size);
}

static void handle_hold(void *context, struct http_request *request)
{
	struct serving *s = context;
	s->held = request;
	atomic_fetch_add(&s->handled, 1);
}

static void stream_closed(void *user, struct http_stream *stream)
{
	(void)stream;
	struct serving *s = user;
	s->stream = NULL;
	atomic_fetch_add(&s->streams_closed, 1);
}

static const struct http_stream_handler stream_handler = {.closed = stream_closed};

static void handle_stream(void *context, struct http_request *request)
{
	struct serving *s = context;
	s->stream = http_reply_stream(request, "text/event-stream", true, 1024 * 1024,
				      &stream_handler, s);
	assert_int_equal(http_stream_write(s->stream, "data: 1\n\n", 9), 0);
	atomic_fetch_add(&s->handled, 1);
}

static int link_frame(void *user, struct wire_link *link, const struct frame *frame,
		      struct error **err)
{
	struct serving *s = user;
	int r = wire_link_forward(link, frame, 1024 * 1024, err);
	atomic_fetch_add(&s->frames, 1);
	return r;
}

static void link_closed(void *user, struct wire_link *link, const struct error *why)
{
	(void)link;
	(void)why;
	struct serving *s = user;
	s->link = NULL;
	atomic_fetch_add(&s->links_closed, 1);
}

static const struct wire_link_handler link_handler = {.frame = link_frame,
						      .closed = link_closed};

static void upgraded(void *user, struct stream *stream)
{
	struct serving *s = user;
	s->link = wire_link_new(stream, 0, &link_handler, s);
}

static void handle_link(void *context, struct http_request *request)
{
	if (http_wants_upgrade(request, "samoza-link/1"))
		http_reply_upgrade(request, "samoza-link/1", upgraded, context);
	else
		http_reply_failure(request, 426, "invalid", "upgrade");
}

static const struct http_query hello_query[] = {{.name = "a"}, {.name = "b"}, {0}};

static const struct http_route routes[] = {
	{"GET", "/hello/{name}", handle_hello, .query = hello_query},
	{"POST", "/echo", handle_echo, HTTP_BODY_MEMORY},
	{"POST", "/upload", handle_echo, HTTP_BODY_SPOOL},
	{"GET", "/hold", handle_hold},
	{"GET", "/stream", handle_stream},
	{"GET", "/link", handle_link},
};

struct serving *serve_with(struct http_options options)
{
	options.routes = routes;
	options.route_count = ARRAY_SIZE(routes);
	return serving_new(&options);
}

struct serving *serve(void)
{
	return serve_with((struct http_options){0});
}
