/*
 * Every zhost of a large cluster comes back at once, over TLS, after zrms was away: real zrms, real handshakes with a
 * certificate of each zhost, the real core of each zhost's agent (crowd_zhost.h). Only the machines are pretended, all in one
 * process beside zrms, on the same processors.
 *
 *   zbench ── join each ──► zrms        kill, start        until zrms has accepted all again
 *   crowd ══ a link over TLS for each ══► zrms             and has judged none silent
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "adapter/pki/certificate.h"
#include "adapter/pki/key.h"
#include "adapter/pki/token.h"
#include "base/str.h"
#include "zbench/benchmarks.h"
#include "zbench/cluster.h"
#include "zbench/crowd.h"
#include "zbench/machine.h"

#define MIB 1048576.0
enum { LIMIT_S = 600, STEP_MS = 20, WORKERS = 16 };

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t zhosts, addresses, heartbeat_ms, timeout_ms;
};

static const struct cli_option options[] = {
	{.name = "zhosts",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, zhosts),
	 .fallback = "10000",
	 .min = 1,
	 .max = 100000,
	 .help = "zhosts that have joined, each with a link; zrms has half of its descriptors "
		 "for them"},
	{.name = "addresses",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, addresses),
	 .fallback = "0",
	 .min = 0,
	 .max = 100000,
	 .help = "addresses that the zhosts have in turn, of 127.1.0.1 on; 0: each has one of "
		 "its "
		 "own, as machines have. 1: as if all were behind one router"},
	{.name = "heartbeat-ms",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, heartbeat_ms),
	 .fallback = "10000",
	 .min = 100,
	 .max = 60000,
	 .help = "interval of heartbeats, 10000 as zrms has it"},
	{.name = "timeout-ms",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, timeout_ms),
	 .fallback = "30000",
	 .min = 1000,
	 .max = 600000,
	 .help = "silence after which a zhost is lost, 30000 as zrms has it"},
	{0},
};

const struct benchmark benchmark_storm = {
	.command =
		{
			.words = "storm",
			.summary = "all zhosts come back over TLS after zrms was killed",
			.details =
				"A zrms, and in one other process the zhosts, each joined, "
				"with a "
				"certificate of its own and a link over TLS. zrms is killed "
				"and "
				"started again; the time goes from the kill until it has "
				"accepted "
				"the last of them. They try again as zhosts do: after a random "
				"time, of 100 ms at first and up to 10 s.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.is_separate = true,
	.measure = run,
};

struct figures {
	struct samples join_s, first_s, storm_s, attempts, cpu_s, silent, rss_mib;
};

static void figures_done(struct figures *f)
{
	samples_done(&f->join_s);
	samples_done(&f->first_s);
	samples_done(&f->storm_s);
	samples_done(&f->attempts);
	samples_done(&f->cpu_s);
	samples_done(&f->silent);
	samples_done(&f->rss_mib);
}

struct storm {
	const struct bench *bench;
	const struct options *given;
	struct cluster cluster;
	struct crowd crowd;
	char *credentials; /* a directory for each zhost below it */
};

/* ---- joining ---- */

/* The key is the same for all: whose it is, the certificate says. */
struct joiner {
	struct join_token token;
	struct pki_key *key;
	struct pki_request *request;
	char *secret, *request_pem, *key_pem;
};

static void joiner_done(struct joiner *j)
{
	join_token_done(&j->token);
	pki_request_free(j->request);
	pki_key_free(j->key);
	pki_secret_free(j->secret);
	pki_secret_free(j->key_pem);
	free(j->request_pem);
}

static int joiner_make(struct storm *s, struct joiner *j, struct error **err)
{
	CLEANUP(freep) char *body = str_printf("{\"uses\":%u}", s->given->zhosts);
	json_t *json = NULL;
	int r = client_call(&s->cluster.client, "POST", "/v1/tokens", body, strlen(body), &json,
			    err);
	if (r < 0)
		return r;
	const char *word = json_string_value(json_object_get(json, "token"));
	r = join_token_read(word != NULL ? word : "", &j->token, err);
	json_decref(json);
	if (r == 0)
		r = pki_key_new(&j->key, err);
	if (r == 0)
		r = pki_request_new(j->key, &j->request, err);
	if (r < 0)
		return r;
	j->secret = join_token_secret(&j->token);
	j->request_pem = pki_request_write(j->request);
	j->key_pem = pki_key_write(j->key, NULL);
	return 0;
}

