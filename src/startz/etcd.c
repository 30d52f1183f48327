#include "startz/etcd.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapter/pki/authority.h"
#include "adapter/pki/credentials.h"
#include "base/str.h"
#include "startz/port.h"
#include "startz/process.h"
#include "startz/programs.h"

#define HOST "127.0.0.1"

bool etcd_is_used(const struct state *s)
{
	vector_for_each (&s->members, m) {
		if (str_equal(m->program, "etcd"))
			return true;
	}
	return false;
}

char *etcd_url(const struct state *s)
{
	char *url = mem_strdup("etcd:");
	bool is_first = true;

	vector_for_each (&s->members, m) {
		if (!str_equal(m->program, "etcd"))
			continue;
		char *longer =
			str_printf("%s%shttps://%s", url, is_first ? "" : ",", m->address);
		free(url);
		url = longer;
		is_first = false;
	}
	return url;
}

char *etcd_authorities(const struct state *s)
{
	return state_path(s, "etcd/credentials/" PKI_AUTHORITIES_FILE);
}

char *etcd_identity(const struct state *s)
{
	return state_path(s, "etcd/credentials/" PKI_IDENTITY_FILE);
}

/* ---------------------------------------------------------------- the program */

/* In PATH. The caller frees; NULL: it is not there. */
static char *program_of_etcd(void)
{
	const char *path = getenv("PATH");
	CLEANUP(freep) char *directories = mem_strdup(path != NULL ? path : "/usr/bin:/bin");
	char *rest = directories;

	for (char *one; (one = strsep(&rest, ":")) != NULL;) {
		CLEANUP(freep) char *program = str_printf("%s/etcd", one);

		if (one[0] == '/' && access(program, X_OK) == 0)
			return steal_ptr(&program);
	}
	return NULL;
}

int etcd_check(struct error **err)
{
	CLEANUP(freep) char *program = program_of_etcd();

	if (program != NULL)
		return 0;
	return error_set(err, ERR_NOT_FOUND,
			 "etcd is not installed, and --store etcd needs it: apt install "
			 "etcd-server");
}

/* ---------------------------------------------------------------- certificates */

static int64_t wall_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One for all: it serves, and connects. The authority's key is forgotten at once. */
static int identity_make(const char *directory, const struct pki_authority *authority,
			 int64_t now_ms, struct error **err)
{
	static const char *const addresses[] = {HOST, "localhost", NULL};
	const struct pki_subject subject = {.role = "zrms",
					    .name = "etcd",
					    .addresses = addresses,
					    .lifetime_ms = PKI_AUTHORITY_MS};
	CLEANUP(pki_key_freep) struct pki_key *key = NULL;
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	int r = pki_key_new(&key, err);

	if (r == 0)
		r = pki_request_new(key, &request, err);
	if (r == 0)
		r = pki_issue(authority, request, &subject, now_ms, &certificate, err);
	return r == 0 ? pki_identity_store(directory, key, certificate, err) : r;
}

static int authorities_make(const char *directory, const struct pki_authority *authority,
			    struct error **err)
{
	CLEANUP(freep) char *pem = pki_certificate_write(pki_authority_certificate(authority));
	struct pki_trust *trust = NULL;
	int r = pki_trust_read(pem, strlen(pem), &trust, err);

	if (r == 0)
		r = pki_authorities_store(directory, trust, err);
	pki_trust_free(trust);
	return r;
}

/* Once; the authorities last. */
static int certificates_make(const struct state *s, struct error **err)
{
	CLEANUP(freep) char *directory = state_path(s, "etcd/credentials");
	CLEANUP(freep) char *done = etcd_authorities(s);
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	int64_t now_ms = wall_now_ms();
	int r;

	if (access(done, F_OK) == 0)
		return 0;
	r = pki_authority_new("startz", 1, now_ms, &authority, err);
	if (r == 0)
		r = identity_make(directory, authority, now_ms, err);
	return r == 0 ? authorities_make(directory, authority, err) : r;
}

/* ---------------------------------------------------------------- servers */

static int directory_make(const char *path, struct error **err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot make the directory %s", path);
	return 0;
}

