#include "zbench/benchmarks.h"

const struct benchmark *const benchmarks[] = {
	&benchmark_start,     &benchmark_topology,  &benchmark_submit,
	&benchmark_message,   &benchmark_neighbour, &benchmark_data,
	&benchmark_memory,    &benchmark_recover,   &benchmark_drain,
	&benchmark_rollout,   &benchmark_plan,	    &benchmark_record,
	&benchmark_rebalance, &benchmark_place,	    &benchmark_openb,
	&benchmark_scale,     &benchmark_fleet,	    &benchmark_tls,
	&benchmark_storm,     &benchmark_leaders,   NULL,
};

const struct cli_command benchmark_all = {
	.words = "all",
	.summary = "all benchmarks that need no option",
	.run = benchmark_run,
};

const struct cli_command *const benchmark_commands[] = {
	&benchmark_start.command,
	&benchmark_topology.command,
	&benchmark_submit.command,
	&benchmark_message.command,
	&benchmark_neighbour.command,
	&benchmark_data.command,
	&benchmark_memory.command,
	&benchmark_recover.command,
	&benchmark_drain.command,
	&benchmark_rollout.command,
	&benchmark_plan.command,
	&benchmark_record.command,
	&benchmark_rebalance.command,
	&benchmark_place.command,
	&benchmark_openb.command,
	&benchmark_scale.command,
	&benchmark_fleet.command,
	&benchmark_leaders.command,
	&benchmark_tls.command,
	&benchmark_storm.command,
	&benchmark_all,
	&cli_help_command,
	NULL,
};
