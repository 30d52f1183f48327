#include "zrms/usage_series.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/iso8601.h"
#include "schema/message.h"

#define NOT_KNOWN UINT32_MAX

enum { KIB = 1024, MEANS_MAX = 180 };

static const struct {
	const char *name;
	int64_t interval_ms;
	size_t count;
} spans[USAGE_SPANS] = {
	[USAGE_HOUR] = {"1h", 20 * 1000, MEANS_MAX},
	[USAGE_DAY] = {"24h", 600 * 1000, 144},
	[USAGE_WEEK] = {"7d", 3600 * 1000, 168},
};

struct mean {
	uint32_t cpu_used, cpu_reserved;       /* millicores; used: or NOT_KNOWN */
	uint32_t memory_used, memory_reserved; /* KiB */
};

struct ring {
	struct mean *means;	 /* as many as the span has; NULL: none yet */
	size_t first, count;	 /* the oldest, and how many there are */
	int64_t interval;	 /* that goes on: its number since 1970 */
	uint32_t samples, heard; /* of it */
	uint64_t cpu_used, cpu_reserved, memory_used, memory_reserved; /* their sums */
};

struct zhost_series {
	char *name;
	uint64_t cpu_total, memory_total;
	uint64_t round; /* in which it was sampled last */
	struct ring rings[USAGE_SPANS];
	UT_hash_handle hh;
};

struct usage_series {
	struct zhost_series *by_name;
	uint64_t round;
	int64_t wall_ms; /* of this round */
};

struct usage_series *usage_series_new(void)
{
	return mem_new(struct usage_series);
}

static void zhost_series_free(struct usage_series *s, struct zhost_series *z)
{
	HASH_DEL(s->by_name, z);
	for (size_t k = 0; k < USAGE_SPANS; k++)
		free(z->rings[k].means);
	free(z->name);
	free(z);
}

void usage_series_free(struct usage_series *s)
{
	struct zhost_series *z, *next;
	if (s == NULL)
		return;
	HASH_ITER (hh, s->by_name, z, next)
		zhost_series_free(s, z);
	free(s);
}

/* ---- rings ---- */

static uint32_t mean_of(uint64_t sum, uint32_t samples)
{
	uint64_t mean = samples > 0 ? sum / samples : NOT_KNOWN;
	return mean < NOT_KNOWN ? (uint32_t)mean : NOT_KNOWN - (samples > 0);
}

/* Of what it has sampled of the interval that goes on. */
static struct mean ring_mean(const struct ring *r)
{
	return (struct mean){.cpu_used = mean_of(r->cpu_used, r->heard),
			     .cpu_reserved = mean_of(r->cpu_reserved, r->samples),
			     .memory_used = mean_of(r->memory_used, r->heard),
			     .memory_reserved = mean_of(r->memory_reserved, r->samples)};
}

static void ring_push(struct ring *r, size_t size, struct mean mean)
{
	if (r->means == NULL)
		r->means = mem_new_array(struct mean, size);
	if (r->count == size)
		r->first = (r->first + 1) % size;
	else
		r->count++;
	r->means[(r->first + r->count - 1) % size] = mean;
}

static void ring_restart(struct ring *r, int64_t interval)
{
	r->interval = interval;
	r->samples = r->heard = 0;
	r->cpu_used = r->cpu_reserved = r->memory_used = r->memory_reserved = 0;
}

/* Intervals without a sample (the machine slept) are not known. A clock that was set back far begins again. */
static void ring_advance(struct ring *r, enum usage_span span, int64_t interval)
{
	static const struct mean nothing = {NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN};
	size_t size = spans[span].count;
	if (r->samples == 0 || interval < r->interval - 1) {
		r->count = r->first = 0;
		ring_restart(r, interval);
	}
	if (interval <= r->interval)
		return;
	ring_push(r, size, ring_mean(r));
	uint64_t missing = (uint64_t)(interval - r->interval - 1);
	for (uint64_t k = 0; k < missing && k < size; k++)
		ring_push(r, size, nothing);
	ring_restart(r, interval);
}

