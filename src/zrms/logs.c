#include "zrms/logs.h"

#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "proto/view.pb-c.h"
#include "schema/json.h"
#include "zrms/access_watch.h"

enum {
	LINES_MAX = LOGS_LINES_MAX,
	STREAM_MAX = 32 * 1024 * 1024,
	CHUNK_TEXT_MAX = 64 * 1024 * 1024, /* a frame of lines, escaped */
};

/* One question to a zhost. Its number is drawn once for the whole program. */
struct log_query {
	UT_hash_handle hh;
	uint64_t number;
	struct logs *logs;
	uint64_t link_id;      /* 0: its zhost is away */
	char *topology, *path; /* to cancel it */
	char *zhost;
	uint32_t lines_max;
	bool has_answer; /* a chunk has come */
	bool has_left;	 /* the zhost this link, for another one */
	/* the last lines */
	logs_done_fn *done;
	void *user;
	struct loop_timer *deadline;
	VECTOR(char *) lines;
	/* follow */
	struct http_stream *stream;
	struct access_watch watch;
	/* of several */
	const struct logs_listener *listener;
	void *listener_user;
	char *text;
	int64_t since_ms;
};

struct logs {
	struct loop *loop;
	struct links *links;
	struct access_watches *open;
	struct log_query *queries; /* by number */
	uint64_t last_number;
	struct http_stream_handler handler;
};

static void query_free(struct log_query *q)
{
	HASH_DEL(q->logs->queries, q);
	loop_timer_free(q->deadline);
	access_unwatch(&q->watch);
	vector_for_each (&q->lines, line)
		free(*line);
	vector_done(&q->lines);
	free(q->topology);
	free(q->path);
	free(q->zhost);
	free(q->text);
	free(q);
}

static struct log_query *query_new(struct logs *logs, const struct logs_of *of, uint32_t lines)
{
	struct log_query *q = mem_new(struct log_query);
	q->logs = logs;
	q->number = ++logs->last_number;
	q->link_id = of->link_id;
	q->topology = mem_strdup(of->topology);
	q->path = mem_strdup(of->path);
	q->zhost = mem_strdup(of->zhost);
	q->lines_max = lines < LINES_MAX ? lines : LINES_MAX;
	HASH_ADD(hh, logs->queries, number, sizeof q->number, q);
	return q;
}

enum query_kind { QUERY_LINES, QUERY_FOLLOW, QUERY_RESUME, QUERY_CANCEL };

static int query_send(struct log_query *q, enum query_kind kind, struct error **err)
{
	Samoza__V1__LogRequest request = SAMOZA__V1__LOG_REQUEST__INIT;
	request.request = q->number;
	request.topology = q->topology;
	request.path = q->path;
	request.has_lines = true;
	request.lines = kind == QUERY_RESUME ? 0 : q->lines_max;
	request.has_resume = request.resume = kind == QUERY_RESUME;
	request.has_follow = request.follow = kind == QUERY_FOLLOW || kind == QUERY_RESUME;
	request.has_cancel = request.cancel = kind == QUERY_CANCEL;
	request.has_since_ms = q->since_ms > 0;
	request.since_ms = (uint64_t)q->since_ms;
	request.text = q->text;
	return links_send_frame(q->logs->links, q->link_id,
				SAMOZA__V1__FRAME_TYPE__FRAME_LOG_REQUEST, &request.base, err);
}

/* 0 also where it is sent on the link that its zhost is about to have. */
static int query_send_or_wait(struct log_query *q, enum query_kind kind, struct error **err)
{
	/* Where it is not accepted yet, it is asked in that moment. */
	if (links_is_beginning(q->logs->links, q->link_id))
		q->link_id = 0;
	if (q->link_id == 0)
		return 0;
	CLEANUP(error_freep) struct error *why = NULL;
	int r = query_send(q, kind, &why);
	q->has_left = links_has_left(q->logs->links, q->link_id);
	return r == 0 || q->has_left ? 0 : error_move(err, steal_ptr(&why));
}

/* ---- the last lines ---- */

static void query_done(struct log_query *q, int code, const char *message)
{
	q->done(q->user, code, message, q->lines.items, q->lines.count);
	query_free(q);
}

static void query_late(void *user)
{
	query_done(user, ERR_TIMEOUT, "its zhost did not answer in time");
}

