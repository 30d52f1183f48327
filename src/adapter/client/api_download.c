#include "adapter/client/api_places.h"
#include "base/memory.h"
#include "base/str.h"

#define REFUSAL_MAX  ((size_t)1024 * 1024)
#define MAKING_S     1800L /* until the first byte, and without one */
#define ALL_OF_IT_MS (24L * 60 * 60 * 1000)

struct download {
	struct api *api;
	api_take_fn *take;
	void *user;
	struct error *err; /* of `take` */
	struct buffer refusal;
};

static size_t on_data(char *data, size_t one, size_t size, void *user)
{
	struct download *d = user;
	long status = 0;
	(void)one;
	(void)curl_easy_getinfo(d->api->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return buffer_add(&d->refusal, data, size) == 0 ? size : 0;
	return d->take(d->user, data, size, &d->err) == 0 ? size : 0;
}

int api_download(struct api *api, const char *path, api_take_fn *take, void *user,
		 struct error **err)
{
	CLEANUP(freep) char *url = str_printf("%s%s", api->base, path);
	struct download d = {
		.api = api, .take = take, .user = user, .refusal = BUFFER_INIT(REFUSAL_MAX)};
	struct curl_slist *headers = api_headers(api, "Accept: application/octet-stream");
	CLEANUP(error_freep) struct error *why = NULL;
	CURLcode code = CURLE_OK;
	long status = 0;

	api_prepare(api, url);
	(void)curl_easy_setopt(api->easy, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(api->easy, CURLOPT_TIMEOUT_MS, ALL_OF_IT_MS);
	(void)curl_easy_setopt(api->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(api->easy, CURLOPT_LOW_SPEED_TIME, MAKING_S);
	(void)curl_easy_setopt(api->easy, CURLOPT_WRITEFUNCTION, on_data);
	(void)curl_easy_setopt(api->easy, CURLOPT_WRITEDATA, &d);
	int r = api_run(api, &code, &why);
	(void)curl_easy_getinfo(api->easy, CURLINFO_RESPONSE_CODE, &status);
	if (r == 0 &&
	    status == 307) { /* once: what has told of the leader has just been asked */
		buffer_clear(&d.refusal);
		r = api_places_tell(api, &why);
		if (r == 0) {
			api_places_prepare(api, path);
			r = api_run(api, &code, &why);
		}
		(void)curl_easy_getinfo(api->easy, CURLINFO_RESPONSE_CODE, &status);
	}
	curl_slist_free_all(headers);
	if (d.err != NULL)
		r = error_move(err, steal_ptr(&d.err));
	else if (r < 0)
		r = error_set(err, (enum error_code)r, "cannot read from zrms at %s: %s",
			      api->url, why->message);
	else if (status != 200)
		r = api_refusal(api, status, &d.refusal, err);
	buffer_done(&d.refusal);
	return r;
}
