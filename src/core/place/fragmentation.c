/*
 * Fragmentation of devices: what is free of them, but of no use to those who may come.
 *
 * Who may come is what all known topologies ask for: the workload, as a list of typical demands
 * with weights. On one zhost, a typical demand wastes
 *
 *   now        what is free, unless one more of it fits; then the devices that are too full for
 * it in time    what would be left if the zhost were filled up with it: a device can be free
 * and yet useless for want of cpu, though one more would still fit
 *
 * and the zhost as a whole wastes the devices that its cpu and memory could not serve at the
 * mean ratio of the workload. Of two zhosts, that one is better on which this grows less. The
 * first part is fragmentation gradient descent (Weng et al., USENIX ATC 2023); the others keep
 * devices from being stranded before it is too late, see docs/design/002-placement.md.
 *
 * Weights are rounded to three bits and small ones dropped, so that the workload, and with it
 * every index, changes rarely while topologies come and go; and it is a function of what is
 * known, not of the order in which it was told.
 */
#include "core/place/engine.h"

#include <math.h>

/* Shares of the three parts. */
#define NOW_SHARE     0.4
#define IN_TIME_SHARE 0.6
#define SERVE_SHARE   0.2
/* Demands of less than this part of all units are not typical. */
#define TYPICAL_PART 256u
/* At most so many for each kind of device. */
#define TYPICAL_MAX 512u

/* ---- the workload ---- */

static int compare_symbols(const struct place *p, const uint32_t *a, uint32_t a_count,
			   const uint32_t *b, uint32_t b_count)
{
	for (uint32_t i = 0; i < a_count && i < b_count; i++) {
		int order =
			strcmp(symbol_text(&p->symbols, a[i]), symbol_text(&p->symbols, b[i]));
		if (order != 0)
			return order;
	}
	return a_count < b_count ? -1 : a_count > b_count;
}

#define COMPARE(x, y)                              \
	do {                                       \
		if ((x) != (y))                    \
			return (x) > (y) ? -1 : 1; \
	} while (0)

/* By kind, then by weight; the same for every order of telling. */
static int compare_typical(const void *a, const void *b, void *place)
{
	const struct typical *x = a, *y = b;
	int order = compare_symbols(place, &x->kind, 1, &y->kind, 1);
	if (order != 0)
		return order;
	COMPARE(x->weight, y->weight);
	COMPARE(x->cpu, y->cpu);
	COMPARE(x->memory, y->memory);
	COMPARE(x->count, y->count);
	COMPARE(x->milli, y->milli);
	return compare_symbols(place, x->models, x->model_count, y->models, y->model_count);
}

static double round_weight(uint64_t units)
{
	uint32_t shift = 0;
	while (units >> shift >= 8)
		shift++;
	return (double)(units >> shift << shift);
}

static uint64_t collect_typical(const struct place *p, struct workload *w)
{
	uint64_t total = 0;
	for (size_t i = 0; i < p->device_demands.count; i++)
		total += p->device_demands.items[i]->units;
	for (size_t i = 0; i < p->device_demands.count; i++) {
		const struct demand *d = p->device_demands.items[i];
		double weight = round_weight(d->units);
		if (weight * TYPICAL_PART < (double)total || d->units == 0)
			continue;
		for (uint32_t k = 0; k < d->ask_count; k++) {
			const struct ask *a = &d->asks[k];
			vector_push(&w->typical,
				    ((struct typical){.weight = weight,
						      .cpu = d->cpu,
						      .memory = d->memory,
						      .kind = a->kind,
						      .count = a->count,
						      .milli = a->milli,
						      .models = a->models,
						      .model_count = a->model_count}));
		}
	}
	return total;
}

/* Typical demands of one kind of device are together: normalizes their weights, and finds the
 * mean of cpu and memory for a thousandth of a device. */
static void group_kinds(struct workload *w)
{
	for (size_t first = 0; first < w->typical.count;) {
		struct workload_kind kind = {.kind = w->typical.items[first].kind,
					     .first = (uint32_t)first};
		size_t end = first;
		double weight = 0, cpu = 0, memory = 0, milli = 0;
		while (end < w->typical.count && w->typical.items[end].kind == kind.kind) {
			const struct typical *t = &w->typical.items[end++];
			if (kind.count == TYPICAL_MAX)
				continue;
			kind.count++;
			weight += t->weight;
			cpu += t->weight * (double)t->cpu;
			memory += t->weight * (double)t->memory;
			milli += t->weight * (double)t->count * t->milli;
		}
		for (uint32_t i = 0; i < kind.count; i++)
			w->typical.items[first + i].weight /= weight;
		kind.milli_for_cpu = cpu > 0 ? milli / cpu : INFINITY;
		kind.milli_for_memory = memory > 0 ? milli / memory : INFINITY;
		vector_push(&w->kinds, kind);
		first = end;
	}
}

