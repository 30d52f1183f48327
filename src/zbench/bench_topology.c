/*
 * How long a person waits for a small topology.
 */
#include "zbench/benchmarks.h"
#include "zbench/cluster.h"
#include "zbench/package.h"

#define LIMIT_SECONDS 60u
#define SPACES	      3u

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t times;
	uint32_t zhosts;
};

static const struct cli_option options[] = {
	{.name = "times",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, times),
	 .fallback = "50",
	 .min = 1,
	 .max = 10000,
	 .help = "submits with modules cached in each run"},
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, zhosts),
	 .fallback = "3",
	 .min = 1,
	 .max = 100,
	 .help = "zhosts over which they spread"},
	{0},
};

const struct benchmark benchmark_topology = {
	.command =
		{
			.words = "topology",
			.summary = "submit to running of a topology of three spaces",
			.details = "A page, a space that answers it, and a space that keeps "
				   "data, over "
				   "three zhosts. Each run has a new cluster: its first submit "
				   "finds "
				   "empty caches, so modules are checked, translated and "
				   "compiled; "
				   "then come --times submits with modules cached, of which "
				   "the p50 "
				   "counts.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.measure = run,
};

static const struct package_space spaces[SPACES + 1] = {
	{"page", "UI", "page.html", ""},
	{"api", "CALL", "api.c", "capabilities: [sys.log, net.emit, net.recv]"},
	{"store", "DATA", "store.c",
	 "capabilities: [sys.log, net.emit, net.recv, data.read, data.write]"},
	{0},
};

static const struct package package = {
	.name = "topology",
	.spaces = spaces,
	.paths = "{from: page, to: api, name: queries}, {from: api, to: store, name: rows}",
};

struct figures {
	struct samples first_s, p50_ms, p99_ms;
};

static void figures_done(struct figures *f)
{
	samples_done(&f->first_s);
	samples_done(&f->p50_ms);
	samples_done(&f->p99_ms);
}

static int one_run(struct cluster *cluster, const struct buffer *mex, uint64_t times,
		   struct figures *figures, struct error **err)
{
	CLEANUP(samples_done) struct samples cached_ms = {0};
	int r = 0;

	for (uint64_t i = 0; i <= times && r == 0; i++) {
		CLEANUP(freep) char *id = NULL;
		double seconds = 0;

		r = cluster_run(cluster, mex, package.name, LIMIT_SECONDS, &id, &seconds, err);
		if (r == 0 && i == 0)
			samples_add(&figures->first_s, seconds);
		else if (r == 0)
			samples_add(&cached_ms, seconds * 1000);
		if (r == 0)
			r = cluster_clear(cluster, package.name, id, SPACES, err);
	}
	if (r < 0)
		return r;
	samples_add(&figures->p50_ms, samples_quantile(&cached_ms, 0.5));
	samples_add(&figures->p99_ms, samples_quantile(&cached_ms, 0.99));
	return 0;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	const struct cluster_options cluster_options = {
		.zhosts = given->zhosts,
	};
	CLEANUP(buffer_done) struct buffer mex = {0};
	CLEANUP(figures_done) struct figures figures = {0};
	int r = package_build(bench, &package, &mex, err);

	for (uint32_t i = 1; i <= bench->runs && r == 0; i++) {
		struct cluster cluster = {0};

		bench_progress(bench, "topology: run %u of %u", i, bench->runs);
		r = cluster_start(bench, &cluster_options, &cluster, err);
		if (r == 0)
			r = one_run(&cluster, &mex, given->times, &figures, err);
		cluster_stop(&cluster);
	}
	if (r < 0)
		return r;
	report_add(report, "cached_p50_ms", "3 spaces, submit to running, cached, p50", "ms",
		   "30 or less", &figures.p50_ms);
	report_add(report, "cached_p99_ms", "3 spaces, submit to running, cached, p99", "ms",
		   NULL, &figures.p99_ms);
	report_add(report, "first_seconds", "3 spaces, submit to running, first time", "s",
		   "1.5 or less", &figures.first_s);
	report_number(report, "times", given->times);
	return 0;
}
