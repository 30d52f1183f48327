#include "zhost/edge/page_cookie.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/http/http.h"
#include "base/memory.h"
#include "base/str.h"

#define NAME   "samoza-page="
#define DIGITS 16

static bool is_end(char c)
{
	return c == '\0' || c == ';' || c == ' ';
}

uint64_t page_cookie_read(const char *header)
{
	const size_t name = strlen(NAME);
	for (const char *at = header; at != NULL; at = strchr(at, ';')) {
		at += strspn(at, "; ");
		if (strncmp(at, NAME, name) != 0)
			continue;
		const char *text = at + name;
		if (strspn(text, "0123456789abcdef") == DIGITS && is_end(text[DIGITS]))
			return strtoull(text, NULL, 16);
	}
	return 0;
}

char *page_cookie_new(const char *topology, const char *space, uint64_t version, bool is_secure)
{
	return str_printf(NAME "%016" PRIx64 "; Path=/%s/%s/; HttpOnly; SameSite=Lax%s",
			  version, topology, space, is_secure ? "; Secure" : "");
}

void page_cookie_set(struct http_request *request, const char *topology, const char *space,
		     uint64_t version, bool is_secure)
{
	if (page_cookie_read(http_header(request, "Cookie")) == version)
		return;
	CLEANUP(freep) char *cookie = page_cookie_new(topology, space, version, is_secure);
	http_add_header(request, "Set-Cookie", cookie);
}
