#include "adapter/client/api_places.h"

#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "adapter/client/api_secure.h"
#include "adapter/client/api_socket.h"
#include "adapter/client/interrupt.h"
#include "base/check.h"
#include "base/str.h"
#include "base/text.h"

/* While zrms elect the next leader, which takes up to 5 s. */
#define LEADER_WAIT_MS	15000
#define LEADER_PAUSE_MS 200
/* What has a key that is at work: its first sending goes on, and may be a package that is translated. */
#define WORK_WAIT_MS  (30 * 60000)
#define WORK_PAUSE_MS 1000
#define REDIRECTS_MAX 3 /* of each other, by those that stand by */

int64_t mono_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void go(struct api *api, const char *url, const char *base)
{
	api->url = url;
	api->base = base;
}

/* ---- those that were given ---- */

/* NULL: it is none. The caller frees. */
static char *whole_url(const char *url)
{
	CLEANUP(freep)
	char *whole =
		strstr(url, "://") != NULL ? mem_strdup(url) : str_printf("http://%s", url);
	CURLU *parsed = curl_url();
	char *host = NULL;
	bool good;

	INVARIANT(parsed != NULL);
	good = (str_has_prefix(whole, "http://") || str_has_prefix(whole, "https://")) &&
	       curl_url_set(parsed, CURLUPART_URL, whole, 0) == CURLUE_OK &&
	       curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK;
	curl_free(host);
	curl_url_cleanup(parsed);
	while (good && str_has_suffix(whole, "/"))
		whole[strlen(whole) - 1] = '\0';
	return good ? steal_ptr(&whole) : NULL;
}

static int malformed(const char *text, struct error **err)
{
	return error_set(err, ERR_INVALID,
			 "'%s' is not the address of zrms: expected one such as "
			 "http://127.0.0.1:7331, https://HOST:7331,HOST:7331 or "
			 "unix:DIR/api.sock",
			 text);
}

/* One of several has the scheme of the first. */
static char *place_of(const struct api *api, const char *one)
{
	if (api->places.count == 0 || strstr(one, "://") != NULL)
		return whole_url(one);
	CLEANUP(freep)
	char *text = str_printf(
		"%s%s",
		str_has_prefix(api->places.items[0], "https://") ? "https://" : "http://", one);
	return whole_url(text);
}

/* What may be shown to the one may be shown to all. */
static int are_alike(const struct api *api, const char *text, struct error **err)
{
	vector_for_each (&api->places, place) {
		const struct api there = {.url = *place, .base = *place};
		if (api->places.count > 1 &&
		    (api_is_exposed(&there) || str_has_prefix(*place, "https://") !=
						       str_has_prefix(api->base, "https://")))
			return error_set(err, ERR_INVALID,
					 "'%s' has addresses that are not alike: expected "
					 "several with https://, or several of this machine",
					 text);
	}
	return 0;
}

int api_places_read(struct api *api, const char *text, struct error **err)
{
	if (str_has_prefix(text, API_SOCKET)) {
		vector_push(&api->places, mem_strdup(text));
		go(api, api->places.items[0], "http://localhost");
		return 0;
	}
	for (const char *at = text;; at++) {
		size_t size = strcspn(at, ",");
		CLEANUP(freep) char *one = mem_strndup(at, size);
		char *place = place_of(api, one);
		if (place == NULL)
			return malformed(text, err);
		vector_push(&api->places, place);
		at += size;
		if (*at == '\0')
			break;
	}
	go(api, api->places.items[0], api->places.items[0]);
	return are_alike(api, text, err);
}

void api_places_done(struct api *api)
{
	vector_for_each (&api->places, place)
		free(*place);
	vector_done(&api->places);
	free(api->told);
}

void api_places_share(struct api *api, const struct api *of)
{
	api->places = of->places;
	api->at = of->at;
	api->socket = of->socket;
	api->told = mem_strdup(of->told);
	if (api->told != NULL)
		go(api, api->told, api->told);
	else
		go(api, of->url, of->base);
}

void api_places_leave(struct api *api)
{
	free(steal_ptr(&api->told));
}

/* ---- where the leader is ---- */

/* "https://HOST:PORT" of a URL. The caller frees. */
static char *origin_of(const char *url)
{
	const char *host = strstr(url, "://");
	return host != NULL
		       ? mem_strndup(url, (size_t)(host - url) + 3 + strcspn(host + 3, "/"))
		       : NULL;
}

static int may_go(const struct api *api, const char *origin, struct error **err)
{
	CLEANUP(freep) char *safe = text_escaped(origin);
	bool is_secure = str_has_prefix(origin, "https://");
	struct api there = {.url = origin, .base = origin};

	if (is_secure && api->verifier.trust == NULL)
		return error_set(err, ERR_DENIED,
				 "%s stands by, and the zrms that leads is at %s: give the "
				 "authority of the cluster with --ca FILE or --fingerprint, so "
				 "that it is known again, or sign in there with zshell login",
				 api->url, safe);
	if (!is_secure && (!str_has_prefix(origin, "http://") || api_is_exposed(&there) ||
			   str_has_prefix(api->base, "https://")))
		return error_set(err, ERR_DENIED,
				 "%s stands by, and tells of a leader at %s, which is not safe "
				 "to ask",
				 api->url, safe);
	return 0;
}

