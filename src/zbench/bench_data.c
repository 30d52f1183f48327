/*
 * How fast spaces can keep data.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "zbench/benchmarks.h"
#include "zbench/cluster.h"
#include "zbench/package.h"

#define LIMIT_SECONDS 300u

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t writers;
	uint32_t puts;
	uint32_t zhosts;
};

static const struct cli_option options[] = {
	{.name = "writers",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, writers),
	 .fallback = "32",
	 .min = 1,
	 .max = 1000,
	 .help = "instances that write"},
	{.name = "puts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, puts),
	 .fallback = "2000",
	 .min = 10,
	 .max = 1000000,
	 .help = "puts of each writer in each run"},
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, zhosts),
	 .fallback = "3",
	 .min = 1,
	 .max = 100,
	 .help = "zhosts over which they spread"},
	{0},
};

const struct benchmark benchmark_data = {
	.command =
		{
			.words = "data",
			.summary = "data.put acknowledged, storage cluster",
			.details =
				"Each writer puts 100 bytes under a key of its own, again and "
				"again, the next one when the last one is acknowledged, which "
				"is "
				"when it is on the disk of zrms. The rate is all puts divided "
				"by "
				"the time from the first writer's start to the last one's "
				"end.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.measure = run,
};

struct figures {
	struct samples rate, p50_ms, p99_ms;
};

static void figures_done(struct figures *f)
{
	samples_done(&f->rate);
	samples_done(&f->p50_ms);
	samples_done(&f->p99_ms);
}

/* What the writers report of one run. */
struct tally {
	uint64_t begin_ns, end_ns, puts;
	struct samples p50_ms, p99_ms; /* of each writer */
};

static int ask_writer(struct cluster *cluster, const char *id, const char *path,
		      struct tally *t, struct error **err)
{
	CLEANUP(freep) char *line = NULL;
	uint64_t begin, end, puts, p50, p99;
	int r = log_find(cluster->port, id, path, "zbench writer", LIMIT_SECONDS, &line, err);

	if (r < 0)
		return r;
	if (sscanf(line,
		   "zbench writer begin_ns=%" SCNu64 " end_ns=%" SCNu64 " puts=%" SCNu64
		   " p50_ns=%" SCNu64 " p99_ns=%" SCNu64,
		   &begin, &end, &puts, &p50, &p99) != 5)
		return error_set(err, ERR_INVALID, "a writer says: %s", line);
	if (t->puts == 0 || begin < t->begin_ns)
		t->begin_ns = begin;
	if (end > t->end_ns)
		t->end_ns = end;
	t->puts += puts;
	samples_add(&t->p50_ms, (double)p50 / 1e6);
	samples_add(&t->p99_ms, (double)p99 / 1e6);
	return 0;
}

static int one_run(struct cluster *cluster, const struct buffer *mex, uint64_t writers,
		   struct figures *figures, struct error **err)
{
	struct tally tally = {0};
	CLEANUP(freep) char *id = NULL;
	int r = cluster_run(cluster, mex, "data", LIMIT_SECONDS, &id, NULL, err);

	for (uint64_t i = 1; i <= writers && r == 0; i++) {
		CLEANUP(freep)
		char *path =
			writers > 1 ? str_printf("writer-%" PRIu64, i) : mem_strdup("writer");
		r = ask_writer(cluster, id, path, &tally, err);
	}
	if (r == 0)
		r = cluster_clear(cluster, "data", id, writers + 1, err);
	if (r == 0) {
		samples_add(&figures->rate,
			    (double)tally.puts / seconds_between(tally.begin_ns, tally.end_ns));
		samples_add(&figures->p50_ms, samples_quantile(&tally.p50_ms, 0.5));
		samples_add(&figures->p99_ms, samples_quantile(&tally.p99_ms, 0.5));
		bench_progress(cluster->bench, "data: %.0f puts a second",
			       vector_last(&figures->rate.list)[0]);
	}
	samples_done(&tally.p50_ms);
	samples_done(&tally.p99_ms);
	return r;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	const struct cluster_options cluster_options = {
		.zhosts = given->zhosts,
	};
	uint64_t writers = given->writers, puts = given->puts;
	CLEANUP(freep)
	char *writer = str_printf("count: %" PRIu64 ", capabilities: [sys.log, data.write], "
				  "imports: [{from: settings}]",
				  writers);
	CLEANUP(freep) char *settings = str_printf("exports: {puts: \"%" PRIu64 "\"}", puts);
	const struct package package = {
		.name = "data",
		.spaces =
			(const struct package_space[]){{"writer", "DATA", "writer.c", writer},
						       {"settings", "CALL", "idle.c", settings},
						       {0}},
		.paths = "",
	};
	CLEANUP(buffer_done) struct buffer mex = {0};
	CLEANUP(figures_done) struct figures figures = {0};
	struct cluster cluster = {0};
	int r = package_build(bench, &package, &mex, err);

	if (r == 0)
		r = cluster_start(bench, &cluster_options, &cluster, err);
	for (uint32_t i = 0; i < bench->runs && r == 0; i++)
		r = one_run(&cluster, &mex, writers, &figures, err);
	cluster_stop(&cluster);
	if (r < 0)
		return r;
	CLEANUP(freep)
	char *label = str_printf("data.put acknowledged, %" PRIu64 " writers", writers);
	report_number(report, "writers", writers);
	report_number(report, "puts", puts * writers);
	report_add(report, "puts_per_second", label, "/s",
		   writers == 32 ? "10,000 or more" : NULL, &figures.rate);
	report_add(report, "p50_ms", "  one of them, p50", "ms", NULL, &figures.p50_ms);
	report_add(report, "p99_ms", "  one of them, p99", "ms", NULL, &figures.p99_ms);
	return 0;
}
