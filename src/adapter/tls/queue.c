#include "adapter/tls/queue.h"

#include <string.h>
#include <utlist.h>

#include "adapter/tls/network.h"
#include "base/check.h"
#include "base/memory.h"

struct tls_waiting {
	struct tls_host *host;
	struct stream *inner;
	struct tls_waiting *next, *prev;
	uint64_t number; /* in the order in which they came */
	int64_t since_ms;
};

/* ---- addresses ---- */

/* "10.0.0.5" of "10.0.0.5:40312", "2001:db8::/64" of "[2001:db8::7]:40312". The caller frees. */
static char *name_of(const char *address)
{
	const char *colon = strrchr(address, ':');
	size_t size = colon != NULL ? (size_t)(colon - address) : strlen(address);
	bool is_v6 = size > 2 && address[0] == '[' && address[size - 1] == ']';
	CLEANUP(freep) char *host = mem_strndup(address + is_v6, size - 2 * (size_t)is_v6);
	return peer_network(host);
}

static struct tls_host *host_of(struct tls_queue *q, const struct stream *inner)
{
	CLEANUP(freep) char *name = name_of(stream_peer(inner)->address);
	struct tls_host *host = NULL;
	HASH_FIND_STR(q->hosts, name, host);
	if (host != NULL)
		return host;
	host = mem_new(struct tls_host);
	host->queue = q;
	host->name = steal_ptr(&name);
	HASH_ADD_KEYPTR(hh, q->hosts, host->name, strlen(host->name), host);
	return host;
}

static void host_review(struct tls_host *host)
{
	if (host->held > 0 || host->waiting > 0)
		return;
	HASH_DELETE(hh, host->queue->hosts, host);
	free(host->name);
	free(host);
}

struct tls_host *tls_host_enter(struct tls_queue *q, const struct stream *inner)
{
	struct tls_host *host = host_of(q, inner);
	host->held++;
	return host;
}

void tls_host_leave(struct tls_host *host)
{
	PRE(host->held > 0);
	host->held--;
	host_review(host);
}

struct tls_host *tls_queue_most(const struct tls_queue *q)
{
	struct tls_host *most = NULL;
	for (struct tls_host *host = q->hosts; host != NULL; host = host->hh.next)
		if (host->held > (most != NULL ? most->held : 0))
			most = host;
	return most;
}

/* The address that holds fewest, among those of which one has spoken; of equal ones that of the oldest. NULL: there is none. */
static struct tls_host *host_next(const struct tls_queue *q)
{
	struct tls_host *next = NULL;
	for (struct tls_host *host = q->hosts; host != NULL; host = host->hh.next)
		if (host->spoken != NULL &&
		    (next == NULL || host->held < next->held ||
		     (host->held == next->held && host->spoken->number < next->spoken->number)))
			next = host;
	return next;
}

bool tls_queue_is_unfair(const struct tls_queue *q, const struct tls_host *most)
{
	const struct tls_host *next = q->spoken > 0 ? host_next(q) : NULL;
	return next != NULL && next->held + 1 < most->held;
}

/* ---- those that wait ---- */

static void on_ready(void *user, struct stream *inner, unsigned events)
{
	struct tls_waiting *w = user;
	struct tls_host *host = w->host;
	(void)events;
	stream_want(inner, 0);
	DL_DELETE(host->silent, w);
	DL_APPEND(host->spoken, w);
	host->queue->spoken++;
	host->queue->on_spoken(host->queue->user);
}

static const struct stream_handler waiting_handler = {.ready = on_ready};

void tls_queue_add(struct tls_queue *q, struct stream *take_inner, int64_t now_ms)
{
	struct tls_waiting *w = mem_new(struct tls_waiting);
	w->host = host_of(q, take_inner);
	w->inner = take_inner;
	w->number = q->next_number++;
	w->since_ms = now_ms;
	DL_APPEND(w->host->silent, w);
	w->host->waiting++;
	q->waiting++;
	stream_set_handler(take_inner, &waiting_handler, w);
	stream_want(take_inner, STREAM_READ);
}

/* Its list is left by then. The caller's stream. */
static struct stream *waiting_free(struct tls_waiting *w)
{
	struct stream *inner = w->inner;
	w->host->waiting--;
	w->host->queue->waiting--;
	host_review(w->host);
	free(w);
	return inner;
}

struct stream *tls_queue_next(struct tls_queue *q)
{
	struct tls_host *host = q->spoken > 0 ? host_next(q) : NULL;
	if (host == NULL)
		return NULL;
	struct tls_waiting *w = host->spoken;
	DL_DELETE(host->spoken, w);
	q->spoken--;
	return waiting_free(w);
}

/* The address may be gone afterwards. */
static unsigned host_end_silent(struct tls_host *host, int64_t before_ms)
{
	unsigned ended = 0;
	bool is_last = false;
	while (!is_last && host->silent != NULL && host->silent->since_ms < before_ms) {
		struct tls_waiting *w = host->silent;
		DL_DELETE(host->silent, w);
		is_last = host->waiting == 1;
		stream_close(waiting_free(w));
		ended++;
	}
	return ended;
}

unsigned tls_queue_end_silent(struct tls_queue *q, int64_t before_ms, bool most_only)
{
	struct tls_host *host, *next, *most = NULL;
	unsigned ended = 0;
	HASH_ITER (hh, q->hosts, host, next) {
		if (!most_only)
			ended += host_end_silent(host, before_ms);
		else if (most == NULL || host->waiting > most->waiting)
			most = host;
	}
	return most != NULL ? host_end_silent(most, before_ms) : ended;
}

void tls_queue_done(struct tls_queue *q)
{
	struct tls_host *host, *next;
	HASH_ITER (hh, q->hosts, host, next) {
		PRE(host->held == 0);
		while (host->spoken != NULL) {
			struct tls_waiting *w = host->spoken;
			DL_DELETE(host->spoken, w);
			DL_APPEND(host->silent, w);
		}
		(void)host_end_silent(host, INT64_MAX);
	}
	q->spoken = 0;
}
