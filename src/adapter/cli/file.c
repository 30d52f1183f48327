/*
 * The file: YAML maps of scalars, flattened to dotted keys. libyaml's events give the places.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "adapter/cli/private.h"
#include "base/check.h"
#include "base/diagnostics.h"
#include "base/str.h"

#define DEPTH_MAX 16
#define KEYS_MAX  1000

struct reader {
	struct cli_loading *loading;
	const char *path;
	yaml_parser_t *parser;
	struct diagnostics findings;
	VECTOR(char *) seen; /* dotted keys, for duplicates */
	bool broken;	     /* no further events can be read */
};

static void finding(struct reader *r, const yaml_mark_t *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void finding(struct reader *r, const yaml_mark_t *at, const char *format, ...)
{
	va_list args;
	CLEANUP(freep) char *text = NULL;

	va_start(args, format);
	text = str_vprintf(format, args);
	va_end(args);
	diagnostics_add(&r->findings, r->path, (unsigned)at->line + 1, (unsigned)at->column + 1,
			"%s", text);
}

static int next(struct reader *r, yaml_event_t *event)
{
	if (!r->broken && yaml_parser_parse(r->parser, event))
		return 0;
	if (!r->broken) {
		const char *problem = r->parser->problem;

		finding(r, &r->parser->problem_mark, "%s",
			problem != NULL ? problem : "not valid YAML");
	}
	r->broken = true;
	return -1;
}

/* Skips to the end of the node that `event` began. */
static void skip(struct reader *r, const yaml_event_t *event)
{
	unsigned depth = 0;
	yaml_event_t inner;
	yaml_event_type_t type = event->type;

	for (;;) {
		if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT)
			depth++;
		else if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT)
			depth--;
		if (depth == 0 || next(r, &inner) < 0)
			return;
		type = inner.type;
		yaml_event_delete(&inner);
	}
}

static const struct cli_option *find(const struct reader *r, const char *key, size_t *ret_i)
{
	const struct cli_option *options = r->loading->program->options;

	for (size_t i = 0; options[i].help != NULL; i++) {
		if (options[i].key != NULL && str_equal(options[i].key, key)) {
			*ret_i = i;
			return &options[i];
		}
	}
	return NULL;
}

/* Whether `key` is the beginning of dotted keys. */
static bool is_group(const struct reader *r, const char *key)
{
	const struct cli_option *o = r->loading->program->options;
	size_t n = strlen(key);

	for (; o->help != NULL; o++) {
		if (o->key != NULL && strncmp(o->key, key, n) == 0 && o->key[n] == '.')
			return true;
	}
	return false;
}

static bool is_other(const struct reader *r, const char *key)
{
	const char *const *other = r->loading->program->other_keys;

	for (; other != NULL && *other != NULL; other++) {
		if (str_equal(*other, key))
			return true;
	}
	return false;
}

static void unknown_key(struct reader *r, const yaml_mark_t *at, const char *key)
{
	const struct cli_option *o = r->loading->program->options;
	const char *nearest = NULL;
	unsigned best = 4;

	if (strlen(key) > 100) {
		finding(r, at, "unknown key");
		return;
	}
	for (; o->help != NULL; o++) {
		unsigned d = o->key != NULL ? str_distance(o->key, key) : best;

		if (d < best) {
			best = d;
			nearest = o->key;
		}
	}
	if (nearest != NULL)
		finding(r, at, "unknown key '%s'; did you mean '%s'?", key, nearest);
	else
		finding(r, at, "unknown key '%s'; %s --help lists them", key,
			r->loading->program->name);
}

static void read_map(struct reader *r, const char *prefix, unsigned depth);

static void set(struct reader *r, size_t i, const yaml_event_t *value)
{
	struct cli_loading *l = r->loading;
	const struct cli_option *o = &l->program->options[i];
	CLEANUP(error_freep) struct error *err = NULL;
	const char *text = (const char *)value->data.scalar.value;

	if (strlen(text) != value->data.scalar.length) {
		finding(r, &value->start_mark, "%s: contains a NUL byte", o->key);
		return;
	}
	if (cli_value_set(o, l->settings, text, &err) < 0) {
		finding(r, &value->start_mark, "%s: %s", o->key, err->message);
		return;
	}
	l->sources[i] = CLI_FROM_FILE;
	l->lines[i] = (unsigned)value->start_mark.line + 1;
}

