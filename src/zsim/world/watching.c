#include "zsim/world/watching.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "zsim/world/world.h"

/* More are not kept for one that takes none. */
#define WAITING_MAX 2000

static void written_done(struct sim_written *written)
{
	vector_for_each (&written->changes, change) {
		free(change->key);
		free(change->data);
	}
	vector_done(&written->changes);
}

static void drop(struct watching *g)
{
	vector_for_each (&g->waits, written)
		written_done(written);
	vector_clear(&g->waits);
}

void watching_begin(struct watching *g)
{
	drop(g);
	ahead_begin(&g->ahead);
	g->is_lost = true;
}

void watching_done(struct watching *g)
{
	watching_begin(g);
	vector_done(&g->waits);
}

/* FNV-1a, over key and data. */
static uint64_t sum_of(const char *key, const void *data, size_t size)
{
	uint64_t sum = UINT64_C(14695981039346656037);
	for (const char *c = key; *c != '\0'; c++)
		sum = (sum ^ (uint8_t)*c) * UINT64_C(1099511628211);
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ ((const uint8_t *)data)[i]) * UINT64_C(1099511628211);
	return sum;
}

static char *key_of(int kind, const char *id)
{
	return str_printf("%02d/%s", kind, id);
}

void watching_written(struct watching *g, uint64_t number, const struct outbox *outbox)
{
	struct sim_written written = {.number = number};
	if (g->is_lost)
		return; /* it reads it */
	vector_for_each (&outbox->records, r)
		vector_push(&written.changes,
			    ((struct sim_change){key_of((int)r->kind, r->id),
						 mem_memdup(r->data, r->size), r->size}));
	vector_push(&g->waits, written);
	if (g->waits.count > WAITING_MAX)
		watching_begin(g);
}

static void put(struct watching *g, const char *key, const void *data, size_t size)
{
	(void)ahead_put(&g->ahead, key, strlen(key), data, size, sum_of(key, data, size));
}

static void read_all(struct watching *g, const struct world *w)
{
	watching_begin(g);
	sim_disk_for_each (&w->disk, record) {
		CLEANUP(freep) char *key = key_of(record->kind, record->id);
		put(g, key, record->data, record->size);
	}
	ahead_reached(&g->ahead, (int64_t)w->disk.last_batch);
	g->is_lost = false;
}

void watching_turn(struct watching *g, const struct world *w)
{
	if (g->is_lost) {
		read_all(g, w);
		return;
	}
	vector_for_each (&g->waits, written) {
		vector_for_each (&written->changes, c)
			if (c->data != NULL)
				put(g, c->key, c->data, c->size);
			else
				ahead_remove(&g->ahead, c->key, strlen(c->key));
		ahead_reached(&g->ahead, (int64_t)written->number);
	}
	drop(g);
}

/* What the ledger of a store counts. */
static void disk_count(const struct world *w, uint64_t *ret_count, uint64_t *ret_total)
{
	*ret_count = *ret_total = 0;
	sim_disk_for_each (&w->disk, record) {
		CLEANUP(freep) char *key = key_of(record->kind, record->id);
		++*ret_count;
		*ret_total += sum_of(key, record->data, record->size);
	}
}

bool watching_load(struct watching *g, struct world *w, store_record_fn *each, void *user,
		   int *ret_result, struct error **err)
{
	uint64_t count, total;
	const struct ahead_record *r = NULL, *next = NULL;
	disk_count(w, &count, &total);
	if (!ahead_serves(&g->ahead, (int64_t)w->disk.last_batch, count, total))
		return false;
	if (g->ahead.count != count || g->ahead.total != total)
		world_violate(w, "a zrms decides on records that are older than its win");
	ahead_sort(&g->ahead);
	*ret_result = 0;
	HASH_ITER (hh, g->ahead.records, r, next) {
		CLEANUP(freep) char *key = mem_strndup((const char *)r->bytes, r->key_size);
		if (*ret_result == 0)
			*ret_result = each(user, (enum record_kind)atoi(key), key + 3,
					   ahead_data(r), r->size, err);
	}
	return true;
}
