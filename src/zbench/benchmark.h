/*
 * A benchmark of zbench: one file each, with its descriptor at the top; the table is
 * benchmarks.h.
 *
 *   words ─► struct cli_run ─► benchmark->measure() ─► struct report ─► table or JSON
 *
 * A benchmark measures and reports; nothing here asserts. The project's aim stands beside each
 * figure.
 */
#ifndef SAMOZA_ZBENCH_BENCHMARK_H
#define SAMOZA_ZBENCH_BENCHMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/cli/cli.h"
#include "base/error.h"
#include "zbench/report.h"

/* What every benchmark works with. Strings are borrowed. */
struct bench {
	uint32_t runs;	     /* repetitions of each measurement, at least 1 */
	const char *bin;     /* directory of zrms, zhost, zrun and mex */
	const char *guests;  /* directory of the C sources of our spaces */
	const char *scratch; /* private directory; the keeper removes it */
	bool keep;	     /* clusters leave their directories */
	bool quiet;	     /* no progress */
};

struct benchmark {
	struct cli_command command; /* first: the table of commands points to it */
	bool is_separate;	    /* not a part of `zbench all` */
	bool engine_only; /* starts no cluster: zrms, zhost, zrun, mex may be missing */
	/* Adds measures (and, where they are not enough, JSON of its own) to `report`. */
	int (*measure)(const struct bench *bench, const struct cli_run *line,
		       struct report *report, struct error **err);
};

/* The context of every command: what runs its benchmarks. */
struct bench_runner {
	int (*run)(struct bench_runner *runner, const struct cli_run *line, struct error **err);
};

/* `run` of every benchmark's command. */
int benchmark_run(void *context, const struct cli_run *line, struct error **err);

/* One line to standard error for what takes longer than a second, "start: run 2 of 5". */
void bench_progress(const struct bench *bench, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
