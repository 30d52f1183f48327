#include "adapter/etcd/data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/etcd/content.pb-c.h"
#include "adapter/etcd/scan.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"

enum {
	FETCH_MS = 10000,
	FETCH_MAX = 100, /* keys; etcd takes 128 */
	FETCH_BYTES = 32 * 1024 * 1024,
	LIST_PAGE = 1000,
};

/* A value, as it is after the operations so far. */
struct data_item {
	bytes key;   /* in etcd */
	bytes value; /* with its sum; data NULL: there is none */
	bool is_damaged, is_changed;
	UT_hash_handle hh;
};

struct data_owner {
	bytes key; /* of its use */
	Etcd__Content__Use before, now;
	bool is_damaged; /* what is in etcd is not `before` */
	UT_hash_handle hh;
};

void data_init(struct data *data, struct rpc *rpc)
{
	*data = (struct data){.rpc = rpc};
}

void data_done(struct data *data)
{
	struct data_item *item, *next_item;
	HASH_ITER (hh, data->items, item, next_item) {
		HASH_DEL(data->items, item);
		free(item->key.data);
		free(item->value.data);
		free(item);
	}
	struct data_owner *owner, *next_owner;
	HASH_ITER (hh, data->owners, owner, next_owner) {
		HASH_DEL(data->owners, owner);
		free(owner->key.data);
		free(owner);
	}
	vector_for_each (&data->forgotten, range) {
		free(range->from.data);
		free(range->to.data);
	}
	vector_done(&data->forgotten);
}

bool data_change_writes(const struct kv_change *change)
{
	return change->operation != KV_GET && change->operation != KV_LIST;
}

/* ---- what is kept ---- */

static struct data_item *item_find(const struct data *data, bytes key)
{
	struct data_item *item = NULL;
	HASH_FIND(hh, data->items, key.data, key.len, item);
	return item;
}

/* PRE: there is none. */
static struct data_item *item_add(struct data *data, bytes key)
{
	struct data_item *item = mem_new(struct data_item);
	item->key = key_copy(key);
	HASH_ADD_KEYPTR(hh, data->items, item->key.data, item->key.len, item);
	return item;
}

static struct data_owner *owner_find(const struct data *data, bytes key)
{
	struct data_owner *owner = NULL;
	HASH_FIND(hh, data->owners, key.data, key.len, owner);
	return owner;
}

static struct data_owner *owner_add(struct data *data, bytes key)
{
	struct data_owner *owner = mem_new(struct data_owner);
	owner->key = key_copy(key);
	etcd__content__use__init(&owner->before);
	etcd__content__use__init(&owner->now);
	HASH_ADD_KEYPTR(hh, data->owners, owner->key.data, owner->key.len, owner);
	return owner;
}

static bool is_forgotten(const struct data *data, bytes key)
{
	vector_for_each (&data->forgotten, range)
		if (key_compare(key, range->from) >= 0 && key_compare(key, range->to) < 0)
			return true;
	return false;
}

static uint64_t item_size(const struct data_item *item)
{
	char *owner = NULL;
	bytes key;
	if (item->value.data == NULL || !key_is_data(item->key, &owner, &key))
		return 0;
	free(owner);
	return key.len + item->value.len - SUM_BYTES;
}

static uint64_t item_sum(const struct data_item *item)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < SUM_BYTES; i++)
		sum = sum << 8 | item->value.data[i];
	return sum;
}

/* ---- reading ---- */

static int item_take(void *user, const Etcd__KeyValue *kv, struct error **err)
{
	struct data *data = user;
	(void)err;
	if (item_find(data, kv->key) != NULL)
		return 0;
	struct data_item *item = item_add(data, kv->key);
	if (is_forgotten(data, kv->key))
		return 0;
	bytes value;
	uint64_t sum;
	item->is_damaged = !value_unpack(kv->key, kv->value, &value, &sum);
	item->value = key_copy(kv->value);
	data->held_bytes += kv->value.len;
	if (item->value.len < SUM_BYTES) { /* it counts as an empty one */
		free(item->value.data);
		item->value = (bytes){.len = SUM_BYTES, .data = mem_calloc(1, SUM_BYTES + 1)};
	}
	return 0;
}

