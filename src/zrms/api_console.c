#include "zrms/api_console.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "zrms/api_handlers.h"
#include "zrms/console_files.h"

/* Widths of bars are set by script, which `style-src` does not stop. */
#define POLICY                                                                       \
	"default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; " \
	"img-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; "   \
	"form-action 'none'; frame-ancestors 'none'"

static const struct console_file *file_find(const char *name)
{
	const struct console_file *f = console_files;
	while (f->name != NULL && !str_equal(f->name, name))
		f++;
	return f->name != NULL ? f : NULL;
}

/* Whether a list such as "gzip, br" has the word, or the tag. */
static bool has(const struct http_request *request, const char *header, const char *word)
{
	CLEANUP(freep) char *list = http_header_list(request, header);
	return list != NULL && strstr(list, word) != NULL;
}

static void send_file(struct http_request *request, const struct console_file *f)
{
	bool is_page = f->name[0] == '\0';
	http_add_header(request, "ETag", f->tag);
	http_add_header(request, "Cache-Control",
			is_page ? "no-cache" : "public, max-age=31536000, immutable");
	http_add_header(request, "Vary",
			is_page ? "Accept, Accept-Encoding" : "Accept-Encoding");
	http_add_header(request, "X-Content-Type-Options", "nosniff");
	http_add_header(request, "Cross-Origin-Resource-Policy", "same-origin");
	http_add_header(request, "Referrer-Policy", "no-referrer");
	http_add_header(request, "Content-Security-Policy", POLICY);
	if (has(request, "If-None-Match", f->tag)) {
		http_reply(request, 304, NULL, NULL, 0);
		return;
	}
	bool is_packed = f->packed != NULL && has(request, "Accept-Encoding", "gzip");
	const unsigned char *data = is_packed ? f->packed : f->data;
	size_t size = is_packed ? f->packed_size : f->size;
	if (is_packed)
		http_add_header(request, "Content-Encoding", "gzip");
	char *copy = mem_new_array(char, size);
	memcpy(copy, data, size);
	http_reply(request, 200, f->type, copy, size);
}

bool api_console_page(struct http_request *request)
{
	const struct console_file *f = file_find("");
	if (f != NULL)
		send_file(request, f);
	return f != NULL;
}

void api_console_file(void *context, struct http_request *request)
{
	(void)context;
	const char *name = http_param(request, "name");
	const struct console_file *f = name[0] != '\0' ? file_find(name) : NULL;
	if (f != NULL)
		send_file(request, f);
	else
		http_reply_failure(request, 404, "not-found", "the console has no such file");
}