static int directories_make(const struct state *s, struct error **err)
{
	CLEANUP(freep) char *all = state_path(s, "etcd");
	CLEANUP(freep) char *credentials = state_path(s, "etcd/credentials");
	int r = directory_make(all, err);

	return r == 0 ? directory_make(credentials, err) : r;
}

static int address_draw(char **ret_address, struct error **err)
{
	struct cli_address address = {.host = HOST};
	int r = port_draw(&address.port, err);

	if (r == 0)
		*ret_address = cli_address_text(&address);
	return r;
}

/* Their addresses are drawn once: they are a part of what etcd is. */
static int members_add(struct state *s, struct error **err)
{
	int r = 0;

	for (int i = 1; i <= ETCD_COUNT && r == 0; i++) {
		CLEANUP(freep) char *name = str_printf("etcd-%d", i);
		struct member *m = state_find(s, name);

		if (m != NULL)
			continue;
		m = state_add(s, name, "etcd");
		r = address_draw(&m->address, err);
		if (r == 0)
			r = address_draw(&m->peer, err);
	}
	return r;
}

/* "etcd-1=https://127.0.0.1:1,…" */
static char *peers_of(const struct state *s)
{
	char *peers = mem_strdup("");

	vector_for_each (&s->members, m) {
		if (!str_equal(m->program, "etcd"))
			continue;
		char *longer = str_printf("%s%s%s=https://%s", peers, *peers != '\0' ? "," : "",
					  m->name, m->peer);
		free(peers);
		peers = longer;
	}
	return peers;
}

static int server_start(struct state *s, struct member *m, struct error **err)
{
	CLEANUP(freep) char *program = program_of_etcd();
	CLEANUP(freep) char *name = mem_strdup(m->name);
	CLEANUP(freep) char *data = state_path(s, "etcd/%s", m->name);
	CLEANUP(freep) char *log = state_path(s, "log/%s.log", m->name);
	CLEANUP(freep) char *client = str_printf("https://%s", m->address);
	CLEANUP(freep) char *peer = str_printf("https://%s", m->peer);
	CLEANUP(freep) char *peers = peers_of(s);
	CLEANUP(freep) char *authorities = etcd_authorities(s);
	CLEANUP(freep) char *identity = etcd_identity(s);
#define WORD(text) ((char[]){text})
	char *words[] = {
		program,
		WORD("--name"),
		name,
		WORD("--data-dir"),
		data,
		WORD("--listen-client-urls"),
		client,
		WORD("--advertise-client-urls"),
		client,
		WORD("--listen-peer-urls"),
		peer,
		WORD("--initial-advertise-peer-urls"),
		peer,
		WORD("--initial-cluster"),
		peers,
		WORD("--cert-file"),
		identity,
		WORD("--key-file"),
		identity,
		WORD("--trusted-ca-file"),
		authorities,
		WORD("--client-cert-auth"),
		WORD("--peer-cert-file"),
		identity,
		WORD("--peer-key-file"),
		identity,
		WORD("--peer-trusted-ca-file"),
		authorities,
		WORD("--peer-client-cert-auth"),
		WORD("--max-txn-ops=4096"),
		WORD("--max-request-bytes=8388608"),
		WORD("--quota-backend-bytes=8589934592"),
		WORD("--auto-compaction-mode=revision"),
		WORD("--auto-compaction-retention=1000"),
		WORD("--experimental-initial-corrupt-check=true"),
		WORD("--heartbeat-interval=100"),
		WORD("--election-timeout=1000"),
		WORD("--logger=zap"),
		NULL,
	};
#undef WORD
	return program_start(s, m, &(struct process_plan){.argv = words, .log = log}, err);
}

int etcd_up(struct state *s, struct error **err)
{
	int r = etcd_check(err);

	if (r == 0)
		r = directories_make(s, err);
	if (r == 0)
		r = certificates_make(s, err);
	if (r == 0)
		r = members_add(s, err);
	vector_for_each (&s->members, m) {
		if (r < 0 || !str_equal(m->program, "etcd") || process_runs(&m->process))
			continue;
		r = server_start(s, m, err);
		m->started = r == 0;
	}
	return r;
}
