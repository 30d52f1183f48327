/*
 * What Samoza itself takes of a machine's memory.
 */
#include <inttypes.h>

#include "base/str.h"
#include "zbench/benchmarks.h"
#include "zbench/cluster.h"
#include "zbench/machine.h"
#include "zbench/package.h"

#define LIMIT_SECONDS 300u
#define MIB	      (1024.0 * 1024.0)
#define OTHER_ZHOSTS  2u

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t spaces;
	uint32_t on_one;
};

static const struct cli_option options[] = {
	{.name = "spaces",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, spaces),
	 .fallback = "1000",
	 .min = 2,
	 .max = 10000,
	 .help = "instances in all"},
	{.name = "on-one",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, on_one),
	 .fallback = "300",
	 .min = 1,
	 .max = 10000,
	 .help = "of them on the zhost that is measured"},
	{0},
};

const struct benchmark benchmark_memory = {
	.command =
		{
			.words = "memory",
			.summary = "memory of zrms, of a zhost and of each zrun",
			.details =
				"With --spaces instances running, of which --on-one are on one "
				"zhost: resident memory (RSS) of zrms and of that zhost, and "
				"for "
				"the zruns of that zhost the mean of their proportional memory "
				"(PSS) without the pages of the guest's own linear memory. "
				"Each run "
				"has a new cluster.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.measure = run,
};

struct figures {
	struct samples zrms_mib, zhost_mib, zrun_mib, guest_mib;
};

static void figures_done(struct figures *f)
{
	samples_done(&f->zrms_mib);
	samples_done(&f->zhost_mib);
	samples_done(&f->zrun_mib);
	samples_done(&f->guest_mib);
}

static int add_rss(pid_t pid, struct samples *mib, struct error **err)
{
	struct process_memory memory;
	int r = process_memory(pid, &memory, err);

	if (r == 0)
		samples_add(mib, (double)memory.rss / MIB);
	return r;
}

/* The mean over all zruns of a zhost; its zygote has no guest, and is not one of them. */
static int add_zruns(pid_t zhost, uint64_t expected, struct figures *figures,
		     struct error **err)
{
	pid_t *pids = mem_new_array(pid_t, expected + 16);
	size_t count = processes_named(zhost, "zrun", pids, expected + 16), guests = 0;
	double own_sum = 0, guest_sum = 0;
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		struct process_memory own, guest;
		struct error *error = NULL;

		r = zrun_memory(pids[i], &own, &guest, &error);
		if (r == ERR_NOT_FOUND) {
			error_free(error);
			continue;
		}
		if (r < 0) {
			r = error_move(err, error);
			break;
		}
		own_sum += (double)own.pss;
		guest_sum += (double)guest.pss;
		guests++;
	}
	free(pids);
	if (r < 0 && r != ERR_NOT_FOUND)
		return r;
	if (guests != expected)
		return error_set(
			err, ERR_NOT_FOUND,
			"%zu processes below the zhost have a guest's memory, expected "
			"%" PRIu64,
			guests, expected);
	samples_add(&figures->zrun_mib, own_sum / (double)guests / MIB);
	samples_add(&figures->guest_mib, guest_sum / (double)guests / MIB);
	return 0;
}

static int one_run(struct cluster *cluster, const struct buffer *mex, uint64_t on_one,
		   struct figures *figures, struct error **err)
{
	CLEANUP(freep) char *id = NULL;
	int r = cluster_run(cluster, mex, "memory", LIMIT_SECONDS, &id, NULL, err);

	if (r == 0)
		r = add_rss(cluster->zrms, &figures->zrms_mib, err);
	if (r == 0)
		r = add_rss(cluster->zhosts.items[0], &figures->zhost_mib, err);
	if (r == 0)
		r = add_zruns(cluster->zhosts.items[0], on_one, figures, err);
	return r;
}

static int measure(const struct bench *bench, const struct package *package, uint64_t on_one,
		   struct figures *figures, struct error **err)
{
	CLEANUP(buffer_done) struct buffer mex = {0};
	const struct cluster_options cluster_options = {.zhosts = 1 + OTHER_ZHOSTS};
	int r = package_build(bench, package, &mex, err);

	for (uint32_t i = 1; i <= bench->runs && r == 0; i++) {
		struct cluster cluster = {0};

		bench_progress(bench, "memory: run %u of %u", i, bench->runs);
		r = cluster_start(bench, &cluster_options, &cluster, err);
		if (r == 0)
			r = one_run(&cluster, &mex, on_one, figures, err);
		cluster_stop(&cluster);
	}
	return r;
}

static void fill(struct report *report, uint64_t spaces, uint64_t on_one,
		 struct figures *figures)
{
	CLEANUP(freep) char *zrms = str_printf("zrms with %" PRIu64 " instances, RSS", spaces);
	CLEANUP(freep) char *zhost = str_printf("zhost with %" PRIu64 ", RSS", on_one);
	bool standard = spaces == 1000 && on_one == 300;

	report_number(report, "spaces", spaces);
	report_number(report, "on_one", on_one);
	report_add(report, "zrms_mib", zrms, "MiB", standard ? "25 or less" : NULL,
		   &figures->zrms_mib);
	report_add(report, "zhost_mib", zhost, "MiB", standard ? "12 or less" : NULL,
		   &figures->zhost_mib);
	report_add(report, "zrun_mib", "zrun beside its guest's memory, PSS", "MiB",
		   standard ? "0.5 or less" : NULL, &figures->zrun_mib);
	report_add(report, "guest_mib", "  the guest's own memory, PSS", "MiB", NULL,
		   &figures->guest_mib);
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	uint64_t spaces = given->spaces, on_one = given->on_one;

	if (on_one >= spaces)
		return error_set(err, ERR_INVALID, "--on-one must be less than --spaces");
	CLEANUP(freep)
	char *one = str_printf(
		"count: %" PRIu64 ", placement: {constraints: [\"number == 1\"]}", on_one);
	CLEANUP(freep)
	char *others =
		str_printf("count: %" PRIu64 ", placement: {constraints: [\"number != 1\"]}",
			   spaces - on_one);
	const struct package package = {
		.name = "memory",
		.spaces = (const struct package_space[]){{"one", "CALL", "idle.c", one},
							 {"others", "CALL", "idle.c", others},
							 {0}},
		.paths = "",
	};
	CLEANUP(figures_done) struct figures figures = {0};
	int r = measure(bench, &package, on_one, &figures, err);

	if (r == 0)
		fill(report, spaces, on_one, &figures);
	return r;
}
