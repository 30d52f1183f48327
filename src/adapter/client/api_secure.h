/*
 * https:// of api.h: whom to believe, what went wrong in words, and a connection whose bytes are read and written by
 * others.
 */
#ifndef SAMOZA_ADAPTER_CLIENT_API_SECURE_H
#define SAMOZA_ADAPTER_CLIENT_API_SECURE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct api;

/* For each handle, before it connects. */
void api_secure_prepare(struct api *api, CURL *easy);
/* Why a connection failed, where TLS is the reason: an error. 0: it is another one. */
int api_secure_trouble(const struct api *api, CURLcode code, const char *why,
		       struct error **err);
/* What a port with TLS answers to plain HTTP. */
bool api_secure_is_asked(const char *body, size_t size);
/* Whether what is sent to it can be read on the way. */
bool api_is_exposed(const struct api *api);

/* Bytes between `take_easy`, which is connected to `socket`, and *ret_fd, which is the caller's: closing it ends
 * both. */
int api_secure_pump(CURL *take_easy, curl_socket_t socket, int *ret_fd,
		    struct error **err) must_check;

#endif
