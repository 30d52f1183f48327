/*
 * How zrms fares with ten thousand zhosts and a million instances.
 */
#include <inttypes.h>

#include "base/str.h"
#include "zbench/benchmarks.h"
#include "zbench/fleet_run.h"
#include "zbench/machine.h"
#include "zbench/package.h"
#include "zbench/plot.h"

#define SIZES_MAX    8
#define GROWTH_FIRST 10000u

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t zhosts, instances, topology, lost;
	int64_t heartbeat_ms, idle_ms;
	bool growth;
	char *svg;
};

static const struct cli_option options[] = {
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, zhosts),
	 .fallback = "1000",
	 .min = 2,
	 .max = 50000,
	 .help = "simulated zhosts, each with a link of its own"},
	{.name = "instances",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, instances),
	 .fallback = "10000",
	 .min = 1,
	 .max = 10000000,
	 .help = "instances in all topologies together"},
	{.name = "topology",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, topology),
	 .fallback = "1000",
	 .min = 2,
	 .max = 100000,
	 .help = "instances of each topology; those of all are a multiple of it"},
	{.name = "lost",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, lost),
	 .fallback = "100",
	 .max = 50000,
	 .help = "zhosts that are lost at the end; 0: none"},
	{.name = "heartbeat",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct options, heartbeat_ms),
	 .fallback = "10s",
	 .min = 100,
	 .max = 60000,
	 .help = "time between two heartbeats; a zhost is lost after three"},
	{.name = "idle",
	 .type = CLI_DURATION,
	 .offset = offsetof(struct options, idle_ms),
	 .fallback = "20s",
	 .max = 600000,
	 .help = "time in which nothing but heartbeats happens; 0s: that part is left out"},
	{.name = "growth",
	 .offset = offsetof(struct options, growth),
	 .help = "also with a tenth of the instances, a hundredth and so on, from 10,000"},
	{.name = "svg",
	 .type = CLI_PATH,
	 .offset = offsetof(struct options, svg),
	 .help = "with --growth: draw the cost of an instance into this file"},
	{0},
};

const struct benchmark benchmark_fleet = {
	.command =
		{
			.words = "fleet",
			.summary = "a real zrms with thousands of simulated zhosts",
			.details =
				"zrms is a process with its store on disk; the zhosts are "
				"simulated in another process: their decision core and their "
				"links are real, their processes only pretend. Topologies have "
				"one NATIVE space. Measured are: all zhosts join; from the "
				"first submit until all instances run, with the CPU time and "
				"memory of zrms; zrms while nothing but heartbeats happens; "
				"the status of one topology; the stop and start of an "
				"instance, from the request to the event; and the loss of "
				"zhosts, from its detection until all instances run elsewhere. "
				"Each run has a new cluster.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.is_separate = true,
	.measure = run,
};

/* ---- one size ---- */

struct packages {
	struct buffer *list;
	size_t count;
};

static void packages_done(struct packages *p)
{
	for (size_t k = 0; k < p->count; k++)
		buffer_done(&p->list[k]);
	free(p->list);
}

static int packages_make(const struct bench *bench, uint32_t instances, size_t count,
			 struct packages *p, struct error **err)
{
	CLEANUP(freep) char *more = str_printf("count: %" PRIu32, instances);
	const struct package package = {
		.name = "fleet",
		.spaces = (const struct package_space[]){{"idle", "NATIVE", "idle.sh", more},
							 {0}},
		.paths = "",
	};
	p->list = mem_new_array(struct buffer, count);
	p->count = count;
	bench_progress(bench, "fleet: making %zu packages", count);
	return package_build_many(bench, &package, count, p->list, err);
}

static int measure(const struct bench *bench, const struct fleet_size *size,
		   const struct packages *packages, struct fleet_figures *figures,
		   struct error **err)
{
	int r = 0;
	for (uint32_t k = 1; k <= bench->runs && r == 0; k++) {
		bench_progress(bench,
			       "fleet: %" PRIu32 " zhosts, %" PRIu32 " instances: run %" PRIu32
			       " of %" PRIu32,
			       size->zhosts, size->instances, k, bench->runs);
		r = fleet_run(bench, size, packages->list, figures, err);
	}
	return r;
}

static bool is_aimed(const struct fleet_size *size)
{
	return size->zhosts == 10000 && size->instances == 1000000;
}

static void report_parts(const struct fleet_size *size, const char *prefix,
			 struct report *report, struct fleet_figures *f)
{
	const struct row {
		const char *key, *label, *unit, *aim;
		struct samples *samples;
	} rows[] = {
		{"join_s", "all zhosts join", "s", NULL, &f->join_s},
		{"running_s", "all instances, submit to running", "s", "120 or less",
		 &f->running_s},
		{"submit_s", "  of it, until the last submit is answered", "s", NULL,
		 &f->submit_s},
		{"cpu_us", "  CPU time of zrms for each instance", "us", NULL, &f->cpu_us},
		{"rss_mib", "  memory of zrms", "MiB", "2,048 or less", &f->rss_mib},
		{"kib", "  of it, for each instance", "KiB", NULL, &f->kib},
		{"idle_percent", "idle: CPU time of zrms, of one core", "%", "5 or less",
		 &f->idle_percent},
		{"idle_wait_ms", "  longest wait of a request", "ms", "10 or less",
		 &f->idle_wait_ms},
		{"status_p50_ms", "status of a topology, p50", "ms", NULL, &f->status_p50_ms},
		{"status_p99_ms", "  p99", "ms", "20 or less", &f->status_p99_ms},
		{"event_p50_ms", "stop or start of an instance, to its event, p50", "ms", NULL,
		 &f->event_p50_ms},
		{"event_p99_ms", "  p99", "ms", "20 or less", &f->event_p99_ms},
		{"recovered", "loss of zhosts: instances that start elsewhere", "", NULL,
		 &f->recovered},
		{"recovery_s", "  last detection to all running", "s", "5 or less",
		 &f->recovery_s},
		{"recovery_first_s", "  first detection to all running", "s", NULL,
		 &f->recovery_first_s},
		{"recovery_cpu_us", "  CPU time of zrms for each of them", "us", NULL,
		 &f->recovery_cpu_us},
	};
	for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
		CLEANUP(freep) char *key = str_printf("%s%s", prefix, rows[k].key);
		if (rows[k].samples->list.count > 0)
			report_add(report, key, rows[k].label, rows[k].unit,
				   is_aimed(size) ? rows[k].aim : NULL, rows[k].samples);
	}
}

