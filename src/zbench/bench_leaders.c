/*
 * How long nothing can be changed when the zrms that leads dies.
 */
#include <inttypes.h>
#include <poll.h>

#include "base/str.h"
#include "zbench/benchmarks.h"
#include "zbench/package.h"
#include "zbench/trio.h"

#define LEASE_MS     2000u
#define RECORDS_EACH 10000u /* about, of one topology that is stored */
#define SPACES	     20u

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t records;
	uint32_t takeovers;
};

static const struct cli_option options[] = {
	{.name = "records",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, records),
	 .fallback = "100000",
	 .min = 10000,
	 .max = 10000000,
	 .help = "records in the store, about"},
	{.name = "takeovers",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, takeovers),
	 .fallback = "10",
	 .min = 1,
	 .max = 1000,
	 .help = "leaders that die in each run"},
	{0},
};

const struct benchmark benchmark_leaders = {
	.command =
		{
			.words = "leaders",
			.summary = "from the death of the zrms that leads to the next change",
			.details =
				"Three zrms on three etcd, all on this machine, with a lease "
				"of 2 s. The one that leads is killed, and the time goes from "
				"there until another one acknowledges a change. Each run has a "
				"new "
				"cluster, with spaces that run on one zhost: none may be "
				"restarted. Needs etcd.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.measure = run,
};

struct figures {
	struct samples p50, p99, restarted;
};

static void figures_done(struct figures *f)
{
	samples_done(&f->restarted);
	samples_done(&f->p50);
	samples_done(&f->p99);
}

static int submit(struct trio *t, const struct buffer *mex, const char *path,
		  struct error **err)
{
	int r = client_call(&t->client, "POST", path, mex->data, mex->size, NULL, NULL);
	if (r == 0)
		return 0;
	/* On a busy machine the one that led may have lost its place, before it was taken or after. */
	r = trio_ask(t, TRIO, "GET", "/v1/cluster", NULL, err);
	if (r == 0)
		r = client_call(&t->client, "POST", path, mex->data, mex->size, NULL, err);
	return r;
}

/* Topologies that are stored, and not started: a record for each of their instances. */
static int fill(const struct bench *bench, struct trio *t, uint32_t records, struct error **err)
{
	CLEANUP(freep) char *count = str_printf("count: %u", RECORDS_EACH);
	uint32_t n = records / RECORDS_EACH;
	struct buffer *mexes = mem_new_array(struct buffer, n);
	const struct package package = {
		.name = "stored",
		.spaces =
			(const struct package_space[]){{"idle", "CALL", "idle.c", count}, {0}},
		.paths = "",
	};
	int r = package_build_many(bench, &package, n, mexes, err);
	for (uint32_t i = 0; i < n; i++) {
		if (r == 0)
			r = submit(t, &mexes[i], "/v1/topologies?start=0", err);
		buffer_done(&mexes[i]);
	}
	free(mexes);
	return r;
}

static int start_spaces(const struct bench *bench, struct trio *t, struct error **err)
{
	CLEANUP(buffer_done) struct buffer mex = {0};
	CLEANUP(freep) char *count = str_printf("count: %u", SPACES);
	const struct package package = {
		.name = "live",
		.spaces =
			(const struct package_space[]){{"idle", "CALL", "idle.c", count}, {0}},
		.paths = "",
	};
	int r = package_build(bench, &package, &mex, err);
	if (r == 0)
		r = submit(t, &mex, "/v1/topologies", err);
	return r == 0 ? trio_wait(t, "/v1/topologies/live", "\"running\"", err) : r;
}

static int takeover(struct trio *t, unsigned number, struct figures *f, struct samples *of_run,
		    struct error **err)
{
	CLEANUP(freep)
	char *body = str_printf("{\"name\": \"user-%u\", \"role\": \"viewer\"}", number);
	CLEANUP(freep) char *spaces = trio_spaces(t);
	unsigned dies = t->leader;
	uint64_t killed = now_ns();
	trio_kill_leader(t);
	int r = trio_ask(t, dies, "POST", "/v1/users", body, err);
	if (r < 0)
		return r;
	samples_add(of_run, seconds_between(killed, now_ns()));
	r = trio_start_zrms(t, dies, err);
	if (r == 0)
		r = trio_wait(t, "/v1/zhosts/bench-1", "deployed-started", err);
	CLEANUP(freep) char *after = trio_spaces(t);
	samples_add(&f->restarted, str_equal(spaces, after) ? 0 : 1);
	return r == 0 ? trio_wait_up_to_date(t, err) : r;
}

static int one_run(const struct bench *bench, const struct options *given, struct trio *t,
		   struct figures *f, struct error **err)
{
	struct samples of_run = {0};
	int r = start_spaces(bench, t, err);
	if (r == 0)
		r = fill(bench, t, given->records, err);
	if (r == 0)
		r = trio_wait_up_to_date(t, err);
	for (uint32_t i = 1; i <= given->takeovers && r == 0; i++) {
		r = takeover(t, i, f, &of_run, err);
		if (r == 0)
			bench_progress(bench, "leaders: takeover %u of %u: %.3f s", i,
				       given->takeovers, vector_last(&of_run.list)[0]);
	}
	if (r == 0) {
		samples_add(&f->p50, samples_quantile(&of_run, 0.5));
		samples_add(&f->p99, samples_quantile(&of_run, 0.99));
	}
	samples_done(&of_run);
	return r;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	CLEANUP(figures_done) struct figures f = {0};
	int r = 0;
	for (uint32_t i = 1; i <= bench->runs && r == 0; i++) {
		struct trio t = {0};
		r = trio_start(bench, LEASE_MS, &t, err);
		if (r == 0)
			r = one_run(bench, given, &t, &f, err);
		trio_stop(&t);
	}
	if (r < 0)
		return r;
	report_number(report, "records", given->records);
	report_number(report, "takeovers", given->takeovers);
	report_add(report, "p50_seconds", "death of the leader to the next change, p50", "s",
		   given->records <= 100000 ? "3 or less" : NULL, &f.p50);
	report_add(report, "p99_seconds", "  p99", "s",
		   given->records <= 100000 ? "5 or less" : "10 or less", &f.p99);
	report_add(report, "restarted", "  takeovers with a space that was restarted", "", "0",
		   &f.restarted);
	return 0;
}
