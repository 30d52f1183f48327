#include "adapter/etcd/copy.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "adapter/etcd/content.pb-c.h"
#include "adapter/etcd/scan.h"
#include "base/check.h"
#include "base/memory.h"

enum {
	LOOK_MS = 500,	  /* from one question for the ledger to the next */
	SILENT_MS = 2000, /* it lags for so long: the watch is given up */
	AGAIN_MS = 300,	  /* after a watch has ended, or something failed */
	COPY_PAGE = 10000,
};

struct etcd_copy {
	/* Of the thread. */
	struct rpc *rpc, *asks;
	struct ahead ahead;	       /* of who has taken it, once is_given */
	int64_t seen;		       /* the newest revision of which everything came */
	int64_t newest;		       /* of the ledger, when it was asked for last */
	int64_t looked_ms, watched_ms; /* when it did so last, and began to */
	bool is_lost, is_silent;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock. */
	struct etcd_copy_state state; /* without lag_ms */
	int64_t lag_since_ms;	      /* 0: it is not */
	int64_t wanted;		      /* revision; 0: none */
	bool is_given, ends, has_ended, is_abandoned;
};

static int64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void lock(struct etcd_copy *c)
{
	(void)pthread_mutex_lock(&c->lock);
}

static void unlock(struct etcd_copy *c)
{
	(void)pthread_mutex_unlock(&c->lock);
}

/* ---- in the thread: how far it is ---- */

/* Everything up to the revision of that ledger is in it. True: that is what somebody waits for, and it is not touched any more. */
static bool reached(struct etcd_copy *c, int64_t revision, uint64_t batch)
{
	ahead_reached(&c->ahead, revision);
	lock(c);
	c->state.is_whole = true;
	c->state.batch = batch;
	if (revision >= c->newest) {
		c->state.lag = 0;
		c->lag_since_ms = 0;
	}
	c->is_given = c->is_given || (c->wanted != 0 && c->wanted == revision);
	bool is_given = c->is_given;
	(void)pthread_cond_signal(&c->changed);
	unlock(c);
	return is_given;
}

static bool is_over(struct etcd_copy *c)
{
	lock(c);
	c->is_given = c->is_given || (c->wanted != 0 && c->wanted == c->ahead.revision);
	if (c->is_given)
		(void)pthread_cond_signal(&c->changed);
	bool is_over = c->ends || c->is_given;
	unlock(c);
	return is_over;
}

static void begin(struct etcd_copy *c)
{
	ahead_begin(&c->ahead);
	lock(c);
	c->state.is_whole = false;
	c->state.batch = 0;
	c->state.readings++;
	unlock(c);
}

static void too_large(struct etcd_copy *c)
{
	lock(c);
	c->state.is_too_large = true;
	c->state.is_whole = false;
	c->ends = true;
	unlock(c);
}

/* ---- what comes ---- */

static bool is_key(bytes key, const char *name)
{
	return key.len == strlen(name) && memcmp(key.data, name, key.len) == 0;
}

static bool is_record(bytes key)
{
	return key.len > strlen(KEY_RECORD) &&
	       memcmp(key.data, KEY_RECORD, strlen(KEY_RECORD)) == 0;
}

static bool record_put(struct etcd_copy *c, const Etcd__KeyValue *kv)
{
	bytes value;
	uint64_t sum;
	if (!value_unpack(kv->key, kv->value, &value, &sum)) {
		ahead_doubt(&c->ahead); /* the store's inspection says what it is */
		return true;
	}
	return ahead_put(&c->ahead, kv->key.data, kv->key.len, value.data, value.len, sum);
}

static uint64_t batch_in(bytes value)
{
	Etcd__Content__Ledger *ledger =
		etcd__content__ledger__unpack(NULL, value.len, value.data);
	uint64_t batch = ledger != NULL ? ledger->batch : 0;
	if (ledger != NULL)
		etcd__content__ledger__free_unpacked(ledger, NULL);
	return batch;
}

/* ---- it reads everything ---- */

struct reading {
	struct etcd_copy *copy;
	bool is_too_large;
};

static int record_read(void *user, const Etcd__KeyValue *kv, struct error **err)
{
	struct reading *reading = user;
	if (!record_put(reading->copy, kv)) {
		reading->is_too_large = true;
		return error_set(err, ERR_LIMIT, "the records are too many to be read ahead");
	}
	lock(reading->copy);
	bool ends = reading->copy->ends || reading->copy->wanted != 0;
	unlock(reading->copy);
	return ends ? error_set(err, ERR_CONFLICT, "it ends") : 0;
}

