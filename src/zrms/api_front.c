/*
 * What answers at `/`: for browsers the console, as JSON or text what this is, and how to sign in. Nothing about the cluster, as
 * everybody may ask. Where the console was not built, browsers get a page that says so, and the same as text.
 */
#include <string.h>

#include "adapter/cli/version.h"
#include "adapter/http/http.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "zrms/api_console.h"
#include "zrms/api_handlers.h"

enum { FRONT_MAX = 16 * 1024 };

#define WHAT "zrms of Samoza " SAMOZA_VERSION
#define MISSING                                                                   \
	"This zrms was built without its web console, as there was no node: see " \
	"docs/howto/console.md."
#define SIGNED "Every request shows a token, as in \"Authorization: Bearer TOKEN\"."

static const struct {
	const char *todo, *how;
} ways[] = {
	{"Sign in with the shell", "zshell login URL"},
	{"As the user who runs zrms, without a token",
	 "curl --unix-socket DIR/api.sock http://localhost/v1/topologies"},
	{"With a token from a file",
	 "curl -H \"Authorization: Bearer $(cat FILE)\" URL/v1/topologies"},
	{"Get a token of your own, from an administrator",
	 "zshell user create NAME --role operator"},
};

static const struct {
	const char *path, *what;
} places[] = {
	{"/openapi.json", "the interface (docs/rest.md, man zrms, man zshell)"},
	{"/healthz", "whether zrms is well"},
	{"/docs", "the manual"},
};

static void write_text(struct buffer *b)
{
	(void)buffer_printf(b, "%s\n\n%s\n\n", WHAT, SIGNED);
	for (size_t k = 0; k < ARRAY_SIZE(ways); k++)
		(void)buffer_printf(b, "%s:\n  %s\n", ways[k].todo, ways[k].how);
	(void)buffer_printf(b, "\n");
	for (size_t k = 0; k < ARRAY_SIZE(places); k++)
		(void)buffer_printf(b, "%s  %s\n", places[k].path, places[k].what);
}

static void write_json(struct buffer *b)
{
	(void)buffer_printf(b,
			    "{\"program\":\"zrms\",\"version\":\"%s\",\"openapi\":\"%s\","
			    "\"health\":\"%s\",\"sign_in\":\"/v1/sign-in\"}\n",
			    SAMOZA_VERSION, places[0].path, places[1].path);
}

static void add_html(struct buffer *b, const char *text)
{
	for (; *text != '\0'; text++)
		(void)(*text == '"'   ? buffer_add_string(b, "&quot;")
		       : *text == '<' ? buffer_add_string(b, "&lt;")
		       : *text == '&' ? buffer_add_string(b, "&amp;")
				      : buffer_add(b, text, 1));
}

static void write_page(struct buffer *b)
{
	(void)buffer_printf(b,
			    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
			    "<title>%s</title></head><body>\n<h1>%s</h1>\n<p>%s</p>\n<p>",
			    WHAT, WHAT, MISSING);
	add_html(b, SIGNED);
	(void)buffer_printf(b, "</p>\n<dl>\n");
	for (size_t k = 0; k < ARRAY_SIZE(ways); k++) {
		(void)buffer_printf(b, "<dt>%s</dt><dd><code>", ways[k].todo);
		add_html(b, ways[k].how);
		(void)buffer_printf(b, "</code></dd>\n");
	}
	(void)buffer_printf(b, "</dl>\n<ul>\n");
	for (size_t k = 0; k < ARRAY_SIZE(places); k++)
		(void)buffer_printf(b, "<li><a href=\"%s\">%s</a>: %s</li>\n", places[k].path,
				    places[k].path, places[k].what);
	(void)buffer_printf(b, "</ul>\n</body></html>\n");
}

static bool prefers(const struct http_request *request, const char *type)
{
	const char *accept = http_header(request, "Accept");
	return accept != NULL && strstr(accept, type) != NULL;
}

void api_front(void *context, struct http_request *request)
{
	struct buffer b = BUFFER_INIT(FRONT_MAX);
	const char *type = "text/plain; charset=utf-8";
	(void)context;
	if (prefers(request, "text/html") && api_console_page(request))
		return;
	if (prefers(request, "text/html")) {
		type = "text/html; charset=utf-8";
		write_page(&b);
	} else if (prefers(request, "application/json")) {
		type = "application/json";
		write_json(&b);
	} else {
		write_text(&b);
	}
	http_add_header(request, "Cache-Control", "no-store");
	http_add_header(request, "Vary", "Accept");
	http_add_header(request, "Referrer-Policy", "no-referrer");
	http_add_header(request, "Content-Security-Policy",
			"default-src 'none'; base-uri 'none'; form-action 'none'; "
			"frame-ancestors 'none'");
	size_t size = b.size;
	http_reply(request, 200, type, buffer_steal(&b), size);
}
