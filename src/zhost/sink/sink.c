#include "zhost/sink/sink.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define RETRY_FIRST_MS 1000
#define RETRY_MOST_MS  30000
#define END_MS	       500

struct queued {
	struct queued *next;
	struct sink_record record; /* its texts are in `texts` */
	size_t bytes;
	char texts[];
};

struct sink {
	char *url, *zhost;
	struct sink_writer *writer; /* the thread's */
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	struct queued *first, **end;
	size_t waiting;
	bool is_ending, is_left, is_woken, is_to_reopen;
	int64_t end_ms; /* when ending: no later */
	uint64_t written, dropped;
	bool is_failing;
	char why[256];
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the thread ---- */

static void wait_until(struct sink *s, int64_t mono_ms)
{
	const struct timespec at = {.tv_sec = mono_ms / 1000,
				    .tv_nsec = mono_ms % 1000 * 1000000};

	(void)pthread_cond_timedwait(&s->changed, &s->lock, &at);
}

/* After a failure; ends early where somebody asks for it. */
static void pause_for(struct sink *s, int64_t ms)
{
	int64_t until = now_ms() + ms;

	s->is_woken = false;
	while (!s->is_ending && !s->is_woken && now_ms() < until)
		wait_until(s, until);
}

static void note_result(struct sink *s, int r, const struct error *why)
{
	s->is_failing = r < 0 && r != ERR_LIMIT;
	if (s->is_failing)
		(void)snprintf(s->why, sizeof(s->why), "%s", why->message);
	else if (r < 0)
		s->dropped++;
	else
		s->written++;
}

static void take_first(struct sink *s)
{
	struct queued *q = s->first;

	s->first = q->next;
	if (s->first == NULL)
		s->end = &s->first;
	s->waiting -= q->bytes;
	free(q);
}

/* Writes the first one without the lock: only this thread removes it. */
static bool write_first(struct sink *s)
{
	const struct queued *q = s->first;
	bool reopens = s->is_to_reopen;
	CLEANUP(error_freep) struct error *why = NULL;

	s->is_to_reopen = false;
	(void)pthread_mutex_unlock(&s->lock);
	if (reopens && s->writer->ops->reopen != NULL)
		s->writer->ops->reopen(s->writer);
	int r = s->writer->ops->write(s->writer, &q->record, &why);
	(void)pthread_mutex_lock(&s->lock);
	note_result(s, r, why);
	if (!s->is_failing)
		take_first(s);
	return !s->is_failing;
}

static void release(struct sink *s)
{
	while (s->first != NULL)
		take_first(s);
	s->writer->ops->free(s->writer);
	(void)pthread_cond_destroy(&s->changed);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->url);
	free(s->zhost);
	free(s);
}

static void *run(void *user)
{
	struct sink *s = user;
	int64_t pause = RETRY_FIRST_MS;

	(void)pthread_mutex_lock(&s->lock);
	for (;;) {
		while (s->first == NULL && !s->is_ending)
			(void)pthread_cond_wait(&s->changed, &s->lock);
		if (s->is_ending && (s->first == NULL || now_ms() >= s->end_ms))
			break;
		if (write_first(s)) {
			pause = RETRY_FIRST_MS;
		} else if (s->is_ending) {
			break;
		} else {
			pause_for(s, pause);
			pause = pause * 2 < RETRY_MOST_MS ? pause * 2 : RETRY_MOST_MS;
		}
	}
	bool is_left = s->is_left;
	s->is_left = true;
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
	if (is_left)
		release(s);
	return NULL;
}

/* ---- from the loop ---- */

/* "host:port" or "[::1]:port"; the caller frees both. */
static bool split(const char *text, char **ret_host, char **ret_port)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;

	if (colon == NULL || colon == text || str_to_u64(colon + 1, &port) < 0 || port == 0 ||
	    port > 65535)
		return false;
	*ret_host = text[0] == '[' && colon[-1] == ']'
			    ? mem_strndup(text + 1, (size_t)(colon - text) - 2)
			    : mem_strndup(text, (size_t)(colon - text));
	*ret_port = mem_strdup(colon + 1);
	return true;
}

static struct sink_writer *writer_of(const char *url)
{
	CLEANUP(freep) char *host = NULL;
	CLEANUP(freep) char *port = NULL;
	bool is_tcp = str_has_prefix(url, "syslog+tcp://");