/* The records as of `revision`, which is that of the answer in which the ledger came. */
static int records_read(struct etcd_copy *c, int64_t revision, struct error **err)
{
	CLEANUP(bytes_freep) bytes from = etcd_key_text(KEY_RECORD);
	CLEANUP(bytes_freep) bytes to = key_end(from);
	const struct scan scan = {
		.from = from, .to = to, .page = COPY_PAGE, .revision = revision};
	struct reading reading = {.copy = c};
	int r = scan_run(c->asks, &scan, record_read, &reading, err);
	if (reading.is_too_large)
		too_large(c);
	return r;
}

static int all_read(struct etcd_copy *c, struct error **err)
{
	Etcd__RangeResponse *answer = NULL;
	begin(c);
	int r = scan_get(c->asks, KEY_LEDGER, &answer, err);
	if (r < 0)
		return r;
	int64_t revision = answer->header != NULL ? answer->header->revision : 0;
	bool has_ledger = answer->n_kvs > 0;
	int64_t changed = has_ledger ? answer->kvs[0]->mod_revision : 0;
	uint64_t batch = has_ledger ? batch_in(answer->kvs[0]->value) : 0;
	etcd__range_response__free_unpacked(answer, NULL);
	r = records_read(c, revision, err);
	if (r < 0)
		return r;
	c->seen = revision;
	c->is_lost = false;
	(void)reached(c, changed, batch);
	return 0;
}

/* ---- it follows ---- */

static bool event_take(struct etcd_copy *c, const Etcd__Event *event, int64_t *ret_ledger,
		       uint64_t *ret_batch)
{
	const Etcd__KeyValue *kv = event->kv;
	if (kv == NULL)
		return true;
	bool is_put = event->type == ETCD__EVENT__TYPE__PUT;
	if (is_key(kv->key, KEY_LEDGER)) {
		*ret_ledger = kv->mod_revision;
		*ret_batch = is_put ? batch_in(kv->value) : 0;
		return true;
	}
	if (!is_record(kv->key))
		return true;
	if (is_put)
		return record_put(c, kv);
	ahead_remove(&c->ahead, kv->key.data, kv->key.len);
	return true;
}

/* One answer has all changes of one or more revisions, and no revision is in two. */
static bool watch_take(void *user, const ProtobufCMessage *message)
{
	struct etcd_copy *c = user;
	const Etcd__WatchResponse *told = (const Etcd__WatchResponse *)message;
	int64_t ledger = 0;
	uint64_t batch = 0;
	if (told->canceled || told->compact_revision != 0) {
		c->is_lost = c->is_lost || told->compact_revision != 0;
		return false;
	}
	for (size_t i = 0; i < told->n_events; i++) {
		if (!event_take(c, told->events[i], &ledger, &batch)) {
			too_large(c);
			return false;
		}
		if (told->events[i]->kv != NULL)
			c->seen = told->events[i]->kv->mod_revision;
	}
	return ledger == 0 || !reached(c, ledger, batch);
}

/* Asks for the ledger: what it lacks. */
static void look(struct etcd_copy *c)
{
	Etcd__RangeResponse *answer = NULL;
	c->looked_ms = now_ms();
	if (scan_get(c->asks, KEY_LEDGER, &answer, NULL) < 0)
		return;
	uint64_t batch = answer->n_kvs > 0 ? batch_in(answer->kvs[0]->value) : 0;
	c->newest = answer->n_kvs > 0 ? answer->kvs[0]->mod_revision : 0;
	etcd__range_response__free_unpacked(answer, NULL);
	lock(c);
	bool lags = c->newest > c->ahead.revision;
	c->state.lag = lags && batch > c->state.batch ? batch - c->state.batch : lags;
	if (!lags)
		c->lag_since_ms = 0;
	else if (c->lag_since_ms == 0)
		c->lag_since_ms = c->looked_ms;
	int64_t since_ms = c->lag_since_ms;
	unlock(c);
	if (since_ms < c->watched_ms)
		since_ms = lags ? c->watched_ms : 0;
	c->is_silent = since_ms != 0 && c->looked_ms - since_ms > SILENT_MS;
}

static bool watch_ends(void *user)
{
	struct etcd_copy *c = user;
	if (is_over(c))
		return true;
	if (now_ms() - c->looked_ms >= LOOK_MS)
		look(c);
	return c->is_silent;
}

