#include "zrms/artifact/fetch.h"

#include <string.h>
#include <utlist.h>

#include "adapter/cli/address.h"
#include "adapter/http/client.h"
#include "adapter/log/log.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "proto/view.pb-c.h"
#include "schema/json.h"
#include "schema/message.h"

#define CONNECT_MS  3000
#define SILENCE_MS  10000
#define RUNNING_MAX 4
#define BYTES_MAX   ((uint64_t)1 << 31)
#define SAID_MAX    4096

struct waiter {
	fetch_done_fn *done;
	void *user;
};

struct fetch {
	UT_hash_handle hh;
	struct fetches *fetches;
	char digest[ARTIFACT_DIGEST_CHARS + 1];
	VECTOR(struct waiter) waiters;
	bool is_running;
	size_t at; /* of the sources */
	char *from;
	struct http_call *call;
	struct artifact_writer *writer;
	int status;
	struct buffer said; /* by one that does not have it */
	struct error *why;  /* the last one that failed */
};

struct fetches {
	struct loop *loop;
	struct artifact_store *store;
	const struct fetch_sources *sources;
	void *user;
	struct loop_timer *start;
	struct fetch *all; /* by digest, in the order in which they were asked for */
	unsigned running;
	struct fetch_counters counters;
};

static void fetch_free(struct fetch *f)
{
	HASH_DEL(f->fetches->all, f);
	f->fetches->running -= f->is_running;
	http_call_cancel(f->call);
	artifact_abandon(f->writer);
	vector_done(&f->waiters);
	buffer_done(&f->said);
	error_free(f->why);
	free(f->from);
	free(f);
}

static void start_soon(struct fetches *all)
{
	loop_timer_at(all->start, loop_now(all->loop).mono_ms);
}

/* `why` NULL: it is there. */
static void ended(struct fetch *f, const struct error *why)
{
	struct fetches *all = f->fetches;
	VECTOR(struct waiter) waiters = {0};
	char digest[sizeof(f->digest)];
	CLEANUP(error_freep) struct error *kept = NULL;
	if (why != NULL)
		(void)error_set(&kept, (enum error_code)why->code, "%s", why->message);
	memcpy(digest, f->digest, sizeof(digest));
	vector_for_each (&f->waiters, w)
		vector_push(&waiters, *w);
	all->counters.fetched_total += why == NULL;
	all->counters.failed_total += why != NULL;
	fetch_free(f);
	start_soon(all);
	vector_for_each (&waiters, w)
		w->done(w->user, digest, kept);
	vector_done(&waiters);
}

static void try_next(struct fetch *f);

/* This one does not have it. */
static void failed(struct fetch *f, const struct error *why)
{
	artifact_abandon(steal_ptr(&f->writer));
	error_free(steal_ptr(&f->why));
	(void)error_set(&f->why, ERR_UNAVAILABLE,
			"no zrms that can be reached has artifact %.12s…: %s says: %s",
			f->digest, f->from, why->message);
	try_next(f);
}

char *fetch_refusal(int status, struct buffer *said)
{
	ProtobufCMessage *message = NULL;
	if (buffer_add(said, "", 1) < 0 || --said->size == 0 ||
	    schema_read_json(&samoza__v1__error_view__descriptor, NULL, said->data, said->size,
			     0, NULL, &message, NULL) < 0)
		return str_printf("HTTP status %d", status);
	char *text = mem_strdup(((Samoza__V1__ErrorView *)message)->error->message);
	schema_message_free(message);
	return text;
}

static int on_head(void *user, const struct http_response *response, struct error **err)
{
	struct fetch *f = user;
	(void)err;
	f->status = response->status;
	return 0;
}

static int on_body(void *user, const void *data, size_t size, struct error **err)
{
	struct fetch *f = user;
	if (f->status == 200)
		return artifact_write(f->writer, data, size, err);
	return buffer_add(&f->said, data, size) == 0
		       ? 0
		       : error_set(err, ERR_UNAVAILABLE, "HTTP status %d", f->status);
}

