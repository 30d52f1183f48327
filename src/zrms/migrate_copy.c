#include "zrms/migrate_copy.h"

#include <inttypes.h>
#include <sodium.h>

#include "adapter/sqlite/chronicle.h"
#include "base/check.h"
#include "base/str.h"

enum { BATCH_ITEMS = 500, BATCH_BYTES = 1024 * 1024, OLDER_PAGE = 2000 };

/* ---- all of a source ---- */

struct visiting {
	const struct migrate_source *source;
	store_item_fn *each;
	void *user;
	bool has_older; /* they have been visited */
};

typedef VECTOR(Samoza__V1__EventRecord *) older_events;

static void take_older(void *to, Samoza__V1__EventRecord *event)
{
	older_events *events = to;
	vector_push(events, event);
}

static int older_item(const Samoza__V1__EventRecord *event, store_item_fn *each, void *user,
		      struct error **err)
{
	size_t size = protobuf_c_message_get_packed_size(&event->base);
	CLEANUP(freep) uint8_t *packed = mem_calloc(1, size + 1);
	(void)protobuf_c_message_pack(&event->base, packed);
	const struct store_item item = {
		.part = STORE_EVENTS, .seq = event->seq, .data = packed, .size = size};
	return each(user, &item, err);
}

/* Numbers in (after, until]. */
static int older_visit(struct chronicle *older, uint64_t after, uint64_t until,
		       store_item_fn *each, void *user, struct error **err)
{
	older_events events = {0};
	bool more = true;
	int r = 0;
	while (more && r == 0) {
		const struct chronicle_range range = {
			.after = after, .until = until, .limit = OLDER_PAGE};
		r = chronicle_list(older, &range, take_older, &events, &more, err);
		more = more && events.count > 0; /* only damaged ones follow */
		for (size_t i = 0; i < events.count; i++) {
			after = events.items[i]->seq;
			if (r == 0)
				r = older_item(events.items[i], each, user, err);
			samoza__v1__event_record__free_unpacked(events.items[i], NULL);
		}
		vector_clear(&events);
	}
	vector_done(&events);
	return r;
}

static int visit_older(struct visiting *v, struct error **err)
{
	const struct migrate_source *s = v->source;
	uint64_t after = s->events_from > 0 ? s->events_from - 1 : 0;
	if (v->has_older || s->older == NULL)
		return 0;
	v->has_older = true;
	return older_visit(s->older, after, s->older_until, v->each, v->user, err);
}

/* Before the first event of the store, so that they are in order. */
static int item_visit(void *user, const struct store_item *item, struct error **err)
{
	struct visiting *v = user;
	int r = item->part >= STORE_EVENTS ? visit_older(v, err) : 0;
	if (r < 0 || (item->part == STORE_EVENTS && item->seq < v->source->events_from))
		return r;
	return v->each(v->user, item, err);
}

static int source_visit(const struct migrate_source *source, store_item_fn *each, void *user,
			struct error **err)
{
	struct visiting v = {source, each, user, false};
	int r = source->store->ops->moving->visit(source->store, item_visit, &v, err);
	return r == 0 ? visit_older(&v, err) : r;
}

/* ---- what there is ---- */

static void hash_add(crypto_generichash_state *state, const void *data, size_t size)
{
	uint8_t length[8];
	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (uint8_t)((uint64_t)size >> (8 * i));
	(void)crypto_generichash_update(state, length, sizeof(length));
	if (size > 0)
		(void)crypto_generichash_update(state, data, size);
}

static void digest_add(struct migrate_part *part, const struct store_item *item)
{
	crypto_generichash_state state;
	uint8_t hash[32];
	const uint64_t numbers[] = {item->part, item->kind, item->seq};
	(void)crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	hash_add(&state, numbers, sizeof(numbers));
	hash_add(&state, item->id, item->id != NULL ? strlen(item->id) : 0);
	hash_add(&state, item->key, item->key_size);
	hash_add(&state, item->data, item->size);
	(void)crypto_generichash_final(&state, hash, sizeof(hash));
	for (size_t i = 0; i < ARRAY_SIZE(part->digest); i++) {
		uint64_t word;
		memcpy(&word, hash + 8 * i, sizeof(word));
		part->digest[i] += word;
	}
}

static void part_add(struct migrate_part *part, const struct store_item *item)
{
	part->bytes += item->size;
	part->last_seq = item->seq;
	digest_add(part, item);
	if (part->count++ > 0)
		return;
	part->first_seq = item->seq;
	memcpy(part->first_digest, part->digest, sizeof(part->digest));
}

static int older_look(void *user, const struct store_item *item, struct error **err)
{
	(void)err;
	part_add(user, item);
	return 0;
}

int migrate_look_older(struct chronicle *older, uint64_t after, uint64_t until,
		       struct migrate_part *ret_part, struct error **err)
{
	struct migrate_part part = {0};
	int r = older_visit(older, after, until, older_look, &part, err);
	if (r == 0)
		*ret_part = part;
	return r;
}

