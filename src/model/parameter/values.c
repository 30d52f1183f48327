#include "model/parameter/values.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/str.h"
#include "base/text.h"
#include "schema/yaml.h"

void values_done(struct values *v)
{
	vector_for_each (&v->list, value) {
		free(value->name);
		free(value->text);
		free(value->file);
	}
	vector_done(&v->list);
}

/* What a person wrote, fit for a terminal; at most 60 bytes of it. The caller frees. */
static char *shown(const char *text)
{
	struct buffer out = BUFFER_INIT(1024);
	size_t size = strlen(text), part = size;
	if (part > 60)
		for (part = 60; part > 0 && ((unsigned char)text[part] & 0xc0) == 0x80;)
			part--;
	text_escape_n(&out, text, part);
	if (part < size)
		(void)buffer_add_string(&out, "...");
	return buffer_steal(&out);
}

void value_finding(struct diagnostics *findings, const struct given_value *value,
		   const char *format, ...)
{
	static const char *const prefixes[] = {
		[VALUE_KEPT] = "kept value of ", [VALUE_FILE] = "", [VALUE_SET] = "--set "};
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *message = str_vprintf(format, args);
	va_end(args);
	CLEANUP(freep) char *name = shown(value->name);
	diagnostics_add(findings, value->file, value->line, value->column, "%s%s: %s",
			prefixes[value->origin], name, message);
}

static struct given_value *add(struct values *v, enum value_origin origin, const char *name,
			       const char *text)
{
	struct given_value *value = vector_add(&v->list);
	*value = (struct given_value){
		.origin = origin, .name = mem_strdup(name), .text = mem_strdup(text)};
	return value;
}

static bool is_text(const char *text)
{
	size_t size = strlen(text);
	for (size_t i = 0; i < size;) {
		uint32_t code;
		bool valid = true;
		i += text_next(text + i, size - i, &code, &valid);
		if (!valid)
			return false;
	}
	return true;
}

static bool is_given(const struct values *v, enum value_origin origin, const char *name)
{
	vector_for_each (&v->list, value)
		if (value->origin == origin && strcmp(value->name, name) == 0)
			return true;
	return false;
}

void values_add_set(struct values *v, const char *assignment, struct diagnostics *findings)
{
	const char *equals = strchr(assignment, '=');
	CLEANUP(freep) char *all = shown(assignment);
	if (equals == NULL || equals == assignment) {
		diagnostics_add(findings, NULL, 0, 0,
				"--set '%s' sets nothing: expected NAME=VALUE", all);
		return;
	}
	CLEANUP(freep) char *name = mem_strndup(assignment, (size_t)(equals - assignment));
	CLEANUP(freep) char *shown_name = shown(name);
	if (!is_text(assignment))
		diagnostics_add(findings, NULL, 0, 0, "--set %s: it is not valid UTF-8",
				shown_name);
	else if (is_given(v, VALUE_SET, name))
		diagnostics_add(findings, NULL, 0, 0,
				"--set %s: it is given twice; give it once", shown_name);
	else if (v->list.count >= VALUES_MAX)
		diagnostics_add(findings, NULL, 0, 0, "--set %s: more than %d values",
				shown_name, VALUES_MAX);
	else
		(void)add(v, VALUE_SET, name, equals + 1);
}

struct file_reading {
	struct values *values;
	const char *file;
};

static void on_entry(void *user, const struct schema_entry *entry)
{
	const struct file_reading *reading = user;
	struct given_value *value = add(reading->values, VALUE_FILE, entry->key, entry->text);
	value->quoted = entry->quoted;
	value->is_nothing = entry->is_nothing;
	value->file = mem_strdup(reading->file);
	value->line = entry->line;
	value->column = entry->column;
}

void values_add_file(struct values *v, const char *file, const char *text, size_t size,
		     struct diagnostics *findings)
{
	struct file_reading reading = {v, file};
	CLEANUP(error_freep) struct error *among_the_findings = NULL;
	(void)!schema_read_entries(file, text, size, findings, on_entry, &reading,
				   &among_the_findings);
}

void values_add_kept(struct values *v, const char *name, const char *text)
{
	(void)add(v, VALUE_KEPT, name, text);
}

const struct given_value *values_find(const struct values *v, const char *name)
{
	const struct given_value *found = NULL;
	vector_for_each (&v->list, value)
		if (strcmp(value->name, name) == 0 &&
		    (found == NULL || value->origin > found->origin))
			found = value;
	return found;
}
