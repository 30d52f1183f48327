#include "core/place/choose/fragmentation.h"

#include <math.h>

#include "core/place/state/devices.h"

/* Shares of the three parts. */
#define NOW_SHARE     0.4
#define IN_TIME_SHARE 0.6
#define SERVE_SHARE   0.2

/* Devices of one model with equally much free. */
struct device_bin {
	uint32_t kind, model;
	int32_t free;
	uint32_t count;
};

#define BINS_MAX 64u

struct device_bins {
	struct device_bin items[BINS_MAX];
	uint32_t count;
};

/* Beyond BINS_MAX different ones the rest is left out. */
static void bins_add(struct device_bins *b, const struct node_device *s, int32_t free_now)
{
	if (s->is_capability)
		return;
	for (uint32_t i = 0; i < b->count; i++) {
		struct device_bin *bin = &b->items[i];
		if (bin->free == free_now && bin->model == s->model && bin->kind == s->kind) {
			bin->count++;
			return;
		}
	}
	if (free_now > 0 && b->count < BINS_MAX)
		b->items[b->count++] = (struct device_bin){s->kind, s->model, free_now, 1};
}

static bool model_suits(const struct typical *t, uint32_t model)
{
	for (uint32_t i = 0; i < t->model_count; i++) {
		if (t->models[i] == model)
			return true;
	}
	return t->model_count == 0;
}

static double waste_of(const struct typical *t, const struct device_bins *bins,
		       int64_t free_all, int64_t cpu, int64_t memory)
{
	uint64_t devices = 0, copies = 0;
	int64_t usable = 0;
	if (t->cpu > cpu || t->memory > memory)
		return (double)free_all;
	for (uint32_t i = 0; i < bins->count; i++) {
		const struct device_bin *b = &bins->items[i];
		if (b->kind != t->kind || b->free < t->milli || !model_suits(t, b->model))
			continue;
		devices += b->count;
		copies += (uint64_t)b->count * (uint32_t)(b->free / t->milli);
		usable += (int64_t)b->count * b->free;
	}
	if (devices < t->count)
		return (double)free_all;
	if (t->count > 1)
		copies = devices / t->count;
	if (t->cpu > 0 && copies > (uint64_t)(cpu / t->cpu))
		copies = (uint64_t)(cpu / t->cpu);
	if (t->memory > 0 && copies > (uint64_t)(memory / t->memory))
		copies = (uint64_t)(memory / t->memory);
	double used = (double)copies * t->count * t->milli;
	return NOW_SHARE * (double)(free_all - usable) +
	       IN_TIME_SHARE * ((double)free_all - used);
}

static double waste(const struct place *p, const struct device_bins *bins, int64_t cpu,
		    int64_t memory)
{
	double sum = 0;
	for (size_t k = 0; k < p->workload.kinds.count; k++) {
		const struct workload_kind *kind = &p->workload.kinds.items[k];
		int64_t free_all = 0;
		for (uint32_t i = 0; i < bins->count; i++) {
			if (bins->items[i].kind == kind->kind)
				free_all += (int64_t)bins->items[i].count * bins->items[i].free;
		}
		if (free_all == 0)
			continue;
		const struct typical *t = &p->workload.typical.items[kind->first];
		for (uint32_t i = 0; i < kind->count; i++)
			sum += t[i].weight * waste_of(&t[i], bins, free_all, cpu, memory);
		double served = (double)cpu * kind->milli_for_cpu;
		double held = (double)memory * kind->milli_for_memory;
		served = served < held ? served : held;
		if (served < (double)free_all)
			sum += SERVE_SHARE * ((double)free_all - (served > 0 ? served : 0));
	}
	return sum;
}

/* ---- growth ---- */

static double waste_now(const struct place *p, struct place_node *node)
{
	if (node->waste_position == node->log_position &&
	    node->waste_version == p->workload.version)
		return node->waste;
	struct device_bins bins = {.count = 0};
	for (uint32_t i = 0; i < node->device_count; i++)
		bins_add(&bins, &node->devices[i], node->devices[i].free);
	node->waste = waste(p, &bins, node->cpu_free, node->memory_free);
	node->waste_position = node->log_position;
	node->waste_version = p->workload.version;
	return node->waste;
}

static double waste_with(const struct place *p, const struct demand *d,
			 const struct place_node *node, const uint16_t *given)
{
	struct device_bins bins = {.count = 0};
	for (uint32_t i = 0; i < node->device_count; i++) {
		int32_t free_then = node->devices[i].free;
		uint32_t at = 0;
		for (uint32_t k = 0; k < d->request_count; k++) {
			for (uint32_t n = 0; n < d->requests[k].count; n++, at++)
				free_then -= given[at] == i ? d->requests[k].milli : 0;
		}
		bins_add(&bins, &node->devices[i], free_then);
	}
	return waste(p, &bins, node->cpu_free - d->cpu, node->memory_free - d->memory);
}

/* Without a workload to go by: a unit without devices takes cpu and memory away from devices
 * that are free beside them. */
static int32_t crowding(const struct demand *d, const struct place_node *node)
{
	int64_t free_all = 0;
	if (d->request_count > 0 && !d->requests[0].is_capability)
		return 0;
	for (uint32_t i = 0; i < node->device_count && !node->devices[i].is_capability; i++)
		free_all += node->devices[i].free;
	double cpu = node->cpu_free > 0 ? (double)d->cpu / (double)node->cpu_free : 0;
	double memory =
		node->memory_free > 0 ? (double)d->memory / (double)node->memory_free : 0;
	double part = cpu > memory ? cpu : memory;
	return (int32_t)((double)free_all * (part < 1 ? part : 1));
}

#define GIVEN_MAX 64u

int32_t fragmentation_of(const struct place *p, const struct demand *d, struct place_node *node)
{
	uint16_t given[GIVEN_MAX] = {0};
	if (p->workload.kinds.count == 0)
		return crowding(d, node);
	if (d->device_total > GIVEN_MAX ||
	    (d->request_count > 0 && !devices_fit(node->devices, node->device_count, d, given)))
		return 0;
	double grown = waste_with(p, d, node, given) - waste_now(p, node);
	return (int32_t)floor(grown + 0.5);
}
