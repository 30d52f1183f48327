#include "zbench/csv.h"

#include <string.h>

#include "base/check.h"
#include "base/str.h"

static void split(struct csv *c)
{
	c->field_count = 0;
	char *at = c->line;
	at[strcspn(at, "\r\n")] = '\0';
	while (c->field_count < CSV_COLUMNS_MAX) {
		c->fields[c->field_count++] = at;
		at = strchr(at, ',');
		if (at == NULL)
			return;
		*at++ = '\0';
	}
}

int csv_error(const struct csv *c, struct error **err, const char *what)
{
	return error_set_at(err, ERR_INVALID, c->path, c->number, 0, "%s", what);
}

int csv_open(struct csv *c, const char *path, const char *const *names, struct error **err)
{
	*c = (struct csv){.path = mem_strdup(path), .file = fopen(path, "re")};
	if (c->file == NULL)
		return error_errno(err, "cannot read %s", path);
	c->number = 1;
	if (getline(&c->line, &c->capacity, c->file) < 0)
		return csv_error(c, err, "the file is empty");
	split(c);
	for (; names[c->wanted] != NULL; c->wanted++) {
		bool may_be_missing = names[c->wanted][0] == '?';
		const char *name = names[c->wanted] + may_be_missing;
		unsigned at = 0;
		PRE(c->wanted < CSV_COLUMNS_MAX);
		while (at < c->field_count && strcmp(c->fields[at], name) != 0)
			at++;
		if (at == c->field_count && !may_be_missing) {
			CLEANUP(freep) char *what = str_printf("there is no column '%s'", name);
			return csv_error(c, err, what);
		}
		c->column[c->wanted] = at < c->field_count ? at : CSV_COLUMNS_MAX;
	}
	return 0;
}

int csv_next(struct csv *c, struct error **err)
{
	if (getline(&c->line, &c->capacity, c->file) < 0)
		return ferror(c->file) ? error_errno(err, "cannot read %s", c->path) : 0;
	c->number++;
	split(c);
	for (unsigned i = 0; i < c->wanted; i++) {
		if (c->column[i] != CSV_COLUMNS_MAX && c->column[i] >= c->field_count)
			return csv_error(c, err, "the line has too few fields");
	}
	return 1;
}

const char *csv_text(const struct csv *c, unsigned i)
{
	return c->column[i] < CSV_COLUMNS_MAX ? c->fields[c->column[i]] : "";
}

int csv_number(const struct csv *c, unsigned i, uint64_t max, uint64_t *ret_value,
	       struct error **err)
{
	const char *text = csv_text(c, i);
	if (str_to_u64(text, ret_value) == 0 && *ret_value <= max)
		return 0;
	CLEANUP(freep)
	char *what =
		str_printf("'%s' is not a number up to %llu", text, (unsigned long long)max);
	return csv_error(c, err, what);
}

void csv_done(struct csv *c)
{
	if (c->file != NULL)
		(void)fclose(c->file);
	free(c->path);
	free(c->line);
	*c = (struct csv){0};
}