	if (str_equal(url, "journald"))
		return journal_writer_new(JOURNAL_SOCKET);
	if (str_has_prefix(url, "journald:/") && strlen(url) < 100)
		return journal_writer_new(url + strlen("journald:"));
	if (str_has_prefix(url, "file:/"))
		return files_writer_new(url + strlen("file:"));
	if ((is_tcp || str_has_prefix(url, "syslog+udp://")) &&
	    split(url + strlen("syslog+tcp://"), &host, &port))
		return syslog_writer_new(host, port, is_tcp);
	return NULL;
}

int sink_new(const char *url, const char *zhost, struct sink **ret_sink, struct error **err)
{
	struct sink_writer *writer = writer_of(url);
	pthread_condattr_t by_monotonic;

	if (writer == NULL)
		return error_set(err, ERR_INVALID,
				 "'%s' is no sink: expected journald, file:/DIRECTORY, "
				 "syslog+tcp://HOST:PORT or syslog+udp://HOST:PORT",
				 url);
	struct sink *s = mem_new(struct sink);
	s->url = mem_strdup(url);
	s->zhost = mem_strdup(zhost);
	s->writer = writer;
	s->end = &s->first;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_condattr_init(&by_monotonic);
	(void)pthread_condattr_setclock(&by_monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->changed, &by_monotonic);
	(void)pthread_condattr_destroy(&by_monotonic);
	errno = pthread_create(&s->thread, NULL, run, s);
	if (errno != 0) {
		int r = error_set(err, ERR_LIMIT, "no thread for %s: %s", url, strerror(errno));
		release(s);
		return r;
	}
	(void)pthread_detach(s->thread);
	*ret_sink = s;
	return 0;
}

/* A writer that hangs, in a file system say, stays with its sink: it ends with the process. */
void sink_free(struct sink *s, bool waits)
{
	int64_t until = now_ms() + 2 * END_MS;

	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&s->lock);
	s->is_ending = true;
	s->end_ms = now_ms() + END_MS;
	(void)pthread_cond_broadcast(&s->changed);
	while (waits && !s->is_left && now_ms() < until)
		wait_until(s, until);
	bool has_ended = s->is_left;
	s->is_left = true;
	(void)pthread_mutex_unlock(&s->lock);
	if (has_ended)
		release(s);
}

const char *sink_url(const struct sink *s)
{
	return s->url;
}

static const char *put(char **at, const char *text, size_t size)
{
	char *begin = *at;

	memcpy(begin, text, size);
	begin[size] = '\0';
	*at += size + 1;
	return begin;
}

void sink_take(struct sink *s, const struct sink_record *r)
{
	size_t texts = strlen(r->topology) + strlen(r->id) + strlen(r->space) +
		       strlen(r->path) + r->size + 5;
	struct queued *q = (struct queued *)mem_calloc(1, sizeof(*q) + texts);
	char *at = q->texts;

	*q = (struct queued){.record = *r, .bytes = sizeof(*q) + texts};
	q->record.zhost = s->zhost;
	q->record.topology = put(&at, r->topology, strlen(r->topology));
	q->record.id = put(&at, r->id, strlen(r->id));
	q->record.space = put(&at, r->space, strlen(r->space));
	q->record.path = put(&at, r->path, strlen(r->path));
	q->record.text = put(&at, r->text, r->size);
	(void)pthread_mutex_lock(&s->lock);
	if (s->waiting + q->bytes > SINK_QUEUE_BYTES) {
		s->dropped++;
		free(q);
	} else {
		s->waiting += q->bytes;
		*s->end = q;
		s->end = &q->next;
		if (s->first == q)
			(void)pthread_cond_broadcast(&s->changed);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

void sink_reopen(struct sink *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->is_to_reopen = s->is_woken = true;
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}

void sink_state(struct sink *s, struct sink_state *ret)
{
	(void)pthread_mutex_lock(&s->lock);
	*ret = (struct sink_state){.written = s->written,
				   .dropped = s->dropped,
				   .waiting = s->waiting,
				   .is_failing = s->is_failing};
	if (s->is_failing)
		(void)snprintf(ret->why, sizeof(ret->why), "%s", s->why);
	(void)pthread_mutex_unlock(&s->lock);
}
