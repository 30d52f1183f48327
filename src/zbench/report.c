#include "zbench/report.h"

#include <math.h>
#include <stdio.h>

#include "base/check.h"
#include "base/str.h"
#include "zbench/machine.h"

void samples_done(struct samples *s)
{
	vector_done(&s->list);
}

void samples_add(struct samples *s, double value)
{
	vector_push(&s->list, value);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double samples_quantile(struct samples *s, double share)
{
	PRE(s->list.count > 0 && share >= 0 && share <= 1);
	qsort(s->list.items, s->list.count, sizeof(double), compare);
	double at = share * (double)(s->list.count - 1);
	size_t below = (size_t)at;
	size_t above = below + 1 < s->list.count ? below + 1 : below;
	double part = at - (double)below;

	return s->list.items[below] * (1 - part) + s->list.items[above] * part;
}

void report_init(struct report *r)
{
	*r = (struct report){.json = json_object()};
}

void report_done(struct report *r)
{
	vector_for_each (&r->measures, m) {
		free(m->key);
		free(m->label);
		free(m->unit);
		free(m->aim);
	}
	vector_done(&r->measures);
	json_decref(r->json);
	r->json = NULL;
}

void report_number(struct report *r, const char *key, uint64_t value)
{
	(void)json_object_set_new(r->json, key, json_integer((json_int_t)value));
}

/* Four significant digits: more are noise. */
static double rounded(double value)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%.4g", value);
	return strtod(text, NULL);
}

static void set_real(struct report *r, const char *key, const char *suffix, double value)
{
	CLEANUP(freep) char *name = str_printf("%s%s", key, suffix);

	(void)json_object_set_new(r->json, name, json_real(rounded(value)));
}

void report_add(struct report *r, const char *key, const char *label, const char *unit,
		const char *aim, struct samples *samples)
{
	struct measure *m = vector_add(&r->measures);

	m->key = mem_strdup(key);
	m->label = mem_strdup(label);
	m->unit = mem_strdup(unit);
	m->aim = mem_strdup(aim);
	m->median = samples_quantile(samples, 0.5);
	m->min = samples_quantile(samples, 0);
	m->max = samples_quantile(samples, 1);
	m->count = samples->list.count;
	set_real(r, key, "", m->median);
	set_real(r, key, "_min", m->min);
	set_real(r, key, "_max", m->max);
}

/* ---------------------------------------------------------------- printing */

/* "1,234", "12.3", "0.456". */
static char *value_text(double value)
{
	long long whole;

	if (fabs(value) < 10)
		return str_printf("%.3g", value);
	if (fabs(value) < 100)
		return str_printf("%.1f", value);
	whole = llround(value);
	if (whole < 1000 || whole >= 1000000000)
		return str_printf("%lld", whole);
	if (whole < 1000000)
		return str_printf("%lld,%03lld", whole / 1000, whole % 1000);
	return str_printf("%lld,%03lld,%03lld", whole / 1000000, whole / 1000 % 1000,
			  whole % 1000);
}

static void print_table(const struct output *o, const struct named_report *reports,
			size_t count)
{
	static const struct output_column columns[] = {
		{"BENCHMARK", 0, 0},
		{"WHAT", 0, 0},
		{"MEDIAN", OUTPUT_RIGHT, 0},
		{"MIN", OUTPUT_RIGHT, 0},
		{"MAX", OUTPUT_RIGHT, 0},
		{"UNIT", 0, 0},
		{"AIM", 0, 0},
		{0},
	};
	struct output_table *table = output_table_new(o, columns, OUTPUT_RULED);

	for (size_t i = 0; i < count; i++) {
		vector_for_each (&reports[i].report.measures, m) {
			CLEANUP(freep) char *median = value_text(m->median);
			CLEANUP(freep) char *min = value_text(m->min);
			CLEANUP(freep) char *max = value_text(m->max);
			const char *cells[] = {reports[i].name, m->label, median, min, max,
					       m->unit,		m->aim};

			output_table_row(table, cells);
		}
	}
	output_table_print(table);
}

static void print_json(const struct output *o, const struct named_report *reports, size_t count,
		       bool together)
{
	json_t *all = together ? json_object() : json_incref(reports[0].report.json);

	if (together)
		(void)json_object_set_new(all, "machine", machine_json());
	for (size_t i = 0; together && i < count; i++)
		(void)json_object_set(all, reports[i].name, reports[i].report.json);
	(void)json_dumpf(all, o->out,
			 (together ? (size_t)JSON_INDENT(2) : 0) | JSON_REAL_PRECISION(6));
	(void)fputc('\n', o->out);
	json_decref(all);
}

void reports_print(const struct output *o, const struct named_report *reports, size_t count,
		   bool together)
{
	if (o->format != OUTPUT_TABLE) {
		print_json(o, reports, count, together);
		return;
	}
	CLEANUP(freep) char *machine = machine_text();
	output_line(o, "%s", machine);
	print_table(o, reports, count);
}
