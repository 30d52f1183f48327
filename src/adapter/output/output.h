/*
 * How programs print results: one layer for tables, blocks of keys and values, JSON, YAML and
 * progress, so that all commands look alike.
 *
 *   Topology: my-app                       output_line(&o, "Topology: %s", name)
 *     ID:        a1b2c3d4-...              output_block(&o, 10, pairs)
 *     State:     running
 *
 *   Placements:
 *     SPACE                ZHOST          STATE
 *     --------------------------------------------         output_table_*(), ruled
 *     dashboard            edge-node-1    running
 *
 * Results go to standard output, errors and progress notes to standard error. Whatever comes
 * from elsewhere is made fit for a terminal (base/text.h) before it is shown; JSON and YAML
 * keep it as it is. Colours only on a terminal and without NO_COLOR.
 */
#ifndef SAMOZA_ADAPTER_OUTPUT_OUTPUT_H
#define SAMOZA_ADAPTER_OUTPUT_OUTPUT_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_YAML };

struct output_pager;

struct output {
	FILE *out; /* borrowed */
	FILE *err; /* borrowed */
	enum output_format format;
	bool wide;	 /* tables are never cut */
	bool names_only; /* of tables only the first column; no other lines */
	bool terminal;	 /* `out` is one */
	bool colour;
	bool no_pager;		/* also what is longer than the terminal is printed at once */
	unsigned columns, rows; /* of the terminal; 0 when there is none */
	struct output_pager *pager; /* NULL: what is printed is not kept */
};

/* Looks whether the streams are terminals; sets the locale's character type to UTF-8. */
void output_init(struct output *o, FILE *out, FILE *err);
/* Looks again how large the terminal is. */
void output_measure(struct output *o);
/* "table", "json", "yaml"; 0, or ERR_INVALID with what there is. */
int output_format_parse(const char *text, enum output_format *ret_format,
			struct error **err) must_check;

/* One line of text for a person; arguments are made fit, the format is ours. */
void output_line(const struct output *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same for sentences: on a terminal, lines end between words, and what follows is indented under the
 * first, by `indent` columns. For logs and what a program printed: output_line(). */
void output_text(const struct output *o, unsigned indent, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same sentences to standard error. */
void output_note(const struct output *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A message as JSON (pretty) or YAML. PRE: format is not OUTPUT_TABLE. */
void output_message(const struct output *o, const ProtobufCMessage *message);
/* One message of a stream: JSON on one line; YAML as a document ("---" in front). */
void output_message_line(const struct output *o, const ProtobufCMessage *message);

/* Pairs with a NULL value are left out; the list ends with a NULL key. Indented by two; values
 * stand behind `width` columns for the key with its colon, at least one space. */
struct output_pair {
	const char *key;
	const char *value;
};
void output_block(const struct output *o, unsigned width, const struct output_pair *pairs);

/* ---------------------------------------------------------------- pager */

/*
 * From here on, results are kept until output_page_end(): then the user's pager ($PAGER, by default
 * less) shows them if they are longer than the terminal. Nothing is kept where `out` is no terminal,
 * or `no_pager` is set. For results that come at once, not for what is followed or waited for.
 */
void output_page(struct output *o);
void output_page_end(struct output *o);

/* ---------------------------------------------------------------- tables */

enum output_column_flags {
	OUTPUT_RIGHT = 1, /* numbers */
	OUTPUT_CUT = 2,	  /* is cut first where a terminal is too narrow */
	OUTPUT_STATE = 4, /* coloured by what the state means */
};

struct output_column {
	const char *name; /* "ZHOST"; NULL ends the list */
	unsigned flags;
	unsigned width; /* at least, with the gap to the next column; 0: as needed */
};

enum output_table_flags {
	OUTPUT_RULED = 1,    /* a rule of dashes under the header */
	OUTPUT_INDENTED = 2, /* by two */
};

struct output_table;

/* `columns` are borrowed until the table is printed. */
struct output_table *output_table_new(const struct output *o,
				      const struct output_column *columns, unsigned flags);
/* One cell for each column; NULL shows as "-". Copied. */
void output_table_row(struct output_table *t, const char *const *cells);
/* Prints and frees. */
void output_table_print(struct output_table *t);
/* Frees without printing. */
void output_table_free(struct output_table *t);

/* How a state colours: an SGR sequence or "". */
const char *output_state_colour(const char *state);

/* ---------------------------------------------------------------- progress */

/*
 * The state of many things while something waits for them: redrawn in place on a terminal, a
 * line for each change otherwise; a count where they are too many for either.
 */
struct output_progress;

/* `goal`: the state in which a thing is done, as shown. Quiet unless the format is a table. */
struct output_progress *output_progress_new(const struct output *o, const char *goal);
void output_progress_set(struct output_progress *p, const char *name, const char *state);
/* Draws what has changed. */
void output_progress_draw(struct output_progress *p);
/* Draws the last states and frees; NULL is fine. */
void output_progress_free(struct output_progress *p);

/* ---------------------------------------------------------------- words */

/* At most as many columns of a terminal; what was cut ends in "…". The caller frees. */
char *output_cut(const char *text, size_t width);
/* "2.5 GiB", "512 MiB"; the caller frees. */
char *output_size(uint64_t bytes);
/* "2", "0.5", "1.25"; the caller frees. */
char *output_cores(uint64_t millicores);

#endif
