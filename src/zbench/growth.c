#include "zbench/growth.h"

#include "base/str.h"
#include "zbench/bench_engine.h"
#include "zbench/machine.h"
#include "zbench/plot.h"

/* At least so many are measured in each cluster, in rounds of half as many as it has zhosts. */
#define DECISIONS 25000u

static const uint32_t sizes[] = {1000, 5000, 12500, 50000};
#define SIZES ARRAY_SIZE(sizes)

static const struct workload {
	const char *name, *label;
	const char *rules;
} workloads[] = {
	{"basic", "no rules", ""},
	{"constraint", "kind and region", "kind: core, constraints: [\"region in (r0, r2)\"]"},
	{"anti_affinity", "never two on one zhost",
	 "anti_affinity: [{with: self, required: true}, {with: before/a, required: true}]"},
};
#define WORKLOADS ARRAY_SIZE(workloads)

static int fill(struct bench_engine *engine, uint32_t zhosts, struct error **err)
{
	uint32_t topology;
	int r = 0;
	for (uint32_t i = 0; i < zhosts && r == 0; i++) {
		CLEANUP(freep)
		char *text = str_printf("{name: z%05u, cpu: 4, memory: 32GiB, region: r%u, "
					"kind: %s}",
					i, i % 5, i % 4 == 0 ? "edge" : "core");
		r = bench_engine_add_zhost(engine, text, err);
	}
	CLEANUP(freep)
	char *before = str_printf("- {name: a, type: DATA, count: %u, resources: {cpu: 100m, "
				  "memory: 500MiB}}\n",
				  zhosts / 5);
	if (r == 0)
		r = bench_engine_add_text(engine, "before", before, &topology, err);
	return r == 0 ? bench_engine_place_all(engine, topology, err) : r;
}

/* Places `count` instances, which is timed, and removes them again. */
static int round_seconds(struct bench_engine *engine, uint32_t topology, uint32_t count,
			 double *ret_seconds, struct error **err)
{
	double begin = thread_cpu_seconds();
	for (uint32_t i = 0; i < count; i++) {
		if (bench_engine_place_one(engine, topology, i) == PLACE_NONE)
			return error_set(err, ERR_CONFLICT, "growth: no place for instance %u",
					 i);
	}
	*ret_seconds = thread_cpu_seconds() - begin;
	for (uint32_t i = 0; i < count; i++)
		place_remove(engine->place, bench_engine_unit(engine, topology, i));
	return 0;
}

static int measure(const struct workload *workload, uint32_t zhosts, double *ret_us,
		   struct error **err)
{
	CLEANUP(bench_engine_done) struct bench_engine engine;
	uint32_t topology = 0, count = zhosts / 2, rounds = (DECISIONS + count - 1) / count;
	double seconds = 0, one = 0;
	CLEANUP(freep)
	char *spaces = str_printf("- {name: a, type: DATA, count: %u, resources: {cpu: 100m, "
				  "memory: 500MiB}, placement: {%s}}\n",
				  count, workload->rules);
	bench_engine_init(&engine);
	int r = fill(&engine, zhosts, err);
	if (r == 0)
		r = bench_engine_add_text(&engine, "measured", spaces, &topology, err);
	for (uint32_t i = 0; i < rounds && r == 0; i++) {
		r = round_seconds(&engine, topology, count, &one, err);
		seconds += one;
	}
	*ret_us = seconds / ((double)rounds * count) * 1e6;
	return r;
}

static int measure_runs(const struct bench *bench, const struct workload *workload,
			uint32_t zhosts, struct report *report, double *ret_median,
			struct error **err)
{
	CLEANUP(samples_done) struct samples samples = {0};
	for (uint32_t k = 1; k <= bench->runs; k++) {
		double us = 0;
		bench_progress(bench, "place: growth, %s, %u zhosts, run %u of %u",
			       workload->name, zhosts, k, bench->runs);
		int r = measure(workload, zhosts, &us, err);
		if (r < 0)
			return r;
		samples_add(&samples, us);
	}
	CLEANUP(freep) char *key = str_printf("growth_%s_%u_us", workload->name, zhosts);
	CLEANUP(freep)
	char *label = str_printf("%s, %u,%03u zhosts: one decision", workload->label,
				 zhosts / 1000, zhosts % 1000);
	report_add(report, key, label, "us", NULL, &samples);
	*ret_median = samples_quantile(&samples, 0.5);
	return 0;
}

static int draw(const struct bench *bench, const double values[WORKLOADS][SIZES],
		const char *path, struct error **err)
{
	CLEANUP(freep) char *machine = machine_text();
	CLEANUP(freep) char *note = str_printf("median of %u; %s", bench->runs, machine);
	struct plot plot = {
		.title = "One placement as the cluster grows",
		.note = note,
		.x_label = "zhosts (logarithmic)",
		.y_label = "microseconds of one core",
		.x = sizes,
		.x_count = SIZES,
		.line_count = WORKLOADS,
	};
	for (size_t n = 0; n < WORKLOADS; n++)
		plot.lines[n] = (struct plot_line){workloads[n].label, values[n]};
	return plot_write(&plot, path, err);
}

int growth_run(const struct bench *bench, const char *svg, struct report *report,
	       struct error **err)
{
	double values[WORKLOADS][SIZES];
	json_t *list = json_array();
	int r = 0;
	(void)json_object_set_new(report->json, "growth", list);
	for (size_t n = 0; n < WORKLOADS && r == 0; n++) {
		for (size_t i = 0; i < SIZES && r == 0; i++) {
			r = measure_runs(bench, &workloads[n], sizes[i], report, &values[n][i],
					 err);
			if (r == 0)
				(void)json_array_append_new(
					list,
					json_pack("{s:s, s:I, s:f}", "shape", workloads[n].name,
						  "zhosts", (json_int_t)sizes[i],
						  "microseconds", values[n][i]));
		}
	}
	return r == 0 && svg != NULL ? draw(bench, values, svg, err) : r;
}
