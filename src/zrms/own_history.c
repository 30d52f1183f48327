#include "zrms/own_history.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "adapter/cli/address.h"
#include "adapter/http/client.h"
#include "adapter/log/log.h"
#include "adapter/sqlite/chronicle.h"
#include "adapter/uv/worker.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "zrms/lead.h"
#include "zrms/zrms.h"

enum {
	COPY_MS = 1000,
	ASK_AGAIN_MS = 30000, /* after nobody had what is missing */
	CALL_MS = 5000,
	PAGE = 2000, /* events */
};
#define PAGE_BYTES ((size_t)16 << 20)

struct own_history {
	struct zrms *zrms;
	struct worker *worker;
	struct chronicle *chronicle;
	struct rpc *rpc; /* of the worker's thread */
	struct loop_timer *timer;
	bool is_failing, is_closing;
	/* What is asked of the others. */
	struct http_call *call;
	int status;
	struct buffer body;
	uint64_t after, until; /* what is missing, without both ends */
	size_t next;	       /* of them */
	bool has_gained;       /* one of them had some since the first was asked */
	int64_t ask_ms;	       /* none of them before that */
	atomic_uint_fast64_t copied, filled;
	void (*closed)(void *user);
	void *closed_user;
};

enum job_type { JOB_FOLLOW, JOB_FILL, JOB_PAGE };

struct history_job {
	struct worker_job base; /* first */
	enum job_type type;
	struct error *err;
	/* follow */
	bool more, is_gap;
	uint64_t after, until;	     /* page: what is asked for; follow: what is missing */
	Samoza__V1__EventPage *page; /* page: the answer; fill: what it is given */
	own_history_page_fn *done;
	void *user;
};

/* ---- in the worker's thread: the store ---- */

/* Events of one reading, and whether the store has more. */
struct reading {
	etcd_history_events events;
	bool more;
};

static void reading_done(struct reading *reading)
{
	etcd_history_events_clear(&reading->events);
	vector_done(&reading->events);
}

static int store_read(struct own_history *h, uint64_t after, struct reading *reading,
		      struct error **err)
{
	struct etcd_history store = {.rpc = h->rpc};
	etcd_history_events_clear(&reading->events);
	reading->more = false;
	return etcd_history_list(&store, after, NULL, PAGE, &reading->events, &reading->more,
				 err);
}

static int put(struct own_history *h, uint64_t first, const struct reading *reading,
	       size_t from, struct error **err)
{
	size_t count = reading->events.count;
	if (from >= count)
		return 0;
	h->copied += count - from;
	return chronicle_put(h->chronicle, first, reading->events.items[count - 1]->seq,
			     reading->events.items + from, count - from, err);
}

/* The newest that it has is not in the store, or another one is: it was away for long, or the store was set back. */
static int begin_again(struct own_history *h, uint64_t newest, struct reading *reading,
		       struct error **err)
{
	struct etcd_history store = {0};
	int r = etcd_history_init(&store, h->rpc, err);
	uint64_t oldest = store.trimmed_seq + 1;
	etcd_history_done(&store);
	if (r == 0)
		r = store_read(h, oldest - 1, reading, err);
	if (r == 0 && reading->events.count > 0 && oldest <= newest)
		r = chronicle_forget(h->chronicle, oldest, err);
	return r == 0 ? put(h, oldest, reading, 0, err) : r;
}

static int follow_store(struct own_history *h, struct reading *reading, struct error **err)
{
	uint64_t newest = 0;
	bool is_known = false;
	int r = chronicle_newest(h->chronicle, &newest, err);
	if (r == 0 && newest > 0)
		r = store_read(h, newest - 1, reading, err);
	if (r == 0 && reading->events.count > 0)
		r = chronicle_has(h->chronicle, reading->events.items[0], &is_known, err);
	if (r < 0)
		return r;
	return is_known && reading->events.items[0]->seq == newest
		       ? put(h, newest + 1, reading, 1, err)
		       : begin_again(h, newest, reading, err);
}

static void follow(struct own_history *h, struct history_job *job)
{
	struct reading reading = {0};
	int r = follow_store(h, &reading, &job->err);
	job->more = r == 0 && reading.more;
	if (r == 0)
		(void)!chronicle_gap(h->chronicle, &job->after, &job->until, &job->is_gap,
				     &job->err);
	reading_done(&reading);
}

static void fill(struct own_history *h, struct history_job *job)
{
	const Samoza__V1__EventPage *page = job->page;
	if (chronicle_put(h->chronicle, page->first, page->last, page->events, page->n_events,
			  &job->err) == 0)
		h->filled += page->n_events;
}

