#include "adapter/etcd/history.h"

#include "adapter/etcd/scan.h"
#include "base/check.h"
#include "base/str.h"

enum {
	TRIM_STEP = 1024,  /* events that are deleted together */
	TRIM_MAX = 16,	   /* lines that go with one that comes */
	OLDEST_READ = 512, /* lines that are looked at together */
	LOOK_STEP = 64,	   /* lines that come until it is looked again where there were fewer */
	LIST_PAGE_MAX = 5000, /* of what is read to find some of it */
};

/* ---- adding ---- */

static bytes message_pack(bytes key, const ProtobufCMessage *message, size_t *ret_size)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	CLEANUP(freep) uint8_t *packed = mem_calloc(1, size + 1);
	uint64_t sum;
	(void)protobuf_c_message_pack(message, packed);
	*ret_size = size;
	return value_pack(key, packed, size, &sum);
}

void etcd_history_add_event(struct txn *txn, const Samoza__V1__EventRecord *event)
{
	bytes key = key_seq(KEY_EVENT, event->seq);
	size_t size;
	txn_put(txn, key, message_pack(key, &event->base, &size));
}

void etcd_history_add_line(struct txn *txn, const Samoza__V1__AuditRecord *line,
			   uint64_t *audit_bytes)
{
	bytes key = key_seq(KEY_AUDIT, line->seq);
	size_t size;
	txn_put(txn, key, message_pack(key, &line->base, &size));
	*audit_bytes += size;
}

/* ---- what goes ---- */

void etcd_history_trim(struct etcd_history *h, struct txn *txn, uint64_t newest)
{
	uint64_t last = newest > h->kept ? newest - h->kept : 0;
	if (last < h->trimmed_seq + TRIM_STEP)
		return;
	txn_delete_range(txn, key_seq(KEY_EVENT, h->trimmed_seq + 1),
			 key_seq(KEY_EVENT, last + 1));
	h->trimmed_seq = last;
}

static int oldest_take(void *user, const Etcd__KeyValue *kv, struct error **err)
{
	struct etcd_history *h = user;
	struct audit_oldest oldest = {0};
	bytes value;
	uint64_t sum;
	(void)err;
	if (!key_is_seq(kv->key, KEY_AUDIT, &oldest.seq))
		return 0;
	if (value_unpack(kv->key, kv->value, &value, &sum)) {
		Samoza__V1__AuditRecord *line =
			samoza__v1__audit_record__unpack(NULL, value.len, value.data);
		oldest.time_ms = line != NULL ? line->time_ms : 0;
		if (line != NULL)
			samoza__v1__audit_record__free_unpacked(line, NULL);
	}
	oldest.bytes = kv->value.len > SUM_BYTES ? kv->value.len - SUM_BYTES : 0;
	vector_push(&h->oldest, oldest);
	return h->oldest.count == OLDEST_READ ? 1 : 0;
}

static int oldest_read(struct etcd_history *h, struct error **err)
{
	CLEANUP(bytes_freep) bytes from = etcd_key_text(KEY_AUDIT);
	CLEANUP(bytes_freep) bytes to = key_end(from);
	const struct scan scan = {.from = from, .to = to, .page = OLDEST_READ};
	vector_clear(&h->oldest);
	h->oldest_gone = h->committed_oldest_gone = 0;
	return scan_run(h->rpc, &scan, oldest_take, h, err);
}

/* Those that were read are all gone by the transactions before this one: then the next are read. */
static int oldest_ready(struct etcd_history *h, const Samoza__V1__AuditRecord *newest,
			struct error **err)
{
	bool is_empty = h->oldest_gone == h->oldest.count;
	bool is_due = h->oldest.count == OLDEST_READ || h->looked_at == 0 ||
		      newest->seq >= h->looked_at + LOOK_STEP;
	if (!is_empty || !is_due || newest->seq <= AUDIT_ALWAYS)
		return 0;
	h->looked_at = newest->seq;
	/* What this transaction deletes is still there. */
	uint64_t gone = h->oldest.count > 0 ? h->oldest.items[h->oldest.count - 1].seq : 0;
	int r = oldest_read(h, err);
	while (r == 0 && h->oldest_gone < h->oldest.count &&
	       h->oldest.items[h->oldest_gone].seq <= gone)
		h->oldest_gone++;
	return r;
}

