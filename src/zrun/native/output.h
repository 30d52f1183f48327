/*
 * What a program of an instance prints: lines for the log, and the last of them for messages.
 *
 * The log is bounded by zhost (rotated files); here the rate is: an instance may print
 * OUTPUT_BYTES_PER_S in the long run, the rest is read and dropped, and the log names how much.
 * So a program that prints a gigabyte neither fills a disk nor is held up, nor holds up others.
 */
#ifndef SAMOZA_ZRUN_NATIVE_OUTPUT_H
#define SAMOZA_ZRUN_NATIVE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct runner;

#define OUTPUT_BYTES_PER_S (64 * 1024)
#define OUTPUT_BURST	   (512 * 1024)
#define OUTPUT_LINE	   2048
#define OUTPUT_LAST	   3   /* lines kept */
#define OUTPUT_LAST_SIZE   110 /* of each */

/* Of all programs of one instance together. */
struct output_budget {
	uint64_t at_ms;
	uint64_t left;
	uint64_t dropped;	/* bytes since the log last said so */
	uint64_t dropped_at_ms; /* when that was */
	bool is_begun;
};

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
void output_read(struct runner *i, struct output *o, struct output_budget *budget);
/* Takes the rest without waiting and closes it: programs that still hold it get SIGPIPE. */
void output_close(struct runner *i, struct output *o, struct output_budget *budget);
/* Says what was dropped, if it is time. */
void output_report(struct runner *i, struct output_budget *budget, bool now);
/* ": the last lines" or "", in `text`. */
void output_last(const struct output *o, char *text, size_t size);

#endif
