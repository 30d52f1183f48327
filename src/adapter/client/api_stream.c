/*
 * Server-sent events: read, and resumed after the last one when the connection is lost.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/client/api_places.h"
#include "adapter/client/api_secure.h"
#include "adapter/client/interrupt.h"
#include "base/check.h"
#include "base/str.h"
#include "base/text.h"

#define LINE_MAX_BYTES ((size_t)16 << 20)
#define ERROR_BODY_MAX ((size_t)1 << 20)
/* zrms sends a comment at least every 15 s. */
#define SILENCE_MAX_S	 60L
#define PAST_DEADLINE_MS 5
#define RETRY_FIRST_MS	 100
#define RETRY_LONGEST_MS 2000
#define REDIRECTS_MAX	 3 /* of each other, by those that stand by */

struct reading {
	struct api *api;
	const struct api_stream *stream;
	struct buffer input; /* from the last line end on */
	struct buffer data;  /* of the event that is being read */
	struct buffer refusal;
	char id[128];
	char last_id[128]; /* of the last complete event; "" before the first */
	struct error **err;
	int result;	       /* of the handler */
	bool any;	       /* whether a connection ever stood */
	bool open;	       /* whether this one stands */
	bool is_redirected;    /* this connection: where the leader is */
	int64_t heard_mono_ms; /* when something came last, or `quiet` was called */
};

static int handle(struct reading *r, const struct api_event *event)
{
	if (r->result == 0)
		r->result = r->stream->handle(r->stream->data, event, r->err);
	return r->result;
}

static void dispatch(struct reading *r)
{
	if (r->data.size > 0) {
		struct api_event event = {
			.id = r->id,
			.data = r->data.data,
			.size = r->data.size - 1, /* without the last line end */
		};

		r->data.data[event.size] = '\0';
		if (r->id[0] != '\0')
			(void)snprintf(r->last_id, sizeof(r->last_id), "%s", r->id);
		(void)handle(r, &event);
	}
	buffer_clear(&r->data);
	r->id[0] = '\0';
}

/* A proxy may add comments of its own. */
static void take_comment(struct reading *r, const char *text, size_t size)
{
	static const char begin[] = "notice: ";
	CLEANUP(freep) char *copy = mem_strndup(text, size);

	if (r->stream->notice != NULL && r->result == 0 && str_has_prefix(copy, begin))
		r->result = r->stream->notice(r->stream->data, copy + strlen(begin), r->err);
}

static void take_line(struct reading *r, const char *line, size_t size)
{
	const char *colon = memchr(line, ':', size);
	size_t name = colon != NULL ? (size_t)(colon - line) : size;
	const char *value = colon != NULL ? colon + 1 : line + size;
	size_t length = size - (size_t)(value - line);

	if (size == 0) {
		dispatch(r);
		return;
	}
	if (length > 0 && value[0] == ' ') {
		value++;
		length--;
	}
	if (name == 4 && memcmp(line, "data", 4) == 0) {
		(void)buffer_add(&r->data, value, length);
		(void)buffer_add(&r->data, "\n", 1);
	} else if (name == 2 && memcmp(line, "id", 2) == 0 && length < sizeof(r->id)) {
		memcpy(r->id, value, length);
		r->id[length] = '\0';
	} else if (name == 0 && length > 0) {
		take_comment(r, value, length);
	}
	/* Other fields mean nothing to us. */
}

static void take_lines(struct reading *r)
{
	size_t done = 0;

	while (r->result == 0 && done < r->input.size) {
		char *begin = r->input.data + done;
		char *end = memchr(begin, '\n', r->input.size - done);
		size_t size;

		if (end == NULL)
			break;
		size = (size_t)(end - begin);
		done += size + 1;
		if (size > 0 && begin[size - 1] == '\r')
			size--;
		take_line(r, begin, size);
	}
	buffer_consume(&r->input, done);
}

