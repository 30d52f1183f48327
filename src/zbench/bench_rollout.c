/*
 * How long it takes to lead a topology to another version, batch by batch, and back at once.
 */
#include <inttypes.h>

#include "base/str.h"
#include "zbench/askers.h"
#include "zbench/benchmarks.h"
#include "zbench/cluster.h"
#include "zbench/package.h"

#define LIMIT_SECONDS 300u
#define NAME	      "rollout"

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t spaces, back, rollbacks;
	uint32_t zhosts, clients;
};

static const struct cli_option options[] = {
	{.name = "spaces",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, spaces),
	 .fallback = "1000",
	 .min = 1,
	 .max = 10000,
	 .help = "instances that change in batches of 10 %"},
	{.name = "back",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, back),
	 .fallback = "100",
	 .min = 1,
	 .max = 10000,
	 .help = "instances that are rolled back"},
	{.name = "rollbacks",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, rollbacks),
	 .fallback = "20",
	 .min = 1,
	 .max = 1000,
	 .help = "of these in each run"},
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, zhosts),
	 .fallback = "3",
	 .min = 1,
	 .max = 100,
	 .help = "zhosts of the cluster"},
	{.name = "clients",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, clients),
	 .fallback = "4",
	 .min = 0,
	 .max = 100,
	 .help = "spaces that ask them meanwhile, about a thousand times a second each"},
	{0},
};

