#include "zhost/data/data_service.h"

#include <errno.h>
#include <stdio.h>

#include <utlist.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "schema/message.h"
#include "zrun/protocol/protocol.h"

/* Bytes that may wait in the connection to zrms; further requests wait here. */
#define DATA_LINK_ROOM ((size_t)8 * 1024 * 1024)
#define DATA_RETRY_MS  50
#define LIST_PAGE      ((uint32_t)64 * 1024)

struct request {
	struct data_service *service;
	uint64_t number; /* on the link */
	UT_hash_handle hh;
	struct request *next, *prev; /* in order of arrival */
	struct data_client *client;  /* NULL: its process is gone */
	uint32_t correlation;
	bool is_local, is_sent;
	uint64_t epoch; /* local: of the client when it asked */
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
	struct loop *loop;
	struct upstream *upstream;
	const struct local_data *local;
	void *local_user;
	struct data_client *clients;
	struct forgotten *forgotten; /* by name */
	uint64_t forgotten_epoch;    /* the newest */
	uint64_t next_number;
	uint64_t requests;
	struct request *by_number;	/* those to zrms */
	struct request *list;		/* the same ones */
	struct request *local_requests; /* in a commit */
	struct loop_timer *timer;
};

/* ---- requests ---- */

static void request_free(struct request *q)
{
	struct data_service *s = q->service;

	if (q->is_local) {
		DL_DELETE(s->local_requests, q);
	} else {
		HASH_DEL(s->by_number, q);
		DL_DELETE(s->list, q);
	}
	free(q->key);
	free(q->value);
	free(q->cursor);
	buffer_done(&q->found);
	free(q);
}

static void answer(struct request *q, int status, const void *content, size_t size)
{
	if (q->client != NULL)
		q->client->answer(q->client, q->correlation, status, content, size);
	request_free(q);
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
	struct data_service *s = q->service;

	m.request = q->number;
	m.key = (Samoza__V1__InstanceKey *)q->client->key;
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
	q->is_sent = upstream_try_send(s->upstream, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST,
				       &m.base, DATA_LINK_ROOM) == 0;
	if (!q->is_sent)
		loop_timer_at(s->timer, loop_now(s->loop).mono_ms + DATA_RETRY_MS);
}

static void send_waiting(struct data_service *s)
{
	struct request *q, *next;

	DL_FOREACH_SAFE (s->list, q, next)
		if (!q->is_sent)
			send_request(q);
}

void data_connected(struct data_service *s)
{
	struct request *q;

	DL_FOREACH (s->list, q)
		q->is_sent = false;
	send_waiting(s);
}

static void on_timer(void *user)
{
	struct data_service *s = user;
	int64_t now = loop_now(s->loop).mono_ms;
	struct request *q, *next;

	/* In order of arrival, so of deadlines too. */
	DL_FOREACH_SAFE (s->list, q, next) {
		if (q->until_ms > now)
			break;
		answer(q, -EAGAIN, NULL, 0);
	}
	if (s->list == NULL)
		return;
	loop_timer_at(s->timer, s->list->until_ms);
	if (upstream_is_up(s->upstream))
		send_waiting(s);
}

