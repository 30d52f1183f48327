/*
 * How much a space may log: LOG_BYTES_PER_S in the long run, LOG_BURST at once. The rest is dropped,
 * and the log names how much. So a space that prints without end neither fills a disk nor keeps its
 * zhost busy for others. (How much is kept is bounded by zhost.)
 */
#ifndef SAMOZA_ZRUN_RUNNER_LOG_BUDGET_H
#define SAMOZA_ZRUN_RUNNER_LOG_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zrun/protocol/protocol.h"

struct runner;

#define LOG_BYTES_PER_S (64 * 1024)
#define LOG_BURST	(512 * 1024)
#define LOG_LINE_COST	32 /* a line costs more than its letters */

/* Of all programs of one instance together. */
struct log_budget {
	uint64_t at_ms;
	uint64_t left;
	uint64_t dropped;	/* bytes since the log last said so */
	uint64_t dropped_at_ms; /* when that was */
	bool is_begun;
};

/* Takes so many bytes. False: they are not there, and count as dropped. */
bool log_budget_afford(struct log_budget *b, size_t size);
/* Says what was dropped, if it is time, or `now`. */
void log_budget_report(struct runner *i, struct log_budget *b, bool now);
/* A line of the space, if it can be afforded. */
void log_budget_line(struct runner *i, enum zrun_log_level level, const char *text,
		     size_t size);

#endif