static uint64_t use_check(bytes key, const Etcd__Content__Use *use)
{
	const uint64_t numbers[] = {use->bytes, use->values, use->total};
	uint8_t text[sizeof(numbers)]; /* big endian, on every machine */
	uint64_t check;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(numbers[i / 8] >> (56 - 8 * (i % 8)));
	const bytes packed = value_pack(key, text, sizeof(text), &check);
	free(packed.data);
	return check;
}

struct counting {
	const struct data *data;
	Etcd__Content__Use *use;
};

static int value_count(void *user, const Etcd__KeyValue *kv, struct error **err)
{
	const struct counting *c = user;
	const struct data_item item = {.key = kv->key, .value = kv->value};
	(void)err;
	if (is_forgotten(c->data, kv->key) || kv->value.len < SUM_BYTES)
		return 0;
	c->use->bytes += item_size(&item);
	c->use->values++;
	c->use->total += item_sum(&item);
	return 0;
}

/* What it has, where what is said of that is damaged. */
static int owner_count(struct data *data, struct data_owner *owner, struct error **err)
{
	CLEANUP(freep) char *name = key_owner_of_use(owner->key);
	CLEANUP(bytes_freep) bytes from = key_data(name, NULL, 0);
	CLEANUP(bytes_freep) bytes to = key_end(from);
	const struct scan scan = {.from = from, .to = to, .page = LIST_PAGE};
	struct counting counting = {data, &owner->before};
	int r = scan_run(data->rpc, &scan, value_count, &counting, err);
	owner->now = owner->before;
	owner->is_damaged = true;
	return r;
}

static int owner_take(void *user, const Etcd__KeyValue *kv, struct error **err)
{
	struct data *data = user;
	if (owner_find(data, kv->key) != NULL)
		return 0;
	struct data_owner *owner = owner_add(data, kv->key);
	Etcd__Content__Use *use =
		etcd__content__use__unpack(NULL, kv->value.len, kv->value.data);
	bool is_good = use != NULL && use->has_check && use->check == use_check(kv->key, use);
	if (is_good) {
		owner->before.bytes = owner->now.bytes = use->bytes;
		owner->before.values = owner->now.values = use->values;
		owner->before.total = owner->now.total = use->total;
	}
	if (use != NULL)
		etcd__content__use__free_unpacked(use, NULL);
	return is_good ? 0 : owner_count(data, owner, err);
}

static bool is_use(bytes key)
{
	return key.len > strlen(KEY_USE) && memcmp(key.data, KEY_USE, strlen(KEY_USE)) == 0;
}

static int answers_take(struct data *data, const Etcd__TxnResponse *answer, struct error **err)
{
	int r = 0;
	for (size_t i = 0; i < answer->n_responses && r == 0; i++) {
		const Etcd__ResponseOp *op = answer->responses[i];
		if (op->response_case != ETCD__RESPONSE_OP__RESPONSE_RANGE)
			continue;
		for (size_t k = 0; k < op->range->n_kvs && r == 0; k++) {
			const Etcd__KeyValue *kv = op->range->kvs[k];
			if (is_use(kv->key))
				r = owner_take(data, kv, err);
			else
				r = item_take(data, kv, err);
		}
	}
	return r;
}

/* What one operation needs, as keys to be read; those that are known are not. */
static void fetch_add(struct data *data, const struct kv_change *change, struct txn *txn,
		      struct txn *named)
{
	bytes keys[2];
	size_t count = 0;
	if (change->operation == KV_LIST || change->operation == KV_FORGET)
		return;
	keys[count++] = key_data(change->owner, change->key, change->key_size);
	if (data_change_writes(change))
		keys[count++] = key_use(change->owner);
	for (size_t i = 0; i < count; i++) {
		struct txn_write *twice = NULL;
		HASH_FIND(hh, named->writes, keys[i].data, keys[i].len, twice);
		bool is_known = twice != NULL || item_find(data, keys[i]) != NULL ||
				owner_find(data, keys[i]) != NULL;
		if (is_known) {
			free(keys[i].data);
			continue;
		}
		txn_read(txn, key_copy(keys[i]), (bytes){0});
		txn_delete(named, keys[i]);
	}
}

