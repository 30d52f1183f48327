/*
 * How many topologies a second zrms takes and makes durable.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/str.h"
#include "zbench/benchmarks.h"
#include "zbench/cluster.h"
#include "zbench/package.h"

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t clients;
	uint32_t submits;
};

static const struct cli_option options[] = {
	{.name = "clients",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, clients),
	 .fallback = "64",
	 .min = 1,
	 .max = 1000,
	 .help = "connections, each with one request"},
	{.name = "submits",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, submits),
	 .fallback = "6000",
	 .min = 1,
	 .max = 1000000,
	 .help = "topologies in each run"},
	{0},
};

const struct benchmark benchmark_submit = {
	.command =
		{
			.words = "submit",
			.summary = "durable submits per second of many clients",
			.details = "Each submit is a signed package with a name of its own and "
				   "one "
				   "small WebAssembly space, stored with --no-start; the "
				   "module is the "
				   "same, and cached. Packages are made beforehand. A submit "
				   "counts "
				   "when zrms has answered 201, which it does only when "
				   "everything is "
				   "on disk. Each run has a new cluster.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.measure = run,
};

/* What the clients share. */
struct load {
	uint16_t port;
	const struct buffer *mexes;
	size_t count;
	atomic_size_t next;
	double *seconds; /* of each submit */
};

struct worker {
	struct load *load;
	pthread_t thread;
	struct error *error;
};

static void *submit_many(void *data)
{
	struct worker *w = data;
	struct load *load = w->load;
	CLEANUP(client_done) struct client client = {.port = load->port};
	CLEANUP(answer_done) struct answer answer = {0};
	size_t i;

	while (w->error == NULL && (i = atomic_fetch_add(&load->next, 1)) < load->count) {
		uint64_t begin = now_ns();

		if (client_request(&client, "POST", "/v1/topologies?start=0",
				   load->mexes[i].data, load->mexes[i].size, &answer,
				   &w->error) == 0 &&
		    answer.status != 201)
			(void)error_set(&w->error, ERR_INVALID,
					"a submit was answered with %d: %.500s", answer.status,
					answer.body.size > 0 ? answer.body.data : "");
		load->seconds[i] = seconds_between(begin, now_ns());
	}
	return NULL;
}

/* Runs the clients to their end; the first error of any. */
static int drive(struct load *load, size_t clients, double *ret_seconds, struct error **err)
{
	struct worker *workers = mem_new_array(struct worker, clients);
	uint64_t begin = now_ns();
	size_t started = 0;
	int r = 0;

	for (; started < clients && r == 0; started++) {
		workers[started].load = load;
		errno = pthread_create(&workers[started].thread, NULL, submit_many,
				       &workers[started]);
		if (errno != 0) {
			r = error_errno(err, "cannot start a thread");
			break;
		}
	}
	for (size_t i = 0; i < started; i++) {
		(void)pthread_join(workers[i].thread, NULL);
		if (workers[i].error != NULL && r == 0)
			r = error_move(err, steal_ptr(&workers[i].error));
		error_free(workers[i].error);
	}
	*ret_seconds = seconds_between(begin, now_ns());
	free(workers);
	return r;
}

struct figures {
	struct samples rate, p50_ms, p99_ms;
};

static void figures_done(struct figures *f)
{
	samples_done(&f->rate);
	samples_done(&f->p50_ms);
	samples_done(&f->p99_ms);
}

/* The last package goes first and fills the cache. */
static int one_run(struct cluster *cluster, const struct buffer *mexes, size_t count,
		   size_t clients, struct figures *figures, struct error **err)
{
	CLEANUP(freep) double *seconds = mem_new_array(double, count);
	CLEANUP(freep) char *id = NULL;
	CLEANUP(samples_done) struct samples each_ms = {0};
	struct load load = {
		.port = cluster->port, .mexes = mexes, .count = count, .seconds = seconds};
	double taken = 0;
	int r = cluster_submit(cluster, &mexes[count], false, &id, err);

	cluster_close_events(cluster);
	if (r == 0)
		r = drive(&load, clients, &taken, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		samples_add(&each_ms, seconds[i] * 1000);
	samples_add(&figures->rate, (double)count / taken);
	samples_add(&figures->p50_ms, samples_quantile(&each_ms, 0.5));
	samples_add(&figures->p99_ms, samples_quantile(&each_ms, 0.99));
	return 0;
}

static const struct package package = {
	.name = "submit",
	.spaces = (const struct package_space[]){{"idle", "CALL", "idle.c", ""}, {0}},
	.paths = "",
};

static int measure(const struct bench *bench, const struct options *given,
		   const struct buffer *mexes, struct figures *figures, struct error **err)
{
	const struct cluster_options cluster_options = {.zhosts = 1};
	int r = 0;

	for (uint32_t i = 1; i <= bench->runs && r == 0; i++) {
		struct cluster cluster = {0};

		r = cluster_start(bench, &cluster_options, &cluster, err);
		if (r == 0)
			r = one_run(&cluster, mexes, given->submits, given->clients, figures,
				    err);
		cluster_stop(&cluster);
		if (r == 0)
			bench_progress(bench, "submit: run %u of %u: %.0f a second", i,
				       bench->runs, vector_last(&figures->rate.list)[0]);
	}
	return r;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	size_t count = given->submits;
	uint64_t clients = given->clients;
	struct buffer *mexes = mem_new_array(struct buffer, count + 1);
	CLEANUP(figures_done) struct figures figures = {0};
	int r;

	bench_progress(bench, "submit: making %zu packages", count);
	r = package_build_many(bench, &package, count + 1, mexes, err);
	if (r == 0)
		r = measure(bench, given, mexes, &figures, err);
	for (size_t i = 0; i <= count; i++)
		buffer_done(&mexes[i]);
	free(mexes);
	if (r < 0)
		return r;
	CLEANUP(freep)
	char *label = str_printf("durable submits, %llu clients", (unsigned long long)clients);
	report_number(report, "clients", clients);
	report_number(report, "submits", count);
	report_add(report, "submits_per_second", label, "/s",
		   clients == 64 ? "2,000 or more" : NULL, &figures.rate);
	report_add(report, "p50_ms", "  one of them, p50", "ms", NULL, &figures.p50_ms);
	report_add(report, "p99_ms", "  one of them, p99", "ms", NULL, &figures.p99_ms);
	return 0;
}
