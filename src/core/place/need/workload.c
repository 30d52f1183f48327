#include "core/place/need/workload.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Demands of less than this part of all units are not typical. */
#define TYPICAL_PART 256u
/* At most so many for each kind of device. */
#define TYPICAL_MAX 512u

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

/* By kind, then by weight; the same in whatever order they came. */
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
		for (uint32_t k = 0; k < d->request_count; k++) {
			const struct device_request *a = &d->requests[k];
			if (a->is_capability)
				continue; /* of a zhost, not one of many */
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
