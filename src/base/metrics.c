#include "base/metrics.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/str.h"

/* One metric of a source after the other is printed: `read` runs once for each source, and its
 * values are kept by metric. */
struct metric_values {
	const struct metric_source *source;
	struct metric_lines {
		struct buffer text;
		unsigned count;
	} * lines; /* by metric */
};

/* Of one metric; further values are left out, whole. */
#define LINES_MAX ((size_t)16 * 1024 * 1024)
#define VALUE_MAX ((size_t)64 * 1024)

/* ---- values ---- */

static struct metric_lines *lines_of(struct metric_values *to, size_t index)
{
	PRE(index < to->source->count);
	return &to->lines[index];
}

static void add_escaped(struct buffer *b, const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			(void)buffer_printf(b, "\\%c", *c);
		else if (*c == '\n')
			(void)buffer_add_string(b, "\\n");
		else
			(void)buffer_add(b, c, 1);
	}
}

/* `,name="value"`, or with another mark in the place of the comma; returns the mark of the next one. */
static char add_label(struct buffer *b, char mark, const char *name, size_t name_size,
		      const char *value)
{
	(void)buffer_printf(b, "%c%.*s=\"", mark, (int)name_size, name);
	add_escaped(b, value);
	(void)buffer_add(b, "\"", 1);
	return ',';
}

static char add_labels(struct buffer *b, const struct metric *m, const char *const *values)
{
	char mark = '{';
	size_t i = 0;

	PRE((m->label == NULL) == (values == NULL));
	for (const char *name = m->label; name != NULL; i++) {
		size_t size = strcspn(name, ",");

		PRE(i < METRIC_LABELS_MAX);
		mark = add_label(b, mark, name, size, values[i]);
		name = name[size] == ',' ? name + size + 1 : NULL;
	}
	return mark;
}

/* One line. `suffix` follows the name; `extra` is a label beside those of the metric, NULL: none. */
struct metric_line {
	const char *suffix;
	const char *const *labels;
	const char *extra, *extra_value;
	uint64_t value;
	bool is_us; /* in microseconds; printed as seconds */
};

static void add_line(struct metric_values *to, size_t index, const struct metric_line *line)
{
	struct metric_lines *lines = lines_of(to, index);
	const struct metric *m = &to->source->metrics[index];
	struct buffer *b = &lines->text;
	char mark;

	(void)buffer_printf(b, "%s%s", m->name, line->suffix);
	mark = add_labels(b, m, line->labels);
	if (line->extra != NULL)
		mark = add_label(b, mark, line->extra, strlen(line->extra), line->extra_value);
	if (mark == ',')
		(void)buffer_add(b, "}", 1);
	if (line->is_us)
		(void)buffer_printf(b, " %" PRIu64 ".%06" PRIu64 "\n", line->value / 1000000,
				    line->value % 1000000);
	else
		(void)buffer_printf(b, " %" PRIu64 "\n", line->value);
}

/* NULL: there is no room for another value. */
static const struct metric *begin_value(struct metric_values *to, size_t index)
{
	struct metric_lines *lines = lines_of(to, index);
	const struct metric *m = &to->source->metrics[index];

	PRE(m->label != NULL || lines->count == 0);
	lines->count++;
	return lines->text.size + VALUE_MAX <= LINES_MAX ? m : NULL;
}

static void add_number(struct metric_values *to, size_t index, const char *const *labels,
		       uint64_t value, bool is_us)
{
	const struct metric *m = begin_value(to, index);

	if (m == NULL)
		return;
	PRE(m->type == METRIC_COUNTER || m->type == METRIC_GAUGE || m->type == METRIC_INFO);
	add_line(to, index,
		 &(struct metric_line){
			 .suffix = "", .labels = labels, .value = value, .is_us = is_us});
}

void metric_set(struct metric_values *to, size_t index, uint64_t value)
{
	add_number(to, index, NULL, value, false);
}

void metric_set_us(struct metric_values *to, size_t index, uint64_t microseconds)
{
	add_number(to, index, NULL, microseconds, true);
}

void metric_set_labelled(struct metric_values *to, size_t index, const char *value_of_label,
			 uint64_t value)
{
	add_number(to, index, (const char *const[]){value_of_label}, value, false);
}

void metric_add(struct metric_values *to, size_t index, const char *const *labels,
		uint64_t value)
{
	add_number(to, index, labels, value, false);
}

void metric_add_us(struct metric_values *to, size_t index, const char *const *labels,
		   uint64_t microseconds)
{
	add_number(to, index, labels, microseconds, true);
}

void metric_add_histogram(struct metric_values *to, size_t index, const char *const *labels,
			  const struct histogram *h)
{
	struct metric_line line = {.suffix = "_bucket", .labels = labels, .extra = "le"};

	const struct metric *m = begin_value(to, index);

	if (m == NULL)
		return;
	PRE(m->type == METRIC_HISTOGRAM);
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		line.value += h->counts[i];
		line.extra_value =
			i < HISTOGRAM_BUCKETS - 1 ? histogram_bounds[i].seconds : "+Inf";
		add_line(to, index, &line);
	}
	line.extra = NULL;
	line.suffix = "_count";
	add_line(to, index, &line);
	line.suffix = "_sum";
	line.value = h->sum_us;
	line.is_us = true;
	add_line(to, index, &line);
}