int etcd_history_trim_lines(struct etcd_history *h, struct txn *txn,
			    const Samoza__V1__AuditRecord *newest,
			    const struct audit_kept *kept, uint64_t *audit_bytes,
			    struct error **err)
{
	if (kept->age_ms == 0 && (kept->bytes == 0 || *audit_bytes <= kept->bytes))
		return 0;
	int r = oldest_ready(h, newest, err);
	for (int i = 0; r == 0 && i < TRIM_MAX && h->oldest_gone < h->oldest.count; i++) {
		const struct audit_oldest *oldest = &h->oldest.items[h->oldest_gone];
		bool is_old =
			kept->age_ms > 0 && oldest->time_ms < newest->time_ms - kept->age_ms;
		bool is_large = kept->bytes > 0 && *audit_bytes > kept->bytes;
		if (oldest->seq + AUDIT_ALWAYS > newest->seq || (!is_old && !is_large))
			break;
		txn_delete(txn, key_seq(KEY_AUDIT, oldest->seq));
		*audit_bytes -= oldest->bytes < *audit_bytes ? oldest->bytes : *audit_bytes;
		h->oldest_gone++;
	}
	return r;
}

void etcd_history_begin(struct etcd_history *h)
{
	h->trimmed_seq = h->committed_trimmed_seq;
	h->oldest_gone = h->committed_oldest_gone;
}

void etcd_history_committed(struct etcd_history *h)
{
	h->committed_trimmed_seq = h->trimmed_seq;
	h->committed_oldest_gone = h->oldest_gone;
}

/* ---- listing ---- */

struct events_listing {
	struct etcd_history *h;
	const char *topology;
	uint32_t limit;
	etcd_history_events *events;
	bool *more;
};

static int event_found(void *user, const Etcd__KeyValue *kv, struct error **err)
{
	struct events_listing *l = user;
	Samoza__V1__EventRecord *event = NULL;
	bytes value;
	uint64_t sum;
	(void)err;
	if (value_unpack(kv->key, kv->value, &value, &sum))
		event = samoza__v1__event_record__unpack(NULL, value.len, value.data);
	if (event == NULL) {
		l->h->damaged_events++;
		return 0;
	}
	bool is_asked_for = l->topology == NULL || str_equal(event->topology, l->topology);
	bool is_full = l->events->count == l->limit;
	if (is_asked_for && !is_full)
		vector_push(l->events, event);
	else
		samoza__v1__event_record__free_unpacked(event, NULL);
	if (is_asked_for && is_full)
		*l->more = true;
	return *l->more ? 1 : 0;
}

static int64_t page_of(uint32_t limit, bool is_filtered)
{
	return !is_filtered && limit < LIST_PAGE_MAX ? (int64_t)limit + 1 : LIST_PAGE_MAX;
}

/* Up to the newest that the transactions so far have deleted, the one that is made included: that is older than any copy lags. */
static uint64_t older_list(struct etcd_history *h, uint64_t after, const char *topology,
			   uint32_t limit, etcd_history_events *to, bool *ret_more)
{
	if (h->older.list == NULL || after >= h->trimmed_seq)
		return after;
	h->older.list(h->older.user, after, h->trimmed_seq, topology, limit, to, ret_more);
	return h->trimmed_seq;
}

