/*
 * What TLS costs: handshakes, the round trip of a link beside a plain one, memory of links that do nothing, and
 * all of them at once after zrms was away.
 */
#include <inttypes.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "adapter/pki/credentials.h"
#include "adapter/uv/loop.h"
#include "base/str.h"
#include "zbench/benchmarks.h"
#include "zbench/tls_clients.h"

#define MIB	    1048576.0
#define AIMED_LINKS 10000.0
#define SPARE_FDS   200u
#define PING_ROUNDS 10u

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err);

struct options {
	uint32_t handshakes, messages, links, storm;
};

static const struct cli_option options[] = {
	{.name = "handshakes",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, handshakes),
	 .fallback = "1000",
	 .min = 16,
	 .max = 100000,
	 .help = "connections that are made and closed"},
	{.name = "messages",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, messages),
	 .fallback = "20000",
	 .min = 100,
	 .max = 1000000,
	 .help = "round trips over each link, one after the other"},
	{.name = "links",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, links),
	 .fallback = "10000",
	 .min = 16,
	 .max = 100000,
	 .help = "links that do nothing; fewer where there are not so many descriptors"},
	{.name = "storm",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, storm),
	 .fallback = "2000",
	 .min = 16,
	 .max = 100000,
	 .help = "links whose server is killed and started again"},
	{0},
};

const struct benchmark benchmark_tls = {
	.command =
		{
			.words = "tls",
			.summary = "handshakes, round trip and memory of links over TLS",
			.details =
				"Two processes on loopback, a server and all clients, each "
				"with "
				"a certificate of its own. Handshakes: connections at 16 at a "
				"time, and the CPU time of the server for each. Round trip: a "
				"frame with 200 bytes and back, over a plain link and one with "
				"TLS in turn. Memory: what the server grows by for each idle "
				"link, also as for 10,000. Storm: the server is killed and "
				"another one started; until the last client has a frame back. "
				"It says what each of them takes of server and clients.",
			.options = options,
			.options_size = sizeof(struct options),
			.run = benchmark_run,
		},
	.engine_only = true,
	.measure = run,
};

struct figures {
	struct samples handshakes, handshake_cpu_ms, plain_us, tls_us, plain_p99_us, tls_p99_us,
		ratio, link_kib, links_mib, storm_s, storm_attempts, storm_cpu_ms,
		storm_clients_cpu_ms, storm_kib, storm_clients_kib;
};

static void figures_done(struct figures *f)
{
	samples_done(&f->handshakes);
	samples_done(&f->handshake_cpu_ms);
	samples_done(&f->plain_us);
	samples_done(&f->tls_us);
	samples_done(&f->plain_p99_us);
	samples_done(&f->tls_p99_us);
	samples_done(&f->ratio);
	samples_done(&f->link_kib);
	samples_done(&f->links_mib);
	samples_done(&f->storm_s);
	samples_done(&f->storm_attempts);
	samples_done(&f->storm_cpu_ms);
	samples_done(&f->storm_clients_cpu_ms);
	samples_done(&f->storm_kib);
	samples_done(&f->storm_clients_kib);
}

/* ---- credentials ---- */

static int identity_make(const struct pki_authority *authority, const char *role,
			 const char *name, const char *directory, int64_t now_ms,
			 struct error **err)
{
	const struct pki_subject subject = {
		.role = role, .name = name, .lifetime_ms = PKI_MACHINE_MS};
	CLEANUP(freep)
	char *pem = pki_certificate_write(pki_authority_certificate(authority));
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	CLEANUP(pki_key_freep) struct pki_key *key = NULL;
	if (mkdir(directory, 0700) < 0)
		return error_errno(err, "cannot make %s", directory);
	int r = pki_key_new(&key, err);
	if (r == 0)
		r = pki_request_new(key, &request, err);
	if (r == 0)
		r = pki_issue(authority, request, &subject, now_ms, &certificate, err);
	if (r == 0)
		r = pki_trust_read(pem, strlen(pem), &trust, err);
	if (r == 0)
		r = pki_identity_store(directory, key, certificate, err);
	if (r == 0)
		r = pki_authorities_store(directory, trust, err);
	return r;
}

