/*
 * Tables, by libsmartcols. What does not fit a terminal is cut before, so that it is marked; the
 * header, the rule and the indent are put in afterwards: it has no word for a rule.
 */
#include <libsmartcols.h>
#include <string.h>
#include <wchar.h>

#include "adapter/output/output.h"
#include "adapter/terminal/terminal.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "base/text.h"
#include "base/vector.h"

#define CUT_MARK "\xe2\x80\xa6" /* … */

struct output_table {
	const struct output *output;
	const struct output_column *columns;
	unsigned flags;
	size_t column_count;
	VECTOR(char *) cells; /* of each row in turn */
	size_t *widths;	      /* of each column, on the terminal, without the gap */
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

/* ---------------------------------------------------------------- width */

char *output_cut(const char *text, size_t width)
{
	size_t used = 0, size = strlen(text), end = 0;

	if (terminal_width(text) <= width)
		return mem_strdup(text);
	while (end < size) {
		uint32_t code;
		bool valid;
		size_t n = text_next(text + end, size - end, &code, &valid);
		int columns = wcwidth((wchar_t)code);

		used += columns > 0 ? (size_t)columns : 0;
		if (used >= width)
			break;
		end += n;
	}
	return width == 0 ? mem_strdup("") : str_printf("%.*s" CUT_MARK, (int)end, text);
}

/* The widest of the columns that have `flags`, if it is wider than `least`; NULL: none. */
static size_t *widest_column(const struct output_table *t, unsigned flags, size_t least)
{
	size_t *found = NULL;

	for (size_t i = 0; i < t->column_count; i++) {
		if ((t->columns[i].flags & flags) == flags && t->widths[i] > least &&
		    (found == NULL || t->widths[i] > *found))
			found = &t->widths[i];
	}
	return found;
}

/* Makes columns narrower until all fit the terminal: first those that may be cut, then any. */
static void fit(struct output_table *t)
{
	static const struct {
		unsigned flags;
		size_t least;
	} steps[] = {{OUTPUT_CUT, 12}, {0, 12}, {OUTPUT_CUT, 6}, {0, 1}};
	size_t room = t->output->columns, width = t->flags & OUTPUT_INDENTED ? 2 : 0;

	if (!t->output->terminal || t->output->wide)
		return;
	for (size_t i = 0; i < t->column_count; i++)
		width += t->widths[i] + (i > 0);
	for (size_t step = 0; step < ARRAY_SIZE(steps) && width > room;) {
		size_t *column = widest_column(t, steps[step].flags, steps[step].least);

		if (column == NULL) {
			step++;
			continue;
		}
		(*column)--;
		width--;
	}
}

/* ---------------------------------------------------------------- rows */

struct output_table *output_table_new(const struct output *o,
				      const struct output_column *columns, unsigned flags)
{
	struct output_table *t = mem_new(struct output_table);

	t->output = o;
	t->columns = columns;
	t->flags = flags;
	while (columns[t->column_count].name != NULL)
		t->column_count++;
	t->widths = mem_new_array(size_t, t->column_count);
	for (size_t i = 0; i < t->column_count; i++) {
		size_t width = strlen(columns[i].name);

		/* The gap to the next column is one of the width. */
		t->widths[i] = columns[i].width > width ? columns[i].width - 1u : width;
	}
	return t;
}

void output_table_row(struct output_table *t, const char *const *cells)
{
	for (size_t i = 0; i < t->column_count; i++) {
		CLEANUP(freep) char *safe = text_escaped(cells[i]);
		char *text = mem_strdup(str_is_empty(safe) ? "-" : safe);
		size_t width = terminal_width(text);

		vector_push(&t->cells, text);
		if (width > t->widths[i])
			t->widths[i] = width;
	}
}

/* ---------------------------------------------------------------- printing */

static struct libscols_table *make_table(const struct output_table *t)
{
	struct libscols_table *table = scols_new_table();