static void history_run(void *owner, struct worker_job **jobs)
{
	struct own_history *h = owner;
	for (struct worker_job *j = *jobs; j != NULL; j = j->next) {
		struct history_job *job = (struct history_job *)j;
		if (job->type == JOB_FOLLOW)
			follow(h, job);
		else if (job->type == JOB_FILL)
			fill(h, job);
		else
			(void)!chronicle_page(h->chronicle, job->after, job->until, PAGE,
					      &job->page, &job->err);
	}
}

/* ---- in the worker's thread of the store ---- */

static void take_event(void *to, Samoza__V1__EventRecord *event)
{
	etcd_history_events *events = to;
	vector_push(events, event);
}

static void older_list(void *user, uint64_t after, uint64_t until, const char *topology,
		       uint32_t limit, etcd_history_events *to, bool *ret_more)
{
	const struct own_history *h = user;
	CLEANUP(error_freep) struct error *why = NULL;
	const struct chronicle_range range = {after, until, topology, limit};
	if (chronicle_list(h->chronicle, &range, take_event, to, ret_more, &why) < 0)
		log_warn("history", "unreadable", LOG_E(why),
			 LOG_S("then", "the events that the store keeps are shown"));
}

struct etcd_older own_history_older(struct own_history *h)
{
	return h != NULL ? (struct etcd_older){.list = older_list, .user = h}
			 : (struct etcd_older){0};
}

/* ---- in the loop ---- */

static struct history_job *job_add(struct own_history *h, enum job_type type,
				   const struct history_job *with)
{
	struct history_job *job = mem_new(struct history_job);
	if (with != NULL)
		*job = *with;
	job->type = type;
	worker_add(h->worker, &job->base);
	return job;
}

void own_history_page(struct own_history *h, uint64_t after, uint64_t until,
		      own_history_page_fn *done, void *user)
{
	const struct history_job job = {
		.after = after, .until = until, .done = done, .user = user};
	PRE(!h->is_closing);
	(void)job_add(h, JOB_PAGE, &job);
}

static void on_time(void *user)
{
	(void)job_add(user, JOB_FOLLOW, NULL);
}

/* ---- what the others are asked ---- */

static const struct election_member *other_at(const struct own_history *h, size_t index)
{
	size_t count = 0;
	if (h->zrms->lead == NULL) /* it ends */
		return NULL;
	const struct leader *seen = lead_seen(h->zrms->lead);
	const struct election_member *all = leader_everybody(seen, &count);
	for (size_t i = 0; i < count; i++)
		if (!str_equal(all[i].name, leader_name(seen)) && index-- == 0)
			return &all[i];
	return NULL;
}

/* Only what was asked for, in order. */
static bool is_sound(const struct own_history *h, const Samoza__V1__EventPage *page)
{
	uint64_t before = page->first - 1;
	if (!page->has_first || !page->has_last || page->first <= h->after ||
	    page->last >= h->until || page->first > page->last)
		return false;
	for (size_t i = 0; i < page->n_events; before = page->events[i++]->seq)
		if (page->events[i]->seq <= before || page->events[i]->seq > page->last)
			return false;
	return true;
}

static int on_head(void *user, const struct http_response *response, struct error **err)
{
	struct own_history *h = user;
	(void)err;
	h->status = response->status;
	return 0;
}

static int on_body(void *user, const void *data, size_t size, struct error **err)
{
	struct own_history *h = user;
	return buffer_add(&h->body, data, size) == 0
		       ? 0
		       : error_set(err, ERR_LIMIT, "the answer is too long");
}

static void on_answered(void *user, const struct error *why)
{
	struct own_history *h = user;
	Samoza__V1__EventPage *page = NULL;
	h->call = NULL;
	if (why == NULL && h->status == 200)
		page = samoza__v1__event_page__unpack(NULL, h->body.size,
						      (const uint8_t *)h->body.data);
	if (page != NULL && is_sound(h, page) && !h->is_closing) {
		h->has_gained = true;
		(void)job_add(h, JOB_FILL, &(struct history_job){.page = page});
		return;
	}
	if (page != NULL)
		samoza__v1__event_page__free_unpacked(page, NULL);
	h->next++;
	loop_timer_at(h->timer, loop_now(&h->zrms->loop).mono_ms);
}

static const struct http_call_handler call_handler = {
	.head = on_head, .body = on_body, .done = on_answered};

/* The next of them. False: there is nobody, or everybody was asked. */
static bool ask(struct own_history *h)
{
	struct stream_transport *transport = listening_transport(h->zrms->listening);
	const struct election_member *m = NULL;
	struct cli_address at;
	while ((m = other_at(h, h->next)) != NULL &&
	       (transport == NULL || cli_address_parse_any(m->address, &at, NULL) < 0))
		h->next++;
	if (m == NULL)
		return false;
	CLEANUP(freep)
	char *target = str_printf("/v1/history?after=%" PRIu64 "&until=%" PRIu64, h->after,
				  h->until - 1);
	const struct http_call_options options = {.method = "GET",
						  .target = target,
						  .to = {at.host, at.port},
						  .connect_ms = CALL_MS,
						  .idle_ms = CALL_MS,
						  .body_max = PAGE_BYTES,
						  .peer_role = "zrms"};
	buffer_clear(&h->body);
	h->status = 0;
	h->call = http_call_new(&h->zrms->loop, transport, &options, &call_handler, h);
	return true;
}