static int credentials_make(const char *server, const char *client, struct error **err)
{
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	int64_t now_ms = clock_now().wall_ms;
	int r = pki_authority_new("bench", 1, now_ms, &authority, err);
	if (r == 0)
		r = identity_make(authority, "zrms", "zrms", server, now_ms, err);
	if (r == 0)
		r = identity_make(authority, "zhost", "bench-1", client, now_ms, err);
	return r;
}

/* ---- one run ---- */

static int handshakes(struct tls_clients *c, const struct options *given, struct figures *f,
		      struct error **err)
{
	double per_s = 0, before_s = tls_server_cpu_s(c->server);
	int r = clients_shake_hands(c, given->handshakes, &per_s, err);
	if (r < 0)
		return r;
	double spent_s = tls_server_cpu_s(c->server) - before_s;
	samples_add(&f->handshakes, per_s);
	samples_add(&f->handshake_cpu_ms, spent_s / given->handshakes * 1000);
	return 0;
}

/* In turn, so that both meet the same load of others. */
static int round_trips(struct tls_clients *c, const struct options *given, struct figures *f,
		       struct error **err)
{
	CLEANUP(samples_done) struct samples plain = {0};
	CLEANUP(samples_done) struct samples tls = {0};
	unsigned count = given->messages / PING_ROUNDS;
	int r = 0;
	for (unsigned i = 0; i < PING_ROUNDS && r == 0; i++) {
		r = clients_ping(c, false, count, &plain, err);
		if (r == 0)
			r = clients_ping(c, true, count, &tls, err);
	}
	if (r < 0)
		return r;
	double plain_us = samples_quantile(&plain, 0.5), tls_us = samples_quantile(&tls, 0.5);
	samples_add(&f->plain_us, plain_us);
	samples_add(&f->tls_us, tls_us);
	samples_add(&f->plain_p99_us, samples_quantile(&plain, 0.99));
	samples_add(&f->tls_p99_us, samples_quantile(&tls, 0.99));
	samples_add(&f->ratio, tls_us / plain_us);
	return 0;
}

/* As many links as there are descriptors for, in each of the two processes. */
static unsigned links_possible(unsigned wanted)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max == RLIM_INFINITY)
		return wanted;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	rlim_t room = limit.rlim_max > SPARE_FDS ? limit.rlim_max - SPARE_FDS : 1;
	return room < wanted ? (unsigned)room : wanted;
}

static int idle(struct tls_clients *c, unsigned links, struct figures *f, struct error **err)
{
	double bytes = 0;
	int r = clients_idle(c, links, &bytes, err);
	if (r < 0)
		return r;
	samples_add(&f->link_kib, bytes / 1024);
	samples_add(&f->links_mib, bytes * AIMED_LINKS / MIB);
	return 0;
}

static int storm_run(struct tls_clients *c, struct tls_server *next, unsigned links,
		     struct figures *f, struct error **err)
{
	struct storm storm = {0};
	int r = clients_storm(c, next, links, &storm, err);
	if (r < 0)
		return r;
	samples_add(&f->storm_s, storm.seconds);
	samples_add(&f->storm_attempts, storm.attempts);
	samples_add(&f->storm_cpu_ms, storm.server_cpu_s * 1000 / links);
	samples_add(&f->storm_clients_cpu_ms, storm.clients_cpu_s * 1000 / links);
	samples_add(&f->storm_kib, storm.server_bytes / 1024);
	samples_add(&f->storm_clients_kib, storm.clients_bytes / 1024);
	return 0;
}

