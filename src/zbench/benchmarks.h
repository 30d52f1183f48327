/*
 * The table of benchmarks.
 */
#ifndef SAMOZA_ZBENCH_BENCHMARKS_H
#define SAMOZA_ZBENCH_BENCHMARKS_H

#include "zbench/benchmark.h"

extern const struct benchmark benchmark_start, benchmark_topology, benchmark_submit,
	benchmark_message, benchmark_data, benchmark_memory, benchmark_recover, benchmark_drain,
	benchmark_rollout, benchmark_plan, benchmark_record, benchmark_rebalance,
	benchmark_place, benchmark_openb, benchmark_scale, benchmark_neighbour, benchmark_tls,
	benchmark_storm, benchmark_fleet, benchmark_leaders;

/* In the order of help and of `zbench all`; ends with NULL. */
extern const struct benchmark *const benchmarks[];

/* The commands of the program: each benchmark and `all`. */
extern const struct cli_command *const benchmark_commands[];
extern const struct cli_command benchmark_all;

#endif
