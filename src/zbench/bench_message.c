/*
 * How long a request along a path takes, with its answer.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "zbench/benchmarks.h"
#include "zbench/cluster.h"
#include "zbench/package.h"

#define LIMIT_SECONDS 120u

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t messages;
};

static const struct cli_option options[] = {
	{.name = "messages",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, messages),
	 .fallback = "20000",
	 .min = 100,
	 .max = 100000,
	 .help = "requests in each run, one after the other"},
	{0},
};

const struct benchmark benchmark_message = {
	.command =
		{
			.words = "message",
			.summary = "a request along a path and its answer",
			.details =
				"A space sends 200 bytes along a path, the other one sends "
				"them "
				"back; the first one takes the time with its own monotonic "
				"clock. "
				"Once with both spaces on one zhost, once on two, where "
				"messages go "
				"through the hub in zrms, and once on two that have joined, "
				"where they go "
				"directly, over TLS. In turn, so that all meet the same load "
				"of others. "
				"The first tenth does not count.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.measure = run,
};

/* `placement` of the space that asks. */
static int build(const struct bench *bench, const char *name, const char *placement,
		 uint64_t messages, struct buffer *ret_mex, struct error **err)
{
	CLEANUP(freep)
	char *ping = str_printf("capabilities: [sys.log, net.emit, net.recv], "
				"imports: [{from: pong}], placement: {%s}",
				placement);
	CLEANUP(freep)
	char *pong = str_printf("capabilities: [sys.log, net.emit, net.recv], "
				"exports: {messages: \"%" PRIu64 "\"}",
				messages);
	const struct package package = {
		.name = name,
		.spaces = (const struct package_space[]){{"ping", "CALL", "ping.c", ping},
							 {"pong", "CALL", "pong.c", pong},
							 {0}},
		.paths = "{from: ping, to: pong, name: ball}",
	};

	return package_build(bench, &package, ret_mex, err);
}

struct figures {
	struct samples p50_us, p99_us;
};

static void figures_done(struct figures *f)
{
	samples_done(&f->p50_us);
	samples_done(&f->p99_us);
}

static int one_run(struct cluster *cluster, const char *name, const struct buffer *mex,
		   struct figures *figures, struct error **err)
{
	CLEANUP(freep) char *id = NULL;
	CLEANUP(freep) char *line = NULL;
	uint64_t p50 = 0, p99 = 0;
	int r = cluster_run(cluster, mex, name, LIMIT_SECONDS, &id, NULL, err);

	if (r == 0)
		r = log_find(cluster->port, id, "ping", "zbench ping", LIMIT_SECONDS, &line,
			     err);
	if (r == 0 &&
	    sscanf(line, "zbench ping p50_ns=%" SCNu64 " p99_ns=%" SCNu64, &p50, &p99) != 2)
		r = error_set(err, ERR_INVALID, "the space says: %s", line);
	if (r == 0)
		r = cluster_clear(cluster, name, id, 2, err);
	if (r < 0)
		return r;
	samples_add(&figures->p50_us, (double)p50 / 1000);
	samples_add(&figures->p99_us, (double)p99 / 1000);
	bench_progress(cluster->bench, "%s: p50 %.1f us, p99 %.1f us", name, (double)p50 / 1000,
		       (double)p99 / 1000);
	return 0;
}

/* What is measured in turn. */
enum { ONE, HUB, DIRECT, KINDS };

static int measure(const struct bench *bench, const struct options *given,
		   struct figures figures[KINDS], struct error **err)
{
	static const struct {
		const char *name, *placement;
		bool secure;
	} kinds[KINDS] = {
		[ONE] = {"message-one", "affinity: [{with: pong, required: true}]", false},
		[HUB] = {"message-hub", "anti_affinity: [{with: pong, required: true}]", false},
		[DIRECT] = {"message-direct", "anti_affinity: [{with: pong, required: true}]",
			    true},
	};
	int r = 0;

	for (uint32_t n = 0; n < bench->runs; n++)
		for (unsigned k = 0; k < KINDS && r == 0; k++) {
			struct cluster cluster = {0};
			CLEANUP(buffer_done) struct buffer mex = {0};
			r = build(bench, kinds[k].name, kinds[k].placement, given->messages,
				  &mex, err);
			if (r == 0)
				r = cluster_start(
					bench,
					&(struct cluster_options){.zhosts = 2,
								  .secure = kinds[k].secure},
					&cluster, err);
			if (r < 0)
				return r;
			r = one_run(&cluster, kinds[k].name, &mex, &figures[k], err);
			cluster_stop(&cluster);
		}
	return r;
}

/* Run by run; PRE: none of them was sorted. */
static void ratio_fill(const struct figures figures[KINDS], struct samples *ratio)
{
	for (size_t i = 0; i < figures[HUB].p50_us.list.count; i++)
		samples_add(ratio, figures[DIRECT].p50_us.list.items[i] /
					   figures[HUB].p50_us.list.items[i]);
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	struct figures figures[KINDS] = {0};
	CLEANUP(samples_done) struct samples ratio = {0};
	int r = measure(bench, given, figures, err);

	if (r == 0) {
		ratio_fill(figures, &ratio);
		report_number(report, "messages", given->messages);
		report_add(report, "one_zhost_p50_us", "request and answer, one zhost, p50",
			   "us", "30 or less", &figures[ONE].p50_us);
		report_add(report, "one_zhost_p99_us", "request and answer, one zhost, p99",
			   "us", NULL, &figures[ONE].p99_us);
		report_add(report, "two_zhosts_p50_us", "two zhosts, through the hub, p50",
			   "us", "100 or less", &figures[HUB].p50_us);
		report_add(report, "two_zhosts_p99_us", "two zhosts, through the hub, p99",
			   "us", NULL, &figures[HUB].p99_us);
		report_add(report, "direct_p50_us", "two zhosts, directly over TLS, p50", "us",
			   "50 or less", &figures[DIRECT].p50_us);
		report_add(report, "direct_p99_us", "two zhosts, directly over TLS, p99", "us",
			   NULL, &figures[DIRECT].p99_us);
		report_add(report, "direct_to_hub", "directly over TLS, to the hub, p50", "",
			   "1 or less", &ratio);
	}
	for (unsigned k = 0; k < KINDS; k++)
		figures_done(&figures[k]);
	return r;
}