static size_t take(char *data, size_t one, size_t size, void *to)
{
	struct reading *r = to;
	long status = 0;

	(void)curl_easy_getinfo(r->api->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return buffer_add(&r->refusal, data, size) == 0 ? size : 0;
	if (buffer_add(&r->input, data, size) < 0)
		return 0;
	r->heard_mono_ms = mono_now_ms();
	take_lines(r);
	return r->result == 0 ? size : 0;
}

/* Called by libcurl after each of its turns, at least once in the POLL_MAX_MS of api_run(). */
static int after_turn(void *to, curl_off_t total, curl_off_t now, curl_off_t total_up,
		      curl_off_t now_up)
{
	struct reading *r = to;

	if (!r->open || r->result != 0 || mono_now_ms() - r->heard_mono_ms < API_QUIET_MS)
		return r->result != 0;
	r->result = r->stream->quiet(r->stream->data, r->err);
	r->heard_mono_ms = mono_now_ms();
	return r->result != 0;
}

/* Called at the end of the header. */
static size_t take_header(char *data, size_t one, size_t size, void *to)
{
	struct reading *r = to;
	long status = 0;

	(void)curl_easy_getinfo(r->api->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200 && (size == 2 && memcmp(data, "\r\n", 2) == 0)) {
		r->open = true;
		r->any = true;
		r->heard_mono_ms = mono_now_ms();
		(void)handle(r, NULL);
		return r->result == 0 ? size : 0;
	}
	return size;
}

static char *stream_url(const struct reading *r)
{
	const struct api_stream *s = r->stream;
	struct buffer url = BUFFER_INIT(1 << 20);
	const char *more = r->any ? s->again : s->once;

	(void)buffer_printf(&url, "%s%s", r->api->base, s->path);
	if (s->resume != NULL && r->last_id[0] != '\0')
		(void)buffer_printf(&url, "&%s=%s", s->resume, r->last_id);
	else if (s->resume != NULL)
		(void)buffer_printf(&url, "&%s=%" PRIu64, s->resume, s->after);
	if (more != NULL)
		(void)buffer_printf(&url, "&%s", more);
	return buffer_steal(&url);
}

/* Who is not believed will not be believed later: not one that was lost. */
static int why_lost(const struct reading *r, CURLcode code, struct error **err)
{
	struct error *trouble = NULL;
	int result = api_secure_trouble(r->api, code, (*err)->message, &trouble);

	if (result == 0)
		return ERR_UNAVAILABLE;
	error_free(*err);
	*err = trouble;
	return result;
}

/* One connection, until it ends. 0: the stream is over for good; ERR_UNAVAILABLE: lost. */
static int connect_once(struct reading *r, struct error **err)
{
	CLEANUP(freep) char *url = stream_url(r);
	struct curl_slist *headers = api_headers(r->api, "Accept: text/event-stream");
	CURL *c = r->api->easy;
	int64_t left = r->stream->deadline_mono_ms - mono_now_ms();
	CURLcode code = CURLE_OK;
	long status = 0;
	int result;

	buffer_clear(&r->input);
	buffer_clear(&r->data);
	buffer_clear(&r->refusal);
	r->id[0] = '\0';
	r->open = false;
	api_prepare(r->api, url);
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
	if (r->stream->quiet != NULL) {
		(void)curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
		(void)curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, after_turn);
		(void)curl_easy_setopt(c, CURLOPT_XFERINFODATA, r);
	}
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, SILENCE_MAX_S);
	/* curl rounds: a little later, so that the deadline has passed when this ends. */
	if (r->stream->deadline_mono_ms != INT64_MAX)
		(void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS,
				       (long)(left > 0 ? left : 0) + PAST_DEADLINE_MS);
	result = api_run(r->api, &code, err);
	curl_slist_free_all(headers);
	if (r->result != 0) {
		/* The handler ended it, and has set the error if there is one. */
		if (result < 0 && err != NULL && err != r->err) {
			error_free(*err);
			*err = NULL;
		}
		return 0;
	}
	if (result == ERR_UNAVAILABLE)
		return why_lost(r, code, err);
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (result == 0 && status == 503)
		return error_set(err, ERR_UNAVAILABLE, "not ready");
	if (result == 0 && status == 307) {
		result = api_places_tell(r->api, err);
		r->is_redirected = result == 0;
		return result < 0 ? result
				  : error_set(err, ERR_UNAVAILABLE, "another zrms leads");
	}
	if (result == 0 && status != 200)
		return api_refusal(r->api, status, &r->refusal, err);
	return result == 0 ? error_set(err, ERR_UNAVAILABLE, "zrms ended the stream") : result;
}