static int fetch_now(struct data *data, struct txn *txn, struct txn *named, struct error **err)
{
	Etcd__TxnRequest request;
	ProtobufCMessage *answer = NULL;
	if (txn->success.count == 0)
		return 0;
	rpc_limit_answer(data->rpc, FETCH_BYTES);
	int r = rpc_call(data->rpc, &rpc_txn_read, &txn_request(txn, &request)->base, FETCH_MS,
			 &answer, err);
	if (r < 0)
		return r;
	r = answers_take(data, (const Etcd__TxnResponse *)answer, err);
	protobuf_c_message_free_unpacked(answer, NULL);
	if (r < 0)
		return r;
	/* What was not found is known not to be there. */
	for (const struct txn_write *w = named->writes; w != NULL; w = w->hh.next) {
		if (is_use(w->key) && owner_find(data, w->key) == NULL)
			(void)owner_add(data, w->key);
		else if (!is_use(w->key) && item_find(data, w->key) == NULL)
			(void)item_add(data, w->key);
	}
	return 0;
}

/* The operations from `*at` on, as many as are asked for together. */
static int fetch_some(struct data *data, const struct outbox *outbox, size_t max, size_t *at,
		      struct error **err)
{
	CLEANUP(txn_done) struct txn txn = {0};
	CLEANUP(txn_done) struct txn named = {0};
	size_t next = *at;
	while (next < outbox->data.count && txn.success.count < max) {
		const struct kv_change change = data_change_as_kv(&outbox->data.items[next++]);
		if (change.key_size <= KV_KEY_MAX)
			fetch_add(data, &change, &txn, &named);
	}
	int r = fetch_now(data, &txn, &named, err);
	if (r == 0)
		*at = next;
	return r;
}

int data_fetch(struct data *data, const struct outbox *outbox, struct error **err)
{
	size_t at = 0, max = FETCH_MAX;
	while (at < outbox->data.count) {
		CLEANUP(error_freep) struct error *why = NULL;
		int r = fetch_some(data, outbox, max, &at, &why);
		bool is_too_much = r == ERR_LIMIT && max > 1; /* values are large: fewer */
		if (r < 0 && !is_too_much)
			return error_move(err, steal_ptr(&why));
		if (is_too_much)
			max /= 2;
	}
	return 0;
}

/* ---- how much there is ---- */

static int group_of(struct data *data, const char *owner, bytes *ret_from, bytes *ret_to,
		    struct error **err)
{
	const char *slash = strchr(owner, '/');
	CLEANUP(freep)
	char *name =
		mem_strndup(owner, slash != NULL ? (size_t)(slash - owner) : strlen(owner));
	bytes from, to;
	key_owners(KEY_USE, name, &from, &to);
	const struct scan scan = {.from = from, .to = to};
	int r = scan_run(data->rpc, &scan, owner_take, data, err);
	if (r < 0) {
		free(from.data);
		free(to.data);
		return r;
	}
	*ret_from = from;
	*ret_to = to;
	return 0;
}

static bool is_within(uint64_t used, uint64_t growth, uint64_t quota)
{
	return quota == 0 || (used <= quota && growth <= quota - used);
}

static int check_quota(struct data *data, const struct kv_change *change,
		       const struct data_owner *owner, uint64_t growth, bool *ret_fits,
		       struct error **err)
{
	bool fits = is_within(owner->now.bytes, growth, change->quota_bytes);
	if (fits && change->group_quota_bytes > 0) {
		CLEANUP(bytes_freep) bytes from = {0};
		CLEANUP(bytes_freep) bytes to = {0};
		uint64_t all = 0;
		int r = group_of(data, change->owner, &from, &to, err);
		if (r < 0)
			return r;
		for (const struct data_owner *o = data->owners; o != NULL; o = o->hh.next)
			if (key_compare(o->key, from) >= 0 && key_compare(o->key, to) < 0)
				all += o->now.bytes < UINT64_MAX - all ? o->now.bytes
								       : UINT64_MAX - all;
		fits = is_within(all, growth, change->group_quota_bytes);
	}
	*ret_fits = fits;
	return 0;
}

/* ---- operations ---- */

/* No number of ours is below nothing, whatever another hand has written. */
static void take_away(uint64_t *from, uint64_t count)
{
	*from = count < *from ? *from - count : 0;
}

static void item_set(struct data_item *item, struct data_owner *owner, bytes take_value)
{
	if (item->value.data != NULL) {
		take_away(&owner->now.bytes, item_size(item));
		take_away(&owner->now.values, 1);
		owner->now.total -= item_sum(item);
		free(item->value.data);
	}
	item->value = take_value;
	item->is_changed = true;
	item->is_damaged = false;
	if (item->value.data != NULL) {
		owner->now.bytes += item_size(item);
		owner->now.values++;
		owner->now.total += item_sum(item);
	}
}

