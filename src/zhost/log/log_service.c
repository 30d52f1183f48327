#include "zhost/log/log_service.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/vector.h"
#include "port/loop.h"
#include "zhost/state/instance_file.h"

#define LINES_DEFAULT	100
#define TAIL_BYTES	((size_t)2 * 1024 * 1024)
#define CHUNK_LINES	1000
#define FOLLOW_BYTES	((size_t)256 * 1024)
#define SUBSCRIBERS_MAX 1000
/* Bytes that may wait for zrms before log lines are dropped. */
#define LINK_ROOM ((size_t)8 * 1024 * 1024)

struct log_subscriber {
	struct log_service *service;
	uint64_t request;
	struct spacelog *log;  /* borrowed */
	char *text;	       /* only lines that have it; NULL: all */
	struct buffer waiting; /* lines of this turn, each ended by a line feed */
	bool has_lost;
	bool is_apart; /* its connection is gone, and it may be resumed on the next one */
	UT_hash_handle hh;
};

struct log_service {
	struct spacelogs *logs;
	struct upstream *upstream;
	struct log_subscriber *subscribers; /* by request */
	bool has_waiting;
	struct loop *loop;
	struct loop_timer *apart_end;
};

static bool is_followed(const struct log_service *s, const struct spacelog *log)
{
	for (const struct log_subscriber *sub = s->subscribers; sub != NULL; sub = sub->hh.next)
		if (sub->log == log)
			return true;
	return false;
}

static void subscriber_free(struct log_subscriber *sub)
{
	struct log_service *s = sub->service;

	HASH_DEL(s->subscribers, sub);
	if (!is_followed(s, sub->log))
		spacelog_subscribe(sub->log, NULL, NULL);
	buffer_done(&sub->waiting);
	free(sub->text);
	free(sub);
}

static void apart_free(struct log_service *s)
{
	struct log_subscriber *sub, *next;

	HASH_ITER (hh, s->subscribers, sub, next)
		if (sub->is_apart)
			subscriber_free(sub);
}

static void on_apart_end(void *user)
{
	apart_free(user);
}

void log_service_disconnected(struct log_service *s)
{
	apart_free(s);
	for (struct log_subscriber *sub = s->subscribers; sub != NULL; sub = sub->hh.next)
		sub->is_apart = true;
	loop_timer_at(s->apart_end, loop_now(s->loop).mono_ms + LOG_APART_MS);
}

struct log_service *log_service_new(struct loop *loop, struct spacelogs *logs,
				    struct upstream *upstream)
{
	struct log_service *s = mem_new(struct log_service);

	s->loop = loop;
	s->logs = logs;
	s->upstream = upstream;
	s->apart_end = loop_timer_new(loop, on_apart_end, s);
	return s;
}

void log_service_free(struct log_service *s)
{
	if (s == NULL)
		return;
	log_service_disconnected(s);
	apart_free(s);
	loop_timer_free(s->apart_end);
	free(s);
}

enum chunk_end { CHUNK_GOES_ON, CHUNK_CAUGHT_UP, CHUNK_END };

/* Sends the lines of `text` (it is cut into strings), and `end` or `error` with the last. */
static void send_lines(struct log_service *s, uint64_t request, char *text, enum chunk_end end,
		       const char *error)
{
	VECTOR(char *) lines = {0};
	bool more = true;

	while (more) {
		Samoza__V1__LogChunk chunk = SAMOZA__V1__LOG_CHUNK__INIT;
		char *feed;

		vector_clear(&lines);
		while (lines.count < CHUNK_LINES && (feed = strchr(text, '\n')) != NULL) {
			*feed = '\0';
			vector_push(&lines, text);
			text = feed + 1;
		}
		more = lines.count == CHUNK_LINES;
		chunk.request = request;
		chunk.lines = lines.items;
		chunk.n_lines = lines.count;
		chunk.has_end = chunk.end = !more && end == CHUNK_END;
		chunk.has_caught_up = chunk.caught_up = !more && end == CHUNK_CAUGHT_UP;
		chunk.error = !more ? (char *)error : NULL;
		/* Other frames matter more: when many bytes are waiting, log lines are lost. */
		(void)upstream_try_send(s->upstream, SAMOZA__V1__FRAME_TYPE__FRAME_LOG_CHUNK,
					&chunk.base, LINK_ROOM);
	}
	vector_done(&lines);
}

