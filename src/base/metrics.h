/*
 * Metrics: what a program counts and measures, declared in tables, printed in the Prometheus text
 * format.
 *
 *   struct metric_source            one for each part: a table, and a function that reads the
 *     ├─ metrics[]  name, help      values of the part into it
 *     └─ read()
 *            │ metric_registry_add(registry, source, part)
 *            ▼
 *   struct metric_registry ──► metric_registry_print()     GET /metrics
 *
 *     enum { REQUESTS, ANSWERS };
 *     static const struct metric metrics[] = {
 *             [REQUESTS] = {"zrms_requests_total", METRIC_COUNTER, "Requests received."},
 *             [ANSWERS] = {"zrms_answers_total", METRIC_COUNTER, "Answers by class.", "status"},
 *     };
 *     static void read_metrics(const void *part, struct metric_values *to)
 *     {
 *             const struct server *s = part;
 *             metric_set(to, REQUESTS, s->requests);
 *             metric_set_labelled(to, ANSWERS, "2xx", s->answers[2]);
 *     }
 *     const struct metric_source server_metrics = METRIC_SOURCE(metrics, read_metrics);
 *
 * The sources of a program are also what its manual lists (adapter/cli).
 */
#ifndef SAMOZA_BASE_METRICS_H
#define SAMOZA_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/vector.h"

enum metric_type {
	METRIC_COUNTER, /* only grows, from 0 at the start of the program; named ..._total */
	METRIC_GAUGE,
};

struct metric {
	const char *name; /* with the program's prefix, unique in its registry */
	enum metric_type type;
	const char *help;  /* a sentence */
	const char *label; /* of several values, "state"; NULL: the metric has one value */
};

struct metric_values;

struct metric_source {
	const struct metric *metrics;
	size_t count;
	/* Sets each metric without a label exactly once. `part` as it was registered. */
	void (*read)(const void *part, struct metric_values *to);
};
#define METRIC_SOURCE(table, function)                 \
	{                                              \
		(table), ARRAY_SIZE(table), (function) \
	}

/* For `read`. `index` is the metric's place in the table. */
void metric_set(struct metric_values *to, size_t index, uint64_t value);
/* A further value of a metric with a label. `value_of_label` is borrowed for the call. */
void metric_set_labelled(struct metric_values *to, size_t index, const char *value_of_label,
			 uint64_t value);

/* Zeroed: empty. */
struct metric_registry {
	VECTOR(struct metric_registration {
		const struct metric_source *source; /* borrowed */
		const void *part;		    /* borrowed */
	})
	registrations;
};
void metric_registry_done(struct metric_registry *r);
/* Both are borrowed until the registry is done. PRE: no name is in the registry yet. */
void metric_registry_add(struct metric_registry *r, const struct metric_source *source,
			 const void *part);
/* Appends all of them, in the order of registration and of the tables. */
void metric_registry_print(const struct metric_registry *r, struct buffer *out);

#endif
