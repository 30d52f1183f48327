/*
 * What a benchmark found: measures, each the median of several runs with its extremes, shown
 * as a table or as JSON.
 *
 *   {"spaces": 1000, "runs": 5, "seconds": 1.21, "seconds_min": 1.15, "seconds_max": 1.4}
 *     └─ report_number ──────┘  └─ report_add(report, &measure), samples_add() for each run
 */
#ifndef SAMOZA_ZBENCH_REPORT_H
#define SAMOZA_ZBENCH_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/output/output.h"
#include "base/vector.h"

/* One figure for each run, or for each request. */
struct samples {
	VECTOR(double) list;
};
void samples_done(struct samples *s);
void samples_add(struct samples *s, double value);
/* `share` from 0 to 1: 0.5 is the median (between the two in the middle of an even count), 0
 * the least. Sorts the list. PRE: not empty. */
double samples_quantile(struct samples *s, double share);

struct measure {
	char *key;   /* in JSON: "seconds", "cached_p50_ms" */
	char *label; /* for people: "1,000 spaces, submit to running" */
	char *unit;  /* "s", "ms", "puts/s"; "" for none */
	char *aim;   /* "1.5 s or less"; NULL: none */
	double median, min, max;
	size_t count; /* of runs */
};

struct report {
	VECTOR(struct measure) measures;
	json_t *json; /* an object, in order; what is not a measure of runs goes in here too */
};

void report_init(struct report *r);
void report_done(struct report *r);
/* Something that describes the run: "spaces": 1000. */
void report_number(struct report *r, const char *key, uint64_t value);
/* A measure, as KEY, KEY_min and KEY_max. PRE: there are samples. `aim` may be NULL. */
void report_add(struct report *r, const char *key, const char *label, const char *unit,
		const char *aim, struct samples *samples);

/* Several reports as one table. With one: its JSON object; with more: {NAME: OBJECT, ...}, and
 * in front "machine" (see machine.h). */
struct named_report {
	const char *name; /* borrowed */
	struct report report;
};
void reports_print(const struct output *o, const struct named_report *reports, size_t count,
		   bool together);

#endif