static void on_line(void *user, struct spacelog *log, const char *line)
{
	struct log_service *s = user;
	size_t size = strlen(line);

	for (struct log_subscriber *sub = s->subscribers; sub != NULL; sub = sub->hh.next) {
		if (sub->log != log || !spacelog_line_has(line, sub->text))
			continue;
		if (buffer_reserve(&sub->waiting, size + 1) == NULL) {
			sub->has_lost = true;
			continue;
		}
		(void)buffer_add(&sub->waiting, line, size);
		(void)buffer_add(&sub->waiting, "\n", 1);
		s->has_waiting = true;
	}
}

bool log_service_flush(struct log_service *s)
{
	struct log_subscriber *sub, *next;

	/* While one connection takes the place of another it is kept. */
	if (!s->has_waiting || !upstream_is_up(s->upstream))
		return false;
	s->has_waiting = false;
	HASH_ITER (hh, s->subscribers, sub, next) {
		if (sub->waiting.size == 0 || sub->is_apart)
			continue;
		if (sub->has_lost)
			(void)buffer_add_string(&sub->waiting, "... lines are missing here\n");
		sub->has_lost = false;
		send_lines(s, sub->request, sub->waiting.data, CHUNK_GOES_ON, NULL);
		buffer_done(&sub->waiting);
		sub->waiting = BUFFER_INIT(FOLLOW_BYTES);
	}
	return true;
}

/* The instance goes: the subscribers of its log get what waits, and the end. */
static void on_log_closed(void *user, struct spacelog *log)
{
	struct log_service *s = user;
	struct log_subscriber *sub, *next;

	(void)log_service_flush(s);
	HASH_ITER (hh, s->subscribers, sub, next)
		if (sub->log == log) {
			send_lines(s, sub->request, (char[]){""}, CHUNK_END, NULL);
			subscriber_free(sub);
		}
}

static const struct spacelog_subscriber to_subscribers = {.line = on_line,
							  .closed = on_log_closed};

static void follow(struct log_service *s, const Samoza__V1__LogRequest *q, struct spacelog *log)
{
	struct log_subscriber *sub = mem_new(struct log_subscriber);

	sub->service = s;
	sub->request = q->request;
	sub->text = mem_strdup(q->text);
	sub->log = log;
	sub->waiting = BUFFER_INIT(FOLLOW_BYTES);
	HASH_ADD(hh, s->subscribers, request, sizeof(sub->request), sub);
	spacelog_subscribe(log, &to_subscribers, s);
}

/* false: it is not known, or is of something else. */
static bool resume(struct log_service *s, struct log_subscriber *known,
		   const struct spacelog *log)
{
	if (known == NULL || !known->is_apart || known->log != log)
		return false;
	known->is_apart = false;
	s->has_waiting = true;
	return true;
}

void log_service_take(struct log_service *s, const Samoza__V1__LogRequest *q)
{
	struct spacelog *log;
	struct buffer text = BUFFER_INIT(TAIL_BYTES);
	char name[INSTANCE_FILE_NAME_SIZE];
	struct log_subscriber *known;
	bool is_follow = q->has_follow && q->follow;

	instance_file_name(q->topology, q->path, 0, name);
	log = spacelogs_find(s->logs, name);
	HASH_FIND(hh, s->subscribers, &q->request, sizeof(q->request), known);
	if (q->has_resume && q->resume && resume(s, known, log))
		return;
	if (known != NULL)
		subscriber_free(known);
	/* While the link is left for another one zrms asks again on that. */
	if ((q->has_cancel && q->cancel) || !upstream_is_up(s->upstream))
		return;
	(void)spacelogs_flush(s->logs);
	const struct spacelog_search search = {
		.lines = q->has_lines ? q->lines : LINES_DEFAULT,
		.since_ms =
			q->has_since_ms && q->since_ms < INT64_MAX ? (int64_t)q->since_ms : 0,
		.text = q->text};
	(void)spacelogs_search(s->logs, name, &search, &text);
	if (is_follow && log != NULL && HASH_COUNT(s->subscribers) < SUBSCRIBERS_MAX) {
		send_lines(s, q->request, text.data != NULL ? text.data : (char[]){""},
			   CHUNK_CAUGHT_UP, NULL);
		follow(s, q, log);
	} else {
		send_lines(s, q->request, text.data != NULL ? text.data : (char[]){""},
			   CHUNK_END,
			   !is_follow	 ? NULL
			   : log == NULL ? "the instance is not on this zhost"
					 : "too many clients follow logs of this zhost");
	}
	buffer_done(&text);
}