static void ring_take(struct ring *r, const struct zhost_usage *usage)
{
	r->samples++;
	r->cpu_reserved += usage->cpu_reserved;
	r->memory_reserved += usage->memory_reserved / KIB;
	if (!usage->is_heard)
		return;
	r->heard++;
	r->cpu_used += usage->cpu_used;
	r->memory_used += usage->memory_used / KIB;
}

/* ---- samples ---- */

void usage_series_begin(struct usage_series *s, int64_t wall_ms)
{
	s->round++;
	s->wall_ms = wall_ms;
}

void usage_series_take(struct usage_series *s, const struct zhost_usage *usage)
{
	struct zhost_series *z;
	HASH_FIND_STR(s->by_name, usage->name, z);
	if (z == NULL) {
		z = mem_new(struct zhost_series);
		z->name = mem_strdup(usage->name);
		HASH_ADD_KEYPTR(hh, s->by_name, z->name, strlen(z->name), z);
	}
	z->round = s->round;
	z->cpu_total = usage->cpu_total;
	z->memory_total = usage->memory_total;
	for (size_t k = 0; k < USAGE_SPANS; k++) {
		ring_advance(&z->rings[k], (enum usage_span)k,
			     s->wall_ms / spans[k].interval_ms);
		ring_take(&z->rings[k], usage);
	}
}

void usage_series_end(struct usage_series *s)
{
	struct zhost_series *z, *next;
	HASH_ITER (hh, s->by_name, z, next)
		if (z->round != s->round)
			zhost_series_free(s, z);
}

/* ---- view ---- */

bool usage_span_parse(const char *text, enum usage_span *ret_span)
{
	for (size_t k = 0; k < USAGE_SPANS; k++) {
		if (str_equal(text, spans[k].name)) {
			*ret_span = (enum usage_span)k;
			return true;
		}
	}
	return false;
}

static int64_t figure(uint32_t mean, int64_t unit)
{
	return mean != NOT_KNOWN ? mean * unit : -1;
}

static void view_set(Samoza__V1__ZhostUsageView *v, size_t k, struct mean mean)
{
	v->cpu_used[k] = figure(mean.cpu_used, 1);
	v->cpu_reserved[k] = figure(mean.cpu_reserved, 1);
	v->memory_used[k] = figure(mean.memory_used, KIB);
	v->memory_reserved[k] = figure(mean.memory_reserved, KIB);
}

Samoza__V1__ZhostUsageView *usage_series_view(const struct usage_series *s, const char *zhost,
					      enum usage_span span)
{
	Samoza__V1__ZhostUsageView *v = (Samoza__V1__ZhostUsageView *)schema_message_new(
		&samoza__v1__zhost_usage_view__descriptor);
	struct zhost_series *z;
	v->zhost = mem_strdup(zhost);
	v->interval_ms = (uint64_t)spans[span].interval_ms;
	HASH_FIND_STR(s->by_name, zhost, z);
	if (z == NULL)
		return v;
	const struct ring *r = &z->rings[span];
	size_t count = r->count + 1;
	v->since = iso8601_text((r->interval - (int64_t)r->count) * spans[span].interval_ms);
	v->cpu_total = z->cpu_total;
	v->memory_total = z->memory_total;
	v->cpu_used = mem_new_array(int64_t, v->n_cpu_used = count);
	v->cpu_reserved = mem_new_array(int64_t, v->n_cpu_reserved = count);
	v->memory_used = mem_new_array(int64_t, v->n_memory_used = count);
	v->memory_reserved = mem_new_array(int64_t, v->n_memory_reserved = count);
	for (size_t k = 0; k < r->count; k++)
		view_set(v, k, r->means[(r->first + k) % spans[span].count]);
	view_set(v, r->count, ring_mean(r));
	return v;
}
