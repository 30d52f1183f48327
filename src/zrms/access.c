#include "zrms/access.h"

#include <string.h>
#include <strings.h>

#include "adapter/log/log.h"
#include "adapter/token/token.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "zrms/zrms.h"

_Static_assert(CREDENTIAL_HASH_SIZE == TOKEN_HASH_SIZE,
	       "what the core keeps is the hash of a token");

int access_open(struct access *access, const char *dir, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/credentials/local-admin", dir);
	CLEANUP(token_freep) char *token = NULL;
	CLEANUP(error_freep) struct error *missing = NULL;
	/* Causes of events call it so. */
	access->local_admin =
		(struct principal){.name = (char *)"operator", .role = ACCESS_ADMIN};
	int r = token_read(path, &token, &missing);
	if (r == ERR_NOT_FOUND) {
		token = token_new(TOKEN_OF_PERSON);
		r = token_write(path, token, err);
		if (r == 0)
			log_info("zrms", "credential.made", LOG_S("file", path));
	} else if (r < 0) {
		r = error_move(err, steal_ptr(&missing));
	}
	if (r < 0)
		return r;
	token_hash(token, access->local_admin_hash);
	return 0;
}

/* The token of "Bearer TOKEN"; NULL: none is shown. */
static const char *shown_token(const struct http_request *request)
{
	static const char scheme[] = "Bearer ";
	const char *text = http_header(request, "Authorization");
	if (text == NULL || strncasecmp(text, scheme, sizeof(scheme) - 1) != 0)
		return NULL;
	text += sizeof(scheme) - 1;
	return text + strspn(text, " ");
}

static const struct principal *find(struct zrms *zrms, const char *token)
{
	uint8_t hash[TOKEN_HASH_SIZE];
	if (!token_is_well_formed(token))
		return NULL;
	token_hash(token, hash);
	if (token_hashes_are_equal(hash, zrms->access.local_admin_hash))
		return &zrms->access.local_admin;
	return control_principal(zrms->control, hash, loop_now(&zrms->loop).wall_ms);
}

/* The zhost whose certificate the connection has shown. */
static const struct principal *
find_certified(struct zrms *zrms, const struct http_request *request, struct principal *to)
{
	const struct stream_peer *peer = http_peer(request);
	if (!str_equal(peer->role, "zhost") || listening_admit(zrms, peer, NULL) < 0 ||
	    peer->expires_wall_ms <= loop_now(&zrms->loop).wall_ms)
		return NULL;
	*to = (struct principal){.name = (char *)(uintptr_t)peer->name, .role = ACCESS_ZHOST};
	return to;
}

static void free_principal(void *user)
{
	access_principal_free(user);
}

static struct http_refusal unknown(struct http_request *request, bool has_token)
{
	http_add_header(request, "WWW-Authenticate", "Bearer");
	return (struct http_refusal){
		401, "denied",
		mem_strdup(
			has_token
				? "the token is not known here: it was removed, replaced or "
				  "is over, or belongs to another cluster"
				: "who asks? Show a token in the header Authorization: Bearer "
				  "TOKEN; that of this machine's administrator is in "
				  "credentials/local-admin of zrms' directory")};
}

struct http_refusal access_admit(void *context, struct http_request *request,
				 const struct http_route *route)
{
	struct zrms *zrms = context;
	const char *token = shown_token(request);
	if (route->needs == ACCESS_NOBODY)
		return (struct http_refusal){0};
	struct principal zhost;
	const struct principal *p =
		token != NULL ? find(zrms, token) : find_certified(zrms, request, &zhost);
	if (p == NULL)
		return unknown(request, token != NULL);
	http_set_user(request, access_principal_copy(p), free_principal);
	if (access_covers(p->role, (enum access_role)route->needs))
		return (struct http_refusal){0};
	return (struct http_refusal){
		403, "denied",
		str_printf("%s has the role %s; this needs the role %s", p->name,
			   access_role_name(p->role),
			   access_role_name((enum access_role)route->needs))};
}

const struct principal *access_principal(const struct http_request *request)
{
	const struct principal *p = http_user(request);
	PRE(p != NULL);
	return p;
}

const struct principal *access_reader(const struct http_request *request)
{
	const struct principal *p = access_principal(request);
	return access_is_limited(p) ? p : NULL;
}

bool access_hides_values(const struct http_request *request)
{
	return !access_covers(access_principal(request)->role, ACCESS_OPERATOR);
}
