/*
 * How long spaces are away when their machine is lost.
 */
#include <inttypes.h>

#include "base/str.h"
#include "zbench/benchmarks.h"
#include "zbench/cluster.h"
#include "zbench/package.h"

#define LIMIT_SECONDS	   120u
#define FAILURE_TIMEOUT_MS 3000u

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t spaces;
	uint32_t zhosts;
};

static const struct cli_option options[] = {
	{.name = "spaces",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, spaces),
	 .fallback = "300",
	 .min = 1,
	 .max = 10000,
	 .help = "instances on the zhost that is lost"},
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, zhosts),
	 .fallback = "2",
	 .min = 1,
	 .max = 100,
	 .help = "zhosts that take them"},
	{0},
};

const struct benchmark benchmark_recover = {
	.command =
		{
			.words = "recover",
			.summary = "from the loss of a zhost to all its spaces running again",
			.details =
				"All instances are on one zhost; it is killed with its zruns, "
				"as "
				"when a machine is lost. The time goes from the event "
				"'problem' of "
				"the zhost to the event 'running' of the topology. The zhosts "
				"that take over have never seen the module. Each run has a new "
				"cluster.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.measure = run,
};

struct figures {
	struct samples detection_s, recovery_s;
};

static void figures_done(struct figures *f)
{
	samples_done(&f->detection_s);
	samples_done(&f->recovery_s);
}

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

static int one_run(struct cluster *cluster, const struct buffer *mex, struct figures *figures,
		   struct error **err)
{
	CLEANUP(freep) char *id = NULL;
	uint64_t killed = 0, detected = 0, running = 0;
	int r = change_others(cluster, "cordon", err);

	if (r == 0)
		r = cluster_run(cluster, mex, "recover", LIMIT_SECONDS, &id, NULL, err);
	if (r == 0)
		r = change_others(cluster, "uncordon", err);
	if (r == 0) {
		killed = now_ns();
		cluster_kill_zhost(cluster, 0);
		r = events_zhosts(&cluster->events, "problem", 1, LIMIT_SECONDS, &detected,
				  err);
	}
	if (r == 0)
		r = events_topology(&cluster->events, "recover", "running", LIMIT_SECONDS,
				    &running, err);
	if (r < 0)
		return r;
	samples_add(&figures->detection_s, seconds_between(killed, detected));
	samples_add(&figures->recovery_s, seconds_between(detected, running));
	return 0;
}

static int measure(const struct bench *bench, const struct package *package, unsigned zhosts,
		   struct figures *figures, struct error **err)
{
	CLEANUP(buffer_done) struct buffer mex = {0};
	const struct cluster_options cluster_options = {
		.zhosts = 1 + zhosts,
		.failure_timeout_ms = FAILURE_TIMEOUT_MS,
	};
	int r = package_build(bench, package, &mex, err);

	for (uint32_t i = 1; i <= bench->runs && r == 0; i++) {
		struct cluster cluster = {0};

		r = cluster_start(bench, &cluster_options, &cluster, err);
		if (r == 0)
			r = one_run(&cluster, &mex, figures, err);
		cluster_stop(&cluster);
		if (r == 0)
			bench_progress(bench, "recover: run %u of %u: %.3f s", i, bench->runs,
				       vector_last(&figures->recovery_s.list)[0]);
	}
	return r;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	uint64_t spaces = given->spaces;
	unsigned zhosts = given->zhosts;
	CLEANUP(freep) char *count = str_printf("count: %" PRIu64, spaces);
	CLEANUP(freep)
	char *label = str_printf("%" PRIu64 " spaces, detection to running", spaces);
	const struct package package = {
		.name = "recover",
		.spaces =
			(const struct package_space[]){{"idle", "CALL", "idle.c", count}, {0}},
		.paths = "",
	};
	CLEANUP(figures_done) struct figures figures = {0};
	int r = measure(bench, &package, zhosts, &figures, err);

	if (r < 0)
		return r;
	report_number(report, "spaces", spaces);
	report_add(report, "seconds", label, "s", spaces == 300 ? "1 or less" : NULL,
		   &figures.recovery_s);
	report_add(report, "detection_seconds", "  loss to detection, timeout 3 s", "s", NULL,
		   &figures.detection_s);
	report_number(report, "zhosts", zhosts);
	return 0;
}