static int follow(struct etcd_copy *c, struct error **err)
{
	/* The ledger, who is there, parts, records: keys.h. */
	CLEANUP(bytes_freep) bytes from = etcd_key_text(KEY_LEDGER);
	CLEANUP(bytes_freep) bytes records = etcd_key_text(KEY_RECORD);
	CLEANUP(bytes_freep) bytes to = key_end(records);
	const struct rpc_stream stream = {.each = watch_take, .ends = watch_ends, .user = c};
	Etcd__WatchCreateRequest create = ETCD__WATCH_CREATE_REQUEST__INIT;
	Etcd__WatchRequest request = ETCD__WATCH_REQUEST__INIT;
	create.key = from;
	create.range_end = to;
	create.start_revision = c->seen + 1;
	request.request_case = ETCD__WATCH_REQUEST__REQUEST_CREATE;
	request.create = &create;
	c->is_silent = false;
	c->watched_ms = now_ms();
	int r = rpc_stream(c->rpc, &rpc_watch, &request.base, &stream, err);
	if (c->is_silent)
		rpc_leave(c->rpc);
	return r;
}

static void pause_for(struct etcd_copy *c, int64_t ms)
{
	struct timespec until;
	int64_t at_ms = now_ms() + ms;
	until = (struct timespec){.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
	lock(c);
	if (!c->ends && c->wanted == 0)
		(void)pthread_cond_timedwait(&c->changed, &c->lock, &until);
	unlock(c);
}

/* ---- life ---- */

static void done(struct etcd_copy *c)
{
	ahead_begin(&c->ahead);
	rpc_free(c->rpc);
	rpc_free(c->asks);
	(void)pthread_cond_destroy(&c->changed);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

static void *copy_main(void *user)
{
	struct etcd_copy *c = user;
	while (!is_over(c)) {
		int r = 0;
		if (c->ahead.revision == 0 || c->is_lost)
			r = all_read(c, NULL);
		if (r == 0 && !is_over(c))
			r = follow(c, NULL);
		if (!is_over(c))
			pause_for(c, AGAIN_MS);
	}
	lock(c);
	c->has_ended = true;
	bool is_abandoned = c->is_abandoned;
	(void)pthread_cond_signal(&c->changed);
	unlock(c);
	if (is_abandoned)
		done(c);
	return NULL;
}

static int thread_start(struct etcd_copy *c, struct error **err)
{
	/* Signals are the loop's business. */
	sigset_t all, before;
	pthread_t thread;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&thread, NULL, copy_main, c);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0)
		return error_set(err, ERR_IO, "cannot start a thread: %s", strerror(r));
	(void)pthread_setname_np(thread, "ahead");
	(void)pthread_detach(thread);
	return 0;
}

int etcd_copy_new(const struct etcd_servers *servers, size_t bytes_max,
		  struct etcd_copy **ret_copy, struct error **err)
{
	pthread_condattr_t attributes;
	struct etcd_copy *c = mem_new(struct etcd_copy);
	c->ahead.bytes_max = bytes_max != 0 ? bytes_max : ETCD_COPY_BYTES;
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&c->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	(void)pthread_mutex_init(&c->lock, NULL);
	int r = rpc_new(servers, &c->rpc, err);
	if (r == 0)
		r = rpc_new(servers, &c->asks, err);
	if (r == 0)
		r = thread_start(c, err);
	if (r < 0) {
		done(c);
		return r;
	}
	*ret_copy = c;
	return 0;
}

void etcd_copy_free(struct etcd_copy *c)
{
	if (c == NULL)
		return;
	lock(c);
	c->ends = c->is_abandoned = true;
	bool has_ended = c->has_ended;
	if (!has_ended)
		rpc_stream_wake(c->rpc);
	(void)pthread_cond_signal(&c->changed);
	unlock(c);
	if (has_ended)
		done(c);
}

struct etcd_copy_state etcd_copy_look(struct etcd_copy *c)
{
	lock(c);
	struct etcd_copy_state state = c->state;
	state.lag_ms = c->lag_since_ms != 0 ? now_ms() - c->lag_since_ms : 0;
	unlock(c);
	return state;
}

struct ahead *etcd_copy_take(struct etcd_copy *c, const struct etcd_ledger *l,
			     int64_t patience_ms)
{
	int64_t at_ms = now_ms() + patience_ms;
	const struct timespec until = {.tv_sec = at_ms / 1000,
				       .tv_nsec = at_ms % 1000 * 1000000};
	lock(c);
	c->wanted = l->revision;
	bool waits = c->state.is_whole && c->wanted != 0;
	rpc_stream_wake(c->rpc);
	while (waits && !c->is_given && !c->has_ended)
		waits = pthread_cond_timedwait(&c->changed, &c->lock, &until) == 0;
	bool is_given = c->is_given;
	c->ends = true;
	unlock(c);
	const struct ledger_rows *rows = &l->committed.records;
	return is_given && ahead_serves(&c->ahead, l->revision, rows->count, rows->total)
		       ? &c->ahead
		       : NULL;
}