static int apply_get(struct data *data, const struct data_item *item,
		     struct data_answer *answer)
{
	if (item->value.data == NULL) {
		answer->status = -ENOENT;
	} else if (item->is_damaged) {
		answer->status = -EIO;
	} else {
		answer->value_size = item->value.len - SUM_BYTES;
		answer->value = mem_memdup(item->value.data + SUM_BYTES, answer->value_size);
		data->held_bytes += answer->value_size;
	}
	return 0;
}

static int apply_put(struct data *data, const struct kv_change *change, struct data_item *item,
		     struct data_owner *owner, struct data_answer *answer, struct error **err)
{
	uint64_t before = item_size(item), after = change->key_size + change->value_size, sum;
	bool fits = true;
	int r = 0;
	if (after > before)
		r = check_quota(data, change, owner, after - before, &fits, err);
	if (r < 0)
		return r;
	if (fits)
		item_set(item, owner,
			 value_pack(item->key, change->value, change->value_size, &sum));
	else
		answer->status = -ENOSPC;
	return 0;
}

/* ---- lists ---- */

struct listing {
	struct data *data;
	size_t limit, used; /* bytes; of what is there and stays */
	VECTOR(bytes) keys; /* of the owner; owned */
};

static void listing_done(struct listing *l)
{
	vector_for_each (&l->keys, key)
		free(key->data);
	vector_done(&l->keys);
}

static void listing_add(struct listing *l, bytes whole)
{
	char *owner = NULL;
	bytes key;
	if (!key_is_data(whole, &owner, &key))
		return;
	free(owner);
	vector_push(&l->keys, key_copy(key));
	l->used += key.len + 4;
}

/* What was read or changed is listed by what is kept of it. */
static int listing_found(void *user, const Etcd__KeyValue *kv, struct error **err)
{
	struct listing *l = user;
	(void)err;
	if (item_find(l->data, kv->key) == NULL && !is_forgotten(l->data, kv->key))
		listing_add(l, kv->key);
	return l->used > l->limit ? 1 : 0;
}

static int compare_keys(const void *a, const void *b)
{
	return key_compare(*(const bytes *)a, *(const bytes *)b);
}

static void listing_answer(struct listing *l, struct data_answer *answer)
{
	size_t used = 0;
	if (l->keys.count > 0) {
		qsort(l->keys.items, l->keys.count, sizeof(bytes), compare_keys);
		answer->keys = mem_new_array(ProtobufCBinaryData, l->keys.count);
	}
	vector_for_each (&l->keys, key) {
		used += key->len + 4;
		if (used > l->limit) {
			answer->more = true;
			answer->status = answer->key_count == 0 ? -EMSGSIZE : 0;
			return;
		}
		answer->keys[answer->key_count++] = *key;
		key->data = NULL; /* it is the answer's now */
	}
}

/* The page begins after the cursor, or at the prefix, whichever is later. */
static bytes listing_from(const struct kv_change *change)
{
	const bytes cursor = {.len = change->cursor_size, .data = change->cursor};
	const bytes prefix = {.len = change->key_size, .data = change->key};
	if (change->cursor == NULL || key_compare(cursor, prefix) < 0)
		return key_data(change->owner, change->key, change->key_size);
	CLEANUP(bytes_freep) bytes at = key_data(change->owner, cursor.data, cursor.len);
	return key_after(at);
}

static int apply_list(struct data *data, const struct kv_change *change,
		      struct data_answer *answer, struct error **err)
{
	size_t limit = change->limit_bytes != 0 ? change->limit_bytes : KV_PAGE_BYTES;
	CLEANUP(listing_done)
	struct listing l = {.data = data, .limit = limit < KV_PAGE_MAX ? limit : KV_PAGE_MAX};
	CLEANUP(bytes_freep)
	bytes prefix = key_data(change->owner, change->key, change->key_size);
	CLEANUP(bytes_freep) bytes to = key_end(prefix);
	CLEANUP(bytes_freep) bytes from = listing_from(change);
	if (key_compare(from, to) >= 0)
		return 0;
	const struct scan scan = {.from = from, .to = to, .page = LIST_PAGE, .keys_only = true};
	int r = scan_run(data->rpc, &scan, listing_found, &l, err);
	if (r < 0)
		return r;
	for (const struct data_item *i = data->items; i != NULL; i = i->hh.next)
		if (i->value.data != NULL && key_compare(i->key, from) >= 0 &&
		    key_compare(i->key, to) < 0)
			listing_add(&l, i->key);
	data->held_bytes += l.used;
	listing_answer(&l, answer);
	return 0;
}

