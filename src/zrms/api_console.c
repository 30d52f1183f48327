#include "zrms/api_console.h"

#include <string.h>
#include <zlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "zrms/api_handlers.h"
#include "zrms/embedded_files.h"

/* Widths of bars are set by script, which `style-src` does not stop. */
#define POLICY                                                                       \
	"default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; " \
	"img-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; "   \
	"form-action 'none'; frame-ancestors 'none'"

static const struct embedded_file *file_find(const struct embedded_file *files,
					     const char *name)
{
	const struct embedded_file *f = files;
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

/* The caller frees. */
static char *unpack(const struct embedded_file *f)
{
	char *text = mem_new_array(char, f->size);
	z_stream z = {.next_in = (unsigned char *)f->packed,
		      .avail_in = (unsigned)f->packed_size,
		      .next_out = (unsigned char *)text,
		      .avail_out = (unsigned)f->size};
	int r = inflateInit2(&z, 16 + MAX_WBITS); /* 16: gzip's header */
	INVARIANT(r == Z_OK);
	r = inflate(&z, Z_FINISH);
	INVARIANT(r == Z_STREAM_END && z.avail_out == 0); /* the build has packed it */
	(void)inflateEnd(&z);
	return text;
}

/* `lasts`: the name stands for these bytes for ever. */
static void send_file(struct http_request *request, const struct embedded_file *f, bool lasts,
		      bool negotiated)
{
	http_add_header(request, "ETag", f->tag);
	http_add_header(request, "Cache-Control",
			lasts ? "public, max-age=31536000, immutable" : "no-cache");
	http_add_header(request, "Vary",
			negotiated ? "Accept, Accept-Encoding" : "Accept-Encoding");
	http_add_header(request, "X-Content-Type-Options", "nosniff");
	http_add_header(request, "Cross-Origin-Resource-Policy", "same-origin");
	http_add_header(request, "Referrer-Policy", "no-referrer");
	http_add_header(request, "Content-Security-Policy", POLICY);
	if (has(request, "If-None-Match", f->tag)) {
		http_reply(request, 304, NULL, NULL, 0);
		return;
	}
	bool is_packed = f->packed != NULL && has(request, "Accept-Encoding", "gzip");
	if (is_packed)
		http_add_header(request, "Content-Encoding", "gzip");
	if (!is_packed && f->data == NULL) {
		http_reply(request, 200, f->type, unpack(f), f->size);
		return;
	}
	const unsigned char *data = is_packed ? f->packed : f->data;
	size_t size = is_packed ? f->packed_size : f->size;
	char *copy = mem_new_array(char, size);
	memcpy(copy, data, size);
	http_reply(request, 200, f->type, copy, size);
}

bool api_console_page(struct http_request *request)
{
	const struct embedded_file *f = file_find(console_files, "");
	if (f != NULL)
		send_file(request, f, false, true);
	return f != NULL;
}

void api_console_file(void *context, struct http_request *request)
{
	(void)context;
	const char *name = http_param(request, "name");
	const struct embedded_file *f = name[0] != '\0' ? file_find(console_files, name) : NULL;
	if (f != NULL)
		send_file(request, f, true, false);
	else
		http_reply_failure(request, 404, "not-found", "the console has no such file");
}

void api_manual(void *context, struct http_request *request)
{
	(void)context;
	if (manual_files[0].name == NULL) {
		http_reply_failure(
			request, 404, "not-found",
			"zrms was built without its manual: docs/ of its source has it");
		return;
	}
	http_add_header(request, "Location", "/docs/index.html");
	http_reply(request, 308, NULL, NULL, 0);
}

void api_manual_file(void *context, struct http_request *request)
{
	(void)context;
	const char *name = http_param(request, "name");
	const struct embedded_file *f =
		file_find(manual_files, str_equal(name, "index.html") ? "" : name);
	if (f != NULL)
		send_file(request, f, false, false);
	else
		http_reply_failure(request, 404, "not-found",
				   "the manual has no such page: /docs has its contents");
}
