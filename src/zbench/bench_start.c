/*
 * How long it takes until many spaces run.
 */
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
	bool tls;
};

static const struct cli_option options[] = {
	{.name = "spaces",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, spaces),
	 .fallback = "1000",
	 .min = 1,
	 .max = 10000,
	 .help = "instances of one space"},
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, zhosts),
	 .fallback = "3",
	 .min = 1,
	 .max = 100,
	 .help = "zhosts over which they spread"},
	{.name = "tls",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct options, tls),
	 .help = "zhosts reach zrms over TLS; measured in turn with loopback, each run with a "
		 "cluster of its own"},
	{0},
};

const struct benchmark benchmark_start = {
	.command =
		{
			.words = "start",
			.summary = "submit to running of many spaces, module in the cache",
			.details =
				"Submits one topology with a WebAssembly space of --spaces "
				"instances. The time goes from the first byte of the request "
				"to the "
				"arrival of the event 'running'. One run beforehand fills the "
				"caches "
				"and does not count; between runs the topology is stopped and "
				"removed.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.measure = run,
};

static int measure(struct cluster *cluster, const struct buffer *mex, uint64_t spaces,
		   struct samples *seconds, struct error **err)
{
	const struct bench *bench = cluster->bench;
	int r = 0;

	for (uint32_t i = 0; i <= bench->runs && r == 0; i++) {
		CLEANUP(freep) char *id = NULL;
		double taken = 0;

		r = cluster_run(cluster, mex, "start", LIMIT_SECONDS, &id, &taken, err);
		if (r < 0)
			break;
		if (i == 0)
			bench_progress(bench, "start: warm-up: %.3f s", taken);
		else
			bench_progress(bench, "start: run %u of %u: %.3f s", i, bench->runs,
				       taken);
		if (i > 0)
			samples_add(seconds, taken);
		r = cluster_clear(cluster, "start", id, spaces, err);
	}
	return r;
}

/* ---- TLS beside loopback ---- */

enum { SUBMITS = 7 }; /* of each run, and one before to fill the caches */

/* The median of one cluster's submits, in milliseconds. */
static int one_cluster(const struct bench *bench, const struct cluster_options *how,
		       const struct buffer *mex, uint64_t spaces, double *ret_ms,
		       struct error **err)
{
	struct cluster cluster = {0};
	CLEANUP(samples_done) struct samples each_ms = {0};
	int r = cluster_start(bench, how, &cluster, err);

	for (unsigned i = 0; i <= SUBMITS && r == 0; i++) {
		CLEANUP(freep) char *id = NULL;
		double taken = 0;

		r = cluster_run(&cluster, mex, "start", LIMIT_SECONDS, &id, &taken, err);
		if (r == 0 && i > 0)
			samples_add(&each_ms, taken * 1000);
		if (r == 0)
			r = cluster_clear(&cluster, "start", id, spaces, err);
	}
	cluster_stop(&cluster);
	if (r == 0)
		*ret_ms = samples_quantile(&each_ms, 0.5);
	return r;
}

static int run_with_tls(const struct bench *bench, const struct options *given,
			const struct buffer *mex, struct report *report, struct error **err)
{
	const struct cluster_options plain = {.zhosts = given->zhosts};
	const struct cluster_options secure = {.zhosts = given->zhosts, .secure = true};
	CLEANUP(samples_done) struct samples plain_ms = {0}, secure_ms = {0}, more_ms = {0};
	int r = 0;

	for (uint32_t i = 1; i <= bench->runs && r == 0; i++) {
		double p = 0, s = 0;

		r = one_cluster(bench, &plain, mex, given->spaces, &p, err);
		if (r == 0)
			r = one_cluster(bench, &secure, mex, given->spaces, &s, err);
		if (r < 0)
			break;
		samples_add(&plain_ms, p);
		samples_add(&secure_ms, s);
		samples_add(&more_ms, s - p);
		bench_progress(bench, "start: run %u of %u: loopback %.1f ms, TLS %.1f ms", i,
			       bench->runs, p, s);
	}
	if (r < 0)
		return r;
	report_number(report, "spaces", given->spaces);
	report_number(report, "zhosts", given->zhosts);
	report_add(report, "plain_ms", "submit to running, loopback, p50", "ms", NULL,
		   &plain_ms);
	report_add(report, "tls_ms", "the same over TLS, p50", "ms", NULL, &secure_ms);
	report_add(report, "more_ms", "more over TLS", "ms", "15 or less", &more_ms);
	return 0;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	const struct cluster_options cluster_options = {
		.zhosts = given->zhosts,
	};
	uint64_t spaces = given->spaces;
	CLEANUP(freep) char *count = str_printf("count: %llu", (unsigned long long)spaces);
	const struct package package = {
		.name = "start",
		.spaces =
			(const struct package_space[]){{"idle", "CALL", "idle.c", count}, {0}},
		.paths = "",
	};
	CLEANUP(buffer_done) struct buffer mex = {0};
	CLEANUP(samples_done) struct samples seconds = {0};
	struct cluster cluster = {0};
	int r = package_build(bench, &package, &mex, err);

	if (r == 0 && given->tls)
		return run_with_tls(bench, given, &mex, report, err);
	if (r == 0)
		r = cluster_start(bench, &cluster_options, &cluster, err);
	if (r == 0)
		r = measure(&cluster, &mex, spaces, &seconds, err);
	cluster_stop(&cluster);
	if (r < 0)
		return r;
	CLEANUP(freep)
	char *label = str_printf("%llu spaces, submit to running", (unsigned long long)spaces);
	report_number(report, "spaces", spaces);
	report_add(report, "seconds", label, "s", spaces == 1000 ? "1.5 or less" : NULL,
		   &seconds);
	report_number(report, "zhosts", cluster_options.zhosts);
	return 0;
}
