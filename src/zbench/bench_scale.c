/*
 * What would grow faster than the cluster: clusters of a size that no single machine can run, in
 * one process (fleet.h); for what the daemon itself does, a real zrms with the fleet's records.
 */
#include "base/str.h"
#include "zbench/benchmarks.h"
#include "zbench/cluster.h"
#include "zbench/fleet.h"
#include "zbench/prober.h"

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	char *only;
};

static const char *const names[] = {"restart", "provider", "pages",	"hello",
				    "list",    "each",	   "rebalance", NULL};

static const struct cli_option options[] = {
	{.name = "only",
	 .type = CLI_CHOICE,
	 .offset = offsetof(struct options, only),
	 .choices = names,
	 .value = "PART",
	 .help = "measure only this part"},
	{0},
};

const struct benchmark benchmark_scale = {
	.command =
		{
			.words = "scale",
			.summary = "what zrms computes and sends in large clusters",
			.details =
				"restart: zrms starts with 40,000 topologies on 100 zhosts, "
				"from the start of the program to its first durable decision. "
				"provider: one of 2,000 providers of 2,000 importers on 100 "
				"zhosts dies; what zrms computes and encodes. pages: 1,000 "
				"zhosts lose their connection and come back, with 1,000 "
				"topologies of pages; what zrms sends. hello: 10,000 zhosts "
				"come back, with 2,000 topologies of five spaces. list: all "
				"100,000 instances over REST; how long zrms answers no "
				"other request. each: 10,000 zhosts join one by one, with 20 "
				"applications of a NATIVE space with `count: each`; then one "
				"of their instances dies, and another space is placed. "
				"rebalance: 10,000 spaces on 900 zhosts, and 100 that have "
				"joined; how long zrms answers no other request while it "
				"chooses what to move. "
				"provider, hello and each are CPU time. The zhosts are "
				"simulated and answer at once.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.is_separate = true,
	.measure = run,
};

struct figures {
	struct samples restart_s, restart_blocked_ms, provider_s, provider_mib, pages_mib,
		hello_s, list_s, list_blocked_ms, each_join_s, each_end_ms, each_place_ms,
		rebalance_s, rebalance_blocked_ms;
};

static void figures_done(struct figures *f)
{
	samples_done(&f->restart_s);
	samples_done(&f->restart_blocked_ms);
	samples_done(&f->provider_s);
	samples_done(&f->provider_mib);
	samples_done(&f->pages_mib);
	samples_done(&f->hello_s);
	samples_done(&f->list_s);
	samples_done(&f->list_blocked_ms);
	samples_done(&f->each_join_s);
	samples_done(&f->each_end_ms);
	samples_done(&f->each_place_ms);
	samples_done(&f->rebalance_s);
	samples_done(&f->rebalance_blocked_ms);
}

#define MIB 1048576.0

/* ---- what all parts begin with ---- */

static void hello_all(struct fleet *f)
{
	for (unsigned z = 0; z < f->zhosts.count; z++) {
		fleet_hello(f, z);
		fleet_settle(f);
	}
}

/* `count` topologies PREFIX-0 …, all running. */
static int run_all(const struct bench *bench, struct fleet *f, const char *prefix,
		   unsigned count, const char *spaces, unsigned assets, struct error **err)
{
	int r = 0;
	for (unsigned k = 0; k < count && r == 0; k++) {
		CLEANUP(freep) char *name = str_printf("%s-%u", prefix, k);
		r = fleet_submit(f, name, spaces, assets, err);
		if (r == 0)
			fleet_settle(f);
		if (k % 10000 == 9999)
			bench_progress(bench, "scale: %u topologies run", k + 1);
	}
	return r;
}

/* ---- restart ---- */

/* A real zrms takes the fleet's records and decides: a topology is stopped. */
static int restart_once(const struct bench *bench, struct figures *figures, struct error **err)
{
	struct prober prober = {0};
	const struct cluster_options cluster_options = {.store = bench->scratch,
							.prober = &prober};
	struct cluster cluster = {0};
	int r = cluster_start(bench, &cluster_options, &cluster, err);
	if (r == 0) {
		r = client_call(&cluster.client, "POST", "/v1/topologies/shop-7/stop", NULL, 0,
				NULL, err);
		samples_add(&figures->restart_s, seconds_between(cluster.spawned_ns, now_ns()));
	}
	if (prober.port == 0)
		return r;
	double blocked_s = prober_stop(&prober, r == 0 ? err : NULL, &r);
	samples_add(&figures->restart_blocked_ms, blocked_s * 1000);
	cluster_stop(&cluster);
	return r;
}

static int measure_restart(const struct bench *bench, struct fleet *f, struct figures *figures,
			   struct error **err)
{
	fleet_init(f, 100);
	hello_all(f);
	int r = run_all(bench, f, "shop", 40000, "- {name: web, type: CALL}\n", 0, err);
	for (uint32_t k = 0; k < bench->runs && r == 0; k++) {
		r = fleet_save(f, bench->scratch, err);
		if (r == 0)
			r = restart_once(bench, figures, err);
	}
	return r;
}

static void report_restart(struct report *report, struct figures *f)
{
	report_add(report, "restart_40000_s", "zrms with 40,000 topologies, start to decision",
		   "s", "2 or less", &f->restart_s);
	report_add(report, "restart_40000_blocked_ms", "  longest wait of another request",
		   "ms", "50 or less", &f->restart_blocked_ms);
}

/* ---- provider ---- */

static int measure_provider(const struct bench *bench, struct fleet *f, struct figures *figures,
			    struct error **err)
{
	fleet_init(f, 100);
	hello_all(f);
	int r = run_all(bench, f, "shop", 1,
			"- {name: db, type: CALL, count: 2000, exports: {port: \"5432\"}}\n"
			"- {name: api, type: CALL, count: 2000, imports: [{from: db}]}\n",
			0, err);
	f->is_encoding = true;
	for (uint32_t k = 1; k <= bench->runs && r == 0; k++) {
		CLEANUP(freep) char *path = str_printf("db-%u", k);
		f->sent_bytes = 0;
		f->zrms_seconds = 0;
		r = fleet_kill(f, path, err);
		samples_add(&figures->provider_s, f->zrms_seconds);
		samples_add(&figures->provider_mib, (double)f->sent_bytes / MIB);
		fleet_settle(f);
	}
	return r;
}

static void report_provider(struct report *report, struct figures *f)
{
	report_add(report, "provider_2000x2000_s", "death of one of 2,000 providers", "s",
		   "0.05 or less", &f->provider_s);
	report_add(report, "provider_2000x2000_mib", "  sent to the importers' zhosts", "MiB",
		   NULL, &f->provider_mib);
}

/* ---- pages ---- */

static int measure_pages(const struct bench *bench, struct fleet *f, struct figures *figures,
			 struct error **err)
{
	fleet_init(f, 1000);
	fleet_hello(f, 0);
	fleet_settle(f);
	int r = run_all(bench, f, "pages", 1000, "- {name: web, type: UI}\n", 2, err);
	hello_all(f);
	for (uint32_t k = 0; k < bench->runs && r == 0; k++) {
		f->sent_bytes = 0;
		hello_all(f);
		samples_add(&figures->pages_mib, (double)f->sent_bytes / MIB);
	}
	return r;
}

static void report_pages(struct report *report, struct figures *f)
{
	report_add(report, "pages_1000x1000_mib",
		   "1,000 zhosts come back, 1,000 topologies of pages: sent", "MiB",
		   "30 or less", &f->pages_mib);
}

/* ---- hello ---- */

static int measure_hello(const struct bench *bench, struct fleet *f, struct figures *figures,
			 struct error **err)
{
	fleet_init(f, 10000);
	hello_all(f);
	int r = run_all(bench, f, "shop", 40000, "- {name: web, type: CALL, count: 5}\n", 0,
			err);
	f->is_encoding = true;
	for (uint32_t k = 0; k < bench->runs && r == 0; k++) {
		f->zrms_seconds = 0;
		for (unsigned z = 0; z < f->zhosts.count; z++)
			fleet_hello(f, z);
		samples_add(&figures->hello_s, f->zrms_seconds);
	}
	return r;
}

static void report_hello(struct report *report, struct figures *f)
{
	report_add(report, "hello_10000_s", "10,000 zhosts come back to 2,000 topologies", "s",
		   "1 or less", &f->hello_s);
}

/* ---- list ---- */

/* Every instance, as `zshell spaces` asks for them. */
static int list_once(const struct bench *bench, struct figures *figures, struct error **err)
{
	const struct cluster_options cluster_options = {.store = bench->scratch};
	struct cluster cluster = {0};
	struct prober prober;
	CLEANUP(answer_done) struct answer answer = {0};
	int r = cluster_start(bench, &cluster_options, &cluster, err);
	if (r < 0)
		return r;
	r = prober_start(&prober, cluster.port, err);
	if (r == 0) {
		uint64_t begin = now_ns();
		r = client_request(&cluster.client, "GET", "/v1/spaces", NULL, 0, &answer, err);
		samples_add(&figures->list_s, seconds_between(begin, now_ns()));
		double blocked_s = prober_stop(&prober, r == 0 ? err : NULL, &r);
		samples_add(&figures->list_blocked_ms, blocked_s * 1000);
	}
	if (r == 0 && answer.status != 200)
		r = error_set(err, ERR_INVALID, "the list was answered with %d", answer.status);
	cluster_stop(&cluster);
	return r;
}

static int measure_list(const struct bench *bench, struct fleet *f, struct figures *figures,
			struct error **err)
{
	fleet_init(f, 100);
	hello_all(f);
	int r = run_all(bench, f, "shop", 100, "- {name: web, type: CALL, count: 1000}\n", 0,
			err);
	for (uint32_t k = 0; k < bench->runs && r == 0; k++) {
		r = fleet_save(f, bench->scratch, err);
		if (r == 0)
			r = list_once(bench, figures, err);
	}
	return r;
}

static void report_list(struct report *report, struct figures *f)
{
	report_add(report, "list_100000_s", "list of 100,000 instances", "s", NULL, &f->list_s);
	report_add(report, "list_100000_blocked_ms", "  longest wait of another request", "ms",
		   "20 or less", &f->list_blocked_ms);
}

/* ---- each ---- */

#define EACH_ZHOSTS 10000
#define EACH_APPS   20
#define EACH_TIMES  100 /* of what takes less than a millisecond */

static int end_one(struct fleet *f, struct figures *figures, struct error **err)
{
	int r = 0;
	f->zrms_seconds = 0;
	for (unsigned k = 1; k <= EACH_TIMES && r == 0; k++) {
		CLEANUP(freep) char *path = str_printf("agent@bench-%u", k);
		r = fleet_kill(f, path, err);
		fleet_settle(f);
	}
	samples_add(&figures->each_end_ms, f->zrms_seconds * 1000 / EACH_TIMES);
	return r;
}

static int place_one(struct fleet *f, unsigned run, struct figures *figures, struct error **err)
{
	int r = 0;
	f->zrms_seconds = 0;
	for (unsigned k = 0; k < EACH_TIMES && r == 0; k++) {
		CLEANUP(freep) char *name = str_printf("web-%u-%u", run, k);
		r = fleet_submit(f, name, "- {name: web, type: CALL}\n", 0, err);
		fleet_settle(f);
	}
	samples_add(&figures->each_place_ms, f->zrms_seconds * 1000 / EACH_TIMES);
	return r;
}

static int measure_each(const struct bench *bench, struct fleet *f, struct figures *figures,
			struct error **err)
{
	fleet_init(f, EACH_ZHOSTS);
	int r = run_all(bench, f, "agents", EACH_APPS,
			"- {name: agent, type: NATIVE, count: each}\n", 0, err);
	for (unsigned z = 0; z < EACH_ZHOSTS && r == 0; z++) {
		fleet_hello(f, z);
		fleet_settle(f);
		if (z % 1000 == 999)
			bench_progress(bench, "scale: %u zhosts have joined: %.2f s", z + 1,
				       f->zrms_seconds);
	}
	samples_add(&figures->each_join_s, f->zrms_seconds);
	for (uint32_t k = 0; k < bench->runs && r == 0; k++) {
		r = end_one(f, figures, err);
		if (r == 0)
			r = place_one(f, k, figures, err);
	}
	return r;
}

static void report_each(struct report *report, struct figures *f)
{
	report_add(report, "each_join_10000_s",
		   "10,000 zhosts join 20 applications on each zhost", "s", "20 or less",
		   &f->each_join_s);
	report_add(report, "each_end_ms", "  the end of one of their instances", "ms",
		   "0.2 or less", &f->each_end_ms);
	report_add(report, "each_place_ms", "  a submission beside them", "ms", "0.2 or less",
		   &f->each_place_ms);
}

/* ---- rebalance ---- */

static int rebalance_once(const struct bench *bench, struct figures *figures,
			  struct error **err)
{
	const struct cluster_options cluster_options = {.store = bench->scratch};
	struct cluster cluster = {0};
	struct prober prober;
	CLEANUP(answer_done) struct answer answer = {0};
	int r = cluster_start(bench, &cluster_options, &cluster, err);
	if (r < 0)
		return r;
	r = prober_start(&prober, cluster.port, err);
	if (r == 0) {
		uint64_t begin = now_ns();
		r = client_request(&cluster.client, "POST", "/v1/cluster/rebalance", "{}", 2,
				   &answer, err);
		samples_add(&figures->rebalance_s, seconds_between(begin, now_ns()));
		double blocked_s = prober_stop(&prober, r == 0 ? err : NULL, &r);
		samples_add(&figures->rebalance_blocked_ms, blocked_s * 1000);
	}
	if (r == 0 && answer.status != 200)
		r = error_set(err, ERR_INVALID, "the rebalance was answered with %d",
			      answer.status);
	cluster_stop(&cluster);
	return r;
}

static int measure_rebalance(const struct bench *bench, struct fleet *f,
			     struct figures *figures, struct error **err)
{
	fleet_init(f, 1000);
	for (unsigned z = 0; z < 900; z++)
		fleet_hello(f, z);
	fleet_settle(f);
	int r = run_all(bench, f, "shop", 1000, "- {name: web, type: CALL, count: 10}\n", 0,
			err);
	for (unsigned z = 900; z < 1000; z++)
		fleet_hello(f, z);
	fleet_settle(f);
	for (uint32_t k = 0; k < bench->runs && r == 0; k++) {
		r = fleet_save(f, bench->scratch, err);
		if (r == 0)
			r = rebalance_once(bench, figures, err);
	}
	return r;
}

static void report_rebalance(struct report *report, struct figures *f)
{
	report_add(report, "rebalance_10000_s", "a rebalance of 10,000 spaces is chosen", "s",
		   NULL, &f->rebalance_s);
	report_add(report, "rebalance_10000_blocked_ms", "  longest wait of another request",
		   "ms", "50 or less", &f->rebalance_blocked_ms);
}

/* ---- all ---- */

static const struct part {
	const char *name;
	int (*measure)(const struct bench *bench, struct fleet *fleet, struct figures *figures,
		       struct error **err);
	void (*report)(struct report *report, struct figures *figures);
} parts[] = {
	{"restart", measure_restart, report_restart},
	{"provider", measure_provider, report_provider},
	{"pages", measure_pages, report_pages},
	{"hello", measure_hello, report_hello},
	{"list", measure_list, report_list},
	{"each", measure_each, report_each},
	{"rebalance", measure_rebalance, report_rebalance},
};

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	CLEANUP(figures_done) struct figures figures = {0};
	for (size_t k = 0; k < ARRAY_SIZE(parts); k++) {
		struct fleet fleet = {0};
		if (given->only != NULL && !str_equal(given->only, parts[k].name))
			continue;
		bench_progress(bench, "scale: %s", parts[k].name);
		int r = parts[k].measure(bench, &fleet, &figures, err);
		fleet_done(&fleet);
		if (r < 0)
			return error_wrap(err, "%s", parts[k].name);
		parts[k].report(report, &figures);
	}
	return 0;
}
