/*
 * What programs ask of zrms: requests with an answer, and streams of server-sent events.
 *
 *   CLEANUP(freep) char *path = api_path("/v1/topologies/", id, "/spaces/", instance, NULL);
 *   r = api_get(api, path, &samoza__v1__space_view__descriptor, (void **)&view, &err);
 *
 * Errors: ERR_UNAVAILABLE only where zrms cannot be reached at all (exit status 3). A refusal
 * has the code that its HTTP status means, and zrms's own message with its details. Messages
 * may have several lines; every line is fit for a terminal.
 */
#ifndef SAMOZA_ADAPTER_CLIENT_API_H
#define SAMOZA_ADAPTER_CLIENT_API_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct api;
struct pki_trust;

/* `url` as given by a person: "http://127.0.0.1:7331", also without http:// or with / at the
 * end; several of one cluster, of which one is tried after the other: "https://a:7331,b:7331"; "unix:PATH" is the socket of zrms' directory, DIR/api.sock. ERR_INVALID for what is none. */
int api_new(const char *url, struct api **ret_api, struct error **err) must_check;
void api_free(struct api *api);
/* Shows the token that known_token() finds (adapter/token/known_cluster.h), if any. `file` NULL: none is
 * given. */
int api_authorize(struct api *api, const char *file, struct error **err) must_check;
/* Shows this token from now on. Copies. */
void api_show(struct api *api, const char *token);
/* Where requests go now: "http://127.0.0.1:7331", borrowed until the next one. */
const char *api_url(const struct api *api);
/* Whom to believe over https:// from now on, which must outlive it: machines of the cluster with the role
 * zrms, under whatever address. Without it: those whom the system believes. A server that is not believed is
 * ERR_DENIED. */
void api_trust(struct api *api, const struct pki_trust *trust);
/* The same: the authorities in `ca_file`, or that whose key has the SHA-256 `fingerprint`, 64 hexadecimal digits.
 * Both NULL: nothing changes. ERR_INVALID: no certificates, or no fingerprint. */
int api_believe(struct api *api, const char *ca_file, const char *fingerprint,
		struct error **err) must_check;
/* The same with the certificates of authorities as PEM; and those that are believed now, NULL: none by their
 * certificates. The caller frees. */
int api_believe_authorities(struct api *api, const char *pem, struct error **err) must_check;
char *api_authorities(const struct api *api);
/* The fingerprint of the authority that the server at https:// presents, believed or not: a person compares it. Nothing
 * is sent. `ret_fingerprint`: PKI_PIN_HEX bytes. */
int api_presented(struct api *api, char *ret_fingerprint, struct error **err) must_check;
/* Whether nobody on the way can read what is sent to it. */
bool api_is_safe(const struct api *api);
/* The code of the refusal that the last request met, as in docs/manual/refusals.md: "conflict". NULL: it was answered, or
 * there was no answer. Borrowed until the next request. */
const char *api_refused(const struct api *api);
/* The next one is that of what is asked from now on. */
void api_forget_refusal(struct api *api);
/* Where the manual that zrms serves says more, for people: "http://127.0.0.1:7331/docs/refusals.html#conflict", of "refusals"
 * and "conflict". The caller frees. NULL for `section` NULL. */
char *api_manual(const struct api *api, const char *page, const char *section);
/* Requests end after this time. 0: the usual, which is 10 s without a byte for what is only
 * read, 60 s for what changes something, and 30 min for uploads. */
void api_set_timeout(struct api *api, int64_t timeout_ms);
/* Told once for each request (not of streams) that has no answer after 2 s. */
typedef void (*api_slow_fn)(void *data, const char *url);
void api_on_slow(struct api *api, api_slow_fn slow, void *data);
/* Told of the first answer from now on with a notice (`Samoza-Notice`): it is true, but not all that there is
 * to know. NULL: of none. */
typedef void (*api_notice_fn)(void *data, const char *text);
void api_on_notice(struct api *api, api_notice_fn notice, void *data);

/* Joins pieces; every second one (from the second on) is escaped, `/` in it stays. The caller
 * frees. Ends with NULL. */
char *api_path(const char *literal, ...) __attribute__((sentinel));

/* All: *ret_message (view_free) of type `type`; with type NULL the answer's body is dropped. */
int api_get(struct api *api, const char *path, const ProtobufCMessageDescriptor *type,
	    void **ret_message, struct error **err) must_check;
/* method: "POST", "PUT", "DELETE"; `body` is JSON or NULL. */
int api_send(struct api *api, const char *method, const char *path, const char *body,
	     const ProtobufCMessageDescriptor *type, void **ret_message,
	     struct error **err) must_check;
/* Whether a file can be uploaded; otherwise the error is the reason. */
int api_check_file(const char *path, struct error **err) must_check;
/* POST of the file `name`. */
int api_upload(struct api *api, const char *path, const char *content_type, const char *name,
	       const ProtobufCMessageDescriptor *type, void **ret_message,
	       struct error **err) must_check;

/* GET of what may be large: `take` gets it piece by piece, and ends it with a negative error. What is cut is
 * ERR_UNAVAILABLE. */
typedef int api_take_fn(void *user, const void *data, size_t size, struct error **err);
int api_download(struct api *api, const char *path, api_take_fn *take, void *user,
		 struct error **err) must_check;

/* Whether something speaks HTTP there: its status, or ERR_UNAVAILABLE. `url` is whole. */
int api_probe(struct api *api, const char *url, long *ret_status,
	      struct error **err) must_check;

/* ---------------------------------------------------------------- streams */

struct api_event {
	const char *id; /* "" when it has none */
	const char *data;
	size_t size;
};

#define API_STREAM_END 1 /* the handler has seen enough */
#define API_QUIET_MS   INT64_C(300)

/* Returns 0 to continue, API_STREAM_END, or an error. Before the first event of a connection
 * it is called with event NULL: what may have been missed can be asked for. */
typedef int (*api_event_fn)(void *data, const struct api_event *event, struct error **err);

struct api_stream {
	const char *path;	  /* with ? and at least one parameter */
	const char *resume;	  /* parameter that takes the last id on a reconnect: "after" */
	uint64_t after;		  /* its first value */
	const char *once;	  /* further parameters of the first connection only, or NULL */
	const char *again;	  /* the same, of reconnects */
	int64_t deadline_mono_ms; /* INT64_MAX: none */
	api_event_fn handle;
	void *data;
	/* Told once per loss that it is being tried again. May be NULL. */
	void (*lost)(void *data, const char *why);
	/* zrms says in a comment why no events come, or that they come again. May be NULL; otherwise as
	 * `handle`. */
	int (*notice)(void *data, const char *text, struct error **err);
	/* The connection stands, and nothing has come over it for API_QUIET_MS: what no event says can be
	 * asked for. May be NULL; otherwise as `handle`. */
	int (*quiet)(void *data, struct error **err);
};

/*
 * Follows until the handler ends it (0), the deadline passes (ERR_TIMEOUT), the stream is
 * refused, the handler fails, or a person presses Ctrl-C (ERR_STALE). A connection that breaks,
 * is silent for a minute or cannot be made again is tried again until the deadline; only the
 * first one must succeed when `deadline_mono_ms` is INT64_MAX.
 */
int api_follow(struct api *api, const struct api_stream *stream, struct error **err) must_check;

/* Monotonic milliseconds. */
int64_t mono_now_ms(void);

#endif
