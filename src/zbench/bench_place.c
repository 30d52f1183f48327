/*
 * How fast the placement engine decides: the workloads of Kubernetes' scheduler_perf, whole large
 * clusters, latency in a full one, a failure storm, and memory. The engine of zrms without
 * daemons; with --durable also the store of zrms.
 */
#include <malloc.h>

#include "base/buffer.h"
#include "base/str.h"
#include "zbench/bench_engine.h"
#include "zbench/benchmarks.h"
#include "zbench/durable.h"
#include "zbench/growth.h"
#include "zbench/shapes.h"

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	char *shape;
	bool durable;
	uint32_t batch;
	bool growth;
	char *svg;
};

static const struct cli_option options[] = {
	{.name = "shape",
	 .type = CLI_STRING,
	 .offset = offsetof(struct options, shape),
	 .value = "NAME",
	 .help = "only the measures whose name begins with NAME"},
	{.name = "durable",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct options, durable),
	 .help = "each shape with the commit of every decision in the store of zrms"},
	{.name = "batch",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, batch),
	 .fallback = "1000",
	 .min = 1,
	 .max = 100000,
	 .help = "decisions of one commit, with --durable"},
	{.name = "growth",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct options, growth),
	 .help = "only the cost of a decision with 1,000 to 50,000 zhosts"},
	{.name = "svg",
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, svg),
	 .help = "with --growth: draw the result into this file"},
	{0},
};

