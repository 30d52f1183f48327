#include "zhost/data/data_service.h"

#include <errno.h>
#include <stdio.h>

#include <uthash.h>
#include <utlist.h>

#include "adapter/log/log.h"
#include "adapter/sqlite/kv.h"
#include "base/check.h"
#include "base/str.h"
#include "zhost/process/zrun_process.h"
#include "zhost/reconcile/reconcile.h"
#include "zhost/uplink/uplink.h"

/* Bytes that may wait for zrms before requests wait here instead. */
#define DATA_LINK_ROOM ((size_t)8 * 1024 * 1024)
#define DATA_RETRY_MS  50
#define LIST_PAGE      ((uint32_t)64 * 1024)

struct request {
	struct data_service *desk;
	uint64_t number; /* on the link */
	UT_hash_handle hh;
	struct request *next, *prev; /* in order of arrival */
	struct resident *resident;   /* NULL: nobody waits any more */
	uint32_t correlation;
	bool is_local, is_sent;
	char *resident_id; /* local, while the commit is under way */
	uint64_t epoch;
	int64_t until_ms;

	Samoza__V1__DataOperation operation;
	void *key, *value, *cursor;
	size_t key_size, value_size, cursor_size;
	/* list */
	uint32_t skip, max_bytes;
	struct buffer found;
	bool is_full;
};

/* Local data of a topology name that was deleted: instances of older epochs may not use it. */
struct forgotten {
	char *name;
	uint64_t epoch;
	UT_hash_handle hh;
};

struct data_service {
	struct zhost *zhost;
	struct forgotten *forgotten; /* by name */
	uint64_t forgotten_epoch;    /* the newest */
	uint64_t next_number;
	struct request *by_number;
	struct request *list;
	struct loop_timer *timer;
};

/* ---- life ---- */

static void request_free(struct request *q)
{
	if (!q->is_local) {
		HASH_DEL(q->desk->by_number, q);
		DL_DELETE(q->desk->list, q);
	}
	free(q->key);
	free(q->value);
	free(q->cursor);
	free(q->resident_id);
	buffer_done(&q->found);
	free(q);
}

static void answer(struct request *q, int status, const void *content, size_t size)
{
	if (q->resident != NULL && q->resident->process != NULL)
		process_data_result(q->resident->process, q->correlation, status, content,
				    size);
	request_free(q);
}

static void on_timer(void *user);

static void forgotten_free(struct data_service *d, struct forgotten *f)
{
	HASH_DEL(d->forgotten, f);
	free(f->name);
	free(f);
}

struct data_service *data_service_new(struct zhost *z)
{
	struct data_service *d = mem_new(struct data_service);

	d->zhost = z;
	d->timer = loop_timer_new(&z->loop, on_timer, d);
	return d;
}

void data_service_free(struct data_service *d)
{
	struct request *q, *next;

	if (d == NULL)
		return;
	DL_FOREACH_SAFE (d->list, q, next)
		request_free(q);
	for (struct forgotten *f = d->forgotten, *after; f != NULL; f = after) {
		after = f->hh.next;
		forgotten_free(d, f);
	}
	loop_timer_free(d->timer);
	free(d);
}

void data_drop(struct resident *r)
{
	struct request *q, *next;
	struct data_service *d = r->zhost->data;

	if (d == NULL)
		return;
	DL_FOREACH_SAFE (d->list, q, next)
		if (q->resident == r)
			request_free(q);
	/* Local ones are in a commit: found by their resident when it comes back. */
}

/* ---- list ---- */

/* Takes a page of keys. 1: enough was found; 0: another page is wanted; or a negative errno. */
static int list_take(struct request *q, const ProtobufCBinaryData *keys, size_t n, bool more)
{
	for (size_t i = 0; i < n && !q->is_full; i++) {
		uint16_t size = (uint16_t)keys[i].len;

		if (q->skip > 0) {
			q->skip--;
			continue;
		}
		if (q->found.size + sizeof(size) + size > q->max_bytes) {
			q->is_full = true;
			if (q->found.size == 0)
				return -EMSGSIZE;
			break;
		}
		(void)buffer_add(&q->found, &size, sizeof(size));
		(void)buffer_add(&q->found, keys[i].data, size);
	}
	if (q->is_full || !more || n == 0)
		return 1;
	free(q->cursor);
	q->cursor = mem_memdup(keys[n - 1].data, keys[n - 1].len);
	q->cursor_size = keys[n - 1].len;
	return 0;
}

