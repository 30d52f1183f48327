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

#define LINES_MAX (1024 * 1024)

static struct metric_lines *lines_of(struct metric_values *to, size_t index)
{
	PRE(index < to->source->count);
	return &to->lines[index];
}

void metric_set(struct metric_values *to, size_t index, uint64_t value)
{
	struct metric_lines *lines = lines_of(to, index);
	const struct metric *m = &to->source->metrics[index];

	PRE(m->label == NULL && lines->count == 0);
	lines->count++;
	(void)buffer_printf(&lines->text, "%s %" PRIu64 "\n", m->name, value);
}

void metric_set_labelled(struct metric_values *to, size_t index, const char *value_of_label,
			 uint64_t value)
{
	struct metric_lines *lines = lines_of(to, index);
	const struct metric *m = &to->source->metrics[index];

	PRE(m->label != NULL);
	lines->count++;
	(void)buffer_printf(&lines->text, "%s{%s=\"", m->name, m->label);
	for (const char *c = value_of_label; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			(void)buffer_printf(&lines->text, "\\%c", *c);
		else if (*c == '\n')
			(void)buffer_add_string(&lines->text, "\\n");
		else
			(void)buffer_add(&lines->text, c, 1);
	}
	(void)buffer_printf(&lines->text, "\"} %" PRIu64 "\n", value);
}

static void print_metric(const struct metric *m, const struct metric_lines *lines,
			 struct buffer *out)
{
	INVARIANT(m->label != NULL || lines->count == 1);
	(void)buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
			    m->type == METRIC_COUNTER ? "counter" : "gauge");
	(void)buffer_add(out, lines->text.data, lines->text.size);
}

static void print_source(const struct metric_registration *registration, struct buffer *out)
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
		print_metric(&source->metrics[i], &values.lines[i], out);
		buffer_done(&values.lines[i].text);
	}
	free(values.lines);
}

void metric_registry_done(struct metric_registry *r)
{
	vector_done(&r->registrations);
}

static bool has_name(const struct metric_registry *r, const char *name)
{
	vector_for_each (&r->registrations, registration) {
		for (size_t i = 0; i < registration->source->count; i++)
			if (str_equal(registration->source->metrics[i].name, name))
				return true;
	}
	return false;
}

/* A counter says so in its name, and a help is a sentence. */
static bool is_well_formed(const struct metric *m)
{
	return str_has_suffix(m->name, "_total") == (m->type == METRIC_COUNTER) &&
	       str_has_suffix(m->help, ".");
}

void metric_registry_add(struct metric_registry *r, const struct metric_source *source,
			 const void *part)
{
	for (size_t i = 0; i < source->count; i++)
		PRE(!has_name(r, source->metrics[i].name) &&
		    is_well_formed(&source->metrics[i]));
	vector_push(&r->registrations, ((struct metric_registration){source, part}));
}

void metric_registry_print(const struct metric_registry *r, struct buffer *out)
{
	vector_for_each (&r->registrations, registration)
		print_source(registration, out);
}