static void read_value(struct reader *r, const char *key, const yaml_mark_t *at,
		       const yaml_event_t *value, unsigned depth)
{
	size_t i = 0;
	const struct cli_option *o = find(r, key, &i);

	vector_for_each (&r->seen, seen) {
		if (str_equal(*seen, key)) {
			finding(r, at, "duplicate key '%s'", key);
			skip(r, value);
			return;
		}
	}
	vector_push(&r->seen, mem_strdup(key));
	if (is_other(r, key)) {
		skip(r, value);
	} else if (o != NULL) {
		if (value->type == YAML_SCALAR_EVENT) {
			set(r, i, value);
		} else {
			finding(r, &value->start_mark, "%s: expected %s", key,
				cli_value_name(o));
			skip(r, value);
		}
	} else if (!is_group(r, key)) {
		unknown_key(r, at, key);
		skip(r, value);
	} else if (value->type == YAML_MAPPING_START_EVENT && depth < DEPTH_MAX) {
		read_map(r, key, depth + 1);
	} else {
		finding(r, &value->start_mark, "%s: expected keys below it", key);
		skip(r, value);
	}
}

/* After the start of a map, up to its end. */
static void read_map(struct reader *r, const char *prefix, unsigned depth)
{
	yaml_event_t key, value;

	while (next(r, &key) == 0) {
		CLEANUP(freep) char *name = NULL;

		if (key.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&key);
			return;
		}
		if (key.type == YAML_SCALAR_EVENT && r->seen.count < KEYS_MAX)
			name = str_printf("%s%s%s", prefix, prefix[0] != '\0' ? "." : "",
					  (const char *)key.data.scalar.value);
		else
			finding(r, &key.start_mark, "a key must be a name");
		if (key.type != YAML_SCALAR_EVENT)
			skip(r, &key);
		if (next(r, &value) == 0) {
			if (value.type == YAML_ALIAS_EVENT)
				finding(r, &value.start_mark, "aliases are not accepted");
			else if (name != NULL)
				read_value(r, name, &key.start_mark, &value, depth);
			else
				skip(r, &value);
			yaml_event_delete(&value);
		}
		yaml_event_delete(&key);
	}
}

static void read_document(struct reader *r)
{
	yaml_event_t event;
	unsigned documents = 0;

	while (next(r, &event) == 0) {
		yaml_event_type_t type = event.type;

		if (type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
			finding(r, &event.start_mark, "more than one document");
		if (type == YAML_MAPPING_START_EVENT && documents == 1) {
			read_map(r, "", 0);
		} else if (type == YAML_SCALAR_EVENT && event.data.scalar.length == 0) {
			/* An empty document: nothing is set. */
		} else if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
			   type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT) {
			if (documents == 1)
				finding(r, &event.start_mark, "expected `key: value`");
			skip(r, &event);
		}
		yaml_event_delete(&event);
		if (type == YAML_STREAM_END_EVENT)
			return;
	}
}

int cli_read_file(struct cli_loading *loading, const char *path, struct error **err)
{
	struct reader r = {.loading = loading, .path = path};
	yaml_parser_t parser;
	FILE *file = fopen(path, "re");
	int result = 0;

	if (file == NULL)
		return error_errno(err, "cannot read %s", path);
	if (!yaml_parser_initialize(&parser)) {
		(void)fclose(file);
		return error_set(err, ERR_IO, "cannot start the YAML reader");
	}
	r.parser = &parser;
	yaml_parser_set_input_file(&parser, file);
	read_document(&r);
	diagnostics_sort(&r.findings);
	if (diagnostics_any(&r.findings))
		result = diagnostics_error(&r.findings, err);
	diagnostics_done(&r.findings);
	vector_for_each (&r.seen, s)
		free(*s);
	vector_done(&r.seen);
	yaml_parser_delete(&parser);
	(void)fclose(file);
	return result;
}
