/*
 * How long it takes to empty a zhost while what was there goes on elsewhere.
 */
#include <inttypes.h>

#include "base/str.h"
#include "zbench/benchmarks.h"
#include "zbench/cluster.h"
#include "zbench/package.h"

#define LIMIT_SECONDS 300u

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t spaces;
	uint32_t zhosts;
	uint32_t units;
};

static const struct cli_option options[] = {
	{.name = "spaces",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, spaces),
	 .fallback = "300",
	 .min = 1,
	 .max = 10000,
	 .help = "instances on the zhost that is drained"},
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, zhosts),
	 .fallback = "2",
	 .min = 1,
	 .max = 100,
	 .help = "zhosts that take them"},
	{.name = "units",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, units),
	 .fallback = "64",
	 .min = 1,
	 .max = 1000,
	 .help = "that are handed over at a time"},
	{0},
};

const struct benchmark benchmark_drain = {
	.command =
		{
			.words = "drain",
			.summary = "from the request to drain a zhost to its being drained",
			.details =
				"All instances are on one zhost, and are handed over "
				"start-first. The time goes from the request to the event "
				"'drained' of the zhost. The zhosts that take over have never "
				"seen the module. Each run has a new cluster.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.measure = run,
};

/* For all zhosts but the first one. */
static int change_others(struct cluster *cluster, const char *action, struct error **err)
{
	int r = 0;
	for (size_t i = 2; i <= cluster->zhosts.count && r == 0; i++) {
		CLEANUP(freep) char *path = str_printf("/v1/zhosts/bench-%zu/%s", i, action);
		r = client_call(&cluster->client, "POST", path, NULL, 0, NULL, err);
	}
	return r;
}

/* `data`: when the news arrived. */
static int on_event(void *data, const struct event *event, struct error **err)
{
	uint64_t *arrived_ns = data;
	(void)err;
	if (!str_equal(event->kind, "zhost") || !str_equal(event->cause, "drained"))
		return 0;
	*arrived_ns = event->arrived_ns;
	return 1;
}

static int one_run(struct cluster *cluster, const struct buffer *mex, struct samples *seconds,
		   struct error **err)
{
	CLEANUP(freep) char *id = NULL;
	uint64_t begun = 0, drained = 0;
	int r = change_others(cluster, "cordon", err);
	if (r == 0)
		r = cluster_run(cluster, mex, "drain", LIMIT_SECONDS, &id, NULL, err);
	if (r == 0)
		r = change_others(cluster, "uncordon", err);
	begun = now_ns();
	if (r == 0)
		r = client_call(&cluster->client, "POST", "/v1/zhosts/bench-1/drain", "{}", 2,
				NULL, err);
	if (r == 0)
		r = events_until(&cluster->events, on_event, &drained, LIMIT_SECONDS, err);
	if (r < 0)
		return r;
	samples_add(seconds, seconds_between(begun, drained));
	return 0;
}

static int measure(const struct bench *bench, const struct package *package,
		   const struct options *given, struct samples *seconds, struct error **err)
{
	CLEANUP(buffer_done) struct buffer mex = {0};
	const struct cluster_options cluster_options = {.zhosts = 1 + given->zhosts,
							.drain_units = given->units};
	int r = package_build(bench, package, &mex, err);
	for (uint32_t i = 1; i <= bench->runs && r == 0; i++) {
		struct cluster cluster = {0};
		r = cluster_start(bench, &cluster_options, &cluster, err);
		if (r == 0)
			r = one_run(&cluster, &mex, seconds, err);
		cluster_stop(&cluster);
		if (r == 0)
			bench_progress(bench, "drain: run %u of %u: %.3f s", i, bench->runs,
				       vector_last(&seconds->list)[0]);
	}
	return r;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	CLEANUP(freep)
	char *more =
		str_printf("count: %" PRIu32 ", disruption: {max_unavailable: %" PRIu32 "}",
			   given->spaces, given->spaces);
	CLEANUP(freep)
	char *label =
		str_printf("%" PRIu32 " spaces, %" PRIu32 " at a time, request to drained",
			   given->spaces, given->units);
	const struct package package = {
		.name = "drain",
		.spaces = (const struct package_space[]){{"idle", "CALL", "idle.c", more}, {0}},
		.paths = "",
	};
	CLEANUP(samples_done) struct samples seconds = {0};
	int r = measure(bench, &package, given, &seconds, err);
	if (r < 0)
		return r;
	bool is_aimed = given->spaces == 300 && given->units == 64;
	report_number(report, "spaces", given->spaces);
	report_number(report, "units", given->units);
	report_add(report, "seconds", label, "s", is_aimed ? "2 or less" : NULL, &seconds);
	report_number(report, "zhosts", given->zhosts);
	return 0;
}
