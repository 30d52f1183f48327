/*
 * What a program of an instance prints: lines for the log, and the last of them for messages.
 *
 * The rate is bounded (runner/log_budget.h): what is too much is read and dropped, so that a program
 * that prints a gigabyte is not held up.
 */
#ifndef SAMOZA_ZRUN_NATIVE_OUTPUT_H
#define SAMOZA_ZRUN_NATIVE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zrun/runner/log_budget.h"

struct runner;

#define OUTPUT_LINE	 2048
#define OUTPUT_LAST	 3   /* lines kept */
#define OUTPUT_LAST_SIZE 110 /* of each */

struct output {
	int fd;	       /* -1: none */
	bool is_quiet; /* only the last lines are kept, nothing is logged */
	char line[OUTPUT_LINE];
	size_t line_size;
	char last[OUTPUT_LAST][OUTPUT_LAST_SIZE];
	unsigned last_count; /* ever */
};

/* Makes a pipe: its writing end in *ret_write, to be closed by the caller. 0, or -1 (errno). */
int output_open(struct output *o, int *ret_write);
/* Takes what is there, within reason; closes it at its end. */
void output_read(struct runner *i, struct output *o, struct log_budget *budget);
/* Takes the rest without waiting and closes it: programs that still hold it get SIGPIPE. */
void output_close(struct runner *i, struct output *o, struct log_budget *budget);
/* ": the last lines" or "", in `text`. */
void output_last(const struct output *o, char *text, size_t size);

#endif