/* Waits, unless the deadline or a person comes first. */
static void pause_ms(const struct api_stream *s, int ms)
{
	int64_t left = s->deadline_mono_ms - mono_now_ms();
	struct pollfd fd = {.fd = interrupt_fd(), .events = POLLIN};

	if (left < ms)
		ms = left > 0 ? (int)left : 0;
	(void)poll(&fd, fd.fd >= 0 ? 1 : 0, ms);
}

static int follow(struct reading *r, struct error **err)
{
	int pause = RETRY_FIRST_MS;
	bool told = false;
	unsigned redirects_in_a_row = 0;
	/* Each address is tried once. */
	size_t first_failures = 0, may_fail = r->api->places.count - 1;

	for (;;) {
		CLEANUP(error_freep) struct error *why = NULL;
		int result;

		if (mono_now_ms() >= r->stream->deadline_mono_ms)
			return error_set(err, ERR_TIMEOUT, "timed out");
		r->is_redirected = false;
		result = connect_once(r, &why);
		if (r->result != 0)
			return r->result < 0 ? r->result : 0;
		if (result != ERR_UNAVAILABLE ||
		    (!r->any && !r->is_redirected && first_failures++ >= may_fail &&
		     r->stream->deadline_mono_ms == INT64_MAX))
			return error_move(err, steal_ptr(&why));
		if (mono_now_ms() >= r->stream->deadline_mono_ms)
			continue;
		if (r->is_redirected && redirects_in_a_row++ < REDIRECTS_MAX)
			continue;
		redirects_in_a_row = 0;
		if (!r->is_redirected)
			(void)api_places_next(r->api);
		if (r->open) {
			pause = RETRY_FIRST_MS;
			told = false;
		}
		if (!told && r->stream->lost != NULL)
			r->stream->lost(r->stream->data, why->message);
		told = true;
		pause_ms(r->stream, pause);
		if (interrupt_pending())
			return error_set(err, ERR_STALE, "interrupted");
		pause = pause * 2 < RETRY_LONGEST_MS ? pause * 2 : RETRY_LONGEST_MS;
	}
}

int api_follow(struct api *api, const struct api_stream *stream, struct error **err)
{
	/* A connection of its own: the handler may ask zrms for more meanwhile. */
	struct api own = {
		.token = api->token,
		.easy = curl_easy_init(),
		.multi = curl_multi_init(),
		.verifier = {.trust = api->verifier.trust, .role = api->verifier.role},
	};
	struct reading r = {
		.api = &own,
		.stream = stream,
		.input = BUFFER_INIT(LINE_MAX_BYTES),
		.data = BUFFER_INIT(LINE_MAX_BYTES),
		.refusal = BUFFER_INIT(ERROR_BODY_MAX),
		.err = err,
	};
	int result;

	INVARIANT(own.easy != NULL && own.multi != NULL);
	api_places_share(&own, api);
	result = follow(&r, err);
	curl_easy_cleanup(own.easy);
	(void)curl_multi_cleanup(own.multi);
	error_free(own.verifier.why);
	api_places_leave(&own);
	/* Of the stream, or of what its handler has asked. */
	if (own.refused != NULL) {
		free(api->refused);
		api->refused = own.refused;
	}
	buffer_done(&r.input);
	buffer_done(&r.data);
	buffer_done(&r.refusal);
	return result;
}