static int item_look(void *user, const struct store_item *item, struct error **err)
{
	struct migrate_content *c = user;
	struct migrate_part *part = &c->parts[item->part];
	(void)err;
	part_add(part, item);
	if (item->part == STORE_RECORDS && item->size > c->largest_record)
		c->largest_record = item->size;
	if (item->part == STORE_VALUES && item->size > c->largest_value)
		c->largest_value = item->size;
	return 0;
}

int migrate_look(const struct migrate_source *source, struct migrate_content *ret_content,
		 struct error **err)
{
	struct migrate_content content = {0};
	int r = source_visit(source, item_look, &content, err);
	if (r == 0)
		*ret_content = content;
	return r;
}

uint64_t migrate_items(const struct migrate_content *content)
{
	uint64_t count = 0;
	for (int part = 0; part < STORE_PARTS; part++)
		count += content->parts[part].count;
	return count;
}

int migrate_differ(const struct migrate_content *a, const struct migrate_content *b)
{
	for (int part = 0; part < STORE_PARTS; part++) {
		const struct migrate_part *one = &a->parts[part], *other = &b->parts[part];
		if (one->count != other->count ||
		    memcmp(one->digest, other->digest, sizeof(one->digest)) != 0)
			return part;
	}
	return -1;
}

/* ---- copying ---- */

struct copying {
	struct loop *loop;
	struct store *to;
	uint64_t count;
	struct outbox batch;
	size_t items, bytes; /* in the batch */
	bool is_done;	     /* the batch */
	struct error *why;   /* of its failure */
	migrate_progress_fn *progress;
	void *user;
};

static void on_committed(void *user, enum commit_outcome outcome, const struct error *error,
			 struct data_answer *answers)
{
	struct copying *c = user;
	if (outcome != COMMIT_DURABLE)
		(void)error_set(&c->why, error->code, "%s", error->message);
	for (size_t i = 0; c->why == NULL && i < c->batch.data.count; i++)
		if (answers[i].status != 0)
			(void)error_set(&c->why, ERR_IO, "it refuses a value of %s: %s",
					c->batch.data.items[i].owner,
					strerror(-answers[i].status));
	c->is_done = true;
	loop_stop(c->loop);
}

static int batch_send(struct copying *c, struct error **err)
{
	if (c->items == 0)
		return 0;
	c->is_done = false;
	c->to->ops->commit(c->to, &c->batch, on_committed, c);
	while (!c->is_done)
		loop_run(c->loop);
	c->count += c->items;
	c->items = c->bytes = 0;
	outbox_clear(&c->batch);
	if (c->why != NULL)
		return error_move(err, steal_ptr(&c->why));
	c->progress(c->user, c->count);
	return 0;
}

/* Never NULL, which would be a deletion. */
static void *copy_of(const void *data, size_t size)
{
	return size > 0 ? mem_memdup(data, size) : mem_calloc(1, 1);
}

static int unreadable(const struct store_item *item, struct error **err)
{
	return error_set(err, ERR_INVALID, "%s %" PRIu64 " cannot be read",
			 item->part == STORE_EVENTS ? "event" : "line of the audit", item->seq);
}

static int batch_add(struct copying *c, const struct store_item *item, struct error **err)
{
	struct outbox *o = &c->batch;
	switch (item->part) {
	case STORE_RECORDS: {
		const struct record_change record = {.kind = item->kind,
						     .id = mem_strdup(item->id),
						     .data = copy_of(item->data, item->size),
						     .size = item->size};
		vector_push(&o->records, record);
		return 0;
	}
	case STORE_EVENTS: {
		Samoza__V1__EventRecord *event =
			samoza__v1__event_record__unpack(NULL, item->size, item->data);
		if (event == NULL || event->seq != item->seq)
			return unreadable(item, err);
		vector_push(&o->events, event);
		return 0;
	}
	case STORE_AUDIT: {
		Samoza__V1__AuditRecord *line =
			samoza__v1__audit_record__unpack(NULL, item->size, item->data);
		if (line == NULL || line->seq != item->seq)
			return unreadable(item, err);
		vector_push(&o->audit, line);
		return 0;
	}
	case STORE_VALUES: {
		const struct data_change value = {.owner = mem_strdup(item->id),
						  .operation =
							  SAMOZA__V1__DATA_OPERATION__DATA_PUT,
						  .key = copy_of(item->key, item->key_size),
						  .key_size = item->key_size,
						  .value = copy_of(item->data, item->size),
						  .value_size = item->size};
		vector_push(&o->data, value);
		return 0;
	}
	}
	IMPOSSIBLE("unknown part of a store");
}

static int item_copy(void *user, const struct store_item *item, struct error **err)
{
	struct copying *c = user;
	int r = batch_add(c, item, err);
	c->items++;
	c->bytes += item->size;
	if (r == 0 && (c->items == BATCH_ITEMS || c->bytes >= BATCH_BYTES))
		r = batch_send(c, err);
	return r;
}

int migrate_copy(struct loop *loop, const struct migrate_source *from, struct store *to,
		 migrate_progress_fn *progress, void *user, struct error **err)
{
	struct copying copying = {.loop = loop, .to = to, .progress = progress, .user = user};
	outbox_init(&copying.batch);
	int r = source_visit(from, item_copy, &copying, err);
	if (r == 0)
		r = batch_send(&copying, err);
	outbox_done(&copying.batch);
	return r;
}
