/*
 * How long it takes to empty a zhost while what was there goes on elsewhere.
 */
#include <inttypes.h>

#include "base/str.h"
#include "zbench/askers.h"
#include "zbench/benchmarks.h"
#include "zbench/cluster.h"
#include "zbench/package.h"

#define LIMIT_SECONDS 300u

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t spaces;
	uint32_t zhosts;
	uint32_t units;
	uint32_t clients;
};

static const struct cli_option options[] = {
	{.name = "spaces",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, spaces),
	 .fallback = "300",
	 .min = 1,
	 .max = 10000,
	 .help = "instances on the zhost that is drained"},
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, zhosts),
	 .fallback = "2",
	 .min = 1,
	 .max = 100,
	 .help = "zhosts that take them"},
	{.name = "units",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, units),
	 .fallback = "64",
	 .min = 1,
	 .max = 1000,
	 .help = "that are handed over at a time"},
	{.name = "clients",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, clients),
	 .fallback = "4",
	 .min = 0,
	 .max = 100,
	 .help = "spaces on the other zhosts that ask them meanwhile, about a thousand "
		 "times a second each"},
	{0},
};

const struct benchmark benchmark_drain = {
	.command =
		{
			.words = "drain",
			.summary = "from the request to drain a zhost to its being drained",
			.details =
				"All instances are on one zhost, and are handed over "
				"start-first. The time goes from the request to the event "
				"'drained' of the zhost. The zhosts that take over have never "
				"seen the module. Clients ask what moves by messages, from "
				"before the request until after the event, and count what "
				"becomes of each: a failed one is refused, not answered "
				"within 5 s, or answered twice. Each run has a new cluster.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.measure = run,
};

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

/* `data`: when the news arrived. */
static int on_event(void *data, const struct event *event, struct error **err)
{
	uint64_t *arrived_ns = data;
	(void)err;
	if (!str_equal(event->kind, "zhost") || !str_equal(event->cause, "drained"))
		return 0;
	*arrived_ns = event->arrived_ns;
	return 1;
}

/* `data`: how many are not started yet. */
static int on_client(void *data, const struct event *event, struct error **err)
{
	uint32_t *missing = data;
	(void)err;
	if (str_equal(event->kind, "space") && str_equal(event->to, "deployed-started") &&
	    str_has_prefix(event->subject, "drain/" ASKERS_NAME "-"))
		(*missing)--;
	return *missing == 0;
}

struct figures {
	struct samples seconds, asked, failed;
};

static void figures_done(struct figures *f)
{
	samples_done(&f->seconds);
	samples_done(&f->asked);
	samples_done(&f->failed);
}

/* All are on the first zhost; the clients, which cannot be there, get their places then. */
static int prepare(struct cluster *cluster, const struct buffer *mex, uint32_t clients,
		   char **ret_id, struct error **err)
{
	uint32_t missing = clients;
	int r = change_others(cluster, "cordon", err);
	if (r == 0)
		r = cluster_run(cluster, mex, "drain", LIMIT_SECONDS, ret_id, NULL, err);
	if (r == 0)
		r = change_others(cluster, "uncordon", err);
	if (r == 0 && clients > 0)
		r = events_until(&cluster->events, on_client, &missing, LIMIT_SECONDS, err);
	return r >= 0 ? askers_begin(cluster->port, *ret_id, clients, err) : r;
}

static int one_run(struct cluster *cluster, const struct buffer *mex, uint32_t clients,
		   struct figures *f, struct error **err)
{
	CLEANUP(freep) char *id = NULL;
	uint64_t begun = 0, drained = 0;
	struct asked asked = {0};
	int r = prepare(cluster, mex, clients, &id, err);
	begun = now_ns();
	if (r == 0)
		r = client_call(&cluster->client, "POST", "/v1/zhosts/bench-1/drain", "{}", 2,
				NULL, err);
	if (r == 0)
		r = events_until(&cluster->events, on_event, &drained, LIMIT_SECONDS, err);
	if (r >= 0)
		r = askers_end(cluster->port, id, clients, drained, &asked, err);
	if (r < 0)
		return r;
	samples_add(&f->seconds, seconds_between(begun, drained));
	if (clients > 0) {
		samples_add(&f->asked, (double)asked.asked);
		samples_add(&f->failed, (double)asked.failed);
	}
	return 0;
}

static int measure(const struct bench *bench, const struct package *package,
		   const struct options *given, struct figures *f, struct error **err)
{
	CLEANUP(buffer_done) struct buffer mex = {0};
	const struct cluster_options cluster_options = {.zhosts = 1 + given->zhosts,
							.drain_units = given->units};
	int r = package_build(bench, package, &mex, err);
	for (uint32_t i = 1; i <= bench->runs && r == 0; i++) {
		struct cluster cluster = {0};
		r = cluster_start(bench, &cluster_options, &cluster, err);
		if (r == 0)
			r = one_run(&cluster, &mex, given->clients, f, err);
		cluster_stop(&cluster);
		if (r == 0)
			bench_progress(bench, "drain: run %u of %u: %.3f s, %.0f failed", i,
				       bench->runs, vector_last(&f->seconds.list)[0],
				       given->clients > 0 ? vector_last(&f->failed.list)[0]
							  : 0);
	}
	return r;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	CLEANUP(freep)
	char *more = str_printf("count: %" PRIu32 ", disruption: {max_unavailable: %" PRIu32
				"}, " ASKED_MORE,
				given->spaces, given->spaces);
	CLEANUP(freep)
	char *asker = askers_more(given->clients > 0 ? given->clients : 1,
				  ", optional: true, "
				  "placement: {constraints: [\"number != 1\"]}");
	CLEANUP(freep) char *path = askers_path("idle");
	CLEANUP(freep)
	char *label =
		str_printf("%" PRIu32 " spaces, %" PRIu32 " at a time, request to drained",
			   given->spaces, given->units);
	const struct package_space spaces[] = {
		{"idle", "CALL", ASKED_SOURCE, more},
		given->clients > 0
			? (struct package_space){ASKERS_NAME, "CALL", ASKERS_SOURCE, asker}
			: (struct package_space){0},
		{0}};
	const struct package package = {
		.name = "drain",
		.spaces = spaces,
		.paths = given->clients > 0 ? path : "",
	};
	CLEANUP(figures_done) struct figures f = {0};
	int r = measure(bench, &package, given, &f, err);
	if (r < 0)
		return r;
	bool is_aimed = given->spaces == 300 && given->units == 64;
	report_number(report, "spaces", given->spaces);
	report_number(report, "units", given->units);
	report_number(report, "clients", given->clients);
	report_add(report, "seconds", label, "s", is_aimed ? "2 or less" : NULL, &f.seconds);
	report_number(report, "zhosts", given->zhosts);
	askers_report(report, "", "meanwhile", &f.asked, &f.failed);
	return 0;
}