/* ---- all of them ---- */

int data_forget(struct data *data, const char *owner, struct error **err)
{
	struct txn_range range;
	CLEANUP(bytes_freep) bytes from = {0};
	CLEANUP(bytes_freep) bytes to = {0};
	key_owners(KEY_USE, owner, &from, &to);
	const struct scan scan = {.from = from, .to = to};
	int r = scan_run(data->rpc, &scan, owner_take, data, err);
	if (r < 0)
		return r;
	for (struct data_owner *o = data->owners; o != NULL; o = o->hh.next)
		if (key_compare(o->key, from) >= 0 && key_compare(o->key, to) < 0)
			etcd__content__use__init(&o->now);
	key_owners(KEY_DATA, owner, &range.from, &range.to);
	for (struct data_item *i = data->items; i != NULL; i = i->hh.next) {
		if (key_compare(i->key, range.from) < 0 || key_compare(i->key, range.to) >= 0)
			continue;
		free(i->value.data);
		i->value = (bytes){0};
		i->is_changed = i->is_damaged = false; /* the range takes it */
	}
	vector_push(&data->forgotten, range);
	return 0;
}

int data_apply(struct data *data, const struct kv_change *change,
	       struct data_answer *ret_answer, struct error **err)
{
	*ret_answer = (struct data_answer){0};
	if (change->key_size > KV_KEY_MAX || change->value_size > DATA_VALUE_MAX) {
		ret_answer->status = -EINVAL;
		return 0;
	}
	if (change->operation == KV_LIST)
		return apply_list(data, change, ret_answer, err);
	if (change->operation == KV_FORGET)
		return data_forget(data, change->owner, err);
	CLEANUP(bytes_freep)
	bytes key = key_data(change->owner, change->key, change->key_size);
	CLEANUP(bytes_freep) bytes use = key_use(change->owner);
	struct data_item *item = item_find(data, key);
	struct data_owner *owner = owner_find(data, use);
	INVARIANT(item != NULL); /* data_fetch() */
	if (change->operation == KV_GET)
		return apply_get(data, item, ret_answer);
	INVARIANT(owner != NULL);
	if (change->operation == KV_PUT)
		return apply_put(data, change, item, owner, ret_answer, err);
	if (item->value.data != NULL)
		item_set(item, owner, (bytes){0});
	return 0;
}

/* ---- what is written ---- */

static bytes use_pack(bytes key, Etcd__Content__Use *use)
{
	use->has_check = true;
	use->check = use_check(key, use);
	bytes packed = {.len = etcd__content__use__get_packed_size(use)};
	packed.data = mem_calloc(1, packed.len + 1);
	(void)etcd__content__use__pack(use, packed.data);
	return packed;
}

void data_write(struct data *data, struct txn *txn, struct ledger_rows *values)
{
	vector_for_each (&data->forgotten, range)
		txn_delete_range(txn, key_copy(range->from), key_copy(range->to));
	for (const struct data_item *i = data->items; i != NULL; i = i->hh.next) {
		if (i->is_changed && i->value.data != NULL)
			txn_put(txn, key_copy(i->key), key_copy(i->value));
		else if (i->is_changed && !is_forgotten(data, i->key))
			txn_delete(txn, key_copy(i->key));
	}
	for (struct data_owner *o = data->owners; o != NULL; o = o->hh.next) {
		bool is_changed = o->is_damaged || o->now.bytes != o->before.bytes ||
				  o->now.values != o->before.values ||
				  o->now.total != o->before.total;
		if (!is_changed)
			continue;
		values->count += o->now.values - o->before.values;
		values->total += o->now.total - o->before.total;
		if (o->now.values > 0)
			txn_put(txn, key_copy(o->key), use_pack(o->key, &o->now));
		else
			txn_delete(txn, key_copy(o->key));
	}
}