/* ---- cluster ---- */

static void send_request(struct request *q)
{
	Samoza__V1__DataRequest m = SAMOZA__V1__DATA_REQUEST__INIT;
	struct zhost *z = q->desk->zhost;

	m.request = q->number;
	m.key = q->resident->key;
	m.operation = q->operation;
	m.data_key.data = q->key;
	m.data_key.len = q->key_size;
	if (q->operation == SAMOZA__V1__DATA_OPERATION__DATA_PUT) {
		m.has_value = true;
		m.value.data = q->value;
		m.value.len = q->value_size;
	}
	if (q->operation == SAMOZA__V1__DATA_OPERATION__DATA_LIST) {
		m.has_limit_bytes = true;
		m.limit_bytes = LIST_PAGE;
		m.has_cursor = q->cursor != NULL;
		m.cursor.data = q->cursor;
		m.cursor.len = q->cursor_size;
	}
	q->is_sent = uplink_try(z->uplink, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST, &m.base,
				DATA_LINK_ROOM) == 0;
	if (!q->is_sent)
		loop_timer_at(q->desk->timer, loop_now(&z->loop).mono_ms + DATA_RETRY_MS);
}

static void send_waiting(struct data_service *d)
{
	struct request *q, *next;

	DL_FOREACH_SAFE (d->list, q, next)
		if (!q->is_sent)
			send_request(q);
}

void data_link_up(struct data_service *d)
{
	struct request *q;

	DL_FOREACH (d->list, q)
		q->is_sent = false;
	send_waiting(d);
}

static void on_timer(void *user)
{
	struct data_service *d = user;
	int64_t now = loop_now(&d->zhost->loop).mono_ms;
	struct request *q, *next;

	/* In order of arrival, so of deadlines too. */
	DL_FOREACH_SAFE (d->list, q, next) {
		if (q->until_ms > now)
			break;
		answer(q, -EAGAIN, NULL, 0);
	}
	if (d->list == NULL)
		return;
	loop_timer_at(d->timer, d->list->until_ms);
	if (uplink_is_up(d->zhost->uplink))
		send_waiting(d);
}

void data_take(struct data_service *d, const Samoza__V1__DataReply *reply)
{
	struct request *q;
	int r;

	HASH_FIND(hh, d->by_number, &reply->request, sizeof(reply->request), q);
	if (q == NULL)
		return;
	if (q->operation != SAMOZA__V1__DATA_OPERATION__DATA_LIST || reply->status < 0) {
		bool has = reply->status >= 0 && reply->has_value &&
			   reply->value.len <= ZRUN_PAYLOAD_MAX;

		answer(q, reply->status, has ? reply->value.data : NULL,
		       has ? reply->value.len : 0);
		return;
	}
	r = list_take(q, reply->keys, reply->n_keys, reply->has_more && reply->more);
	if (r == 0)
		send_request(q);
	else
		answer(q, r > 0 ? 0 : r, q->found.data, r > 0 ? q->found.size : 0);
}

/* ---- local ---- */

static void ask_local(struct request *q);

static void local_done(void *data, const struct data_answer *a)
{
	struct request *q = data;
	struct zhost *z = q->desk->zhost;
	int r = a->status;

	/* The instance may have gone while the commit was under way. */
	if (q->resident_id != NULL) {
		HASH_FIND_STR(z->residents, q->resident_id, q->resident);
		free(steal_ptr(&q->resident_id));
	}
	if (q->resident == NULL || q->resident->key->epoch != q->epoch) {
		q->resident = NULL;
		answer(q, -ESTALE, NULL, 0);
		return;
	}
	if (q->operation != SAMOZA__V1__DATA_OPERATION__DATA_LIST || r < 0) {
		answer(q, r, r >= 0 ? a->value : NULL, r >= 0 ? a->value_size : 0);
		return;
	}
	r = list_take(q, a->keys, a->key_count, a->more);
	if (r == 0)
		ask_local(q);
	else
		answer(q, r > 0 ? 0 : r, q->found.data, r > 0 ? q->found.size : 0);
}

