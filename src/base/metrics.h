/*
 * Metrics: what a program counts and measures, declared in tables, printed as text for Prometheus.
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
#include "base/histogram.h"
#include "base/memory.h"
#include "base/vector.h"

enum metric_type {
	METRIC_COUNTER, /* only grows, from 0 at the start of the program; named ..._total */
	METRIC_GAUGE,
	METRIC_HISTOGRAM, /* of times; named ..._seconds */
	METRIC_STATE,	  /* one of several states: a StateSet of OpenMetrics */
	METRIC_INFO,	  /* always 1, its labels say something; named ..._info */
};

/* Two forms of the same: what Prometheus before OpenMetrics reads, and promtool; and OpenMetrics 1.0. */
enum metric_format {
	METRIC_FORMAT_TEXT,
	METRIC_FORMAT_OPENMETRICS,
};

enum { METRIC_LABELS_MAX = 8 };

struct metric {
	const char *name; /* with the program's prefix, unique in its registry */
	enum metric_type type;
	const char *help; /* a sentence */
	/* Of several values: "state", or more than one, "path,direction". NULL: the metric has one value. */
	const char *label;
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
/* The same in seconds, of a metric that counts them. */
void metric_set_us(struct metric_values *to, size_t index, uint64_t microseconds);
/* A further value of a metric with a label. `value_of_label` is borrowed for the call. */
void metric_set_labelled(struct metric_values *to, size_t index, const char *value_of_label,
			 uint64_t value);

/* The following take the values of all labels, in their order; NULL where the metric has none. */
void metric_add(struct metric_values *to, size_t index, const char *const *labels,
		uint64_t value);
void metric_add_us(struct metric_values *to, size_t index, const char *const *labels,
		   uint64_t microseconds);
void metric_add_histogram(struct metric_values *to, size_t index, const char *const *labels,
			  const struct histogram *h);
/* All `count` states; the one at `current` is 1, and the others 0. */
void metric_add_state(struct metric_values *to, size_t index, const char *const *labels,
		      const char *const *states, size_t count, size_t current);

/* Zeroed: empty. */
struct metric_registry {
	VECTOR(struct metric_registration {
		const struct metric_source *source; /* borrowed */
		const void *part;		    /* borrowed */
	})
	registrations;
};
void metric_registry_done(struct metric_registry *r);
/* Both are borrowed until the registry is done. PRE: no name is in the registry yet, nor a counter without its
 * "_total" (OpenMetrics tells both apart by that alone). */
void metric_registry_add(struct metric_registry *r, const struct metric_source *source,
			 const void *part);
/* Appends all of them, in the order of registration and of the tables, and the end mark. */
void metric_registry_print(const struct metric_registry *r, enum metric_format format,
			   struct buffer *out);

/* The format that a client takes by its header `Accept` (NULL: it has none), and how it is called. */
enum metric_format metric_format_accepted(const char *accept);
const char *metric_format_type(enum metric_format format);
/* "Counter": for people. */
const char *metric_type_name(enum metric_type type);

#endif
