/*
 * The commands of mex. Each is one file with one descriptor; usage, help and the reading of
 * the command line come out of the descriptors.
 */
#ifndef SAMOZA_MEX_COMMAND_H
#define SAMOZA_MEX_COMMAND_H

#include <stdbool.h>

#include "base/diagnostics.h"
#include "base/error.h"

/* Exit status. */
enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

struct option {
	char letter;	   /* 0: none */
	const char *name;  /* "key": --key */
	const char *value; /* name of its value in help; NULL: it takes none */
	const char *help;
	bool required;
};

#define MAX_OPTIONS  8
#define MAX_OPERANDS 2

struct arguments {
	const struct command *command;
	const char *operands[MAX_OPERANDS];
	unsigned operand_count;
	const char *values[MAX_OPTIONS]; /* by position in command->options; "" for a flag */
};

struct command {
	const char *name;
	const char *operands; /* as in usage: "DIR|FILE" */
	unsigned min_operands, max_operands;
	const char *summary; /* one line */
	const char *details; /* paragraphs, each line ended; NULL: none */
	const struct option *options;
	unsigned option_count;
	int (*run)(const struct arguments *arguments);
};

extern const struct command command_new, command_keygen, command_validate, command_build,
	command_sign, command_verify, command_inspect, command_schema;

extern const struct command *const commands[];
extern const unsigned command_count;

/* The value of an option, NULL when it is not given; "" for a flag. */
const char *argument(const struct arguments *arguments, const char *name);

/* "mex COMMAND ..." and a hint to standard error; EXIT_USAGE. */
int usage_error(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints an error, frees it; EXIT_REFUSED. */
int fail(struct error *err);
/* Prints all findings, or err when there are none, with "FILE: " before those without a place;
 * frees both; EXIT_REFUSED. */
int fail_findings(const char *file, struct diagnostics *findings, struct error *err);

#endif