const struct benchmark benchmark_place = {
	.command =
		{
			.words = "place",
			.summary = "decisions of the placement engine in large clusters",
			.details = "Each shape is a workload of Kubernetes' scheduler_perf: "
				   "zhosts / "
				   "instances placed "
				   "before / instances measured. Every measured instance is "
				   "one decision of "
				   "its own: requested, placed, and kept. Then one million "
				   "instances, latency "
				   "in a full cluster, the loss of a tenth of a cluster, and "
				   "memory. Time is "
				   "CPU time.\n\n"
				   "With --durable: each shape again, until the last decision "
				   "is on disk, in "
				   "real time. Decisions go into the store of zrms in batches "
				   "of --batch, each "
				   "with the record of the instance and an event; batches that "
				   "wait share a "
				   "transaction (SQLite, synchronous=FULL).",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.engine_only = true,
	.measure = run,
};

/* ---- shapes ---- */

static int shape_rate(const struct shape *s, double *ret_rate, struct error **err)
{
	CLEANUP(shape_end) struct shape_run run;
	uint32_t zhost;
	int r = shape_begin(&run, s, err);
	double begin = thread_cpu_seconds();
	for (uint32_t i = 0; i < s->measured_count && r == 0; i++)
		r = shape_decide(&run, &zhost, err);
	*ret_rate = s->measured_count / (thread_cpu_seconds() - begin);
	return r;
}

static int run_shapes(const struct bench *bench, const char *only, struct report *report,
		      struct error **err)
{
	for (const struct shape *s = shapes; s->name != NULL; s++) {
		CLEANUP(samples_done) struct samples rates = {0};
		if (!str_has_prefix(s->name, only))
			continue;
		for (uint32_t k = 1; k <= bench->runs; k++) {
			double rate = 0;
			bench_progress(bench, "place: %s, run %u of %u", s->name, k,
				       bench->runs);
			int r = shape_rate(s, &rate, err);
			if (r < 0)
				return r;
			samples_add(&rates, rate);
		}
		CLEANUP(freep) char *key = str_printf("%s_per_second", s->name);
		CLEANUP(freep)
		char *label =
			str_printf("%s %u/%u/%u (scheduler_perf: %s)", s->name, s->zhosts,
				   shape_before_count(s), s->measured_count, s->threshold);
		report_add(report, key, label, "decisions/s", "200,000 or more", &rates);
	}
	return 0;
}

/* ---- whole clusters ---- */

struct whole {
	const char *name, *label, *unit, *aim;
	int (*measure)(double *ret_value, struct error **err);
};

static int plain_cluster(struct bench_engine *engine, uint32_t zhosts, struct error **err)
{
	int r = 0;
	for (uint32_t i = 0; i < zhosts && r == 0; i++) {
		CLEANUP(freep)
		char *text = str_printf("{name: z%05u, cpu: 32, memory: 256GiB, region: r%u, "
					"kind: %s, labels: {rack: k%u}}",
					i, i % 5, i % 4 == 0 ? "edge" : "core", i / 40);
		r = bench_engine_add_zhost(engine, text, err);
	}
	return r;
}

/* A topology of 1,000 instances in ten spaces with different rules. */
static char *large_topology(uint32_t number)
{
	struct buffer b = BUFFER_INIT(1 << 16);
	static const char *const rules[] = {
		"strategy: spread",
		"strategy: pack",
		"region: r1",
		"kind: core",
		"constraints: [\"kind != edge\", \"region in (r0, r2, r3)\"]",
		"spread: [{over: region, max_skew: 2, required: true}]",
		"spread: [{over: region, max_skew: 1}]",
		"anti_affinity: [{with: self, required: true}]",
		"affinity: [{with: a, scope: region, required: true}]",
		"anti_affinity: [{with: self, weight: 20}]",
	};
	for (uint32_t i = 0; i < ARRAY_SIZE(rules); i++)
		(void)buffer_printf(
			&b,
			"- {name: %c, type: DATA, count: 100, resources: {cpu: %um, "
			"memory: %uMiB}, placement: {%s}}\n",
			'a' + (int)i, 50 + 10 * ((number + i) % 5), 64 * (1 + (number + i) % 7),
			rules[i]);
	return buffer_steal(&b);
}

#define MILLION_TOPOLOGIES 1000u

static int million(double *ret_seconds, double *ret_bytes, struct error **err)
{
	CLEANUP(bench_engine_done) struct bench_engine engine;
	bench_engine_init(&engine);
	int r = plain_cluster(&engine, 5000, err);
	double seconds = 0;
	size_t before = mallinfo2().uordblks, models = 0;
	for (uint32_t i = 0; i < MILLION_TOPOLOGIES && r == 0; i++) {
		CLEANUP(freep) char *name = str_printf("t%u", i);
		CLEANUP(freep) char *spaces = large_topology(i);
		struct topology *model = NULL;
		size_t model_before = mallinfo2().uordblks;
		r = bench_model(name, spaces, &model, err);
		models += mallinfo2().uordblks - model_before;
		if (r < 0)
			break;
		double begin = thread_cpu_seconds();
		uint32_t topology = bench_engine_add(&engine, model);
		r = bench_engine_place_all(&engine, topology, err);
		seconds += thread_cpu_seconds() - begin;
	}
	*ret_seconds = seconds;
	*ret_bytes = (double)(mallinfo2().uordblks - before - models) / 1e6;
	return r;
}

static int million_seconds(double *ret_value, struct error **err)
{
	double bytes;
	return million(ret_value, &bytes, err);
}

static int million_bytes(double *ret_value, struct error **err)
{
	double seconds;
	return million(&seconds, ret_value, err);
}

/* 12,500 zhosts, 90 % full: the time of each of 20,000 placements. */
static int full_p99(double *ret_value, struct error **err)
{
	CLEANUP(bench_engine_done) struct bench_engine engine;
	CLEANUP(samples_done) struct samples times = {0};
	bench_engine_init(&engine);
	int r = plain_cluster(&engine, 12500, err);
	/* 32 cores each: 12,500 x 32 x 0.9 = 360,000 cores in 720 topologies of 1,000 halves.
	 */
	uint32_t topology = 0;
	for (uint32_t i = 0; i < 720 && r == 0; i++) {
		CLEANUP(freep) char *name = str_printf("t%u", i);
		r = bench_engine_add_text(
			&engine, name,
			"- {name: a, type: DATA, count: 1000, resources: {cpu: 500m, "
			"memory: 1GiB}}\n",
			&topology, err);
		if (r == 0)
			r = bench_engine_place_all(&engine, topology, err);
	}
	if (r == 0)
		r = bench_engine_add_text(
			&engine, "last",
			"- {name: a, type: DATA, count: 20000, resources: {cpu: 200m, "
			"memory: 1GiB}}\n",
			&topology, err);
	for (uint32_t i = 0; i < 20000 && r == 0; i++) {
		double begin = thread_cpu_seconds();
		if (bench_engine_place_one(&engine, topology, i) == PLACE_NONE)
			r = error_set(err, ERR_CONFLICT, "no place in a cluster 90 %% full");
		samples_add(&times, (thread_cpu_seconds() - begin) * 1e6);
	}
	if (r == 0)
		*ret_value = samples_quantile(&times, 0.99);
	return r;
}

/* 10,000 zhosts with 200,000 instances; each tenth zhost is lost. */
static int storm(double *ret_value, struct error **err)
{
	CLEANUP(bench_engine_done) struct bench_engine engine;
	bench_engine_init(&engine);
	int r = plain_cluster(&engine, 10000, err);
	for (uint32_t i = 0; i < 200 && r == 0; i++) {
		CLEANUP(freep) char *name = str_printf("t%u", i);
		CLEANUP(freep) char *spaces = large_topology(i);
		uint32_t topology;
		r = bench_engine_add_text(&engine, name, spaces, &topology, err);
		if (r == 0)
			r = bench_engine_place_all(&engine, topology, err);
	}
	double begin = thread_cpu_seconds();
	for (uint32_t z = 0; z < 10000 && r == 0; z += 10)
		bench_engine_lose(&engine, z);
	if (r == 0)
		r = bench_engine_recover(&engine, err);
	*ret_value = thread_cpu_seconds() - begin;
	return r;
}

#define SMALL_TOPOLOGIES 20000u

/* Topologies of three instances, each compiled by the engine and placed as a whole. */
static int small_topologies(double *ret_value, struct error **err)
{
	CLEANUP(bench_engine_done) struct bench_engine engine;
	double seconds = 0;
	bench_engine_init(&engine);
	int r = plain_cluster(&engine, 5000, err);
	for (uint32_t i = 0; i < SMALL_TOPOLOGIES && r == 0; i++) {
		CLEANUP(freep) char *name = str_printf("t%u", i);
		struct topology *model = NULL;
		r = bench_model(
			name,
			"- {name: page, type: UI}\n- {name: api, type: CALL, placement: "
			"{kind: core}}\n- {name: store, type: DATA, placement: "
			"{anti_affinity: [{with: api}]}}\n",
			&model, err);
		if (r < 0)
			break;
		double begin = thread_cpu_seconds();
		r = bench_engine_place_all(&engine, bench_engine_add(&engine, model), err);
		seconds += thread_cpu_seconds() - begin;
	}
	*ret_value = 3 * SMALL_TOPOLOGIES / seconds;
	return r;
}

static const struct whole wholes[] = {
	{"small_per_second", "5,000 zhosts, 20,000 topologies of 3 instances", "decisions/s",
	 "200,000 or more", small_topologies},
	{"million_seconds", "a million instances on 5,000 zhosts, 1,000 topologies", "s",
	 "5 or less", million_seconds},
	{"million_bytes", "memory of the engine for each of them", "B", "200 or less",
	 million_bytes},
	{"full_p99_us", "12,500 zhosts 90 % full, one placement, p99", "us", "50 or less",
	 full_p99},
	{"storm_seconds", "10,000 zhosts, 200,000 instances, a tenth lost and re-placed", "s",
	 "1 or less", storm},
};

/* One shape, several runs. */
static int run_durable(const struct bench *bench, const struct shape *s, uint32_t batch,
		       struct report *report, struct samples *bytes, struct error **err)
{
	CLEANUP(samples_done) struct samples rates = {0};
	for (uint32_t k = 1; k <= bench->runs; k++) {
		struct durable_outcome outcome = {0};
		bench_progress(bench, "place: %s durable, run %u of %u", s->name, k,
			       bench->runs);
		int r = durable_measure(s, bench->scratch, batch, &outcome, err);
		if (r < 0)
			return r;
		samples_add(&rates, outcome.rate);
		samples_add(bytes, outcome.record_bytes);
	}
	CLEANUP(freep) char *key = str_printf("%s_durable_per_second", s->name);
	CLEANUP(freep)
	char *label =
		str_printf("%s %u/%u/%u, on disk (scheduler_perf: %s)", s->name, s->zhosts,
			   shape_before_count(s), s->measured_count, s->threshold);
	report_add(report, key, label, "decisions/s", "30,000 or more", &rates);
	return 0;
}

static int run_durables(const struct bench *bench, const struct options *given,
			const char *only, struct report *report, struct error **err)
{
	CLEANUP(samples_done) struct samples bytes = {0};
	uint32_t batch = given->batch;
	int r = 0;
	report_number(report, "batch", batch);
	for (const struct shape *s = shapes; s->name != NULL && r == 0; s++) {
		if (str_has_prefix(s->name, only))
			r = run_durable(bench, s, batch, report, &bytes, err);
	}
	if (r == 0 && bytes.list.count > 0)
		report_add(report, "record_bytes", "record of a placed instance", "B", NULL,
			   &bytes);
	return r;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	const char *only = given->shape;
	bool growth = given->growth, durable = given->durable;
	if (growth ? durable || only != NULL : given->svg != NULL)
		return error_set(err, ERR_INVALID,
				 growth ? "--growth goes with --svg only"
					: "--svg goes with --growth only");
	if (growth)
		return growth_run(bench, given->svg, report, err);
	if (durable)
		return run_durables(bench, given, only != NULL ? only : "", report, err);
	int r = run_shapes(bench, only != NULL ? only : "", report, err);
	for (size_t i = 0; i < ARRAY_SIZE(wholes) && r == 0; i++) {
		CLEANUP(samples_done) struct samples samples = {0};
		if (!str_has_prefix(wholes[i].name, only != NULL ? only : ""))
			continue;
		for (uint32_t k = 1; k <= bench->runs && r == 0; k++) {
			double value = 0;
			bench_progress(bench, "place: %s, run %u of %u", wholes[i].name, k,
				       bench->runs);
			r = wholes[i].measure(&value, err);
			if (r == 0)
				samples_add(&samples, value);
		}
		if (r == 0)
			report_add(report, wholes[i].name, wholes[i].label, wholes[i].unit,
				   wholes[i].aim, &samples);
	}
	return r;
}