const struct benchmark benchmark_rollout = {
	.command =
		{
			.words = "rollout",
			.summary = "from a change of version, or a rollback, to its completion",
			.details =
				"All instances are start-first, and of one module, which every "
				"zhost has; the versions differ in the processor time that is "
				"asked for. "
				"The time goes from the request to the event 'completed' of "
				"the rollout: every instance is served in the new version. "
				"Each run has four new clusters: one for the change, one for "
				"the rollbacks, each of which leads to the version before, "
				"whose "
				"copies have to start once more, and one for the step back of "
				"a "
				"blue-green change, whose former copies run on, and one for a "
				"version "
				"of which what changes last does not start: the time goes from "
				"its failure to the last former copy that serves again. In "
				"each of them clients ask the instances by messages, and "
				"count what becomes of each: a failed one is refused, not "
				"answered within 5 s, or answered twice.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.measure = run,
};

#define ROLLING "{policy: rolling, batch: 10%, healthy: {for: 0s}}"
/* The former copies are kept warm: they run on, without traffic. */
#define KEEPING "{policy: blue-green, healthy: {for: 0s}, keep: 10m}"

/* What is asked for a version's instances: it is what differs. */
static char *more_of(uint32_t count, unsigned version)
{
	static const char *const cpu[] = {"10m", "11m"};
	return str_printf("count: %" PRIu32 ", resources: {cpu: %s}, " ASKED_MORE, count,
			  cpu[version]);
}

/* The space that asks, the same in both versions; an end of the list where nobody asks. `more` is borrowed. */
static struct package_space asker(uint32_t clients, const char *more)
{
	return clients > 0 ? (struct package_space){ASKERS_NAME, "CALL", ASKERS_SOURCE, more}
			   : (struct package_space){0};
}

/* Two versions of `count` instances; the caller's. */
static int build(const struct bench *bench, uint32_t count, uint32_t clients,
		 const char *rollout, struct buffer ret_mexes[2], struct error **err)
{
	static const char *const versions[] = {"1.0.0", "1.1.0"};
	CLEANUP(freep) char *asks = askers_more(clients, "");
	CLEANUP(freep) char *path = askers_path("idle");
	int r = 0;
	for (unsigned k = 0; k < 2 && r == 0; k++) {
		CLEANUP(freep) char *more = more_of(count, k);
		const struct package package = {
			.name = NAME,
			.spaces = (const struct package_space[]){{"idle", "CALL", ASKED_SOURCE,
								  more},
								 asker(clients, asks),
								 {0}},
			.paths = clients > 0 ? path : "",
			.version = versions[k],
			.rollout = rollout,
		};
		r = package_build(bench, &package, &ret_mexes[k], err);
	}
	return r;
}

/* As above, but a tenth of the instances, which change last as they import from the others, do not start in the second
 * version. */
static int build_bad(const struct bench *bench, uint32_t count, uint32_t clients,
		     struct buffer ret_mexes[2], struct error **err)
{
	static const char *const versions[] = {"1.0.0", "1.1.0"}, *const cpu[] = {"10m", "11m"},
				 *const last[] = {"idle.c", "bad.c"};
	uint32_t bad = count < 10 ? 1 : count / 10;
	CLEANUP(freep) char *asks = askers_more(clients, "");
	CLEANUP(freep) char *path = askers_path("idle");
	int r = 0;
	for (unsigned k = 0; k < 2 && r == 0; k++) {
		CLEANUP(freep) char *good = more_of(count, k);
		CLEANUP(freep)
		char *more = str_printf("count: %" PRIu32 ", resources: {cpu: %s}, "
					"imports: [{from: idle}], restart: {attempts: 0}",
					bad, cpu[k]);
		const struct package package = {
			.name = NAME,
			.spaces =
				(const struct package_space[]){
					{"idle", "CALL", ASKED_SOURCE, good},
					{"last", "CALL", last[k], more},
					asker(clients, asks),
					{0}},
			.paths = clients > 0 ? path : "",
			.version = versions[k],
			.rollout = ROLLING,
		};
		r = package_build(bench, &package, &ret_mexes[k], err);
	}
	return r;
}

/* Of one kind of change. */
struct part {
	struct samples seconds, asked, failed;
};

static void part_done(struct part *p)
{
	samples_done(&p->seconds);
	samples_done(&p->asked);
	samples_done(&p->failed);
}

/* What became of all that was asked until now. */
static int count_asked(struct cluster *cluster, const char *id, uint32_t clients,
		       struct part *part, struct error **err)
{
	struct asked asked = {0};
	int r = askers_end(cluster->port, id, clients, now_ns(), &asked, err);
	if (r < 0 || clients == 0)
		return r;
	samples_add(&part->asked, (double)asked.asked);
	samples_add(&part->failed, (double)asked.failed);
	return 0;
}

/* Of a version that fails: when that was known, and when everything was back. */
struct failure {
	uint64_t known_ns, back_ns;
};

static int on_failure(void *data, const struct event *event, struct error **err)
{
	struct failure *f = data;
	if (!str_equal(event->kind, "rollout") || !str_equal(event->subject, NAME))
		return 0;
	if (str_equal(event->cause, "completed"))
		return error_set(err, ERR_INVALID, "the bad version has completed");
	if (str_equal(event->to, "returning"))
		f->known_ns = event->arrived_ns;
	f->back_ns = event->arrived_ns;
	return str_has_prefix(event->cause, "failed");
}

/* From the failure to the last former copy that serves again. */
static int fail_and_return(const struct bench *bench, const struct options *given,
			   const struct buffer mexes[2], struct part *part, struct error **err)
{
	const struct cluster_options cluster_options = {.zhosts = given->zhosts};
	struct cluster cluster = {0};
	struct failure f = {0};
	CLEANUP(freep) char *id = NULL;
	CLEANUP(freep) char *same = NULL;
	int r = cluster_start(bench, &cluster_options, &cluster, err);
	if (r == 0)
		r = cluster_run(&cluster, &mexes[0], NAME, LIMIT_SECONDS, &id, NULL, err);
	if (r == 0)
		r = askers_begin(cluster.port, id, given->clients, err);
	if (r == 0)
		r = cluster_submit(&cluster, &mexes[1], true, &same, err);
	if (r == 0)
		r = events_until(&cluster.events, on_failure, &f, LIMIT_SECONDS, err);
	if (r >= 0)
		r = count_asked(&cluster, id, given->clients, part, err);
	if (r >= 0)
		samples_add(&part->seconds, seconds_between(f.known_ns, f.back_ns));
	cluster_stop(&cluster);
	return r < 0 ? r : 0;
}

/* `data`: when the news arrived. */
static int on_event(void *data, const struct event *event, struct error **err)
{
	uint64_t *arrived_ns = data;
	if (!str_equal(event->kind, "rollout") || !str_equal(event->subject, NAME))
		return 0;
	if (str_has_prefix(event->cause, "failed"))
		return error_set(err, ERR_INVALID, "the rollout failed: %s", event->cause);
	*arrived_ns = event->arrived_ns;
	return str_equal(event->cause, "completed");
}

static int until_completed(struct cluster *cluster, uint64_t begun, struct samples *seconds,
			   struct error **err)
{
	uint64_t completed = 0;
	int r = events_until(&cluster->events, on_event, &completed, LIMIT_SECONDS, err);
	if (r < 0)
		return r;
	samples_add(seconds, seconds_between(begun, completed));
	return 0;
}

static int change(struct cluster *cluster, const struct buffer mexes[2], uint32_t clients,
		  struct samples *seconds, char **ret_id, struct error **err)
{
	CLEANUP(freep) char *same = NULL;
	int r = cluster_run(cluster, &mexes[0], NAME, LIMIT_SECONDS, ret_id, NULL, err);
	if (r == 0)
		r = askers_begin(cluster->port, *ret_id, clients, err);
	uint64_t begun = now_ns();
	if (r == 0)
		r = cluster_submit(cluster, &mexes[1], true, &same, err);
	return r == 0 ? until_completed(cluster, begun, seconds, err) : r;
}

/* Back to the version before, and so on. */
static int roll_back(struct cluster *cluster, const char *id, uint32_t times,
		     struct samples *seconds, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("/v1/topologies/%s/rollback", id);
	int r = 0;
	for (uint32_t k = 0; k < times && r == 0; k++) {
		uint64_t begun = now_ns();
		r = client_call(&cluster->client, "POST", path, NULL, 0, NULL, err);
		if (r == 0)
			r = until_completed(cluster, begun, seconds, err);
	}
	return r;
}

struct figures {
	struct part change, back, kept_back, bad;
	struct samples unused;
};

struct packages {
	struct buffer change[2], back[2], kept[2], bad[2];
};

/* In a new cluster: a change, and then the way back, so often. `part` gets the requests, and the seconds of the way back;
 * without one, those of the change. */
static int change_and_back(const struct bench *bench, const struct options *given,
			   const struct buffer mexes[2], uint32_t times, struct part *part,
			   struct samples *unused, struct error **err)
{
	const struct cluster_options cluster_options = {.zhosts = given->zhosts};
	struct cluster cluster = {0};
	CLEANUP(freep) char *id = NULL;
	int r = cluster_start(bench, &cluster_options, &cluster, err);
	if (r == 0)
		r = change(&cluster, mexes, given->clients, times > 0 ? unused : &part->seconds,
			   &id, err);
	if (r == 0)
		r = roll_back(&cluster, id, times, &part->seconds, err);
	if (r == 0)
		r = count_asked(&cluster, id, given->clients, part, err);
	cluster_stop(&cluster);
	return r;
}

static int one_run(const struct bench *bench, const struct options *given,
		   const struct packages *p, struct figures *f, struct error **err)
{
	int r = change_and_back(bench, given, p->change, 0, &f->change, &f->unused, err);
	if (r == 0)
		r = change_and_back(bench, given, p->back, given->rollbacks, &f->back,
				    &f->unused, err);
	/* Nothing is kept after a step back: one in each cluster. */
	if (r == 0)
		r = change_and_back(bench, given, p->kept, 1, &f->kept_back, &f->unused, err);
	return r == 0 ? fail_and_return(bench, given, p->bad, &f->bad, err) : r;
}

static int measure(const struct bench *bench, const struct options *given, struct figures *f,
		   struct error **err)
{
	struct packages p = {0};
	int r = build(bench, given->spaces, given->clients, ROLLING, p.change, err);
	if (r == 0)
		r = build(bench, given->back, given->clients, ROLLING, p.back, err);
	if (r == 0)
		r = build(bench, given->back, given->clients, KEEPING, p.kept, err);
	if (r == 0)
		r = build_bad(bench, given->back, given->clients, p.bad, err);
	for (uint32_t i = 1; i <= bench->runs && r == 0; i++) {
		r = one_run(bench, given, &p, f, err);
		if (r == 0)
			bench_progress(bench,
				       "rollout: run %u of %u: %.3f s, back %.3f s, to what is "
				       "kept %.3f s",
				       i, bench->runs, vector_last(&f->change.seconds.list)[0],
				       vector_last(&f->back.seconds.list)[0],
				       vector_last(&f->kept_back.seconds.list)[0]);
	}
	for (unsigned k = 0; k < 2; k++) {
		buffer_done(&p.change[k]);
		buffer_done(&p.back[k]);
		buffer_done(&p.kept[k]);
		buffer_done(&p.bad[k]);
	}
	return r;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	CLEANUP(freep)
	char *change_label = str_printf("%" PRIu32 " instances, batches of 10 %%, to completed",
					given->spaces);
	CLEANUP(freep)
	char *back_label =
		str_printf("%" PRIu32 " instances back at once, the last one serves: "
			   "former copies are gone",
			   given->back);
	CLEANUP(freep)
	char *kept_label =
		str_printf("%" PRIu32 " instances back at once, the last one serves: "
			   "former copies kept warm",
			   given->back);
	CLEANUP(freep)
	char *bad_label =
		str_printf("%" PRIu32 " instances taken back from a version that fails "
			   "after them, the last one serves: former copies are gone",
			   given->back);
	struct figures f = {0};
	int r = measure(bench, given, &f, err);
	if (r == 0) {
		bool is_aimed = given->spaces == 1000 && given->back == 100;
		report_number(report, "spaces", given->spaces);
		report_number(report, "back", given->back);
		report_number(report, "zhosts", given->zhosts);
		report_add(report, "change_seconds", change_label, "s",
			   is_aimed ? "5 or less" : NULL, &f.change.seconds);
		report_add(report, "rollback_seconds", back_label, "s",
			   is_aimed ? "max 2 or less" : NULL, &f.back.seconds);
		report_add(report, "rollback_kept_seconds", kept_label, "s",
			   is_aimed ? "max 2 or less" : NULL, &f.kept_back.seconds);
		report_add(report, "bad_version_seconds", bad_label, "s",
			   is_aimed ? "max 2 or less" : NULL, &f.bad.seconds);
		report_number(report, "clients", given->clients);
		askers_report(report, "change_", "in the change", &f.change.asked,
			      &f.change.failed);
		askers_report(report, "rollback_", "in the change and the rollbacks",
			      &f.back.asked, &f.back.failed);
		askers_report(report, "rollback_kept_", "in both steps of blue-green",
			      &f.kept_back.asked, &f.kept_back.failed);
		askers_report(report, "bad_version_", "in the change that fails", &f.bad.asked,
			      &f.bad.failed);
	}
	part_done(&f.change);
	part_done(&f.back);
	part_done(&f.kept_back);
	part_done(&f.bad);
	samples_done(&f.unused);
	return r;
}
