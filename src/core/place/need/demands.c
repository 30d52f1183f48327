#include "core/place/need/demands.h"

#include <string.h>

#include "core/place/need/feasible_set.h"
#include "core/place/need/index_memory.h"
#include "core/place/need/workload.h"

/* Demands without references are kept for their indexes: topologies of one pattern come and go.
 */
#define IDLE_MAX 16u

static int64_t add_amounts(int64_t a, uint64_t b)
{
	return b > (uint64_t)(AMOUNT_MAX - a) ? AMOUNT_MAX : a + (int64_t)b;
}

struct device_requests {
	VECTOR(struct device_request) list;
};

static void add_device_requests(struct place *p, struct device_requests *asks,
				const struct space *s)
{
	for (unsigned i = 0; i < s->device_count; i++) {
		const struct device_need *d = &s->devices[i];
		if (d->count == 0)
			continue;
		struct device_request *a = vector_add(&asks->list);
		a->kind = symbol_take(&p->symbols, d->kind);
		a->count = d->count;
		a->milli = d->share_milli > 0 ? (int32_t)d->share_milli : (int32_t)DEVICE_WHOLE;
		a->models = mem_new_array(uint32_t, d->model_count + 1);
		a->model_count = d->model_count;
		for (unsigned k = 0; k < d->model_count; k++)
			a->models[k] = symbol_take(&p->symbols, d->models[k]);
	}
}

/* For those of the whole unit, after the others. */
static void add_capability_requests(struct place *p, struct device_requests *asks,
				    const struct space *s)
{
	for (unsigned i = 0; i < s->capability_count; i++) {
		if (capability_is_common(s->capabilities[i]) ||
		    capability_is_by_version(s->capabilities[i]))
			continue;
		struct device_request *a = vector_add(&asks->list);
		a->kind = symbol_take(&p->symbols, s->capabilities[i]);
		a->count = 1;
		a->milli = (int32_t)DEVICE_WHOLE;
		a->models = mem_new_array(uint32_t, 1);
		a->is_capability = true;
	}
}