void logs_ask(struct logs *logs, const struct logs_of *of, uint32_t lines, int64_t wait_ms,
	      logs_done_fn *done, void *user)
{
	struct log_query *q = query_new(logs, of, lines);
	q->done = done;
	q->user = user;
	CLEANUP(error_freep) struct error *err = NULL;
	if (query_send_or_wait(q, QUERY_LINES, &err) < 0) {
		query_done(q, err->code, err->message);
		return;
	}
	q->deadline = loop_timer_new(logs->loop, query_late, q);
	loop_timer_at(q->deadline, loop_now(logs->loop).mono_ms + wait_ms);
}

static void lines_keep(struct log_query *q, const Samoza__V1__LogChunk *chunk)
{
	for (size_t i = 0; i < chunk->n_lines && q->lines.count < LINES_MAX; i++)
		vector_push(&q->lines, mem_strdup(chunk->lines[i]));
	if (chunk->has_end && chunk->end)
		query_done(q, chunk->error != NULL ? ERR_NOT_FOUND : 0, chunk->error);
}

/* ---- follow ---- */

static void lines_write(struct log_query *q, const Samoza__V1__LogChunk *chunk)
{
	if (chunk->n_lines > 0) {
		Samoza__V1__LogView view = SAMOZA__V1__LOG_VIEW__INIT;
		view.n_lines = chunk->n_lines;
		view.lines = chunk->lines;
		CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(CHUNK_TEXT_MAX);
		/* A reader that is too slow loses its stream, not this daemon its memory. */
		if (buffer_add_string(&text, "data: ") < 0 ||
		    schema_add_json(&text, &view.base, SCHEMA_JSON_COMPACT) < 0 ||
		    buffer_add_string(&text, "\n\n") < 0 ||
		    http_stream_write(q->stream, text.data, text.size) < 0) {
			http_stream_end(q->stream);
			return;
		}
	}
	if (chunk->has_end && chunk->end)
		http_stream_end(q->stream);
}

static void stream_closed(void *user, struct http_stream *stream)
{
	(void)stream;
	struct log_query *q = user;
	/* The zhost stops telling; if it is gone, it has stopped already. */
	CLEANUP(error_freep) struct error *err = NULL;
	(void)!query_send(q, QUERY_CANCEL, &err);
	query_free(q);
}

static void on_credential_ended(void *user)
{
	struct log_query *q = user;
	http_stream_end(q->stream);
}

static void stream_apart(struct log_query *q);

void logs_follow(struct logs *logs, const struct logs_of *of, uint32_t lines,
		 const uint8_t *hash, struct http_request *request)
{
	struct log_query *q = query_new(logs, of, lines);
	CLEANUP(error_freep) struct error *err = NULL;
	if (query_send_or_wait(q, QUERY_FOLLOW, &err) < 0) {
		http_reply_failure(request, 503, error_code_name(err->code), err->message);
		query_free(q);
		return;
	}
	q->stream = http_reply_stream(request, "text/event-stream", true, STREAM_MAX,
				      &logs->handler, q);
	access_watch(logs->open, &q->watch, hash, on_credential_ended, q);
	int r = http_stream_write(q->stream, ":\n\n", 3);
	INVARIANT(r == 0);
	if (q->link_id == 0)
		stream_apart(q);
}

/* ---- one of several ---- */

struct log_query *logs_open(struct logs *logs, uint64_t link_id, const char *topology,
			    const char *path, const struct logs_wanted *wanted,
			    const struct logs_listener *listener, void *user)
{
	struct log_query *q = query_new(
		logs, &(struct logs_of){.topology = topology, .path = path, .link_id = link_id},
		wanted->lines);

	q->text = mem_strdup(wanted->text);
	q->since_ms = wanted->since_ms;
	if (query_send(q, wanted->follow ? QUERY_FOLLOW : QUERY_LINES, NULL) < 0) {
		query_free(q);
		return NULL;
	}
	q->listener = listener;
	q->listener_user = user;
	return q;
}

void logs_close(struct log_query *q)
{
	/* If its link is gone, its zhost has stopped already. */
	(void)!query_send(q, QUERY_CANCEL, NULL);
	query_free(q);
}

static void one_ended(struct log_query *q, int code)
{
	const struct logs_listener *listener = q->listener;
	void *user = q->listener_user;

	query_free(q);
	listener->ended(user, code);
}