static void ask_round(struct own_history *h)
{
	int64_t now_ms = loop_now(&h->zrms->loop).mono_ms;
	if (h->call != NULL || now_ms < h->ask_ms || ask(h))
		return;
	h->ask_ms = now_ms + (h->has_gained ? 0 : ASK_AGAIN_MS);
	h->next = 0;
	h->has_gained = false;
}

/* ---- answers of the worker ---- */

static void say(struct own_history *h, const struct error *why)
{
	if (why != NULL && !h->is_failing)
		log_warn("history", "not.copied", LOG_E(why),
			 LOG_S("then", "it is tried again"));
	h->is_failing = why != NULL;
}

static void followed(struct own_history *h, const struct history_job *job)
{
	int64_t now_ms = loop_now(&h->zrms->loop).mono_ms;
	say(h, job->err);
	loop_timer_at(h->timer, job->more ? now_ms : now_ms + COPY_MS);
	if (!job->is_gap || h->call != NULL)
		return;
	h->after = job->after;
	h->until = job->until;
	ask_round(h);
}

static void history_done(void *owner, struct worker_job *base)
{
	struct own_history *h = owner;
	struct history_job *job = (struct history_job *)base;
	if (job->type == JOB_PAGE)
		job->done(job->user, job->page, job->err);
	else if (job->type == JOB_FOLLOW && !h->is_closing)
		followed(h, job);
	else if (!h->is_closing) /* it was given some: what is missing now? */
		loop_timer_at(h->timer, loop_now(&h->zrms->loop).mono_ms);
	if (job->page != NULL)
		samoza__v1__event_page__free_unpacked(job->page, NULL);
	error_free(job->err);
	free(job);
}

static const struct worker_ops worker_ops = {.run = history_run, .done = history_done};

/* ---- life ---- */

static void history_free(struct own_history *h)
{
	loop_timer_free(h->timer);
	chronicle_close(h->chronicle);
	rpc_free(h->rpc);
	buffer_done(&h->body);
	free(h);
}

static int open_all(struct own_history *h, const struct etcd_servers *servers,
		    struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/history.db", h->zrms->settings.dir);
	bool is_damaged = false;
	int r = chronicle_open(path, &h->chronicle, &is_damaged, err);
	if (is_damaged)
		log_warn("history", "damaged", LOG_S("file", path),
			 LOG_S("then",
			       "it is put aside as history.db.damaged, and copied again"));
	if (r == 0)
		r = rpc_new(servers, &h->rpc, err);
	return r == 0 ? worker_new(&h->zrms->loop, "history", &worker_ops, h, &h->worker, err)
		      : r;
}

struct own_history *own_history_new(struct zrms *zrms, const struct etcd_servers *servers)
{
	CLEANUP(error_freep) struct error *why = NULL;
	struct own_history *h = mem_new(struct own_history);
	h->zrms = zrms;
	h->body = BUFFER_INIT(PAGE_BYTES);
	if (open_all(h, servers, &why) < 0) {
		log_warn("history", "not.opened", LOG_E(why),
			 LOG_S("then", "this zrms shows only the events that the store keeps"));
		history_free(h);
		return NULL;
	}
	h->timer = loop_timer_new(&zrms->loop, on_time, h);
	loop_timer_at(h->timer, loop_now(&zrms->loop).mono_ms);
	return h;
}

static void worker_closed(void *user)
{
	struct own_history *h = user;
	void (*closed)(void *) = h->closed;
	void *closed_user = h->closed_user;
	history_free(h);
	closed(closed_user);
}

void own_history_close(struct own_history *h, void (*closed)(void *user), void *user)
{
	h->is_closing = true;
	h->closed = closed;
	h->closed_user = user;
	http_call_cancel(steal_ptr(&h->call));
	loop_timer_free(steal_ptr(&h->timer));
	worker_close(h->worker, worker_closed, h);
}

enum { COPIED, FILLED };
static const struct metric metrics[] = {
	[COPIED] = {"zrms_history_copied_total", METRIC_COUNTER,
		    "Events that were copied from the store into this zrms' own history."},
	[FILLED] = {"zrms_history_fetched_total", METRIC_COUNTER,
		    "Events of its own history that were fetched from other zrms."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct own_history *h = part;
	metric_set(to, COPIED, h->copied);
	metric_set(to, FILLED, h->filled);
}

const struct metric_source own_history_metrics = METRIC_SOURCE(metrics, read_metrics);
