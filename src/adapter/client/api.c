#include "adapter/client/api_places.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapter/cli/version.h"
#include "adapter/client/api_secure.h"
#include "adapter/client/api_socket.h"
#include "adapter/client/interrupt.h"
#include "adapter/client/view.h"
#include "adapter/token/known_cluster.h"
#include "adapter/token/token.h"
#include "base/check.h"
#include "base/str.h"
#include "base/text.h"
#include "proto/view.pb-c.h"

#define BODY_MAX	   ((size_t)1 << 30)
#define CONNECT_TIMEOUT_MS 5000L
#define ANSWER_TIMEOUT_MS  60000L
/* What only reads is answered at once; a large answer keeps coming. */
#define READ_SILENCE_S 10L
#define SLOW_AFTER_MS  2000
#define POLL_MAX_MS    300
/* The modules of a package are translated and compiled before the answer. */
#define UPLOAD_TIMEOUT_MS (30 * 60000L)

int api_new(const char *url, struct api **ret_api, struct error **err)
{
	struct api *api = mem_new(struct api);
	int r = api_places_read(api, url, err);

	if (r == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		r = error_set(err, ERR_IO, "cannot start libcurl");
	if (r == 0 && str_has_prefix(url, API_SOCKET))
		r = api_socket_new(url + strlen(API_SOCKET), &api->socket, err);
	if (r < 0) {
		api_places_done(api);
		free(api);
		return r;
	}
	api->easy = curl_easy_init();
	api->multi = curl_multi_init();
	INVARIANT(api->easy != NULL && api->multi != NULL);
	*ret_api = api;
	return 0;
}

int api_authorize(struct api *api, const char *file, struct error **err)
{
	token_free(steal_ptr(&api->token));
	return known_token(api->url, file, &api->token, err);
}

void api_show(struct api *api, const char *token)
{
	token_free(api->token);
	api->token = mem_strdup(token);
}

void api_free(struct api *api)
{
	if (api == NULL)
		return;
	token_free(api->token);
	curl_easy_cleanup(api->easy);
	(void)curl_multi_cleanup(api->multi);
	free(api->refused);
	error_free(api->verifier.why);
	pki_trust_free(api->own_trust);
	api_socket_free(api->socket);
	api_places_done(api);
	free(api);
}

const char *api_url(const struct api *api)
{
	return api->url;
}

void api_forget_refusal(struct api *api)
{
	free(steal_ptr(&api->refused));
}

const char *api_refused(const struct api *api)
{
	return api->refused;
}

char *api_manual(const struct api *api, const char *page, const char *section)
{
	if (section == NULL)
		return NULL;
	/* No browser opens a socket. */
	return str_printf("%s/docs/%s.html#%s", api->socket == NULL ? api->url : "", page,
			  section);
}

void api_set_timeout(struct api *api, int64_t timeout_ms)
{
	api->timeout_ms = timeout_ms;
}

void api_on_slow(struct api *api, api_slow_fn slow, void *data)
{
	api->slow = slow;
	api->slow_data = data;
}

void api_on_notice(struct api *api, api_notice_fn notice, void *data)
{
	api->notice = notice;
	api->notice_data = data;
	api->was_noticed = false;
}

/* Percent-encodes all but letters, digits, -._~ and /. */
static void add_escaped(struct buffer *out, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";

	for (; *s != '\0'; s++) {
		if (strchr(plain, *s) != NULL)
			(void)buffer_add(out, s, 1);
		else
			(void)buffer_printf(out, "%%%02X", (unsigned)(unsigned char)*s);
	}
}

char *api_path(const char *literal, ...)
{
	struct buffer out = BUFFER_INIT(1 << 20);
	const char *piece = literal;
	bool escaped = false;
	va_list args;

	va_start(args, literal);
	for (; piece != NULL; piece = va_arg(args, const char *)) {
		if (escaped)
			add_escaped(&out, piece);
		else
			(void)buffer_add_string(&out, piece);
		escaped = !escaped;
	}
	va_end(args);
	return buffer_steal(&out);
}

/* ---------------------------------------------------------------- one transfer */

static void url_prepare(struct api *api, const char *url)
{
	CURL *c = api->easy;

	curl_easy_reset(c);
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	/* zrms is near; a proxy for the web has no business in between. */
	(void)curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "zshell/" SAMOZA_VERSION);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
}

void api_prepare(struct api *api, const char *url)
{
	free(steal_ptr(&api->refused));
	url_prepare(api, url);
	api_connects_to(api, api->easy);
	api_secure_prepare(api, api->easy);
}