static bool same_workload(const struct workload *a, const struct workload *b)
{
	if (a->typical.count != b->typical.count)
		return false;
	for (size_t i = 0; i < a->typical.count; i++) {
		const struct typical *x = &a->typical.items[i], *y = &b->typical.items[i];
		if (x->weight != y->weight || x->cpu != y->cpu || x->memory != y->memory ||
		    x->kind != y->kind || x->count != y->count || x->milli != y->milli ||
		    x->model_count != y->model_count ||
		    memcmp(x->models, y->models, x->model_count * sizeof(*x->models)) != 0)
			return false;
	}
	return true;
}

void workload_done(struct workload *w)
{
	vector_done(&w->typical);
	vector_done(&w->kinds);
}

void workload_refresh(struct place *p)
{
	if (!p->workload.stale)
		return;
	struct workload fresh = {.version = p->workload.version};
	(void)collect_typical(p, &fresh);
	if (fresh.typical.count > 0)
		qsort_r(fresh.typical.items, fresh.typical.count, sizeof(struct typical),
			compare_typical, p);
	group_kinds(&fresh);
	if (!same_workload(&fresh, &p->workload))
		fresh.version++;
	workload_done(&p->workload);
	p->workload = fresh;
}

/* ---- waste of a zhost ---- */

/* Devices of one model with equally much free. */
struct bin {
	uint32_t kind, model;
	int32_t free;
	uint32_t count;
};

#define BINS_MAX 64u

struct bins {
	struct bin items[BINS_MAX];
	uint32_t count;
};

/* Beyond BINS_MAX different ones the rest is left out. */
static void bins_add(struct bins *b, const struct slot *s, int32_t free_now)
{
	for (uint32_t i = 0; i < b->count; i++) {
		struct bin *bin = &b->items[i];
		if (bin->free == free_now && bin->model == s->model && bin->kind == s->kind) {
			bin->count++;
			return;
		}
	}
	if (free_now > 0 && b->count < BINS_MAX)
		b->items[b->count++] = (struct bin){s->kind, s->model, free_now, 1};
}

static bool model_suits(const struct typical *t, uint32_t model)
{
	for (uint32_t i = 0; i < t->model_count; i++) {
		if (t->models[i] == model)
			return true;
	}
	return t->model_count == 0;
}

static double waste_of(const struct typical *t, const struct bins *bins, int64_t free_all,
		       int64_t cpu, int64_t memory)
{
	uint64_t devices = 0, copies = 0;
	int64_t usable = 0;
	if (t->cpu > cpu || t->memory > memory)
		return (double)free_all;
	for (uint32_t i = 0; i < bins->count; i++) {
		const struct bin *b = &bins->items[i];
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

static double waste(const struct place *p, const struct bins *bins, int64_t cpu, int64_t memory)
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

static double waste_now(const struct place *p, struct zhost *z)
{
	if (z->waste_position == z->log_position && z->waste_version == p->workload.version)
		return z->waste;
	struct bins bins = {.count = 0};
	for (uint32_t i = 0; i < z->slot_count; i++)
		bins_add(&bins, &z->slots[i], z->slots[i].free);
	z->waste = waste(p, &bins, z->cpu_free, z->memory_free);
	z->waste_position = z->log_position;
	z->waste_version = p->workload.version;
	return z->waste;
}

static double waste_with(const struct place *p, const struct demand *d, const struct zhost *z,
			 const uint16_t *given)
{
	struct bins bins = {.count = 0};
	for (uint32_t i = 0; i < z->slot_count; i++) {
		int32_t free_then = z->slots[i].free;
		uint32_t at = 0;
		for (uint32_t k = 0; k < d->ask_count; k++) {
			for (uint32_t n = 0; n < d->asks[k].count; n++, at++)
				free_then -= given[at] == i ? d->asks[k].milli : 0;
		}
		bins_add(&bins, &z->slots[i], free_then);
	}
	return waste(p, &bins, z->cpu_free - d->cpu, z->memory_free - d->memory);
}

/* Without a workload to go by: a unit without devices takes cpu and memory away from devices
 * that are free beside them. */
static int32_t crowding(const struct demand *d, const struct zhost *z)
{
	int64_t free_all = 0;
	if (d->ask_count > 0)
		return 0;
	for (uint32_t i = 0; i < z->slot_count; i++)
		free_all += z->slots[i].free;
	double cpu = z->cpu_free > 0 ? (double)d->cpu / (double)z->cpu_free : 0;
	double memory = z->memory_free > 0 ? (double)d->memory / (double)z->memory_free : 0;
	double part = cpu > memory ? cpu : memory;
	return (int32_t)((double)free_all * (part < 1 ? part : 1));
}

#define GIVEN_MAX 64u

int32_t fragmentation_of(const struct place *p, const struct demand *d, struct zhost *z)
{
	uint16_t given[GIVEN_MAX] = {0};
	if (p->workload.kinds.count == 0)
		return crowding(d, z);
	if (d->device_total > GIVEN_MAX ||
	    (d->ask_count > 0 && !devices_fit(z->slots, z->slot_count, d, given)))
		return 0;
	double grown = waste_with(p, d, z, given) - waste_now(p, z);
	return (int32_t)floor(grown + 0.5);
}