/* Not synced, as it is for the one run. */
static int write_file(const char *directory, const char *name, const char *text,
		      const char *more, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/%s", directory, name);
	FILE *file = fopen(path, "we");
	if (file == NULL)
		return error_errno(err, "cannot write %s", path);
	(void)fchmod(fileno(file), 0600);
	(void)fputs(text, file);
	(void)fputs(more, file);
	return fclose(file) == 0 ? 0 : error_errno(err, "cannot write %s", path);
}

static int join(struct storm *s, const struct joiner *j, unsigned number, struct error **err)
{
	CLEANUP(freep) char *directory = str_printf("%s/bench-%u", s->credentials, number);
	json_t *answer = NULL;
	json_t *asked =
		json_pack("{s:s, s:s, s:s#, s:s}", "token", j->token.id, "secret", j->secret,
			  "name", strrchr(directory, '/') + 1,
			  strlen(strrchr(directory, '/') + 1), "request", j->request_pem);
	char *body = json_dumps(asked, JSON_COMPACT);
	json_decref(asked);
	int r = client_call(&s->cluster.client, "POST", "/v1/join", body, strlen(body), &answer,
			    err);
	free(body);
	if (r == 0 && mkdir(directory, 0700) < 0)
		r = error_errno(err, "cannot make %s", directory);
	if (r == 0)
		r = write_file(directory, "identity.pem",
			       json_string_value(json_object_get(answer, "certificate")),
			       j->key_pem, err);
	if (r == 0)
		r = write_file(directory, "authorities.pem",
			       json_string_value(json_object_get(answer, "authorities")), "",
			       err);
	json_decref(answer);
	return r;
}

/* Each worker has a part of them, so that a commit of zrms is for several. */
__attribute__((noreturn)) static void work(struct storm *s, const struct joiner *j,
					   unsigned worker)
{
	CLEANUP(error_freep) struct error *err = NULL;
	int r = 0;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	s->cluster.client = (struct client){.port = s->cluster.port};
	for (unsigned i = worker + 1; i <= s->given->zhosts && r == 0; i += WORKERS)
		r = join(s, j, i, &err);
	if (r < 0)
		(void)fprintf(stderr, "zbench: a zhost does not join: %s\n", err->message);
	_exit(r < 0);
}

static int workers_join(struct storm *s, const struct joiner *j, struct error **err)
{
	pid_t workers[WORKERS];
	bool failed = false;
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (workers[i] == 0)
			work(s, j, i);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		int status = -1;
		if (workers[i] > 0)
			while (waitpid(workers[i], &status, 0) < 0 && errno == EINTR)
				;
		failed = failed || status != 0;
	}
	return failed ? error_set(err, ERR_UNAVAILABLE, "not all zhosts have joined") : 0;
}

static int join_all(struct storm *s, struct error **err)
{
	CLEANUP(joiner_done) struct joiner j = {0};
	int r = mkdir(s->credentials, 0700) < 0
			? error_errno(err, "cannot make %s", s->credentials)
			: joiner_make(s, &j, err);
	bench_progress(s->bench, "storm: %u zhosts join", s->given->zhosts);
	return r < 0 ? r : workers_join(s, &j, err);
}

/* ---- waiting ---- */

static int wait_for(const struct storm *s, const _Atomic unsigned *figure, unsigned wanted,
		    const char *what, struct error **err)
{
	uint64_t deadline = now_ns() + (uint64_t)LIMIT_S * 1000000000u;
	for (unsigned i = 0; *figure < wanted; i++) {
		if (now_ns() > deadline)
			return error_set(err, ERR_TIMEOUT, "only %u of %u %s after %d s",
					 *figure, wanted, what, LIMIT_S);
		if (i % (2000 / STEP_MS) == 0)
			bench_progress(s->bench, "storm: %u %s", *figure, what);
		(void)poll(NULL, 0, STEP_MS);
	}
	return 0;
}

static double cpu_s(pid_t pid)
{
	clockid_t clock;
	struct timespec spent = {0};
	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &spent) != 0)
		return 0;
	return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

/* Zhosts that zrms does not take for started now. It has judged no other meanwhile: one that was, is accepted again later. */
static int count_silent(struct storm *s, double *ret_count, struct error **err)
{
	json_t *json = NULL, *zhost = NULL;
	size_t i = 0;
	double count = 0;
	int r = client_call(&s->cluster.client, "GET", "/v1/zhosts", NULL, 0, &json, err);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(json, "zhosts"), i, zhost)
	{
		const char *state = json_string_value(json_object_get(zhost, "state"));
		count += state == NULL || strcmp(state, "deployed-started") != 0;
	}
	json_decref(json);
	*ret_count = count;
	return 0;
}