/* A zedge has a certificate for browsers, and is often reached by another name than they use. Whether it answers is
 * all that is asked, and no credential goes there. */
static void stranger_prepare(struct api *api, const char *url)
{
	url_prepare(api, url);
	(void)curl_easy_setopt(api->easy, CURLOPT_SSL_VERIFYPEER, 0L);
	(void)curl_easy_setopt(api->easy, CURLOPT_SSL_VERIFYHOST, 0L);
}

static bool is_of_zrms(const struct api *api, const char *url)
{
	size_t size = strlen(api->url);
	return strncmp(url, api->url, size) == 0 && (url[size] == '\0' || url[size] == '/');
}

struct curl_slist *api_headers(const struct api *api, const char *first)
{
	struct curl_slist *headers = curl_slist_append(NULL, first);

	/* A secret does not go where it can be read on the way. */
	if (api->token == NULL || api_is_exposed(api))
		return headers;
	CLEANUP(token_freep) char *line = str_printf("Authorization: Bearer %s", api->token);
	return curl_slist_append(headers, line);
}

static int interrupted(struct error **err)
{
	return error_set(err, ERR_STALE, "interrupted");
}

/* Tells of a slow request when it is time to. How long may be waited until this is to be
 * called again. */
static int tell_slow(struct api *api)
{
	int64_t left = api->tell_mono_ms - mono_now_ms();

	if (api->tell_mono_ms == 0 || left >= POLL_MAX_MS)
		return POLL_MAX_MS;
	if (left > 0)
		return (int)left;
	api->tell_mono_ms = 0;
	api->slow(api->slow_data, api->url);
	return POLL_MAX_MS;
}

int api_run(struct api *api, CURLcode *ret_curl, struct error **err)
{
	char why[CURL_ERROR_SIZE] = "";
	CURLcode code = CURLE_OK;
	int running = 1;
	int r = 0;

	(void)curl_easy_setopt(api->easy, CURLOPT_ERRORBUFFER, why);
	(void)curl_multi_add_handle(api->multi, api->easy);
	while (r == 0 && running > 0) {
		struct curl_waitfd extra = {.fd = interrupt_fd(), .events = CURL_WAIT_POLLIN};
		unsigned extras = extra.fd >= 0 ? 1 : 0;

		if (curl_multi_perform(api->multi, &running) != CURLM_OK)
			IMPOSSIBLE("curl_multi_perform fails");
		if (interrupt_pending())
			r = interrupted(err);
		else if (running > 0)
			(void)curl_multi_poll(api->multi, &extra, extras, tell_slow(api), NULL);
	}
	for (int left = 1; r == 0 && left > 0;) {
		const CURLMsg *message = curl_multi_info_read(api->multi, &left);

		if (message != NULL && message->msg == CURLMSG_DONE)
			code = message->data.result;
	}
	(void)curl_multi_remove_handle(api->multi, api->easy);
	(void)curl_easy_setopt(api->easy, CURLOPT_ERRORBUFFER, NULL);
	*ret_curl = code;
	if (r == 0 && code != CURLE_OK) {
		CLEANUP(freep)
		char *safe = text_escaped(why[0] != '\0' ? why : curl_easy_strerror(code));

		r = error_set(err, ERR_UNAVAILABLE, "%s", safe);
	}
	return r;
}

static size_t take_body(char *data, size_t one, size_t size, void *to)
{
	return buffer_add(to, data, size) == 0 ? size : 0;
}

/* ---------------------------------------------------------------- answers */

static enum error_code code_of(long status)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_DENIED;
	case 404:
		return ERR_NOT_FOUND;
	case 409:
		return ERR_CONFLICT;
	case 413:
		return ERR_LIMIT;
	case 503:
		return ERR_TIMEOUT;
	default:
		return status >= 500 ? ERR_IO : ERR_INVALID;
	}
}

int api_refusal(struct api *api, long status, const struct buffer *body, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__ErrorView *view = NULL;
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 20);

	if (api_secure_is_asked(body->data, body->size))
		return error_set(err, ERR_INVALID,
				 "that port speaks TLS: give its address with https://");
	if (body->size == 0 || view_read(&samoza__v1__error_view__descriptor, body->data,
					 body->size, (ProtobufCMessage **)&view, NULL) < 0)
		return error_set(
			err, code_of(status),
			"the answer is HTTP status %ld, without a reason: is that zrms?",
			status);
	free(api->refused);
	api->refused = mem_strdup(view->error->code);
	text_escape(&text, view->error->message);
	for (size_t i = 0; i < view->error->n_details; i++) {
		/* zrms may put the first finding into the message too. */
		if (str_equal(view->error->details[i], view->error->message))
			continue;
		(void)buffer_add_string(&text, "\n  ");
		text_escape(&text, view->error->details[i]);
	}
	if (status == 401)
		(void)buffer_add_string(
			&text, "\n  give it with --token-file FILE, or in SAMOZA_TOKEN");
	return error_set(err, code_of(status), "%s", text.data != NULL ? text.data : "");
}