static void ask_local(struct request *q)
{
	struct resident *r = q->resident;
	struct data_change change = {
		.owner = str_printf("%s/%s", r->spec->topology_name, r->key->path),
		.operation = q->operation,
		.key = mem_memdup(q->key, q->key_size),
		.key_size = q->key_size,
		.value = q->value,
		.value_size = q->value_size,
		.cursor = q->cursor,
		.cursor_size = q->cursor_size,
		.limit_bytes = LIST_PAGE,
	};

	q->value = q->cursor = NULL;
	q->resident_id = mem_strdup(r->id);
	q->epoch = r->key->epoch;
	q->resident = NULL;
	reconcile_data(r->zhost->reconcile, &change, local_done, q);
}

/* ---- forgetting local data ---- */

static bool is_forgotten(const struct resident *r)
{
	struct forgotten *f;

	HASH_FIND_STR(r->zhost->data->forgotten, r->spec->topology_name, f);
	return f != NULL && r->key->epoch < f->epoch;
}

static void forgotten_set(struct data_service *d, const char *name, uint64_t epoch)
{
	struct forgotten *f;

	HASH_FIND_STR(d->forgotten, name, f);
	if (f == NULL) {
		f = mem_new(struct forgotten);
		f->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, d->forgotten, f->name, strlen(f->name), f);
	}
	f->epoch = epoch;
	if (epoch > d->forgotten_epoch)
		d->forgotten_epoch = epoch;
}

static int forgotten_load(void *user, const void *key, size_t key_size, const void *value,
			  size_t value_size, struct error **err)
{
	CLEANUP(freep) char *name = mem_strndup(key, key_size);
	CLEANUP(freep) char *text = mem_strndup(value, value_size);
	uint64_t epoch;

	if (str_to_u64(text, &epoch) < 0)
		return error_set(err, ERR_INVALID,
				 "the epoch of the forgotten data of %s cannot be read", name);
	forgotten_set(user, name, epoch);
	return 0;
}

int data_load(struct data_service *d, struct error **err)
{
	return kv_load(d->zhost->store, DATA_FORGOTTEN, forgotten_load, d, err);
}

/* Names of which no older instance is left. The newest stays: it says how far we are. */
static void drop_settled(struct data_service *d)
{
	for (struct forgotten *f = d->forgotten, *next; f != NULL; f = next) {
		bool is_needed = f->epoch == d->forgotten_epoch;

		next = f->hh.next;
		for (struct resident *r = d->zhost->residents; r != NULL && !is_needed;
		     r = r->hh.next)
			is_needed = r->key->epoch < f->epoch &&
				    str_equal(r->spec->topology_name, f->name);
		if (is_needed)
			continue;
		reconcile_record_drop(d->zhost->reconcile, DATA_FORGOTTEN, f->name);
		forgotten_free(d, f);
	}
}

void data_forget(struct data_service *d, const Samoza__V1__DataForget *forget)
{
	struct reconcile *rec = d->zhost->reconcile;

	for (size_t i = 0; i < forget->n_topologies; i++) {
		const Samoza__V1__ForgottenData *f = forget->topologies[i];

		if (f->epoch <= d->forgotten_epoch)
			continue;
		log_info("data", "forgotten", LOG_S("topology", f->topology_name));
		forgotten_set(d, f->topology_name, f->epoch);
		reconcile_forget(rec, f->topology_name, f->epoch);
	}
	drop_settled(d);
	reconcile_forget(rec, NULL, d->forgotten_epoch);
}

/* ---- frames ---- */