static void mix(uint64_t *hash, uint64_t value)
{
	*hash = (*hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
	*hash ^= *hash >> 29;
}

static void collect(struct place *p, struct demand *d, const struct topology *t, uint32_t root)
{
	struct device_requests asks = {0};
	uint32_t end = root + t->instances[root].subtree_count;
	for (uint32_t i = root; i < end; i++) {
		const struct space *s = instance_space(t, i);
		d->cpu = add_amounts(d->cpu, s->cpu_millicores);
		d->memory = add_amounts(d->memory, s->memory_bytes);
		add_device_requests(p, &asks, s);
	}
	for (uint32_t i = root; i < end; i++)
		add_capability_requests(p, &asks, instance_space(t, i));
	d->requests = asks.list.items;
	d->request_count = (uint32_t)asks.list.count;
	d->pack = instance_space(t, root)->strategy == STRATEGY_PACK;
	for (uint32_t i = 0; i < d->request_count && !d->too_many_devices; i++) {
		uint32_t count = d->requests[i].count;
		d->device_total += count < DEVICES_MAX ? count : DEVICES_MAX + 1;
		d->too_many_devices = d->device_total > DEVICES_MAX;
	}
	if (d->too_many_devices)
		d->device_total = 0;
}

static uint64_t hash_of(const struct demand *d)
{
	uint64_t hash = d->pack;
	mix(&hash, d->feasible);
	mix(&hash, (uint64_t)d->cpu);
	mix(&hash, (uint64_t)d->memory);
	for (uint32_t i = 0; i < d->request_count; i++) {
		const struct device_request *a = &d->requests[i];
		mix(&hash, (uint64_t)a->kind << 32 | a->count);
		mix(&hash, (uint64_t)a->milli << 1 | a->is_capability);
		for (uint32_t k = 0; k < a->model_count; k++)
			mix(&hash, a->models[k]);
	}
	return hash >> 1;
}

static bool same_demand(const struct demand *a, const struct demand *b)
{
	if (a->feasible != b->feasible || a->cpu != b->cpu || a->memory != b->memory ||
	    a->pack != b->pack || a->request_count != b->request_count)
		return false;
	for (uint32_t i = 0; i < a->request_count; i++) {
		const struct device_request *x = &a->requests[i], *y = &b->requests[i];
		if (x->kind != y->kind || x->count != y->count || x->milli != y->milli ||
		    x->is_capability != y->is_capability || x->model_count != y->model_count ||
		    memcmp(x->models, y->models, x->model_count * sizeof(*x->models)) != 0)
			return false;
	}
	return true;
}

static void contents_free(struct place *p, struct demand *d)
{
	for (uint32_t i = 0; i < d->request_count; i++) {
		symbol_drop(&p->symbols, d->requests[i].kind);
		for (uint32_t k = 0; k < d->requests[i].model_count; k++)
			symbol_drop(&p->symbols, d->requests[i].models[k]);
		free(d->requests[i].models);
	}
	free(d->requests);
	feasible_set_drop(p, d->feasible);
}

/* Head of the chain of demands with that hash. */
static struct demand **chain_of(struct place *p, uint64_t hash)
{
	uint32_t *found = map_find(&p->demand_hashes, hash);
	if (found != NULL)
		return &p->demand_chains.items[*found];
	uint32_t chain;
	if (p->free_chains.count > 0) {
		chain = *vector_last(&p->free_chains);
		p->free_chains.count--;
	} else {
		chain = (uint32_t)p->demand_chains.count;
		(void)vector_add(&p->demand_chains);
	}
	map_put(&p->demand_hashes, hash, chain);
	p->demand_chains.items[chain] = NULL;
	return &p->demand_chains.items[chain];
}

static void demand_free(struct place *p, struct demand *d)
{
	struct demand **at = chain_of(p, d->hash);
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	uint32_t *chain = map_find(&p->demand_hashes, d->hash);
	if (p->demand_chains.items[*chain] == NULL) {
		vector_push(&p->free_chains, *chain);
		map_remove(&p->demand_hashes, d->hash);
	}
	index_free(p, d->index);
	for (size_t i = 0; d->request_count > 0 && i < p->device_demands.count; i++) {
		if (p->device_demands.items[i] == d) {
			vector_remove_at(&p->device_demands, i);
			p->workload.stale = true;
			break;
		}
	}
	contents_free(p, d);
	free(d);
}

static void leave_idle(struct place *p, const struct demand *d)
{
	for (size_t i = 0; i < p->idle_demands.count; i++) {
		if (p->idle_demands.items[i] == d) {
			vector_remove_at(&p->idle_demands, i);
			return;
		}
	}
}

struct demand *demand_take(struct place *p, struct topology *t, uint32_t root)
{
	struct demand wanted = {.references = 1};
	collect(p, &wanted, t, root);
	wanted.feasible = feasible_set_take(p, t, root);
	wanted.hash = hash_of(&wanted);
	struct demand **chain = chain_of(p, wanted.hash);
	for (struct demand *d = *chain; d != NULL; d = d->next) {
		if (!same_demand(d, &wanted))
			continue;
		contents_free(p, &wanted);
		if (d->references++ == 0)
			leave_idle(p, d);
		return d;
	}
	struct demand *d = mem_new(struct demand);
	*d = wanted;
	d->next = *chain;
	*chain = d;
	if (d->request_count > 0)
		vector_push(&p->device_demands, d);
	return d;
}

void demand_count(struct place *p, struct demand *d, int64_t units)
{
	d->units += (uint64_t)units;
	if (d->request_count > 0)
		p->workload.stale = true;
}

void demand_drop(struct place *p, struct demand *d)
{
	PRE(d->references > 0);
	if (--d->references > 0)
		return;
	if (d->index == NULL) {
		demand_free(p, d);
		return;
	}
	vector_push(&p->idle_demands, d);
	if (p->idle_demands.count > IDLE_MAX) {
		struct demand *oldest = p->idle_demands.items[0];
		vector_remove_at(&p->idle_demands, 0);
		demand_free(p, oldest);
	}
}

void demands_done(struct place *p)
{
	while (p->idle_demands.count > 0) {
		struct demand *d = *vector_last(&p->idle_demands);
		p->idle_demands.count--;
		demand_free(p, d);
	}
	INVARIANT(p->demand_hashes.count == 0);
	vector_done(&p->device_demands);
	workload_done(&p->workload);
	vector_done(&p->idle_demands);
	vector_done(&p->demand_chains);
	vector_done(&p->free_chains);
	map_done(&p->demand_hashes);
}