static int one_run(const struct bench *bench, uint32_t number, const struct options *given,
		   struct figures *f, struct error **err)
{
	CLEANUP(freep)
	char *server_directory = str_printf("%s/tls-server-%u", bench->scratch, number);
	CLEANUP(freep) char *directory = str_printf("%s/tls-client-%u", bench->scratch, number);
	struct tls_server server = {0}, next = {0};
	struct tls_clients clients = {0};
	unsigned links = links_possible(given->links);
	int r = credentials_make(server_directory, directory, err);
	if (r == 0)
		r = tls_server_new(server_directory, &server, err);
	if (r == 0)
		r = tls_server_new(server_directory, &next, err);
	if (r == 0)
		r = tls_server_begin(&server, 0, err);
	if (r == 0)
		r = tls_clients_init(&clients, &server, directory, err);
	/* First, while the server has no memory left over from other parts. */
	bench_progress(bench, "tls: run %u, %u idle links", number, links);
	if (r == 0)
		r = idle(&clients, links, f, err);
	bench_progress(bench, "tls: run %u, handshakes", number);
	if (r == 0)
		r = handshakes(&clients, given, f, err);
	bench_progress(bench, "tls: run %u, round trips", number);
	if (r == 0)
		r = round_trips(&clients, given, f, err);
	bench_progress(bench, "tls: run %u, storm of %u", number, given->storm);
	if (r == 0)
		r = storm_run(&clients, &next, links_possible(given->storm), f, err);
	tls_clients_done(&clients);
	tls_server_stop(&server);
	tls_server_stop(&next);
	return r;
}

static int run(const struct bench *bench, const struct cli_run *line, struct report *report,
	       struct error **err)
{
	const struct options *given = line->options;
	CLEANUP(figures_done) struct figures f = {0};
	int r = 0;
	for (uint32_t i = 1; i <= bench->runs && r == 0; i++)
		r = one_run(bench, i, given, &f, err);
	if (r < 0)
		return r;
	report_number(report, "links", links_possible(given->links));
	report_number(report, "storm", links_possible(given->storm));
	report_add(report, "handshakes_per_s", "handshakes, both ends certified", "/s", NULL,
		   &f.handshakes);
	report_add(report, "handshake_cpu_ms", "CPU time of the server for each", "ms", NULL,
		   &f.handshake_cpu_ms);
	report_add(report, "plain_p50_us", "round trip of a plain link, p50", "us", NULL,
		   &f.plain_us);
	report_add(report, "tls_p50_us", "round trip with TLS, p50", "us", NULL, &f.tls_us);
	report_add(report, "plain_p99_us", "round trip of a plain link, p99", "us", NULL,
		   &f.plain_p99_us);
	report_add(report, "tls_p99_us", "round trip with TLS, p99", "us", NULL, &f.tls_p99_us);
	report_add(report, "ratio", "TLS / plain, p50", "", "1.6 or less", &f.ratio);
	report_add(report, "link_kib", "memory of an idle link in the server", "KiB",
		   "40 or less", &f.link_kib);
	report_add(report, "links_mib", "the same, as for 10,000 links", "MiB", "400 or less",
		   &f.links_mib);
	report_add(report, "storm_s", "server gone and back, all clients served", "s",
		   "30 or less", &f.storm_s);
	report_add(report, "storm_cpu_ms", "CPU time of the server for each of them", "ms",
		   NULL, &f.storm_cpu_ms);
	report_add(report, "storm_clients_cpu_ms", "CPU time of the clients for each", "ms",
		   NULL, &f.storm_clients_cpu_ms);
	report_add(report, "storm_kib", "memory of each in the server", "KiB", "40 or less",
		   &f.storm_kib);
	report_add(report, "storm_clients_kib", "memory of each in the clients", "KiB", NULL,
		   &f.storm_clients_kib);
	report_add(report, "storm_attempts", "attempts of each client for it", "", NULL,
		   &f.storm_attempts);
	return 0;
}
