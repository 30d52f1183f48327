#include "zrms/access.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "adapter/log/log.h"
#include "adapter/token/token.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "zrms/certain.h"
#include "zrms/lead.h"
#include "zrms/members.h"
#include "zrms/session_cookie.h"
#include "zrms/standby.h"
#include "zrms/zrms.h"

_Static_assert(CREDENTIAL_HASH_SIZE == TOKEN_HASH_SIZE,
	       "what the core keeps is the hash of a token");

/* ---- who asks ---- */

struct asker *asker_copy(const struct asker *asker)
{
	if (asker == NULL)
		return NULL;
	struct asker *copy = mem_memdup(asker, sizeof(*asker));
	copy->principal =
		asker->principal != NULL ? access_principal_copy(asker->principal) : NULL;
	copy->address = mem_strdup(asker->address);
	copy->request = mem_strdup(asker->request);
	copy->key = NULL;
	return copy;
}

void asker_free(struct asker *asker)
{
	if (asker == NULL)
		return;
	request_key_free(asker->key);
	access_principal_free(asker->principal);
	free(asker->address);
	free(asker->request);
	free(asker);
}

const uint8_t *asker_hash(const struct asker *asker)
{
	return asker->has_credential ? asker->hash : NULL;
}

static void free_asker(void *user)
{
	asker_free(user);
}

/* "10.0.0.7" of "10.0.0.7:4711", "::1" of "[::1]:4711". The caller frees. */
static char *address_of(const struct http_request *request)
{
	const char *text = http_peer(request)->address;
	const char *colon = text != NULL ? strrchr(text, ':') : NULL;
	if (colon == NULL)
		return mem_strdup(text);
	bool is_bracketed = text[0] == '[' && colon > text && colon[-1] == ']';
	return is_bracketed ? mem_strndup(text + 1, (size_t)(colon - text) - 2)
			    : mem_strndup(text, (size_t)(colon - text));
}

/* Commands are run by GET, too; a backup and a recording hand out what the cluster keeps. */
bool access_is_change(const struct http_route *route)
{
	return !str_equal(route->method, "GET") || str_equal(route->operation, "execSpace") ||
	       str_equal(route->operation, "getBackup") ||
	       str_equal(route->operation, "getRecording");
}

static struct asker *asker_new(struct zrms *zrms, struct http_request *request, bool is_change)
{
	struct asker *asker = mem_new(struct asker);
	asker->zrms = zrms;
	asker->address = address_of(request);
	asker->request = str_printf("%s %s", http_method(request), http_raw_path(request));
	asker->is_change = is_change;
	http_set_user(request, asker, free_asker);
	return asker;
}

void access_identify(struct zrms *zrms, struct http_request *request,
		     const struct principal *principal)
{
	struct asker *asker = asker_new(zrms, request, true);
	asker->principal = principal != NULL ? access_principal_copy(principal) : NULL;
}

const struct asker *access_asker(const struct http_request *request)
{
	const struct asker *asker = http_user(request);
	PRE(asker != NULL);
	return asker;
}

const struct principal *access_principal(const struct http_request *request)
{
	const struct principal *p = access_asker(request)->principal;
	PRE(p != NULL);
	return p;
}

void access_only_reads(struct http_request *request)
{
	((struct asker *)http_user(request))->is_change = false;
}