int api_places_tell(struct api *api, struct error **err)
{
	char *location = NULL;
	(void)curl_easy_getinfo(api->easy, CURLINFO_REDIRECT_URL, &location);
	CLEANUP(freep) char *origin = location != NULL ? origin_of(location) : NULL;
	if (origin == NULL)
		return error_set(err, ERR_INVALID,
				 "%s stands by, and does not say which zrms leads", api->url);
	int r = may_go(api, origin, err);
	if (r < 0)
		return r;
	free(api->told);
	api->told = steal_ptr(&origin);
	go(api, api->told, api->told);
	return 0;
}

bool api_places_next(struct api *api)
{
	bool was_told = api->told != NULL;
	if (!was_told && api->places.count < 2)
		return false;
	/* The one that has told may know better now. */
	api->at = was_told ? api->at : (api->at + 1) % api->places.count;
	const char *url = api->places.items[api->at];
	go(api, url, api->socket != NULL ? "http://localhost" : url);
	free(steal_ptr(&api->told));
	return true;
}

void api_connects_to(const struct api *api, CURL *easy)
{
	if (api->socket != NULL && api->told == NULL)
		(void)curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH,
				       api_socket_path(api->socket));
}

void api_places_prepare(struct api *api, const char *path)
{
	CLEANUP(freep) char *url = str_printf("%s%s", api->base, path);
	(void)curl_easy_setopt(api->easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(api->easy, CURLOPT_UNIX_SOCKET_PATH, NULL);
	api_connects_to(api, api->easy);
	api_secure_prepare(api, api->easy);
}

/* ---- again ---- */

static void pause_for(int duration_ms)
{
	struct pollfd fd = {.fd = interrupt_fd(), .events = POLLIN};
	(void)poll(&fd, fd.fd >= 0 ? 1 : 0, duration_ms);
}

char *api_key_header(void)
{
	uint8_t id[16];
	ssize_t size = getrandom(id, sizeof(id), 0);
	INVARIANT(size == (ssize_t)sizeof(id));
	struct buffer out = BUFFER_INIT(128);
	(void)buffer_add_string(&out, "Idempotency-Key: ");
	for (size_t i = 0; i < sizeof(id); i++)
		(void)buffer_printf(&out, "%02x", id[i]);
	return buffer_steal(&out);
}

static bool is_to_come_again(const struct api *api)
{
	struct curl_header *header = NULL;
	return curl_easy_header(api->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) ==
	       CURLHE_OK;
}

/* False: it has been waited for long enough. */
static bool wait_while(struct api_attempt *a, int64_t most_ms, int pause_ms)
{
	int64_t now_ms = mono_now_ms();

	if (a->until_ms == 0)
		a->until_ms = now_ms + most_ms;
	if (now_ms >= a->until_ms)
		return false;
	pause_for(pause_ms);
	return true;
}

static bool wait_for_leader(struct api_attempt *a)
{
	return wait_while(a, LEADER_WAIT_MS, LEADER_PAUSE_MS);
}

/* Whether it may be asked again after this failure. */
static bool may_repeat(struct api_attempt *a, CURLcode code)
{
	if (a->only_reads || code == CURLE_COULDNT_CONNECT)
		return true;
	/* Who waits no longer is told so. */
	if (!a->has_key || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_READ_ERROR)
		return false;
	a->was_lost = true;
	return true;
}

/* One that stands by may have told of a leader that is dead. */
static bool ask_next(struct api *api, struct api_attempt *a)
{
	bool was_each = ++a->failures > api->places.count;

	if (was_each && ((a->redirects == 0 && !a->was_lost) || !wait_for_leader(a)))
		return false;
	if (was_each)
		a->failures = 0;
	/* The only one there is comes back, maybe. */
	return api_places_next(api) || a->was_lost;
}

int api_places_again(struct api *api, struct api_attempt *a, int result, CURLcode code,
		     struct error **err)
{
	long status = 0;

	if (result == ERR_UNAVAILABLE)
		return may_repeat(a, code) && ask_next(api, a);
	(void)curl_easy_getinfo(api->easy, CURLINFO_RESPONSE_CODE, &status);
	if (result == 0 && status == 307) {
		if (++a->redirects > REDIRECTS_MAX && !wait_for_leader(a))
			return 0;
		int r = api_places_tell(api, err);
		return r < 0 ? r : 1;
	}
	if (result == 0 && status == 409 && a->has_key && is_to_come_again(api))
		return wait_while(a, WORK_WAIT_MS, WORK_PAUSE_MS);
	if (result < 0 || status != 503 || !is_to_come_again(api) || !wait_for_leader(a))
		return 0;
	(void)api_places_next(api);
	return 1;
}
