/*
 * One transfer over libcurl, under requests (api.c) and streams (api_stream.c).
 */
#ifndef SAMOZA_ADAPTER_CLIENT_API_PRIVATE_H
#define SAMOZA_ADAPTER_CLIENT_API_PRIVATE_H

#include <curl/curl.h>

#include "adapter/client/api.h"
#include "adapter/tls/verifier.h"
#include "base/buffer.h"
#include "base/vector.h"

struct api {
	/* Where requests go now, of api_places.h; as a person reads it: "http://127.0.0.1:7331",
	 * "unix:/var/lib/samoza-zrms/api.sock" */
	const char *url;
	const char *base;	   /* what requests begin with; the same but for a socket */
	VECTOR(char *) places;	   /* as given */
	size_t at;		   /* of these */
	char *told;		   /* the leader, by a standby; NULL: one of the places */
	struct api_socket *socket; /* of the only place; NULL: over TCP */
	char *token;		   /* NULL: none is shown */
	CURL *easy;
	CURLM *multi;
	int64_t timeout_ms;
	api_slow_fn slow; /* NULL: not reported */
	void *slow_data;
	struct pki_trust *own_trust;  /* of api_believe(); NULL: none */
	struct tls_verifier verifier; /* of https://; without trust: libcurl's own */
	api_notice_fn notice;	      /* NULL: not reported */
	void *notice_data;
	bool was_noticed;
	char *refused; /* the code of the last answer; NULL: it was no refusal, or there is none */
	int64_t tell_mono_ms; /* of the request that runs: when to call `slow`; 0: not */
};

/* Where every handle connects to; before it does. */
void api_connects_to(const struct api *api, CURL *easy);
/* Sets what every transfer shares: address, agent, limits. `url` is whole. */
void api_prepare(struct api *api, const char *url);
/* A list with that header, and who asks; curl_slist_free_all(). */
struct curl_slist *api_headers(const struct api *api, const char *first);
/* Runs the prepared transfer. 0 when the answer is complete; ERR_UNAVAILABLE when it could not
 * be had, ERR_STALE when a person interrupted it. *ret_curl may have details. */
int api_run(struct api *api, CURLcode *ret_curl, struct error **err) must_check;
/* The error that an answer with `status` means, of its body, whose code is kept. */
int api_refusal(struct api *api, long status, const struct buffer *body, struct error **err);

#endif
