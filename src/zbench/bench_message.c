/*
 * How long a request along a path takes, with its answer.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "zbench/bare_chain.h"
#include "zbench/benchmarks.h"
#include "zbench/cluster.h"
#include "zbench/package.h"

#define LIMIT_SECONDS 120u

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

/* What is measured in turn. */
enum { ONE, HUB, DIRECT, BARE_ONE, BARE_DIRECT, BARE_PLAIN, KINDS };

static const char *const names[] = {"one", "hub", "direct", NULL};

struct options {
	uint32_t messages;
	const char *only;
};

static const struct cli_option options[] = {
	{.name = "messages",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, messages),
	 .fallback = "20000",
	 .min = 100,
	 .max = 100000,
	 .help = "requests in each run, one after the other"},
	{.name = "only",
	 .type = CLI_CHOICE,
	 .offset = offsetof(struct options, only),
	 .choices = names,
	 .value = "WAY",
	 .help = "measure only this way, and the bare programs beside it"},
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
				"directly, over TLS. Beside them bare programs that only pass "
				"as many bytes on, over the same sockets and through as many "
				"processes: the least that this machine can do. In turn, so "
				"that all meet the same load of others. "
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

static int measure_bare(const struct bench *bench, enum bare_chain kind, uint32_t count,
			struct figures *figures, struct error **err)
{
	static const char *const words[] = {[BARE_CHAIN_ONE_ZHOST] = "one zhost",
					    [BARE_CHAIN_TCP] = "over TCP",
					    [BARE_CHAIN_TLS] = "over TLS"};
	uint64_t p50, p99;
	int r = bare_chain_measure(kind, count, &p50, &p99, err);

	if (r < 0)
		return r;
	samples_add(&figures->p50_us, (double)p50 / 1000);
	samples_add(&figures->p99_us, (double)p99 / 1000);
	bench_progress(bench, "bare programs, %s: p50 %.1f us, p99 %.1f us", words[kind],
		       (double)p50 / 1000, (double)p99 / 1000);
	return 0;
}

static int measure_cluster(const struct bench *bench, unsigned kind, uint32_t count,
			   struct figures *figures, struct error **err)
{
	static const struct {
		const char *name, *placement;
		bool secure;
	} kinds[] = {
		[ONE] = {"message-one", "affinity: [{with: pong, required: true}]", false},
		[HUB] = {"message-hub", "anti_affinity: [{with: pong, required: true}]", false},
		[DIRECT] = {"message-direct", "anti_affinity: [{with: pong, required: true}]",
			    true},
	};
	struct cluster cluster = {0};
	CLEANUP(buffer_done) struct buffer mex = {0};
	int r = build(bench, kinds[kind].name, kinds[kind].placement, count, &mex, err);

	if (r == 0)
		r = cluster_start(
			bench,
			&(struct cluster_options){.zhosts = 2, .secure = kinds[kind].secure},
			&cluster, err);
	if (r < 0)
		return r;
	r = one_run(&cluster, kinds[kind].name, &mex, figures, err);
	cluster_stop(&cluster);
	return r;
}

static bool is_wanted(const struct options *given, unsigned kind)
{
	static const unsigned beside[] = {
		[BARE_ONE] = ONE, [BARE_DIRECT] = DIRECT, [BARE_PLAIN] = DIRECT};

	if (given->only == NULL)
		return true;
	if (kind >= BARE_ONE)
		kind = beside[kind];
	return str_equal(given->only, names[kind]);
}

static int measure(const struct bench *bench, const struct options *given,
		   struct figures figures[KINDS], struct error **err)
{
	static const enum bare_chain chains[KINDS] = {[BARE_ONE] = BARE_CHAIN_ONE_ZHOST,
						      [BARE_DIRECT] = BARE_CHAIN_TLS,
						      [BARE_PLAIN] = BARE_CHAIN_TCP};
	int r = 0;

	for (uint32_t n = 0; n < bench->runs; n++)
		for (unsigned k = 0; k < KINDS && r == 0; k++) {
			if (!is_wanted(given, k))
				continue;
			r = k >= BARE_ONE ? measure_bare(bench, chains[k], given->messages,
							 &figures[k], err)
					  : measure_cluster(bench, k, given->messages,
							    &figures[k], err);
		}
	return r;
}

/* `a` to `b`, run by run, where both were measured. PRE: none of them was sorted. */
static void report_ratio(struct report *report, const char *key, const char *label,
			 const char *aim, const struct figures *a, const struct figures *b)
{
	CLEANUP(samples_done) struct samples ratio = {0};

	if (a->p50_us.list.count == 0 || b->p50_us.list.count == 0)
		return;
	for (size_t i = 0; i < a->p50_us.list.count; i++)
		samples_add(&ratio, a->p50_us.list.items[i] / b->p50_us.list.items[i]);
	report_add(report, key, label, "", aim, &ratio);
}

static void report_figures(struct report *report, struct figures figures[KINDS])
{
	static const struct {
		const char *key50, *key99, *label, *aim;
	} rows[KINDS] = {
		[ONE] = {"one_zhost_p50_us", "one_zhost_p99_us",
			 "request and answer, one zhost", "30 or less"},
		[HUB] = {"two_zhosts_p50_us", "two_zhosts_p99_us",
			 "two zhosts, through the hub", "100 or less"},
		[DIRECT] = {"direct_p50_us", "direct_p99_us", "two zhosts, directly over TLS",
			    "50 or less"},
		[BARE_ONE] = {"bare_one_zhost_p50_us", "bare_one_zhost_p99_us",
			      "bare programs, as one zhost", NULL},
		[BARE_DIRECT] = {"bare_direct_p50_us", "bare_direct_p99_us",
				 "bare programs, as two zhosts over TLS", NULL},
		[BARE_PLAIN] = {"bare_plain_p50_us", "bare_plain_p99_us",
				"bare programs, as two zhosts over TCP", NULL},
	};

	for (unsigned k = 0; k < KINDS; k++) {
		CLEANUP(freep) char *p50 = str_printf("%s, p50", rows[k].label);
		CLEANUP(freep) char *p99 = str_printf("%s, p99", rows[k].label);

		if (figures[k].p50_us.list.count == 0)
			continue;
		report_add(report, rows[k].key50, p50, "us", rows[k].aim, &figures[k].p50_us);
		report_add(report, rows[k].key99, p99, "us", NULL, &figures[k].p99_us);
	}
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	struct figures figures[KINDS] = {0};
	int r = measure(bench, given, figures, err);

	if (r == 0) {
		report_number(report, "messages", given->messages);
		report_ratio(report, "direct_to_hub", "directly over TLS, to the hub, p50",
			     "1 or less", &figures[DIRECT], &figures[HUB]);
		report_ratio(report, "one_zhost_to_bare", "one zhost, to bare programs, p50",
			     NULL, &figures[ONE], &figures[BARE_ONE]);
		report_ratio(report, "direct_to_bare",
			     "directly over TLS, to bare programs, p50", NULL, &figures[DIRECT],
			     &figures[BARE_DIRECT]);
		report_ratio(report, "direct_to_bare_plain",
			     "directly over TLS, to bare programs without TLS, p50", NULL,
			     &figures[DIRECT], &figures[BARE_PLAIN]);
		report_figures(report, figures);
	}
	for (unsigned k = 0; k < KINDS; k++)
		figures_done(&figures[k]);
	return r;
}