int etcd_history_list(struct etcd_history *h, uint64_t after, const char *topology,
		      uint32_t limit, etcd_history_events *ret_events, bool *ret_more,
		      struct error **err)
{
	if (after == UINT64_MAX)
		return 0;
	after = older_list(h, after, topology, limit, ret_events, ret_more);
	if (*ret_more)
		return 0;
	CLEANUP(bytes_freep) bytes from = key_seq(KEY_EVENT, after + 1);
	CLEANUP(bytes_freep) bytes all = etcd_key_text(KEY_EVENT);
	CLEANUP(bytes_freep) bytes to = key_end(all);
	const struct scan scan = {
		.from = from, .to = to, .page = page_of(limit, topology != NULL)};
	struct events_listing listing = {h, topology, limit, ret_events, ret_more};
	return scan_run(h->rpc, &scan, event_found, &listing, err);
}

struct lines_listing {
	struct etcd_history *h;
	const struct audit_query *query;
	etcd_history_lines *lines;
	bool *more;
};

static int line_found(void *user, const Etcd__KeyValue *kv, struct error **err)
{
	struct lines_listing *l = user;
	const struct audit_query *q = l->query;
	Samoza__V1__AuditRecord *line = NULL;
	bytes value;
	uint64_t sum;
	(void)err;
	if (value_unpack(kv->key, kv->value, &value, &sum))
		line = samoza__v1__audit_record__unpack(NULL, value.len, value.data);
	if (line == NULL) {
		l->h->damaged_lines++;
		return 0;
	}
	bool is_asked_for = line->time_ms >= q->since_ms &&
			    (q->user == NULL || str_equal(line->user, q->user));
	bool is_full = l->lines->count == q->limit;
	if (is_asked_for && !is_full)
		vector_push(l->lines, line);
	else
		samoza__v1__audit_record__free_unpacked(line, NULL);
	if (is_asked_for && is_full)
		*l->more = true;
	return *l->more ? 1 : 0;
}

int etcd_history_list_lines(struct etcd_history *h, const struct audit_query *q,
			    etcd_history_lines *ret_lines, bool *ret_more, struct error **err)
{
	if (q->after == UINT64_MAX)
		return 0;
	CLEANUP(bytes_freep) bytes from = key_seq(KEY_AUDIT, q->after + 1);
	CLEANUP(bytes_freep) bytes all = etcd_key_text(KEY_AUDIT);
	CLEANUP(bytes_freep) bytes to = key_end(all);
	const struct scan scan = {
		.from = from,
		.to = to,
		.page = page_of(q->limit, q->user != NULL || q->since_ms > 0)};
	struct lines_listing listing = {h, q, ret_lines, ret_more};
	return scan_run(h->rpc, &scan, line_found, &listing, err);
}

void etcd_history_events_clear(etcd_history_events *events)
{
	vector_for_each (events, event)
		samoza__v1__event_record__free_unpacked(*event, NULL);
	vector_clear(events);
}

void etcd_history_lines_clear(etcd_history_lines *lines)
{
	vector_for_each (lines, line)
		samoza__v1__audit_record__free_unpacked(*line, NULL);
	vector_clear(lines);
}

/* ---- life ---- */

static int first_found(void *user, const Etcd__KeyValue *kv, struct error **err)
{
	struct etcd_history *h = user;
	uint64_t seq = 0;
	(void)err;
	if (key_is_seq(kv->key, KEY_EVENT, &seq) && seq > 0)
		h->trimmed_seq = h->committed_trimmed_seq = seq - 1;
	return 1;
}

int etcd_history_init(struct etcd_history *h, struct rpc *rpc, struct error **err)
{
	CLEANUP(bytes_freep) bytes from = etcd_key_text(KEY_EVENT);
	CLEANUP(bytes_freep) bytes to = key_end(from);
	const struct scan scan = {.from = from, .to = to, .page = 1};
	h->rpc = rpc;
	h->kept = HISTORY_KEPT;
	return scan_run(rpc, &scan, first_found, h, err);
}

void etcd_history_done(struct etcd_history *h)
{
	vector_done(&h->oldest);
}