/* A zhost of an earlier version knows neither times nor texts. */
static bool is_wanted(const struct log_query *q, const char *line)
{
	return q->text == NULL || strstr(line, q->text) != NULL;
}

static void lines_pass(struct log_query *q, const Samoza__V1__LogChunk *chunk)
{
	for (size_t i = 0; i < chunk->n_lines; i++)
		if (is_wanted(q, chunk->lines[i]))
			q->listener->lines(q->listener_user, &chunk->lines[i], 1);
	if (chunk->has_end && chunk->end)
		one_ended(q, 0);
	else if (chunk->has_caught_up && chunk->caught_up)
		q->listener->caught_up(q->listener_user);
}

/* ---- from the links ---- */

void logs_chunk(struct logs *logs, uint64_t link_id, const Samoza__V1__LogChunk *chunk)
{
	struct log_query *q = NULL;
	HASH_FIND(hh, logs->queries, &chunk->request, sizeof chunk->request, q);
	if (q == NULL || q->link_id != link_id)
		return; /* late, or not asked */
	q->has_answer = true;
	if (q->listener != NULL)
		lines_pass(q, chunk);
	else if (q->stream != NULL)
		lines_write(q, chunk);
	else
		lines_keep(q, chunk);
}

static void stream_too_long_apart(void *user)
{
	struct log_query *q = user;
	http_stream_end(q->stream);
}

/* Its zhost may have another one at once, as after the renewal of its certificate. */
static void stream_apart(struct log_query *q)
{
	q->link_id = 0;
	if (q->deadline == NULL)
		q->deadline = loop_timer_new(q->logs->loop, stream_too_long_apart, q);
	loop_timer_at(q->deadline, loop_now(q->logs->loop).mono_ms + LOGS_APART_MS);
}

/* What it had asked for before is no more there when nothing has come. */
static void follow_again(struct log_query *q)
{
	loop_timer_at(q->deadline, NEVER_MS);
	if (query_send(q, q->has_answer ? QUERY_RESUME : QUERY_FOLLOW, NULL) < 0)
		http_stream_end(q->stream);
}

static void lines_again(struct log_query *q)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (query_send(q, QUERY_LINES, &err) < 0)
		query_done(q, err->code, err->message);
}

static void lines_forget(struct log_query *q)
{
	vector_for_each (&q->lines, line)
		free(*line);
	vector_clear(&q->lines);
	q->link_id = 0;
}

void logs_link_accepted(struct logs *logs, uint64_t link_id, const char *zhost)
{
	struct log_query *q, *next;
	HASH_ITER (hh, logs->queries, q, next) {
		if (q->link_id != 0 || !str_equal(q->zhost, zhost))
			continue;
		q->link_id = link_id;
		q->has_left = false;
		if (q->stream != NULL)
			follow_again(q);
		else
			lines_again(q);
	}
}

void logs_link_left(struct logs *logs, uint64_t link_id)
{
	for (struct log_query *q = logs->queries; q != NULL; q = q->hh.next)
		q->has_left |= q->link_id == link_id;
}

void logs_link_gone(struct logs *logs, uint64_t link_id)
{
	struct log_query *q, *next;
	HASH_ITER (hh, logs->queries, q, next) {
		if (q->link_id != link_id)
			continue;
		if (q->listener != NULL)
			one_ended(q, ERR_UNAVAILABLE);
		else if (q->stream != NULL)
			stream_apart(q);
		else if (q->has_left)
			lines_forget(q);
		else
			query_done(q, ERR_UNAVAILABLE, "its zhost disconnected");
	}
}

void logs_end_all(struct logs *logs)
{
	struct log_query *q, *next;
	HASH_ITER (hh, logs->queries, q, next) {
		if (q->listener != NULL)
			one_ended(q, ERR_UNAVAILABLE);
		else if (q->stream != NULL)
			http_stream_end(q->stream);
		else
			query_done(q, ERR_UNAVAILABLE, "zrms is shutting down");
	}
}

struct logs *logs_new(struct loop *loop, struct links *links, struct access_watches *open)
{
	struct logs *logs = mem_new(struct logs);
	logs->loop = loop;
	logs->links = links;
	logs->open = open;
	logs->handler = (struct http_stream_handler){.closed = stream_closed};
	return logs;
}

void logs_free(struct logs *logs)
{
	if (logs == NULL)
		return;
	PRE(logs->queries == NULL);
	free(logs);
}