/* ---- one run ---- */

static int storm(struct storm *s, const struct cluster_options *cluster, struct figures *f,
		 struct error **err)
{
	const struct crowd_figures *seen = s->crowd.figures;
	struct process_memory memory = {0};
	double silent = 0;
	unsigned attempts = seen->attempts, taken = seen->taken, all = s->given->zhosts;
	uint64_t since_ns = now_ns();
	int r = cluster_restart_zrms(&s->cluster, cluster, err);
	if (r == 0)
		r = wait_for(s, &seen->taken, taken + all, "links have been accepted", err);
	if (r == 0) /* none of them twice */
		r = wait_for(s, &seen->accepted, all, "are accepted again", err);
	if (r < 0)
		return r;
	samples_add(&f->storm_s, seconds_between(since_ns, now_ns()));
	samples_add(&f->cpu_s, cpu_s(s->cluster.zrms));
	samples_add(&f->attempts, (double)(seen->attempts - attempts) / s->given->zhosts);
	r = process_memory(s->cluster.zrms, &memory, err);
	if (r == 0)
		r = count_silent(s, &silent, err);
	samples_add(&f->rss_mib, (double)memory.rss / MIB);
	samples_add(&f->silent, silent);
	return r;
}

static int parts(struct storm *s, const struct cluster_options *cluster, struct figures *f,
		 struct error **err)
{
	uint64_t since_ns = now_ns();
	int r = join_all(s, err);
	if (r < 0)
		return r;
	samples_add(&f->join_s, seconds_between(since_ns, now_ns()));
	const struct crowd_options crowd = {.zhosts = s->given->zhosts,
					    .address = s->cluster.address,
					    .port = s->cluster.port,
					    .credentials = s->credentials,
					    .addresses = s->given->addresses};
	r = crowd_start(&crowd, &s->crowd, err);
	if (r == 0)
		r = wait_for(s, &s->crowd.figures->ready, s->given->zhosts, "are ready", err);
	since_ns = now_ns();
	if (r == 0)
		r = wait_for(s, &s->crowd.figures->accepted, s->given->zhosts, "are accepted",
			     err);
	if (r < 0)
		return r;
	samples_add(&f->first_s, seconds_between(since_ns, now_ns()));
	return storm(s, cluster, f, err);
}

static int one_run(const struct bench *bench, const struct options *given, struct figures *f,
		   struct error **err)
{
	struct storm s = {.bench = bench, .given = given};
	const struct cluster_options cluster = {.secure = true,
						.heartbeat_ms = given->heartbeat_ms,
						.failure_timeout_ms = given->timeout_ms};
	int r = cluster_start(bench, &cluster, &s.cluster, err);
	if (r < 0)
		return r;
	s.credentials = str_printf("%s/crowd", s.cluster.directory);
	cluster_close_events(&s.cluster);
	r = parts(&s, &cluster, f, err);
	if (s.crowd.pid > 0)
		crowd_stop(&s.crowd);
	cluster_stop(&s.cluster);
	free(s.credentials);
	return r;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	CLEANUP(figures_done) struct figures f = {0};
	int r = 0;
	for (uint32_t i = 1; i <= bench->runs && r == 0; i++)
		r = one_run(bench, given, &f, err);
	if (r < 0)
		return r;
	report_number(report, "zhosts", given->zhosts);
	report_number(report, "addresses",
		      given->addresses > 0 ? given->addresses : given->zhosts);
	report_add(report, "join_s", "all join, 16 at a time", "s", NULL, &f.join_s);
	report_add(report, "first_s", "all connect, 64 at a time", "s", NULL, &f.first_s);
	report_add(report, "storm_s", "zrms killed and started, all accepted again", "s",
		   "30 or less", &f.storm_s);
	report_add(report, "cpu_s", "CPU time of zrms for it", "s", NULL, &f.cpu_s);
	report_add(report, "attempts", "attempts of each zhost for it", "", NULL, &f.attempts);
	report_add(report, "silent", "zhosts taken for silent", "", "0", &f.silent);
	report_add(report, "rss_mib", "memory of zrms with all of them", "MiB", NULL,
		   &f.rss_mib);
	return 0;
}
