/*
 * Tables, by libsmartcols. The header, the rule and the indent are put in afterwards: it has no
 * word for a rule.
 */
#include <libsmartcols.h>
#include <string.h>

#include "adapter/output/output.h"
#include "base/check.h"
#include "base/str.h"
#include "base/text.h"

struct output_table {
	const struct output *output;
	const struct output_column *columns;
	unsigned flags;
	size_t column_count;
	struct libscols_table *table;
	size_t *widest; /* of each column */
};

const char *output_state_colour(const char *state)
{
	static const struct {
		const char *state, *colour;
	} colours[] = {
		{"running", "\033[32m"},
		{"connected", "\033[32m"},
		{"deployed-started", "\033[32m"},
		{"failed", "\033[31m"},
		{"problem", "\033[31m"},
		{"unreachable", "\033[31m"},
		{"error", "\033[31m"},
		{"degraded", "\033[33m"},
		{"pending", "\033[33m"},
		{"unresolved", "\033[33m"},
		{"deploying", "\033[33m"},
		{"starting", "\033[33m"},
		{"stopping", "\033[33m"},
		{"undeploying", "\033[33m"},
		{"waiting for ancestor", "\033[33m"},
		{"waiting-for-ancestor", "\033[33m"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(colours); i++) {
		if (str_equal(colours[i].state, state))
			return colours[i].colour;
	}
	return "";
}

static void must(int r)
{
	if (r < 0)
		IMPOSSIBLE("libsmartcols refuses a table of ours");
}

struct output_table *output_table_new(const struct output *o,
				      const struct output_column *columns, unsigned flags)
{
	struct output_table *t = mem_new(struct output_table);
	unsigned indent = flags & OUTPUT_INDENTED ? 2 : 0;

	t->output = o;
	t->columns = columns;
	t->flags = flags;
	t->table = scols_new_table();
	INVARIANT(t->table != NULL);
	while (columns[t->column_count].name != NULL)
		t->column_count++;
	t->widest = mem_new_array(size_t, t->column_count);
	for (const struct output_column *c = columns; c->name != NULL; c++) {
		int f = (c->flags & OUTPUT_RIGHT ? SCOLS_FL_RIGHT : 0) |
			(c->flags & OUTPUT_CUT && o->terminal ? SCOLS_FL_TRUNC : 0);
		/* The gap to the next column is one of the width. libsmartcols takes a width
		 * only as a hint: a padded header holds it. */
		CLEANUP(freep)
		char *name = str_printf("%-*s", c->width > 1 ? (int)c->width - 1 : 0, c->name);
		struct libscols_column *column = scols_table_new_column(t->table, name, 0, f);

		INVARIANT(column != NULL);
		t->widest[c - columns] = strlen(c->name);
	}
	must(scols_table_enable_colors(t->table, o->colour));
	/* Cells are made fit already. */
	must(scols_table_enable_noencoding(t->table, 1));
	must(scols_table_set_termforce(t->table, o->terminal ? SCOLS_TERMFORCE_ALWAYS
							     : SCOLS_TERMFORCE_NEVER));
	if (o->terminal && o->columns > indent + 20)
		must(scols_table_set_termwidth(t->table, o->columns - indent));
	return t;
}

void output_table_row(struct output_table *t, const char *const *cells)
{
	struct libscols_line *line = scols_table_new_line(t->table, NULL);

	INVARIANT(line != NULL);
	for (size_t i = 0; i < t->column_count; i++) {
		CLEANUP(freep) char *safe = text_escaped(cells[i]);
		const char *text = str_is_empty(safe) ? "-" : safe;
		const char *colour = output_state_colour(text);

		must(scols_line_set_data(line, i, text));
		if (t->output->colour && t->columns[i].flags & OUTPUT_STATE &&
		    colour[0] != '\0')
			must(scols_cell_set_color(scols_line_get_cell(line, i), colour));
		if (strlen(text) > t->widest[i])
			t->widest[i] = strlen(text);
	}
}

/* As wide as the columns with their gaps; the last one with a gap of one. */
static size_t rule_length(const struct output_table *t)
{
	size_t length = 0;

	for (size_t i = 0; i < t->column_count; i++) {
		size_t width = t->widest[i] + 1;

		length += width < t->columns[i].width ? t->columns[i].width : width;
	}
	if (t->output->terminal && length + 2 > t->output->columns)
		length = t->output->columns > 2 ? t->output->columns - 2 : 1;
	return length;
}

void output_table_print(struct output_table *t)
{
	FILE *out = t->output->out;
	char *text = NULL;
	bool header = true;

	/* Without a row nothing would be printed, not even the header. */
	if (scols_table_get_nlines(t->table) == 0) {
		for (size_t i = 0; i < t->column_count; i++)
			(void)fprintf(out, "%s%s",
				      i == 0 && t->flags & OUTPUT_INDENTED ? "  "
				      : i > 0				   ? " "
									   : "",
				      t->columns[i].name);
		(void)fputc('\n', out);
	} else {
		must(scols_print_table_to_string(t->table, &text));
	}
	for (char *line = text; line != NULL && line[0] != '\0';) {
		size_t length = strcspn(line, "\n");
		size_t shown = length;

		while (shown > 0 && line[shown - 1] == ' ')
			shown--;
		(void)fprintf(out, "%s%.*s\n", t->flags & OUTPUT_INDENTED ? "  " : "",
			      (int)shown, line);
		if (header && t->flags & OUTPUT_RULED) {
			(void)fputs(t->flags & OUTPUT_INDENTED ? "  " : "", out);
			for (size_t i = rule_length(t); i > 0; i--)
				(void)fputc('-', out);
			(void)fputc('\n', out);
		}
		header = false;
		line += length + (line[length] == '\n');
	}
	(void)fflush(out);
	free(text);
	free(t->widest);
	scols_unref_table(t->table);
	free(t);
}