void data_take(struct data_service *s, const Samoza__V1__DataReply *reply)
{
	struct request *q;
	int r;

	HASH_FIND(hh, s->by_number, &reply->request, sizeof(reply->request), q);
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

/* Once, until something is deleted. */
static void note_full(const struct request *q, int status)
{
	struct data_client *c = q->client;
	if (q->operation == SAMOZA__V1__DATA_OPERATION__DATA_DELETE && status == 0)
		c->is_full = false;
	const struct local_data *local = c->service->local;
	if (status != -ENOSPC || c->is_full || local->disk_is_full(c->service->local_user))
		return;
	c->is_full = true;
	log_warn("data", "full", LOG_S("topology", c->topology_name),
		 LOG_S("path", c->key->path), LOG_BYTES("quota", c->quota_bytes));
}

static void local_done(void *data, const struct data_answer *a)
{
	struct request *q = data;
	int r = a->status;

	/* The instance may have gone, or come back, while the commit was under way. */
	if (q->client == NULL || q->client->key->epoch != q->epoch) {
		answer(q, -ESTALE, NULL, 0);
		return;
	}
	note_full(q, r);
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

static enum kv_operation local_operation(Samoza__V1__DataOperation operation)
{
	switch (operation) {
	case SAMOZA__V1__DATA_OPERATION__DATA_GET:
		return KV_GET;
	case SAMOZA__V1__DATA_OPERATION__DATA_PUT:
		return KV_PUT;
	case SAMOZA__V1__DATA_OPERATION__DATA_DELETE:
		return KV_DELETE;
	case SAMOZA__V1__DATA_OPERATION__DATA_LIST:
		return KV_LIST;
	case _SAMOZA__V1__DATA_OPERATION_IS_INT_SIZE:
		break;
	}
	IMPOSSIBLE("the operation was parsed from one of these");
}

static void ask_local(struct request *q)
{
	const struct data_client *c = q->client;
	struct kv_change change = {
		.owner = c->owner != NULL ? mem_strdup(c->owner)
					  : str_printf("%s/%s", c->topology_name, c->key->path),
		.operation = local_operation(q->operation),
		.key = mem_memdup(q->key, q->key_size),
		.key_size = q->key_size,
		.value = q->value,
		.value_size = q->value_size,
		.cursor = q->cursor,
		.cursor_size = q->cursor_size,
		.limit_bytes = LIST_PAGE,
		.quota_bytes = c->quota_bytes,
	};

	q->value = q->cursor = NULL;
	q->epoch = c->key->epoch;
	q->service->local->apply(q->service->local_user, &change, local_done, q);
}

/* ---- forgetting local data ---- */

static bool is_forgotten(const struct data_client *c)
{
	struct forgotten *f;

	HASH_FIND_STR(c->service->forgotten, c->topology_name, f);
	return f != NULL && c->key->epoch < f->epoch;
}

static void forgotten_free(struct data_service *s, struct forgotten *f)
{
	HASH_DEL(s->forgotten, f);
	free(f->name);
	free(f);
}

static void forgotten_set(struct data_service *s, const char *name, uint64_t epoch)
{
	struct forgotten *f;

	HASH_FIND_STR(s->forgotten, name, f);
	if (f == NULL) {
		f = mem_new(struct forgotten);
		f->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, s->forgotten, f->name, strlen(f->name), f);
	}
	f->epoch = epoch;
	if (epoch > s->forgotten_epoch)
		s->forgotten_epoch = epoch;
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

int data_service_load(struct data_service *s, struct kv *kv, struct error **err)
{
	return kv->ops->load(kv, DATA_FORGOTTEN, forgotten_load, s, err);
}

void data_each_forgotten(const struct data_service *s,
			 void (*each)(void *user, const char *name, uint64_t epoch), void *user)
{
	for (const struct forgotten *f = s->forgotten; f != NULL; f = f->hh.next)
		each(user, f->name, f->epoch);
}

static bool is_under_way(const struct data_service *s, const struct forgotten *f)
{
	return s->local->forgets != NULL && s->local->forgets(s->local_user, f->name);
}

static bool has_older_client(const struct data_service *s, const struct forgotten *f)
{
	for (const struct data_client *c = s->clients; c != NULL; c = c->next)
		if (c->key->epoch < f->epoch && str_equal(c->topology_name, f->name))
			return true;
	return false;
}

/* Forgets the names of which no older instance is left. The newest stays: it says how far the
 * deleting has come. */
static void drop_settled(struct data_service *s)
{
	for (struct forgotten *f = s->forgotten, *next; f != NULL; f = next) {
		next = f->hh.next;
		if (f->epoch == s->forgotten_epoch || has_older_client(s, f) ||
		    is_under_way(s, f))
			continue;
		s->local->drop_record(s->local_user, f->name);
		forgotten_free(s, f);
	}
}

void data_forget(struct data_service *s, const Samoza__V1__DataForget *forget)
{
	for (size_t i = 0; i < forget->n_topologies; i++) {
		const Samoza__V1__ForgottenData *f = forget->topologies[i];

		if (f->epoch <= s->forgotten_epoch)
			continue;
		log_info("data", "forgotten", LOG_S("topology", f->topology_name));
		forgotten_set(s, f->topology_name, f->epoch);
		s->local->forget(s->local_user, f->topology_name, f->epoch);
	}
	drop_settled(s);
	s->local->forget(s->local_user, NULL, s->forgotten_epoch);
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

static int check(const struct data_client *c, const struct request *q)
{
	uint32_t needs = is_writing(q) ? ZRUN_CAP_DATA_WRITE : ZRUN_CAP_DATA_READ;

	if ((c->capabilities & needs) == 0)
		return -EPERM;
	if (q->key_size > ZRUN_KEY_MAX || q->cursor_size > ZRUN_KEY_MAX ||
	    (q->key_size == 0 && q->operation != SAMOZA__V1__DATA_OPERATION__DATA_LIST))
		return -EINVAL;
	return q->value_size > ZRUN_PAYLOAD_MAX ? -EMSGSIZE : 0;
}

static void ask_cluster(struct request *q)
{
	struct data_service *s = q->service;

	DL_DELETE(s->local_requests, q);
	q->is_local = false;
	q->number = ++s->next_number;
	q->until_ms = loop_now(s->loop).mono_ms + ZRUN_DATA_WAIT_MS;
	HASH_ADD(hh, s->by_number, number, sizeof(q->number), q);
	DL_APPEND(s->list, q);
	if (s->list == q)
		loop_timer_at(s->timer, q->until_ms);
	send_request(q);
}

bool data_client_request(struct data_client *client, uint16_t type, uint32_t correlation,
			 const uint8_t *body, size_t size)
{
	struct data_service *s = client->service;
	struct zrun_cursor c = {body, size};
	struct request *q = mem_new(struct request);
	int status;

	q->service = s;
	q->client = client;
	q->correlation = correlation;
	q->found = BUFFER_INIT(ZRUN_PAYLOAD_MAX);
	q->is_local = true;
	DL_APPEND(s->local_requests, q);
	if (correlation == 0 || !parse(q, type, &c)) {
		request_free(q);
		return false;
	}
	s->requests++;
	status = check(client, q);
	if (status == 0 && client->is_local &&
	    (is_forgotten(client) || (is_writing(q) && !client->may_write)))
		status = -ESTALE;
	if (status < 0)
		answer(q, status, NULL, 0);
	else if (client->is_local)
		ask_local(q);
	else
		ask_cluster(q);
	return true;
}

void data_list_full(const struct data_service *s, Samoza__V1__Usage *to)
{
	VECTOR(Samoza__V1__InstanceKey *) keys = {0};
	for (const struct data_client *c = s->clients; c != NULL; c = c->next)
		if (c->is_full)
			*vector_add(&keys) =
				(Samoza__V1__InstanceKey *)schema_message_copy(&c->key->base);
	to->n_data_full = keys.count;
	to->data_full = keys.items;
}

/* ---- clients ---- */

void data_client_add(struct data_service *s, struct data_client *client)
{
	PRE(client->service == NULL);
	client->service = s;
	DL_APPEND(s->clients, client);
}

void data_client_drop(struct data_client *client)
{
	struct data_service *s = client->service;
	struct request *q, *next;

	if (s == NULL)
		return;
	DL_FOREACH_SAFE (s->list, q, next)
		if (q->client == client)
			request_free(q);
	/* In a commit: freed when it comes back. */
	DL_FOREACH (s->local_requests, q)
		if (q->client == client)
			q->client = NULL;
}

void data_client_remove(struct data_client *client)
{
	struct data_service *s = client->service;

	if (s == NULL)
		return;
	data_client_drop(client);
	DL_DELETE(s->clients, client);
	client->service = NULL;
}

/* ---- life ---- */

struct data_service *data_service_new(struct loop *loop, struct upstream *upstream,
				      const struct local_data *local, void *local_user)
{
	struct data_service *s = mem_new(struct data_service);

	s->loop = loop;
	s->upstream = upstream;
	s->local = local;
	s->local_user = local_user;
	s->timer = loop_timer_new(loop, on_timer, s);
	return s;
}

void data_service_free(struct data_service *s)
{
	struct request *q, *next;

	if (s == NULL)
		return;
	PRE(s->clients == NULL);
	DL_FOREACH_SAFE (s->list, q, next)
		request_free(q);
	DL_FOREACH_SAFE (s->local_requests, q, next)
		request_free(q);
	for (struct forgotten *f = s->forgotten, *after; f != NULL; f = after) {
		after = f->hh.next;
		forgotten_free(s, f);
	}
	loop_timer_free(s->timer);
	free(s);
}

uint64_t data_requests(const struct data_service *s)
{
	return s->requests;
}