static void on_done(void *user, const struct error *why)
{
	struct fetch *f = user;
	CLEANUP(error_freep) struct error *err = NULL;
	f->call = NULL;
	if (why != NULL) {
		failed(f, why);
		return;
	}
	if (f->status != 200) {
		CLEANUP(freep) char *said = fetch_refusal(f->status, &f->said);
		(void)error_set(&err, ERR_UNAVAILABLE, "%s", said);
		failed(f, err);
		return;
	}
	int r = artifact_finish(steal_ptr(&f->writer), &err);
	if (r == 0)
		r = artifact_sync(f->fetches->store, &err);
	if (r < 0) {
		failed(f, err);
		return;
	}
	log_info("artifacts", "fetched", LOG_S("digest", f->digest), LOG_S("from", f->from));
	ended(f, NULL);
}

static const struct http_call_handler call_handler = {
	.head = on_head, .body = on_body, .done = on_done};

static int ask(struct fetch *f, struct error **err)
{
	struct fetches *all = f->fetches;
	struct stream_transport *transport = all->sources->transport(all->user);
	buffer_done(&f->said);
	f->said = BUFFER_INIT(SAID_MAX);
	f->status = 0;
	struct cli_address at;
	int r = cli_address_parse_any(f->from, &at, err);
	if (r == 0 && transport == NULL)
		r = error_set(err, ERR_UNAVAILABLE, "it has no certificate to show yet");
	if (r == 0)
		r = artifact_put(all->store, f->digest, &f->writer, err);
	if (r < 0)
		return r;
	CLEANUP(freep) char *target = str_printf("/v1/artifacts/sha256/%s", f->digest);
	const struct http_call_options options = {.target = target,
						  .to = {at.host, at.port},
						  .connect_ms = CONNECT_MS,
						  .idle_ms = SILENCE_MS,
						  .body_max = BYTES_MAX,
						  .peer_role = "zrms"};
	f->call = http_call_new(all->loop, transport, &options, &call_handler, f);
	return 0;
}

static void try_next(struct fetch *f)
{
	for (;;) {
		CLEANUP(error_freep) struct error *err = NULL;
		free(f->from);
		f->from = f->fetches->sources->at(f->fetches->user, f->at++);
		if (f->from == NULL)
			break;
		if (ask(f, &err) == 0)
			return;
		error_free(steal_ptr(&f->why));
		f->why = steal_ptr(&err);
	}
	if (f->why == NULL)
		(void)error_set(&f->why, ERR_UNAVAILABLE,
				"no other zrms is known that could have artifact %.12s…",
				f->digest);
	CLEANUP(error_freep) struct error *why = steal_ptr(&f->why);
	ended(f, why);
}

static void on_start(void *user)
{
	struct fetches *all = user;
	struct fetch *f = all->all;
	while (f != NULL && f->is_running)
		f = f->hh.next;
	if (f == NULL || all->running >= RUNNING_MAX)
		return;
	f->is_running = true;
	all->running++;
	start_soon(all);
	try_next(f);
}

void fetch_artifact(struct fetches *all, const char *digest, fetch_done_fn *done, void *user)
{
	struct fetch *f = NULL;
	HASH_FIND(hh, all->all, digest, ARTIFACT_DIGEST_CHARS, f);
	if (f == NULL) {
		f = mem_new(struct fetch);
		f->fetches = all;
		memcpy(f->digest, digest, ARTIFACT_DIGEST_CHARS);
		HASH_ADD(hh, all->all, digest, ARTIFACT_DIGEST_CHARS, f);
		start_soon(all);
	}
	*vector_add(&f->waiters) = (struct waiter){done, user};
}

struct fetch_counters fetches_counters(const struct fetches *all)
{
	struct fetch_counters counters = all->counters;
	counters.waiting = HASH_COUNT(all->all);
	return counters;
}

struct fetches *fetches_new(struct loop *loop, struct artifact_store *store,
			    const struct fetch_sources *sources, void *user)
{
	struct fetches *all = mem_new(struct fetches);
	*all = (struct fetches){.loop = loop, .store = store, .sources = sources, .user = user};
	all->start = loop_timer_new(loop, on_start, all);
	return all;
}

void fetches_free(struct fetches *all)
{
	if (all == NULL)
		return;
	while (all->all != NULL)
		fetch_free(all->all);
	loop_timer_free(all->start);
	free(all);
}
