/* The way into a page that asks for a token: who shows nothing that is good gets a form for a sign-in code. */
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "base/buffer.h"
#include "base/str.h"
#include "zhost/edge/edge_state.h"

#define COOKIE	    "samoza-page-session="
#define NONCE_BYTES 16

/* ---- what is shown ---- */

/* The value of the cookie, which the caller frees; NULL: there is none of that form. */
static char *cookie_shown(const struct http_request *q)
{
	const size_t name = strlen(COOKIE);
	const char *at = http_header(q, "Cookie");
	while (at != NULL && *at != '\0') {
		at += strspn(at, "; ");
		size_t size = strcspn(at, ";");
		if (size > name && strncmp(at, COOKIE, name) == 0) {
			char *secret = mem_strndup(at + name, size - name);
			if (token_has_form(secret, SIGN_IN_SESSION_PREFIX))
				return secret;
			token_free(secret);
		}
		at += size;
	}
	return NULL;
}

bool page_shown(const struct http_request *q, uint8_t ret_hash[TOKEN_HASH_SIZE])
{
	static const char scheme[] = "Bearer ";
	const char *text = http_header(q, "Authorization");
	if (text != NULL && strncasecmp(text, scheme, strlen(scheme)) == 0) {
		text += strlen(scheme);
		text += strspn(text, " ");
		if (!token_has_form(text, TOKEN_OF_PERSON))
			return false;
		token_hash(text, ret_hash);
		return true;
	}
	CLEANUP(token_freep) char *secret = cookie_shown(q);
	if (secret == NULL)
		return false;
	token_hash(secret, ret_hash);
	return true;
}

/* `for_ms` 0: it is taken back. */
static void cookie_set(const struct edge *e, struct http_request *q, const char *secret,
		       int64_t for_ms)
{
	bool is_secure = str_equal(audience_scheme(e->audience, q), "https");
	CLEANUP(token_freep)
	char *text =
		str_printf(COOKIE "%s; Path=/%s/%s/; Max-Age=%lld; HttpOnly; SameSite=Lax%s",
			   secret, http_param(q, "topology"), http_param(q, "space"),
			   (long long)(for_ms / 1000), is_secure ? "; Secure" : "");
	http_add_header(q, "Set-Cookie", text);
}

/* ---- the form ---- */

