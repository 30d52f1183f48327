/*
 * How much longer a request along a path takes while other spaces of the same zhost compute
 * without end.
 *
 *   ping ⇄ pong      alone, then beside the spinners with the default share, then beside spinners
 *                    with a small share; all three in each run, so that the machine's other load
 *                    weighs on all of them
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
	uint32_t messages;
	uint32_t pause_ms;
	uint32_t spinners;
};

static const struct cli_option options[] = {
	{.name = "messages",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, messages),
	 .fallback = "2000",
	 .min = 100,
	 .max = 100000,
	 .help = "requests in each measurement, one after the other"},
	{.name = "pause-ms",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, pause_ms),
	 .fallback = "0",
	 .min = 0,
	 .max = 1000,
	 .help = "pause before each request; without one the two use a whole share themselves"},
	{.name = "spinners",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, spinners),
	 .fallback = "8",
	 .min = 1,
	 .max = 1000,
	 .help = "spaces that compute without end"},
	{0},
};

const struct benchmark benchmark_neighbour = {
	.command =
		{
			.words = "neighbour",
			.summary = "a request along a path beside spaces that compute",
			.details = "As in `message`, on one zhost: alone, then beside "
				   "--spinners spaces that compute without end, first with the "
				   "default share of the processors, then with `cpu: 5m`. The "
				   "ratios are of the same run, so that they mean something on "
				   "a busy machine, too.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.measure = run,
};

enum { ALONE, DEFAULT, SMALL, COUNT };

static const char *const keys[COUNT] = {"alone", "beside_default", "beside_small"};
static const char *const names[COUNT] = {"", "spin-default", "spin-small"}; /* topologies */
static const char *const labels[COUNT] = {"request and answer, alone",
					  "beside spinners with the default share",
					  "beside spinners with cpu: 5m"};

struct packages {
	struct buffer ping, spin[COUNT]; /* spin[ALONE]: none */
};

static void packages_done(struct packages *p)
{
	buffer_done(&p->ping);
	for (int i = 0; i < COUNT; i++)
		buffer_done(&p->spin[i]);
}

struct figures {
	struct samples p50_us[COUNT], p99_us[COUNT];
	struct samples p50_ratio[COUNT], p99_ratio[COUNT]; /* to ALONE, of the same run */
};

static void figures_done(struct figures *f)
{
	for (int i = 0; i < COUNT; i++) {
		samples_done(&f->p50_us[i]);
		samples_done(&f->p99_us[i]);
		samples_done(&f->p50_ratio[i]);
		samples_done(&f->p99_ratio[i]);
	}
}

static int build_ping(const struct bench *bench, const struct options *given,
		      struct buffer *ret_mex, struct error **err)
{
	CLEANUP(freep)
	char *pong = str_printf("capabilities: [sys.log, net.emit, net.recv], "
				"exports: {messages: \"%u\", pause_ms: \"%u\"}",
				given->messages, given->pause_ms);
	const struct package package = {
		.name = "neighbour",
		.spaces =
			(const struct package_space[]){
				{"ping", "CALL", "ping.c",
				 "capabilities: [sys.log, net.emit, net.recv], "
				 "imports: [{from: pong}]"},
				{"pong", "CALL", "pong.c", pong},
				{0}},
		.paths = "{from: ping, to: pong, name: ball}",
	};

	return package_build(bench, &package, ret_mex, err);
}

static int build_spin(const struct bench *bench, const char *name, uint32_t count,
		      const char *resources, struct buffer *ret_mex, struct error **err)
{
	CLEANUP(freep) char *more = str_printf("count: %u%s", count, resources);
	const struct package package = {
		.name = name,
		.spaces = (const struct package_space[]){{"spin", "CALL", "spin.c", more}, {0}},
		.paths = "",
	};

	return package_build(bench, &package, ret_mex, err);
}

