#include "zbench/fleet_run.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "base/str.h"
#include "zbench/cluster.h"
#include "zbench/crowd.h"
#include "zbench/gauges.h"
#include "zbench/machine.h"
#include "zbench/prober.h"

#define MIB	      1048576.0
#define LIMIT_S	      1800.0
#define HEARTBEATS    3 /* the failure timeout */
#define STATUSES      200u
#define CHANGES	      50u
#define CHANGE_LIMIT  60u
#define PAUSE_MIN_MS  20
#define PAUSE_FACTOR  9
#define STOPPED_STATE "deployed-stopped"
#define STARTED_STATE "deployed-started"

void fleet_figures_done(struct fleet_figures *f)
{
	samples_done(&f->join_s);
	samples_done(&f->submit_s);
	samples_done(&f->running_s);
	samples_done(&f->cpu_us);
	samples_done(&f->rss_mib);
	samples_done(&f->kib);
	samples_done(&f->idle_percent);
	samples_done(&f->idle_wait_ms);
	samples_done(&f->status_p50_ms);
	samples_done(&f->status_p99_ms);
	samples_done(&f->event_p50_ms);
	samples_done(&f->event_p99_ms);
	samples_done(&f->recovered);
	samples_done(&f->recovery_s);
	samples_done(&f->recovery_first_s);
	samples_done(&f->recovery_cpu_us);
}

struct run {
	const struct bench *bench;
	const struct fleet_size *size;
	struct fleet_figures *figures;
	struct cluster cluster;
	struct crowd crowd;
	char **ids; /* of the topologies */
	struct gauges gauges;
};

/* ---- what zrms has come to ---- */