static int unreachable(const struct api *api, CURLcode code, struct error **err)
{
	struct error *e = err != NULL ? *err : NULL;
	curl_off_t spent_us = 0;
	CLEANUP(freep) char *why = mem_strdup(e != NULL ? e->message : "");

	if (err != NULL) {
		error_free(*err);
		*err = NULL;
	}
	int r = api_secure_trouble(api, code, why, err);
	if (r < 0)
		return r;
	(void)curl_easy_getinfo(api->easy, CURLINFO_TOTAL_TIME_T, &spent_us);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return error_set(
			err, ERR_UNAVAILABLE,
			"zrms at %s does not answer: no data for %.1f s; it may be busy or "
			"blocked, see its log",
			api->url, (double)spent_us / 1e6);
	return error_set(err, ERR_UNAVAILABLE, "zrms cannot be reached at %s: %s", api->url,
			 why);
}

static void tell_notice(struct api *api)
{
	struct curl_header *header = NULL;

	if (api->notice == NULL || api->was_noticed ||
	    curl_easy_header(api->easy, "Samoza-Notice", 0, CURLH_HEADER, -1, &header) !=
		    CURLHE_OK)
		return;
	api->was_noticed = true;
	api->notice(api->notice_data, header->value);
}

static int finish(struct api *api, const struct buffer *body,
		  const ProtobufCMessageDescriptor *type, void **ret_message,
		  struct error **err)
{
	ProtobufCMessage *message = NULL;
	long status = 0;

	(void)curl_easy_getinfo(api->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 299)
		return api_refusal(api, status, body, err);
	tell_notice(api);
	if (type == NULL)
		return 0;
	if (view_read(type, body->data != NULL ? body->data : "", body->size, &message, err) <
	    0) {
		(void)error_wrap(
			err,
			"%s sent an answer that version %s of this program does not understand",
			api->url, SAMOZA_VERSION);
		return ERR_INVALID;
	}
	*ret_message = message;
	return 0;
}

/* Runs what is prepared and reads the answer. */
static int exchange(struct api *api, struct api_attempt *a, long timeout_ms,
		    const ProtobufCMessageDescriptor *type, void **ret_message,
		    struct error **err)
{
	CLEANUP(buffer_done) struct buffer body = BUFFER_INIT(BODY_MAX);