/* ---- all sizes ---- */

/* 10,000, 100,000 and so on, and as many as were asked for, at the end. */
static size_t sizes_of(const struct options *given, uint32_t sizes[SIZES_MAX])
{
	size_t count = 0;
	for (uint64_t n = GROWTH_FIRST; given->growth && n < given->instances; n *= 10)
		sizes[count++] = (uint32_t)n;
	sizes[count++] = given->instances;
	return count;
}

static int draw(const struct bench *bench, const struct options *given, const uint32_t *sizes,
		const double *values, size_t count, struct error **err)
{
	CLEANUP(freep) char *machine = machine_text();
	CLEANUP(freep)
	char *note = str_printf("%" PRIu32 " zhosts; median of %" PRIu32 "; %s", given->zhosts,
				bench->runs, machine);
	const struct plot plot = {
		.title = "Cost of an instance as the fleet grows",
		.note = note,
		.x_label = "instances (logarithmic)",
		.y_label = "microseconds of CPU time of zrms",
		.x = sizes,
		.x_count = count,
		.line_count = 1,
		.lines = {{"submit to running", values}},
	};
	return plot_write(&plot, given->svg, err);
}

static int measure_size(const struct bench *bench, const struct options *given,
			uint32_t instances, const struct packages *packages,
			struct report *report, double *ret_cpu_us, struct error **err)
{
	CLEANUP(fleet_figures_done) struct fleet_figures figures = {0};
	const struct fleet_size size = {
		.zhosts = given->zhosts,
		.instances = instances,
		.topologies = instances / given->topology,
		.lost = given->lost,
		.heartbeat_ms = given->heartbeat_ms,
		.idle_ms = given->idle_ms,
	};
	CLEANUP(freep)
	char *prefix = given->growth ? str_printf("instances_%" PRIu32 "_", instances)
				     : mem_strdup("");
	int r = measure(bench, &size, packages, &figures, err);
	if (r < 0)
		return r;
	report_parts(&size, prefix, report, &figures);
	*ret_cpu_us = samples_quantile(&figures.cpu_us, 0.5);
	return 0;
}

static int check(const struct options *given, const uint32_t *sizes, size_t count,
		 struct error **err)
{
	for (size_t k = 0; k < count; k++)
		if (sizes[k] % given->topology != 0)
			return error_set(err, ERR_INVALID,
					 "%" PRIu32 " instances are not a multiple of "
					 "--topology %" PRIu32,
					 sizes[k], given->topology);
	if (given->lost >= given->zhosts)
		return error_set(err, ERR_INVALID,
				 "--lost %" PRIu32 " leaves none of %" PRIu32 " zhosts",
				 given->lost, given->zhosts);
	if (given->svg != NULL && count < 2)
		return error_set(err, ERR_INVALID,
				 "--svg needs --growth and more than 10,000 instances");
	return 0;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	CLEANUP(packages_done) struct packages packages = {0};
	uint32_t sizes[SIZES_MAX];
	double cpu_us[SIZES_MAX];
	size_t count = sizes_of(given, sizes);
	int r = check(given, sizes, count, err);
	if (r == 0)
		r = packages_make(bench, given->topology, given->instances / given->topology,
				  &packages, err);
	report_number(report, "zhosts", given->zhosts);
	report_number(report, "instances", given->instances);
	for (size_t k = 0; k < count && r == 0; k++)
		r = measure_size(bench, given, sizes[k], &packages, report, &cpu_us[k], err);
	return r == 0 && given->svg != NULL ? draw(bench, given, sizes, cpu_us, count, err) : r;
}