/* The code may stand after '#', which browsers send to nobody. */
static const char form[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	"<meta name=\"viewport\" content=\"width=device-width\">"
	"<title>Sign in: %1$s/%2$s</title>"
	"<style nonce=\"%3$s\">body{font:16px system-ui,sans-serif;max-width:34em;"
	"margin:4em auto;padding:0 1em}input{width:100%%;font:inherit}</style></head><body>\n"
	"<h1>%1$s/%2$s</h1>\n<p role=\"alert\">%4$s</p>\n"
	"<p>This page is for those who have signed in. Make a code with<br>"
	"<code>zshell user code --page %1$s/%2$s</code></p>\n"
	"<form method=\"post\" action=\"/%1$s/%2$s/_samoza/sign-in\">"
	"<p><label>Sign-in code <input name=\"code\" autocomplete=\"off\" required></label></p>"
	"<p><button>Sign in</button></p></form>\n"
	"<script nonce=\"%3$s\">const f=document.forms[0],c=location.hash.slice(1);"
	"if(c){history.replaceState(null,\"\",location.pathname);f.code.value=c;f.submit()}"
	"</script>\n</body></html>\n";

/* PRE: the names of the URL are those of a space, so nothing in them is to be encoded. */
static void reply_form(const struct edge *e, struct http_request *q, unsigned status,
		       const char *why)
{
	const char *topology = http_param(q, "topology"), *space = http_param(q, "space");
	uint8_t raw[NONCE_BYTES];
	char nonce[2 * NONCE_BYTES + 1];
	randombytes_buf(raw, sizeof(raw));
	(void)sodium_bin2hex(nonce, sizeof(nonce), raw, sizeof(raw));
	CLEANUP(freep)
	char *policy = str_printf(
		"default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; "
		"form-action %s://%s/%s/%s/; frame-ancestors 'none'; base-uri 'none'",
		nonce, nonce, audience_scheme(e->audience, q), http_header(q, "Host"), topology,
		space);
	http_add_header(q, "Content-Security-Policy", policy);
	http_add_header(q, "Referrer-Policy", "same-origin");
	http_add_header(q, "Cache-Control", "no-store");
	http_add_header(q, "Vary", "Cookie, Authorization");
	char *body = str_printf(form, topology, space, nonce, why);
	http_reply(q, status, "text/html; charset=utf-8", body, strlen(body));
}

static bool is_navigation(const struct http_request *q)
{
	const char *accept = http_header(q, "Accept");
	return str_equal(http_method(q), "GET") && accept != NULL &&
	       strstr(accept, "text/html") != NULL;
}

static void refuse(const struct edge *e, struct http_request *q, enum page_verdict verdict,
		   bool is_shown)
{
	if (verdict == PAGE_LATER) {
		http_add_header(q, "Retry-After", "5");
		http_reply_failure(q, 503, "unavailable",
				   "zrms cannot be asked now who may see this page: try again");
		return;
	}
	const char *why = !is_shown ? "" : "You are no longer signed in.";
	if (is_navigation(q)) {
		reply_form(e, q, 401, why);
		return;
	}
	http_add_header(q, "WWW-Authenticate", "Bearer");
	http_add_header(q, "Cache-Control", "no-store");
	http_reply_failure(
		q, 401, "denied",
		is_shown ? "what is shown opens this page no longer, or never did: sign "
			   "in again, or show the token of a viewer who sees the "
			   "topology"
			 : "this page is for those who have signed in, or show the token "
			   "of a viewer who sees the topology");
}

/* ---- the gate ---- */

struct entering {
	struct page_wait wait; /* first */
	struct edge *edge;
	struct http_request *request;
	page_serve_fn *serve;
};

static void on_verdict(struct page_wait *wait, enum page_verdict verdict, int64_t for_ms)
{
	const struct entering *w = (const struct entering *)wait;
	(void)for_ms;
	if (verdict != PAGE_GRANTED) {
		refuse(w->edge, w->request, verdict, true);
		return;
	}
	struct mesh_peer *peer = page_find(w->edge, w->request); /* of now */
	if (peer != NULL)
		w->serve(w->edge, w->request, peer);
}

void page_enter(struct edge *e, struct http_request *q, page_serve_fn *serve)
{
	uint8_t hash[TOKEN_HASH_SIZE];
	struct mesh_peer *peer = page_find(e, q);
	if (peer == NULL)
		return;
	if (!page_asks_token(e, peer)) {
		serve(e, q, peer);
		return;
	}
	if (!page_shown(q, hash)) {
		refuse(e, q, PAGE_REFUSED, false);
		return;
	}
	struct entering *w = mem_new(struct entering);
	*w = (struct entering){
		.wait = {.fn = on_verdict}, .edge = e, .request = q, .serve = serve};
	page_access_check(e->access, http_param(q, "topology"), http_param(q, "space"), hash,
			  &w->wait);
}

/* ---- signing in ---- */

struct signing_in {
	struct page_wait wait; /* first */
	struct edge *edge;
	struct http_request *request;
	char *secret;
};

static void on_signed_in(struct page_wait *wait, enum page_verdict verdict, int64_t for_ms)
{
	struct signing_in *w = (struct signing_in *)wait;
	struct http_request *q = w->request;
	if (verdict == PAGE_GRANTED) {
		CLEANUP(freep)
		char *to = str_printf("/%s/%s/", http_param(q, "topology"),
				      http_param(q, "space"));
		cookie_set(w->edge, q, w->secret, for_ms);
		http_add_header(q, "Cache-Control", "no-store");
		http_add_header(q, "Location", to);
		http_reply(q, 303, NULL, NULL, 0);
	} else if (verdict == PAGE_REFUSED) {
		reply_form(w->edge, q, 401,
			   "The code is not good here: it was used, is over, or is for another "
			   "page.");
	} else {
		refuse(w->edge, q, verdict, true);
	}
	token_free(w->secret);
}

/* "smzc_…" of "code=smzc_…", as a form sends it; the caller frees. NULL: it is none. */
static char *code_of(const struct http_request *q)
{
	static const char field[] = "code=";
	const char *body = http_body_data(q);
	if (body == NULL || strncmp(body, field, strlen(field)) != 0)
		return NULL;
	body += strlen(field);
	body += strspn(body, "+"); /* blanks, where it was pasted */
	char *code = mem_strndup(body, strcspn(body, "+&\r\n"));
	if (token_has_form(code, SIGN_IN_CODE_PREFIX))
		return code;
	token_free(code);
	return NULL;
}

/* NULL after a 404: there is no such page, or it asks for nothing. */
static const struct mesh_peer *find_asking(struct edge *e, struct http_request *q)
{
	const struct mesh_peer *peer = page_find(e, q);
	if (peer == NULL || page_asks_token(e, peer))
		return peer;
	http_reply_failure(q, 404, "not-found", "this page is for everybody");
	return NULL;
}

void page_on_sign_in_form(void *context, struct http_request *q)
{
	if (find_asking(context, q) != NULL)
		reply_form(context, q, 200, "");
}

void page_on_sign_in(void *context, struct http_request *q)
{
	struct edge *e = context;
	uint8_t code_hash[TOKEN_HASH_SIZE], hash[TOKEN_HASH_SIZE];
	if (find_asking(e, q) == NULL)
		return;
	CLEANUP(token_freep) char *code = code_of(q);
	if (code == NULL) {
		reply_form(e, q, 400, "That is no sign-in code: one begins with smzc_.");
		return;
	}
	token_hash(code, code_hash);
	struct signing_in *w = mem_new(struct signing_in);
	*w = (struct signing_in){.wait = {.fn = on_signed_in},
				 .edge = e,
				 .request = q,
				 .secret = token_new(SIGN_IN_SESSION_PREFIX)};
	token_hash(w->secret, hash);
	CLEANUP(freep) char *address = client_address_text(audience_client(q));
	page_access_sign_in(e->access, http_param(q, "topology"), http_param(q, "space"), hash,
			    code_hash, address, &w->wait);
}