	if (api->timeout_ms > 0)
		timeout_ms = (long)api->timeout_ms;
	(void)curl_easy_setopt(api->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	(void)curl_easy_setopt(api->easy, CURLOPT_WRITEFUNCTION, take_body);
	(void)curl_easy_setopt(api->easy, CURLOPT_WRITEDATA, &body);
	api->tell_mono_ms = api->slow != NULL ? mono_now_ms() + SLOW_AFTER_MS : 0;
	for (;;) {
		CLEANUP(error_freep) struct error *why = NULL;
		CURLcode code = CURLE_OK;

		buffer_clear(&body);
		if (a->file != NULL)
			rewind(a->file);
		int r = api_run(api, &code, &why);
		int again = api_places_again(api, a, r, code, err);
		if (again > 0) {
			api_places_prepare(api, a->path);
			continue;
		}
		api->tell_mono_ms = 0;
		if (again < 0)
			return again;
		if (r < 0 && r != ERR_UNAVAILABLE)
			return error_move(err, steal_ptr(&why));
		if (r < 0)
			(void)error_move(err, steal_ptr(&why));
		return r < 0 ? unreachable(api, code, err)
			     : finish(api, &body, type, ret_message, err);
	}
}

int api_get(struct api *api, const char *path, const ProtobufCMessageDescriptor *type,
	    void **ret_message, struct error **err)
{
	CLEANUP(freep) char *url = str_printf("%s%s", api->base, path);
	struct curl_slist *headers = api_headers(api, "Accept: application/json");
	int r;

	api_prepare(api, url);
	(void)curl_easy_setopt(api->easy, CURLOPT_HTTPHEADER, headers);
	if (api->timeout_ms == 0) {
		(void)curl_easy_setopt(api->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		(void)curl_easy_setopt(api->easy, CURLOPT_LOW_SPEED_TIME, READ_SILENCE_S);
	}
	r = exchange(api, &(struct api_attempt){.path = path, .only_reads = true},
		     ANSWER_TIMEOUT_MS, type, ret_message, err);
	curl_slist_free_all(headers);
	return r;
}

int api_send(struct api *api, const char *method, const char *path, const char *body,
	     const ProtobufCMessageDescriptor *type, void **ret_message, struct error **err)
{
	CLEANUP(freep) char *url = str_printf("%s%s", api->base, path);
	CLEANUP(freep) char *key = api_key_header();
	struct curl_slist *headers = api_headers(api, "Content-Type: application/json");
	int r;

	headers = curl_slist_append(headers, key);
	api_prepare(api, url);
	(void)curl_easy_setopt(api->easy, CURLOPT_POSTFIELDS, body != NULL ? body : "");
	(void)curl_easy_setopt(api->easy, CURLOPT_CUSTOMREQUEST, method);
	(void)curl_easy_setopt(api->easy, CURLOPT_HTTPHEADER, headers);
	r = exchange(api, &(struct api_attempt){.path = path, .has_key = true},
		     ANSWER_TIMEOUT_MS, type, ret_message, err);
	curl_slist_free_all(headers);
	return r;
}

static size_t give_file(char *to, size_t size, size_t count, void *file)
{
	size_t n = fread(to, 1, size * count, file);

	return n == 0 && ferror((FILE *)file) ? CURL_READFUNC_ABORT : n;
}

/* For a second attempt after an answer that came before the body. */
static int rewind_file(void *file, curl_off_t offset, int origin)
{
	return fseeko(file, offset, origin) == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static int open_file(const char *path, FILE **ret_file, off_t *ret_size, struct error **err)
{
	FILE *file = fopen(path, "re");
	struct stat st;

	if (file == NULL)
		return error_errno(err, "cannot read %s", path);
	if (fstat(fileno(file), &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)fclose(file);
		if (S_ISDIR(st.st_mode))
			return error_set(
				err, ERR_INVALID,
				"%s is a directory\nPack it first: mex build %s -o FILE.mex",
				path, path);
		return error_set(err, ERR_INVALID, "%s is not a file", path);
	}
	*ret_file = file;
	*ret_size = st.st_size;
	return 0;
}

int api_check_file(const char *path, struct error **err)
{
	FILE *file = NULL;
	off_t size = 0;
	int r = open_file(path, &file, &size, err);

	if (r == 0)
		(void)fclose(file);
	return r;
}

int api_upload(struct api *api, const char *path, const char *content_type, const char *name,
	       const ProtobufCMessageDescriptor *type, void **ret_message, struct error **err)
{
	CLEANUP(freep) char *url = str_printf("%s%s", api->base, path);
	CLEANUP(freep) char *header = str_printf("Content-Type: %s", content_type);
	CLEANUP(freep) char *key = api_key_header();
	struct curl_slist *headers;
	FILE *file = NULL;
	off_t size = 0;
	int r = open_file(name, &file, &size, err);

	if (r < 0)
		return r;
	headers = curl_slist_append(api_headers(api, header), key);
	api_prepare(api, url);
	(void)curl_easy_setopt(api->easy, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(api->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
	(void)curl_easy_setopt(api->easy, CURLOPT_READFUNCTION, give_file);
	(void)curl_easy_setopt(api->easy, CURLOPT_READDATA, file);
	(void)curl_easy_setopt(api->easy, CURLOPT_SEEKFUNCTION, rewind_file);
	(void)curl_easy_setopt(api->easy, CURLOPT_SEEKDATA, file);
	(void)curl_easy_setopt(api->easy, CURLOPT_HTTPHEADER, headers);
	r = exchange(api, &(struct api_attempt){.path = path, .file = file, .has_key = true},
		     UPLOAD_TIMEOUT_MS, type, ret_message, err);
	curl_slist_free_all(headers);
	(void)fclose(file);
	return r;
}

int api_probe(struct api *api, const char *url, long *ret_status, struct error **err)
{
	CLEANUP(buffer_done) struct buffer body = BUFFER_INIT(1 << 20);
	CURLcode code = CURLE_OK;
	int r;

	if (is_of_zrms(api, url))
		api_prepare(api, url);
	else
		stranger_prepare(api, url);
	(void)curl_easy_setopt(api->easy, CURLOPT_TIMEOUT_MS, 2000L);
	(void)curl_easy_setopt(api->easy, CURLOPT_WRITEFUNCTION, take_body);
	(void)curl_easy_setopt(api->easy, CURLOPT_WRITEDATA, &body);
	r = api_run(api, &code, err);
	if (r == 0)
		(void)curl_easy_getinfo(api->easy, CURLINFO_RESPONSE_CODE, ret_status);
	return r;
}
