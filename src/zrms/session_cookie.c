#include "zrms/session_cookie.h"

#include <inttypes.h>
#include <string.h>

#include "adapter/token/token.h"
#include "base/memory.h"
#include "base/str.h"

enum { CLUSTER_PART = 8 /* characters of its id */ };

static char *cookie_name(const struct http_request *request, const char *cluster)
{
	return str_printf("%ssamoza-%.*s", http_is_secure(request) ? "__Host-" : "",
			  CLUSTER_PART, cluster);
}

char *session_cookie_shown(const struct http_request *request, const char *cluster)
{
	const char *all = http_header(request, "Cookie");
	CLEANUP(freep) char *name = cookie_name(request, cluster);
	size_t size = strlen(name);
	while (all != NULL && *all != '\0') {
		all += strspn(all, "; ");
		size_t length = strcspn(all, ";");
		if (length > size && all[size] == '=' && strncmp(all, name, size) == 0) {
			char *secret = mem_strndup(all + size + 1, length - size - 1);
			if (token_has_form(secret, SIGN_IN_SESSION_PREFIX))
				return secret;
			token_free(secret);
		}
		all += length;
	}
	return NULL;
}

void session_cookie_set(struct http_request *request, const char *cluster, const char *secret,
			int64_t for_ms)
{
	CLEANUP(freep) char *name = cookie_name(request, cluster);
	CLEANUP(token_freep)
	char *text =
		str_printf("%s=%s; Path=/; Max-Age=%" PRId64 "; HttpOnly; SameSite=Strict%s",
			   name, for_ms > 0 ? secret : "", for_ms / 1000,
			   http_is_secure(request) ? "; Secure" : "");
	http_add_header(request, "Set-Cookie", text);
}