static bool is_writing(const struct request *q)
{
	return q->operation == SAMOZA__V1__DATA_OPERATION__DATA_PUT ||
	       q->operation == SAMOZA__V1__DATA_OPERATION__DATA_DELETE;
}

static bool parse_list(struct request *q, struct zrun_cursor *c)
{
	struct zrun_data_list head;
	const char *prefix, *after;

	if (!zrun_take(c, &head, sizeof(head)) ||
	    !zrun_take_bytes(c, &prefix, head.prefix_size) ||
	    !zrun_take_bytes(c, &after, head.after_size) || c->left > 0)
		return false;
	q->key = mem_memdup(prefix, head.prefix_size);
	q->key_size = head.prefix_size;
	if (head.after_size > 0) {
		q->cursor = mem_memdup(after, head.after_size);
		q->cursor_size = head.after_size;
	}
	q->skip = head.skip;
	q->max_bytes = head.max_bytes < ZRUN_PAYLOAD_MAX ? head.max_bytes : ZRUN_PAYLOAD_MAX;
	return true;
}

static bool parse(struct request *q, uint16_t type, struct zrun_cursor *c)
{
	struct zrun_data head;
	const char *key;

	if (type == ZRUN_DATA_LIST) {
		q->operation = SAMOZA__V1__DATA_OPERATION__DATA_LIST;
		return parse_list(q, c);
	}
	q->operation = type == ZRUN_DATA_GET   ? SAMOZA__V1__DATA_OPERATION__DATA_GET
		       : type == ZRUN_DATA_PUT ? SAMOZA__V1__DATA_OPERATION__DATA_PUT
					       : SAMOZA__V1__DATA_OPERATION__DATA_DELETE;
	if (!zrun_take(c, &head, sizeof(head)) || !zrun_take_bytes(c, &key, head.key_size))
		return false;
	q->key = mem_memdup(key, head.key_size);
	q->key_size = head.key_size;
	if (type != ZRUN_DATA_PUT)
		return c->left == 0;
	q->value = mem_memdup(c->at, c->left);
	q->value_size = c->left;
	return true;
}

static int check(const struct resident *r, const struct request *q)
{
	uint32_t needs = is_writing(q) ? ZRUN_CAP_DATA_WRITE : ZRUN_CAP_DATA_READ;

	if ((r->capabilities & needs) == 0)
		return -EPERM;
	if (q->key_size > ZRUN_KEY_MAX || q->cursor_size > ZRUN_KEY_MAX ||
	    (q->key_size == 0 && q->operation != SAMOZA__V1__DATA_OPERATION__DATA_LIST))
		return -EINVAL;
	return q->value_size > ZRUN_PAYLOAD_MAX ? -EMSGSIZE : 0;
}

bool data_request(struct resident *r, uint16_t type, uint32_t correlation, const uint8_t *body,
		  size_t size)
{
	struct data_service *d = r->zhost->data;
	struct zrun_cursor c = {body, size};
	struct request *q = mem_new(struct request);
	int status;

	q->desk = d;
	q->resident = r;
	q->correlation = correlation;
	q->found = BUFFER_INIT(ZRUN_PAYLOAD_MAX);
	q->is_local = true; /* in no list yet */
	if (correlation == 0 || !parse(q, type, &c)) {
		request_free(q);
		return false;
	}
	r->zhost->counters.data_requests++;
	status = check(r, q);
	if (status < 0) {
		answer(q, status, NULL, 0);
	} else if (r->spec->has_local_storage && r->spec->local_storage) {
		if (is_forgotten(r))
			answer(q, -ESTALE, NULL, 0);
		else
			ask_local(q);
	} else {
		q->is_local = false;
		q->number = ++d->next_number;
		q->until_ms = loop_now(&d->zhost->loop).mono_ms + ZRUN_DATA_WAIT_MS;
		HASH_ADD(hh, d->by_number, number, sizeof(q->number), q);
		DL_APPEND(d->list, q);
		if (d->list == q)
			loop_timer_at(d->timer, q->until_ms);
		send_request(q);
	}
	return true;
}