static double zrms_cpu_s(const struct run *run)
{
	clockid_t clock;
	struct timespec spent = {0};
	if (clock_getcpuclockid(run->cluster.zrms, &clock) != 0 ||
	    clock_gettime(clock, &spent) != 0)
		return 0;
	return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

static int zrms_rss(const struct run *run, double *ret_bytes, struct error **err)
{
	struct process_memory memory;
	int r = process_memory(run->cluster.zrms, &memory, err);
	if (r == 0)
		*ret_bytes = (double)memory.rss;
	return r;
}

static bool have_joined(const struct run *run)
{
	return run->gauges.zhosts_up == run->size->zhosts;
}

static bool all_run(const struct run *run)
{
	return run->gauges.topologies_running == run->size->topologies &&
	       run->gauges.spaces_started == run->size->instances;
}

static bool first_is_lost(const struct run *run)
{
	return run->gauges.zhosts_lost > 0;
}

static bool all_are_lost(const struct run *run)
{
	return run->gauges.zhosts_lost == run->size->lost;
}

static bool all_run_again(const struct run *run)
{
	return all_are_lost(run) && all_run(run);
}

static void pause_for(double seconds)
{
	(void)poll(NULL, 0, (int)(seconds * 1000));
}

static int wait_until(struct run *run, bool (*is_so)(const struct run *run), const char *what,
		      struct error **err)
{
	uint64_t begin = now_ns(), said = begin;
	bench_progress(run->bench, "fleet: %s", what);
	for (;;) {
		struct gauges *g = &run->gauges;
		int r = gauges_read(&run->cluster.client, g, err);
		if (r < 0)
			return r;
		if (is_so(run))
			return 0;
		uint64_t now = now_ns();
		if (seconds_between(begin, now) > LIMIT_S)
			return error_set(err, ERR_TIMEOUT,
					 "%s: after %.0f s there are %llu zhosts and %llu "
					 "topologies with %llu instances that run, %llu zhosts "
					 "are lost",
					 what, LIMIT_S, (unsigned long long)g->zhosts_up,
					 (unsigned long long)g->topologies_running,
					 (unsigned long long)g->spaces_started,
					 (unsigned long long)g->zhosts_lost);
		if (seconds_between(said, now) > 5) {
			bench_progress(run->bench, "fleet: %s: %llu zhosts, %llu instances",
				       what, (unsigned long long)g->zhosts_up,
				       (unsigned long long)g->spaces_started);
			said = now;
		}
		double pause_s = g->answer_s * PAUSE_FACTOR;
		pause_for(pause_s * 1000 > PAUSE_MIN_MS ? pause_s : PAUSE_MIN_MS / 1000.0);
	}
}

/* ---- the parts ---- */

static int join(struct run *run, struct error **err)
{
	uint64_t begin = now_ns();
	const struct crowd_options crowd = {
		.zhosts = run->size->zhosts, .address = "127.0.0.1", .port = run->cluster.port};
	int r = crowd_start(&crowd, &run->crowd, err);
	if (r == 0)
		r = wait_until(run, have_joined, "zhosts join", err);
	samples_add(&run->figures->join_s, seconds_between(begin, now_ns()));
	return r;
}

static int submit(struct run *run, const struct buffer *mexes, struct error **err)
{
	const struct fleet_size *size = run->size;
	struct fleet_figures *f = run->figures;
	double rss_before = 0, rss = 0, cpu_s = zrms_cpu_s(run);
	int r = zrms_rss(run, &rss_before, err);
	uint64_t begin = now_ns();
	for (uint32_t k = 0; k < size->topologies && r == 0; k++)
		r = cluster_submit(&run->cluster, &mexes[k], true, &run->ids[k], err);
	samples_add(&f->submit_s, seconds_between(begin, now_ns()));
	if (r == 0)
		r = wait_until(run, all_run, "instances start", err);
	samples_add(&f->running_s, seconds_between(begin, now_ns()));
	samples_add(&f->cpu_us, (zrms_cpu_s(run) - cpu_s) * 1e6 / size->instances);
	if (r == 0)
		r = zrms_rss(run, &rss, err);
	samples_add(&f->rss_mib, rss / MIB);
	samples_add(&f->kib, (rss - rss_before) / 1024 / size->instances);
	return r;
}

/* First without anybody who asks, then how long somebody waits. */
static int idle(struct run *run, struct error **err)
{
	double seconds = (double)run->size->idle_ms / 1000, before_s = zrms_cpu_s(run);
	struct prober prober;
	uint64_t begin = now_ns();
	pause_for(seconds);
	double spent_s = zrms_cpu_s(run) - before_s;
	samples_add(&run->figures->idle_percent,
		    spent_s * 100 / seconds_between(begin, now_ns()));
	int r = prober_start(&prober, run->cluster.port, err);
	if (r < 0)
		return r;
	pause_for(seconds);
	samples_add(&run->figures->idle_wait_ms, prober_stop(&prober, err, &r) * 1000);
	return r;
}

/* One of the topologies, all over them. */
static const char *nth_id(const struct run *run, uint32_t n, uint32_t of)
{
	return run->ids[(uint64_t)n * run->size->topologies / of];
}

static int statuses(struct run *run, struct error **err)
{
	CLEANUP(samples_done) struct samples ms = {0};
	int r = 0;
	for (uint32_t k = 0; k < STATUSES && r == 0; k++) {
		CLEANUP(freep)
		char *path = str_printf("/v1/topologies/%s", nth_id(run, k, STATUSES));
		uint64_t begin = now_ns();
		r = client_call(&run->cluster.client, "GET", path, NULL, 0, NULL, err);
		samples_add(&ms, seconds_between(begin, now_ns()) * 1000);
	}
	samples_add(&run->figures->status_p50_ms, samples_quantile(&ms, 0.5));
	samples_add(&run->figures->status_p99_ms, samples_quantile(&ms, 0.99));
	return r;
}

struct awaited {
	const char *state;
	uint64_t arrived_ns;
};

static int on_event(void *user, const struct event *event, struct error **err)
{
	(void)err;
	struct awaited *a = user;
	if (!str_equal(event->kind, "space") || !str_equal(event->to, a->state))
		return 0;
	a->arrived_ns = event->arrived_ns;
	return 1;
}

/* From the request until the event tells that its zhost has done it. */
static int change(struct run *run, struct events *events, const char *id, const char *state,
		  struct samples *ms, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("/v1/topologies/%s/spaces/idle-1/goal", id);
	CLEANUP(freep) char *body = str_printf("{\"goal\": \"%s\"}", state);
	struct awaited awaited = {.state = state};
	uint64_t begin = now_ns();
	int r = client_call(&run->cluster.client, "PUT", path, body, strlen(body), NULL, err);
	if (r == 0)
		r = events_until(events, on_event, &awaited, CHANGE_LIMIT, err);
	if (r == 0)
		samples_add(ms, seconds_between(begin, awaited.arrived_ns) * 1000);
	return r;
}

static int follow_one(struct run *run, const char *id, struct samples *ms, struct error **err)
{
	CLEANUP(freep) char *query = str_printf("newest=1&topology=%s", id);
	struct events events;
	int r = events_open_query(&events, run->cluster.port, query, err);
	if (r == 0)
		r = change(run, &events, id, STOPPED_STATE, ms, err);
	if (r == 0)
		r = change(run, &events, id, STARTED_STATE, ms, err);
	events_done(&events);
	return r;
}

static int follow(struct run *run, struct error **err)
{
	CLEANUP(samples_done) struct samples ms = {0};
	int r = 0;
	for (uint32_t k = 0; k < CHANGES && r == 0; k++)
		r = follow_one(run, nth_id(run, k, CHANGES), &ms, err);
	if (r < 0)
		return error_wrap(err, "following a topology's events");
	samples_add(&run->figures->event_p50_ms, samples_quantile(&ms, 0.5));
	samples_add(&run->figures->event_p99_ms, samples_quantile(&ms, 0.99));
	return 0;
}

static int lose(struct run *run, struct error **err)
{
	struct fleet_figures *f = run->figures;
	uint64_t recoveries = run->gauges.recoveries, first = 0, last = 0;
	double cpu_s = zrms_cpu_s(run);
	int r = crowd_lose(&run->crowd, run->size->lost, err);
	if (r == 0)
		r = wait_until(run, first_is_lost, "zhosts are lost", err);
	first = now_ns();
	if (r == 0)
		r = wait_until(run, all_are_lost, "all of them are lost", err);
	last = now_ns();
	if (r == 0)
		r = wait_until(run, all_run_again, "instances start elsewhere", err);
	if (r < 0)
		return r;
	double recovered = (double)(run->gauges.recoveries - recoveries);
	samples_add(&f->recovered, recovered);
	samples_add(&f->recovery_s, seconds_between(last, now_ns()));
	samples_add(&f->recovery_first_s, seconds_between(first, now_ns()));
	samples_add(&f->recovery_cpu_us,
		    (zrms_cpu_s(run) - cpu_s) * 1e6 / (recovered > 0 ? recovered : 1));
	return 0;
}

/* ---- all of them ---- */

static int parts(struct run *run, const struct buffer *mexes, struct error **err)
{
	cluster_close_events(&run->cluster);
	int r = join(run, err);
	if (r == 0)
		r = submit(run, mexes, err);
	if (r == 0 && run->size->idle_ms > 0)
		r = idle(run, err);
	if (r == 0)
		r = statuses(run, err);
	if (r == 0)
		r = follow(run, err);
	if (r == 0)
		r = wait_until(run, all_run, "instances start again", err);
	if (r == 0 && run->size->lost > 0)
		r = lose(run, err);
	return r;
}

int fleet_run(const struct bench *bench, const struct fleet_size *size,
	      const struct buffer *mexes, struct fleet_figures *figures, struct error **err)
{
	struct run run = {.bench = bench, .size = size, .figures = figures};
	const struct cluster_options options = {
		.heartbeat_ms = (unsigned)size->heartbeat_ms,
		.failure_timeout_ms = (unsigned)size->heartbeat_ms * HEARTBEATS,
	};
	int r = cluster_start(bench, &options, &run.cluster, err);
	if (r < 0)
		return r;
	run.ids = mem_new_array(char *, size->topologies);
	r = parts(&run, mexes, err);
	crowd_stop(&run.crowd);
	cluster_stop(&run.cluster);
	for (uint32_t k = 0; k < size->topologies; k++)
		free(run.ids[k]);
	free(run.ids);
	return r;
}
