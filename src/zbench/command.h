/*
 * The benchmarks of zbench. One table (command_all) feeds dispatch, help and the manual page;
 * each benchmark stands in a file of its own with its descriptor at the top.
 *
 *   words on the line -> invocation -> command->run() -> struct report -> table or JSON
 *
 * A benchmark measures and reports; nothing here asserts. What the project aims at stands
 * beside each figure, for people.
 */
#ifndef SAMOZA_ZBENCH_COMMAND_H
#define SAMOZA_ZBENCH_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "zbench/report.h"

/* What every benchmark works with. Strings are borrowed. */
struct bench {
	uint32_t runs;	     /* repetitions of each measurement, at least 1 */
	const char *bin;     /* folder of zrms, zhost, zrun and mex */
	const char *guests;  /* folder of the C sources of our spaces */
	const char *scratch; /* private folder; the keeper removes it */
	bool keep;	     /* clusters leave their folders */
	bool quiet;	     /* no progress */
};

enum option_kind {
	OPTION_NUMBER, /* --spaces N */
	OPTION_TEXT,   /* --seeds A..B, --nodes FILE */
	OPTION_FLAG,   /* --explain */
};

struct command_option {
	const char *name; /* "spaces"; NULL ends the list */
	enum option_kind kind;
	const char *value;    /* its name in help: "N" */
	const char *fallback; /* as one would write it; NULL: none, 0, false */
	uint64_t min, max;    /* of numbers */
	bool required;
	const char *help; /* one sentence, without a full stop */
};

#define OPTIONS_MAX 8

struct invocation {
	const struct command *command;
	const char *values[OPTIONS_MAX]; /* by the index of the command's options; borrowed */
};

struct command {
	const char *name;		      /* "start" */
	const char *summary;		      /* for lists of commands; no full stop */
	const char *details;		      /* paragraphs for its own help, or NULL */
	const struct command_option *options; /* NULL: none */
	bool by_itself;			      /* not a part of `zbench all` */
	bool engine_only; /* starts no cluster: zrms, zhost, zrun, mex may be missing */
	/* Adds measures (and, where they are not enough, JSON of its own) to `report`. */
	int (*run)(const struct bench *bench, const struct invocation *in,
		   struct report *report, struct error **err);
};

/* In the order of help and of `zbench all`; ends with NULL. */
extern const struct command *const command_all[];

/* NULL: there is none. */
const struct command *command_find(const char *name);

/* PRE (all): the command has an option of that name and kind. */
uint64_t option_number(const struct invocation *in, const char *name);
const char *option_text(const struct invocation *in, const char *name);
bool option_flag(const struct invocation *in, const char *name);

/*
 * Reads the words behind the command's name. Fallbacks are filled in, numbers checked.
 * ERR_INVALID says what would be right. `words` are borrowed.
 */
int command_parse(const struct command *command, char *const *words, size_t count,
		  struct invocation *ret_in, struct error **err) must_check;

/* One line to standard error for what takes longer than a second, "start: run 2 of 5". */
void bench_progress(const struct bench *bench, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* help.c */
void help_print_all(FILE *out);
void help_print_command(const struct command *command, FILE *out);
/* The commands and options in mdoc(7). */
void help_print_manual(FILE *out);

#endif