	INVARIANT(table != NULL);
	for (size_t i = 0; i < t->column_count; i++) {
		const struct output_column *c = &t->columns[i];
		CLEANUP(freep) char *name = output_cut(c->name, t->widths[i]);
		/* libsmartcols takes a width only as a hint: a padded header holds it. */
		CLEANUP(freep)
		char *padded = str_printf("%s%*s", name,
					  (int)(t->widths[i] - terminal_width(name)), "");

		INVARIANT(scols_table_new_column(table, c->width > 1 ? padded : name, 0,
						 c->flags & OUTPUT_RIGHT ? SCOLS_FL_RIGHT
									 : 0) != NULL);
	}
	must(scols_table_enable_colors(table, t->output->colour));
	/* Cells are made fit already. */
	must(scols_table_enable_noencoding(table, 1));
	/* Fitted already: colours are all that it has to know of the terminal. */
	must(scols_table_set_termforce(table, t->output->terminal ? SCOLS_TERMFORCE_ALWAYS
								  : SCOLS_TERMFORCE_NEVER));
	must(scols_table_set_termwidth(table, 100000));
	return table;
}

static void add_line(const struct output_table *t, struct libscols_table *table,
		     char *const *cells)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);

	INVARIANT(line != NULL);
	for (size_t i = 0; i < t->column_count; i++) {
		CLEANUP(freep) char *text = output_cut(cells[i], t->widths[i]);
		const char *colour = output_state_colour(cells[i]);

		must(scols_line_set_data(line, i, text));
		if (t->output->colour && t->columns[i].flags & OUTPUT_STATE &&
		    colour[0] != '\0')
			must(scols_cell_set_color(scols_line_get_cell(line, i), colour));
	}
}

/* As wide as the columns with their gaps; the last one with a gap of one. */
static size_t rule_length(const struct output_table *t)
{
	size_t length = 0;

	for (size_t i = 0; i < t->column_count; i++)
		length += t->widths[i] + 1;
	if (t->output->terminal && length + 2 > t->output->columns)
		length = t->output->columns > 2 ? t->output->columns - 2 : 1;
	return length;
}

/* Without a row libsmartcols prints nothing, not even the header. */
static char *header_text(const struct output_table *t)
{
	struct buffer text = BUFFER_INIT(1 << 16);

	for (size_t i = 0; i < t->column_count; i++) {
		CLEANUP(freep) char *name = output_cut(t->columns[i].name, t->widths[i]);

		(void)buffer_printf(&text, "%s%s", i > 0 ? " " : "", name);
	}
	(void)buffer_add_string(&text, "\n");
	return buffer_steal(&text);
}

static char *rows_text(const struct output_table *t)
{
	struct libscols_table *table = make_table(t);
	char *text = NULL;

	for (size_t i = 0; i < t->cells.count; i += t->column_count)
		add_line(t, table, t->cells.items + i);
	must(scols_print_table_to_string(table, &text));
	scols_unref_table(table);
	return text;
}

void output_table_free(struct output_table *t)
{
	vector_for_each (&t->cells, cell)
		free(*cell);
	vector_done(&t->cells);
	free(t->widths);
	free(t);
}

void output_table_print(struct output_table *t)
{
	FILE *out = t->output->out;
	char *text = NULL;
	bool header = true;

	if (t->output->names_only) {
		for (size_t i = 0; i < t->cells.count; i += t->column_count)
			(void)fprintf(out, "%s\n", t->cells.items[i]);
		(void)fflush(out);
		output_table_free(t);
		return;
	}
	fit(t);
	text = t->cells.count == 0 ? header_text(t) : rows_text(t);
	for (char *line = text; line != NULL && line[0] != '\0';) {
		size_t length = strcspn(line, "\n");
		size_t shown = length;

		while (shown > 0 && line[shown - 1] == ' ')
			shown--;
		(void)fprintf(out, "%s%.*s\n", t->flags & OUTPUT_INDENTED ? "  " : "",
			      (int)shown, line);
		if (header && t->cells.count > 0 && t->flags & OUTPUT_RULED) {
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
	output_table_free(t);
}