void access_ask(struct http_request *request, struct control_input *input)
{
	struct asker *asker = http_user(request);
	PRE(asker != NULL);
	input->principal = asker->principal;
	input->actor = asker->principal->name;
	input->origin.address = asker->address;
	input->origin.request = asker->request;
	request_key_ask(asker, input);
	access_only_reads(request); /* the core tells the audit */
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

/* ---- who shows what ---- */

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

/* Each zrms makes one of its own, and who administers its machine is not to lose the cluster when another one leads. One that is
 * forgotten as gone for good is none any longer. */
static bool is_admin_of_another(const struct zrms *zrms,
				const uint8_t hash[CREDENTIAL_HASH_SIZE])
{
	uint8_t its[CREDENTIAL_HASH_SIZE];
	size_t count = 0, size = 0;
	const struct election_member *all =
		zrms->lead != NULL ? leader_everybody(lead_seen(zrms->lead), &count) : NULL;
	for (size_t i = 0; i < count; i++)
		if (all[i].admin != NULL &&
		    sodium_hex2bin(its, sizeof(its), all[i].admin, strlen(all[i].admin), NULL,
				   &size, NULL) == 0 &&
		    size == sizeof(its) && token_hashes_are_equal(hash, its))
			return true;
	return false;
}

const struct principal *access_credential(struct zrms *zrms,
					  const uint8_t hash[CREDENTIAL_HASH_SIZE])
{
	if (token_hashes_are_equal(hash, zrms->access.local_admin_hash) ||
	    is_admin_of_another(zrms, hash))
		return &zrms->access.local_admin;
	return control_principal(zrms->control, hash, loop_now(&zrms->loop).wall_ms);
}

const uint8_t *access_local_hash(const struct zrms *zrms,
				 const uint8_t hash[CREDENTIAL_HASH_SIZE])
{
	return is_admin_of_another(zrms, hash) ? hash : zrms->access.local_admin_hash;
}

static const struct principal *find(struct zrms *zrms, const char *token, struct asker *asker)
{
	if (!token_is_well_formed(token))
		return NULL;
	token_hash(token, asker->hash);
	const struct principal *p = access_credential(zrms, asker->hash);
	asker->has_credential = p != &zrms->access.local_admin;
	return p;
}

/* The record of a session that is good now, or NULL. */
static const Samoza__V1__SignInRecord *session_of(struct zrms *zrms,
						  const uint8_t hash[CREDENTIAL_HASH_SIZE])
{
	return control_sign_in(zrms->control, hash, false, NULL, loop_now(&zrms->loop).wall_ms);
}

static const struct principal *find_session(struct zrms *zrms, const char *secret,
					    struct asker *asker)
{
	asker->has_credential = asker->is_session = true;
	token_hash(secret, asker->hash);
	const Samoza__V1__SignInRecord *session = session_of(zrms, asker->hash);
	return session != NULL ? access_credential(zrms, session->credential.data) : NULL;
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

static const struct principal *find_shown(struct zrms *zrms, const struct http_request *request,
					  const char *token, struct asker *asker,
					  struct principal *zhost)
{
	if (token != NULL)
		return find(zrms, token, asker);
	CLEANUP(token_freep)
	char *session = session_cookie_shown(request, control_cluster(zrms->control));
	if (session != NULL)
		return find_session(zrms, session, asker);
	/* The same as local-admin, which it could read. */
	return http_is_owner(request) ? &zrms->access.local_admin
				      : find_certified(zrms, request, zhost);
}

/* How often who asks was refused within the hour, this time, too. */
static uint32_t count_refusal(struct zrms *zrms, struct asker *asker)
{
	const char *name = asker->principal != NULL ? asker->principal->name : NULL;
	CLEANUP(freep) char *origin = attempt_origin(asker->address);
	CLEANUP(freep)
	char *key =
		str_printf("%s %s", name != NULL ? "user" : "at", name != NULL ? name : origin);
	if (asker->refused == 0)
		asker->refused = attempts_add(&zrms->access.attempts, key,
					      loop_now(&zrms->loop).mono_ms);
	return asker->refused;
}

/* What the audit says of this refusal; NULL: nothing, there were too many. The caller frees.
 * Strangers count together, too: each of these lines is a commit, and an audit of limited size has room for them in
 * the place of older ones. */
static char *told_text(struct zrms *zrms, struct asker *asker, const char *message)
{
	uint32_t count = count_refusal(zrms, asker);
	if (!attempt_is_told(count, ATTEMPTS_TOLD))
		return NULL;
	if (asker->principal == NULL) {
		uint32_t all = attempts_add(&zrms->access.attempts, "strangers",
					    loop_now(&zrms->loop).mono_ms);
		if (!attempt_is_told(all, ATTEMPTS_TOLD_STRANGERS))
			return NULL;
		if (all > ATTEMPTS_TOLD_STRANGERS)
			return str_printf("%s (line %u of strangers within an hour)", message,
					  all);
	}
	return count > ATTEMPTS_TOLD
		       ? str_printf("%s (refused %u times within an hour)", message, count)
		       : mem_strdup(message);
}

/* Who shows a wrong token waits for the answer, the longer the more often; who shows a right one from the same
 * address does not. */
void access_refuse_wrong(struct zrms *zrms, struct http_request *request, char *take_message)
{
	struct asker *asker = http_user(request);
	http_refuse_late(request, (struct http_refusal){.status = 401,
							.code = "denied",
							.message = take_message,
							.after_ms = attempt_delay_ms(
								count_refusal(zrms, asker))});
}

/* Of a cookie, which a page shows again and again, also when its session is over. */
static struct http_refusal unknown_session(struct zrms *zrms, struct http_request *request,
					   struct asker *asker)
{
	session_cookie_set(request, control_cluster(zrms->control), NULL, 0);
	return (struct http_refusal){.status = 401,
				     .code = "denied",
				     .after_ms = attempt_delay_ms(count_refusal(zrms, asker)),
				     .message =
					     mem_strdup("the session is over: sign in again")};
}

static struct http_refusal unknown(struct zrms *zrms, struct http_request *request,
				   struct asker *asker, bool has_token)
{
	uint32_t count = count_refusal(zrms, asker);
	http_add_header(request, "WWW-Authenticate", "Bearer");
	asker->is_change |= has_token;
	return (struct http_refusal){
		.status = 401,
		.code = "denied",
		.after_ms = has_token ? attempt_delay_ms(count) : 0,
		.message = mem_strdup(
			has_token
				? "the token is not known here: it was removed, replaced or "
				  "is over, or belongs to another cluster"
				: "who asks? Show a token in the header Authorization: Bearer "
				  "TOKEN; that of this machine's administrator is in "
				  "credentials/local-admin of zrms' directory")};
}

/* Once in a while: not a write for each request. */
static void note_use(struct zrms *zrms, const struct asker *asker)
{
	int64_t wall_ms = loop_now(&zrms->loop).wall_ms;
	const Samoza__V1__SignInRecord *session =
		asker->is_session ? session_of(zrms, asker->hash) : NULL;
	const uint8_t *hash = session != NULL ? session->credential.data : asker->hash;
	if (!asker->has_credential || store_is_failing(zrms->store) ||
	    !control_use_is_new(zrms->control, hash, wall_ms))
		return;
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	record.name = asker->principal->name;
	record.role = asker->principal->role;
	const struct control_input input = {
		.type = CONTROL_CREDENTIAL,
		.credential = {.action = CREDENTIAL_USED, .record = &record}};
	commit_driver_input(zrms->commits, &input);
}

/* Also what the settings open. */
static bool is_open(const struct zrms *zrms, const struct http_route *route)
{
	return route->needs == ACCESS_NOBODY || (str_equal(route->operation, "getMetrics") &&
						 str_equal(zrms->settings.metrics, "public"));
}

/* Another port of this host gets the cookie, too, and knows no more than that. */
static bool lacks_word(struct zrms *zrms, const struct http_request *request,
		       const struct asker *asker)
{
	uint8_t hash[TOKEN_HASH_SIZE];
	const Samoza__V1__SignInRecord *session =
		asker->is_session && asker->is_change ? session_of(zrms, asker->hash) : NULL;
	const char *word = http_header(request, SESSION_WORD_HEADER);
	if (session == NULL)
		return false;
	if (word == NULL || !token_has_form(word, SIGN_IN_WORD_PREFIX))
		return true;
	token_hash(word, hash);
	return !token_hashes_are_equal(hash, session->word.data);
}

static struct http_refusal denied(char *take_message)
{
	return (struct http_refusal){.status = 403, .code = "denied", .message = take_message};
}

struct http_refusal access_admit(void *context, struct http_request *request,
				 const struct http_route *route)
{
	struct zrms *zrms = context;
	const char *token = shown_token(request);
	bool is_member = members_admit(zrms, request, route);
	if (stands_by(zrms) && is_member && !members_ask_leader(route))
		return (struct http_refusal){0};
	if (stands_by(zrms))
		return standby_admit(zrms, request, route);
	if (is_open(zrms, route))
		return (struct http_refusal){0};
	struct asker *asker = asker_new(zrms, request, access_is_change(route));
	if (is_member) {
		asker->principal = access_principal_copy(
			&(struct principal){.name = (char *)(uintptr_t)http_peer(request)->name,
					    .role = ACCESS_ZHOST});
		asker->is_member = true;
		return (struct http_refusal){0};
	}
	struct principal zhost;
	const struct principal *p = find_shown(zrms, request, token, asker, &zhost);
	if (!certain_is(zrms->certain) &&
	    (p == NULL || !access_covers(p->role, (enum access_role)route->needs)))
		return certain_refusal(request);
	if (p == NULL && asker->is_session)
		return unknown_session(zrms, request, asker);
	if (p == NULL)
		return unknown(zrms, request, asker, token != NULL);
	asker->principal = access_principal_copy(p);
	asker->is_certified = p == &zhost;
	note_use(zrms, asker);
	if (!access_covers(p->role, (enum access_role)route->needs))
		return denied(str_printf("%s has the role %s; this needs the role %s", p->name,
					 access_role_name(p->role),
					 access_role_name((enum access_role)route->needs)));
	/* Its cookie goes to every port of a host, and a link is opened by GET, which needs no word. */
	if (asker->is_session && route->needs == ACCESS_ZHOST)
		return denied(mem_strdup("a session is not for zhosts: show a token"));
	if (lacks_word(zrms, request, asker))
		return denied(mem_strdup(
			"a change by a session needs its word, which was told at the sign-in, "
			"in the header " SESSION_WORD_HEADER));
	return request_key_admit(asker, request, route);
}

/* What cannot be written now is in the log alone. */
static void refusal_tell(struct zrms *zrms, struct asker *asker, const char *code,
			 const char *message)
{
	CLEANUP(freep) char *text = told_text(zrms, asker, message);
	if (text == NULL)
		return;
	if (store_is_failing(zrms->store)) {
		log_warn("audit", "refused", LOG_S("address", asker->address),
			 LOG_S("request", asker->request), LOG_S("code", code));
		return;
	}
	const struct control_input input = {
		.type = CONTROL_REFUSED,
		.principal = asker->principal,
		.origin = {.address = asker->address, .request = asker->request},
		.refused = {.code = code, .message = text}};
	commit_driver_input(zrms->commits, &input);
}

void access_refused(void *context, struct http_request *request, const char *code,
		    const char *message)
{
	struct asker *asker = http_user(request);
	if (asker == NULL || !asker->is_change)
		return;
	asker->is_change = false;
	refusal_tell(context, asker, code, message);
}

void access_refused_at_zedge(struct zrms *zrms, const char *address, const char *request,
			     const char *message)
{
	struct asker asker = {.zrms = zrms,
			      .address = (char *)(uintptr_t)address,
			      .request = (char *)(uintptr_t)request};
	refusal_tell(zrms, &asker, "denied", message);
}

/* ---- life ---- */

static bool is_good(void *user, const uint8_t hash[CREDENTIAL_HASH_SIZE])
{
	struct zrms *zrms = user;
	const Samoza__V1__SignInRecord *session = session_of(zrms, hash);
	return access_credential(zrms, session != NULL ? session->credential.data : hash) !=
	       NULL;
}

int access_local_admin_open(struct access *access, const char *dir, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/credentials/local-admin", dir);
	CLEANUP(token_freep) char *token = NULL;
	CLEANUP(error_freep) struct error *missing = NULL;
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

int access_open(struct access *access, struct zrms *zrms, const char *dir, struct error **err)
{
	access->zrms = zrms;
	access_watches_init(&access->open, &zrms->loop, is_good, zrms);
	/* Causes of events call it so. */
	access->local_admin =
		(struct principal){.name = (char *)"operator", .role = ACCESS_ADMIN};
	return access_local_admin_open(access, dir, err);
}

void access_close(struct access *access)
{
	access_watches_done(&access->open);
	attempts_done(&access->attempts);
}