/* What ping logs. */
static int measure_ping(struct cluster *cluster, const struct buffer *mex, double *ret_p50_us,
			double *ret_p99_us, struct error **err)
{
	CLEANUP(freep) char *id = NULL;
	CLEANUP(freep) char *line = NULL;
	uint64_t p50 = 0, p99 = 0;
	int r = cluster_run(cluster, mex, "neighbour", LIMIT_SECONDS, &id, NULL, err);

	if (r == 0)
		r = log_find(cluster->port, id, "ping", "zbench ping", LIMIT_SECONDS, &line,
			     err);
	if (r == 0 &&
	    sscanf(line, "zbench ping p50_ns=%" SCNu64 " p99_ns=%" SCNu64, &p50, &p99) != 2)
		r = error_set(err, ERR_INVALID, "the space says: %s", line);
	if (r == 0)
		r = cluster_clear(cluster, "neighbour", id, 2, err);
	if (r < 0)
		return r;
	*ret_p50_us = (double)p50 / 1000;
	*ret_p99_us = (double)p99 / 1000;
	return 0;
}

static int one_run(struct cluster *cluster, const struct packages *packages, uint32_t spinners,
		   struct figures *figures, struct error **err)
{
	double p50[COUNT], p99[COUNT];
	int r = 0;

	for (int i = 0; i < COUNT && r == 0; i++) {
		CLEANUP(freep) char *id = NULL;

		if (i != ALONE)
			r = cluster_run(cluster, &packages->spin[i], names[i], LIMIT_SECONDS,
					&id, NULL, err);
		if (r == 0)
			r = measure_ping(cluster, &packages->ping, &p50[i], &p99[i], err);
		if (r == 0 && i != ALONE)
			r = cluster_clear(cluster, names[i], id, spinners, err);
		if (r < 0)
			return r;
		bench_progress(cluster->bench, "%s: p50 %.1f us, p99 %.1f us", labels[i],
			       p50[i], p99[i]);
		samples_add(&figures->p50_us[i], p50[i]);
		samples_add(&figures->p99_us[i], p99[i]);
		samples_add(&figures->p50_ratio[i], p50[i] / p50[ALONE]);
		samples_add(&figures->p99_ratio[i], p99[i] / p99[ALONE]);
	}
	return r;
}

static void add(struct report *report, int i, const char *what, const char *unit,
		struct samples *samples)
{
	CLEANUP(freep) char *key = str_printf("%s_%s", keys[i], what);
	CLEANUP(freep) char *label = str_printf("%s, %s", labels[i], what);

	report_add(report, key, label, unit, NULL, samples);
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	CLEANUP(packages_done) struct packages packages = {0};
	CLEANUP(figures_done) struct figures figures = {0};
	struct cluster cluster = {0};
	int r = build_ping(bench, given, &packages.ping, err);

	if (r == 0)
		r = build_spin(bench, names[DEFAULT], given->spinners, "",
			       &packages.spin[DEFAULT], err);
	if (r == 0)
		r = build_spin(bench, names[SMALL], given->spinners, ", resources: {cpu: 5m}",
			       &packages.spin[SMALL], err);
	if (r == 0)
		r = cluster_start(bench, &(struct cluster_options){.zhosts = 1}, &cluster, err);
	for (uint32_t i = 0; i < bench->runs && r == 0; i++)
		r = one_run(&cluster, &packages, given->spinners, &figures, err);
	cluster_stop(&cluster);
	if (r < 0)
		return r;
	report_number(report, "messages", given->messages);
	report_number(report, "pause_ms", given->pause_ms);
	report_number(report, "spinners", given->spinners);
	for (int i = 0; i < COUNT; i++) {
		add(report, i, "p50_us", "us", &figures.p50_us[i]);
		add(report, i, "p99_us", "us", &figures.p99_us[i]);
		if (i == ALONE)
			continue;
		add(report, i, "p50_ratio", "", &figures.p50_ratio[i]);
		add(report, i, "p99_ratio", "", &figures.p99_ratio[i]);
	}
	return 0;
}