void metric_add_state(struct metric_values *to, size_t index, const char *const *labels,
		      const char *const *states, size_t count, size_t current)
{
	const struct metric *m = begin_value(to, index);

	if (m == NULL)
		return;
	PRE(m->type == METRIC_STATE && current < count);
	for (size_t i = 0; i < count; i++)
		add_line(to, index,
			 &(struct metric_line){.suffix = "",
					       .labels = labels,
					       .extra = m->name,
					       .extra_value = states[i],
					       .value = i == current});
}

/* ---- text ---- */

static const struct {
	const char *name, *text, *openmetrics;
} types[] = {
	[METRIC_COUNTER] = {"Counter", "counter", "counter"},
	[METRIC_GAUGE] = {"Gauge", "gauge", "gauge"},
	[METRIC_HISTOGRAM] = {"Histogram", "histogram", "histogram"},
	[METRIC_STATE] = {"StateSet", "gauge", "stateset"},
	[METRIC_INFO] = {"Info", "gauge", "info"},
};

const char *metric_type_name(enum metric_type type)
{
	return types[type].name;
}

/* Of the family that OpenMetrics counts a metric to: without what its type adds. */
static size_t family_size(const struct metric *m)
{
	const char *suffix = m->type == METRIC_COUNTER ? "_total"
			     : m->type == METRIC_INFO  ? "_info"
						       : "";

	return strlen(m->name) - strlen(suffix);
}

static void print_unit(const struct metric *m, int family, struct buffer *out)
{
	static const char *const units[] = {"seconds", "bytes"};

	if (m->type == METRIC_STATE || m->type == METRIC_INFO)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		int size = (int)strlen(units[i]);

		if (family > size && m->name[family - size - 1] == '_' &&
		    strncmp(m->name + family - size, units[i], (size_t)size) == 0)
			(void)buffer_printf(out, "# UNIT %.*s %s\n", family, m->name, units[i]);
	}
}

static void print_metric(const struct metric *m, const struct metric_lines *lines,
			 enum metric_format format, struct buffer *out)
{
	int family = (int)(format == METRIC_FORMAT_TEXT ? strlen(m->name) : family_size(m));

	INVARIANT(m->label != NULL || lines->count == 1);
	(void)buffer_printf(out, "# HELP %.*s %s\n# TYPE %.*s %s\n", family, m->name, m->help,
			    family, m->name,
			    format == METRIC_FORMAT_TEXT ? types[m->type].text
							 : types[m->type].openmetrics);
	if (format == METRIC_FORMAT_OPENMETRICS)
		print_unit(m, family, out);
	(void)buffer_add(out, lines->text.data, lines->text.size);
}

static void print_source(const struct metric_registration *registration,
			 enum metric_format format, struct buffer *out)
{
	const struct metric_source *source = registration->source;
	struct metric_values values = {
		.source = source,
		.lines = mem_new_array(struct metric_lines, source->count),
	};

	for (size_t i = 0; i < source->count; i++)
		values.lines[i].text = BUFFER_INIT(LINES_MAX);
	source->read(registration->part, &values);
	for (size_t i = 0; i < source->count; i++) {
		print_metric(&source->metrics[i], &values.lines[i], format, out);
		buffer_done(&values.lines[i].text);
	}
	free(values.lines);
}

/* ---- the registry ---- */

void metric_registry_done(struct metric_registry *r)
{
	vector_done(&r->registrations);
}

static bool has_family(const struct metric_registry *r, const struct metric *wanted)
{
	size_t size = family_size(wanted);

	vector_for_each (&r->registrations, registration) {
		for (size_t i = 0; i < registration->source->count; i++) {
			const struct metric *m = &registration->source->metrics[i];

			if (family_size(m) == size && strncmp(m->name, wanted->name, size) == 0)
				return true;
		}
	}
	return false;
}

/* A counter, a time and an information say so in their names, and a help is a sentence. */
static bool is_well_formed(const struct metric *m)
{
	return str_has_suffix(m->name, "_total") == (m->type == METRIC_COUNTER) &&
	       str_has_suffix(m->name, "_info") == (m->type == METRIC_INFO) &&
	       (m->type != METRIC_HISTOGRAM || str_has_suffix(m->name, "_seconds")) &&
	       str_has_suffix(m->help, ".") && strpbrk(m->help, "\"\\\n") == NULL;
}

void metric_registry_add(struct metric_registry *r, const struct metric_source *source,
			 const void *part)
{
	for (size_t i = 0; i < source->count; i++)
		PRE(!has_family(r, &source->metrics[i]) && is_well_formed(&source->metrics[i]));
	vector_push(&r->registrations, ((struct metric_registration){source, part}));
}

void metric_registry_print(const struct metric_registry *r, enum metric_format format,
			   struct buffer *out)
{
	vector_for_each (&r->registrations, registration)
		print_source(registration, format, out);
	(void)buffer_add_string(out, "# EOF\n");
}

#define OPENMETRICS "application/openmetrics-text"

enum metric_format metric_format_accepted(const char *accept)
{
	return accept != NULL && strstr(accept, OPENMETRICS) != NULL ? METRIC_FORMAT_OPENMETRICS
								     : METRIC_FORMAT_TEXT;
}

const char *metric_format_type(enum metric_format format)
{
	return format == METRIC_FORMAT_OPENMETRICS ? OPENMETRICS
		       "; version=1.0.0; charset=utf-8"
						   : "text/plain; version=0.0.4; charset=utf-8";
}
