#include "zbench/trio.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/token/token.h"
#include "base/check.h"
#include "base/str.h"
#include "zbench/keeper.h"
#include "zbench/package.h"
#include "zbench/port.h"

#define LIMIT_NS      (UINT64_C(60) * 1000 * 1000 * 1000)
#define TRANSACTIONS  "--max-txn-ops=4096"
#define REQUEST_BYTES "--max-request-bytes=8388608"

/* ---- words of a command line ---- */

struct words {
	VECTOR(char *) list;
};

static void words_done(struct words *w)
{
	vector_for_each (&w->list, word)
		free(*word);
	vector_done(&w->list);
}

static void add(struct words *w, char *take_word)
{
	vector_push(&w->list, take_word);
}

static void add_all(struct words *w, const char *const *list)
{
	for (; *list != NULL; list++)
		add(w, mem_strdup(*list));
}

static int spawn(const struct trio *t, const char *name, struct words *w, pid_t *ret_pid,
		 struct error **err)
{
	CLEANUP(freep) char *log = str_printf("%s/log/%s.log", t->directory, name);
	add(w, NULL);
	return keeper_spawn(w->list.items, log, ret_pid, err);
}

static int run(const struct trio *t, const char *name, struct words *w, struct error **err)
{
	CLEANUP(freep) char *log = str_printf("%s/log/%s.log", t->directory, name);
	pid_t pid = 0;
	int r = spawn(t, name, w, &pid, err);
	return r < 0 ? r : keeper_wait(pid, name, log, err);
}

/* ---- what is there before anything runs ---- */

static int make_directories(const struct trio *t, struct error **err)
{
	static const char *const names[] = {"", "/log", "/zrms-1", "/zrms-1/trust"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(freep) char *path = str_printf("%s%s", t->directory, names[i]);
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return error_errno(err, "cannot make %s", path);
	}
	return 0;
}

/* All three are of one cluster: they have its keys. */
static int init(struct trio *t, struct error **err)
{
	CLEANUP(freep) char *trust = str_printf("%s/zrms-1/trust", t->directory);
	CLEANUP(words_done) struct words w = {0}, copy = {0};
	int r = package_trust(t->bench, trust, err);
	if (r < 0)
		return r;
	add(&w, str_printf("%s/zrms", t->bench->bin));
	add_all(&w, (const char *const[]){"init", "--dir", NULL});
	add(&w, str_printf("%s/zrms-1", t->directory));
	add(&w, mem_strdup("--listen"));
	add(&w, str_printf("%s:%u", t->address, t->ports[0]));
	add(&w, mem_strdup("--advertise"));
	add(&w, str_printf("%s,127.0.0.1", t->address));
	r = run(t, "init", &w, err);
	if (r < 0)
		return r;
	add_all(&copy, (const char *const[]){"/bin/sh", "-c", NULL});
	add(&copy, str_printf("cd '%s' && cp zrms-1/credentials/identity.pem . && "
			      "cp -a zrms-1 zrms-2 && rm -f zrms-2/credentials/first-admin && "
			      "cp -a zrms-2 zrms-3",
			      t->directory));
	return run(t, "copy", &copy, err);
}

static char *member(const uint16_t *peers)
{
	return str_printf("m1=https://127.0.0.1:%u,m2=https://127.0.0.1:%u,m3=https://"
			  "127.0.0.1:%u",
			  peers[0], peers[1], peers[2]);
}

static int start_etcd(const struct trio *t, unsigned i, const uint16_t *clients,
		      const uint16_t *peers, struct error **err)
{
	CLEANUP(words_done) struct words w = {0};
	CLEANUP(freep) char *name = str_printf("etcd-%u", i + 1);
	CLEANUP(freep) char *client = str_printf("https://127.0.0.1:%u", clients[i]);
	CLEANUP(freep) char *peer = str_printf("https://127.0.0.1:%u", peers[i]);
	CLEANUP(freep) char *all = member(peers);
	CLEANUP(freep) char *identity = str_printf("%s/identity.pem", t->directory);
	CLEANUP(freep)
	char *trusted = str_printf("%s/zrms-1/credentials/authorities.pem", t->directory);
	add_all(&w, (const char *const[]){"/usr/bin/env", "etcd", "--name", NULL});
	add(&w, str_printf("m%u", i + 1));
	add(&w, mem_strdup("--data-dir"));
	add(&w, str_printf("%s/%s", t->directory, name));
	add_all(&w, (const char *const[]){"--listen-client-urls",
					  client,
					  "--advertise-client-urls",
					  client,
					  "--listen-peer-urls",
					  peer,
					  "--initial-advertise-peer-urls",
					  peer,
					  "--initial-cluster",
					  all,
					  "--cert-file",
					  identity,
					  "--key-file",
					  identity,
					  "--trusted-ca-file",
					  trusted,
					  "--client-cert-auth",
					  "--peer-cert-file",
					  identity,
					  "--peer-key-file",
					  identity,
					  "--peer-trusted-ca-file",
					  trusted,
					  "--peer-client-cert-auth",
					  "--heartbeat-interval=100",
					  "--election-timeout=1000",
					  TRANSACTIONS,
					  REQUEST_BYTES,
					  NULL});
	pid_t pid = 0;
	return spawn(t, name, &w, &pid, err);
}

static int start_etcds(struct trio *t, struct error **err)
{
	uint16_t clients[TRIO], peers[TRIO];
	int r = 0;
	for (unsigned i = 0; i < TRIO && r == 0; i++) {
		r = port_find(INADDR_ANY, &clients[i], err);
		if (r == 0)
			r = port_find(INADDR_ANY, &peers[i], err);
	}
	for (unsigned i = 0; i < TRIO && r == 0; i++)
		r = start_etcd(t, i, clients, peers, err);
	if (r == 0)
		t->urls = str_printf("etcd:https://127.0.0.1:%u,https://127.0.0.1:%u,https://"
				     "127.0.0.1:%u",
				     clients[0], clients[1], clients[2]);
	return r;
}

/* ---- zrms ---- */

int trio_start_zrms(struct trio *t, unsigned i, struct error **err)
{
	CLEANUP(words_done) struct words w = {0};
	CLEANUP(freep) char *name = str_printf("zrms-%u", i + 1);
	add(&w, str_printf("%s/zrms", t->bench->bin));
	add(&w, mem_strdup("--dir"));
	add(&w, str_printf("%s/%s", t->directory, name));
	add(&w, mem_strdup("--listen"));
	add(&w, str_printf("%s:%u", t->address, t->ports[i]));
	add_all(&w, (const char *const[]){"--name", name, "--store", t->urls, "--lease", NULL});
	add(&w, str_printf("%ums", t->lease_ms));
	return spawn(t, name, &w, &t->zrms[i], err);
}

/* 0: it answered; the status. */
static int ask_one(struct trio *t, unsigned i, const char *method, const char *path,
		   const char *body, struct answer *answer)
{
	client_done(&t->client);
	t->client.port = t->ports[i];
	return client_request(&t->client, method, path, body, body != NULL ? strlen(body) : 0,
			      answer, NULL);
}

int trio_ask(struct trio *t, unsigned other_than, const char *method, const char *path,
	     const char *body, struct error **err)
{
	uint64_t deadline_ns = now_ns() + LIMIT_NS;
	struct answer answer = {0};
	while (now_ns() < deadline_ns) {
		for (unsigned i = 0; i < TRIO; i++) {
			if (i == other_than || ask_one(t, i, method, path, body, &answer) < 0 ||
			    answer.status >= 300)
				continue;
			t->leader = i;
			answer_done(&answer);
			return 0;
		}
		(void)poll(NULL, 0, 5);
	}
	answer_done(&answer);
	return error_set(err, ERR_TIMEOUT, "no zrms has answered %s %s", method, path);
}

static int up_to_date(const json_t *cluster)
{
	const json_t *members = json_object_get(cluster, "members"), *m = NULL;
	size_t i = 0;
	int count = 0;
	json_array_foreach(members, i, m)
	{
		const json_t *lag = json_object_get(m, "lag_ms");
		bool is_so = json_is_string(lag)
				     ? str_equal(json_string_value(lag), "0")
				     : json_is_integer(lag) && json_integer_value(lag) == 0;
		count += is_so;
	}
	return count;
}

int trio_wait_up_to_date(struct trio *t, struct error **err)
{
	uint64_t deadline_ns = now_ns() + LIMIT_NS;
	while (now_ns() < deadline_ns) {
		json_t *json = NULL;
		int r = client_call(&t->client, "GET", "/v1/cluster", NULL, 0, &json, NULL);
		int count = r == 0 ? up_to_date(json) : 0;
		json_decref(json);
		if (count == TRIO - 1)
			return 0;
		(void)poll(NULL, 0, 100);
	}
	return error_set(err, ERR_TIMEOUT, "the standbys do not read everything");
}

void trio_kill_leader(struct trio *t)
{
	keeper_kill_tree(t->zrms[t->leader]);
	t->zrms[t->leader] = 0;
}

/* ---- the zhost ---- */

static int start_zhost(struct trio *t, struct error **err)
{
	static const char body[] = "{\"name\":\"bench-1\"}";
	CLEANUP(words_done) struct words w = {0};
	CLEANUP(freep) char *config = str_printf("%s/zhosts.yaml", t->directory);
	json_t *json = NULL;
	int r = client_call(&t->client, "POST", "/v1/tokens", body, strlen(body), &json, err);
	FILE *file = r == 0 ? fopen(config, "we") : NULL;
	if (r == 0 && file == NULL)
		r = error_errno(err, "cannot write %s", config);
	if (r == 0) {
		fprintf(file, "zhosts:\n  - {name: bench-1, cpu: \"10000\", memory: 16TiB}\n");
		(void)fclose(file);
		add(&w, str_printf("%s/zhost", t->bench->bin));
		add_all(&w, (const char *const[]){"--name", "bench-1", "--dir", NULL});
		add(&w, str_printf("%s/bench-1", t->directory));
		add_all(&w, (const char *const[]){
				    "--join", json_string_value(json_object_get(json, "token")),
				    "--zedge", "127.0.0.1:0", "--config", config, NULL});
		r = spawn(t, "bench-1", &w, &t->zhost, err);
	}
	json_decref(json);
	return r;
}

char *trio_spaces(const struct trio *t)
{
	CLEANUP(freep) char *path = str_printf("/proc/%d/task/%d/children", t->zhost, t->zhost);
	FILE *file = fopen(path, "re");
	char line[65536] = "";
	if (file != NULL && fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	if (file != NULL)
		(void)fclose(file);
	return mem_strdup(line);
}

/* ---- life ---- */

static int take_token(const struct trio *t, struct error **err)
{
	CLEANUP(freep)
	char *path =
		str_printf("%s/zrms-%u/credentials/local-admin", t->directory, t->leader + 1);
	CLEANUP(token_freep) char *token = NULL;
	int r = token_read(path, &token, err);
	/* Each would make one of its own. */
	for (unsigned i = 0; i < TRIO && r == 0; i++) {
		CLEANUP(freep)
		char *to =
			str_printf("%s/zrms-%u/credentials/local-admin", t->directory, i + 1);
		if (i != t->leader)
			r = token_write(to, token, err);
	}
	if (r == 0 && setenv("SAMOZA_TOKEN", token, 1) < 0)
		r = error_errno(err, "cannot keep the token");
	return r;
}

int trio_wait(struct trio *t, const char *path, const char *word, struct error **err)
{
	uint64_t deadline_ns = now_ns() + LIMIT_NS;
	struct answer answer = {0};
	bool is_so = false;
	while (!is_so && now_ns() < deadline_ns) {
		if (ask_one(t, t->leader, "GET", path, NULL, &answer) == 0) {
			(void)buffer_add(&answer.body, "", 1);
			is_so = strstr(answer.body.data, word) != NULL;
		}
		if (!is_so)
			(void)poll(NULL, 0, 20);
	}
	answer_done(&answer);
	return is_so ? 0 : error_set(err, ERR_TIMEOUT, "%s does not say %s", path, word);
}

static int start_all(struct trio *t, struct error **err)
{
	int r = secure_own_address(t->address, err);
	for (unsigned i = 0; i < TRIO && r == 0; i++)
		r = port_find(INADDR_ANY, &t->ports[i], err);
	if (r == 0)
		r = make_directories(t, err);
	if (r == 0)
		r = init(t, err);
	if (r == 0)
		r = start_etcds(t, err);
	if (r == 0)
		r = trio_start_zrms(t, 0, err);
	if (r == 0)
		r = trio_wait(t, "/healthz", "\"ok\"", err);
	if (r == 0)
		r = take_token(t, err);
	for (unsigned i = 1; i < TRIO && r == 0; i++)
		r = trio_start_zrms(t, i, err);
	if (r == 0)
		r = start_zhost(t, err);
	return r == 0 ? trio_wait(t, "/v1/zhosts/bench-1", "deployed-started", err) : r;
}

int trio_start(const struct bench *bench, unsigned lease_ms, struct trio *t, struct error **err)
{
	static unsigned number;
	*t = (struct trio){.bench = bench,
			   .lease_ms = lease_ms,
			   .directory = str_printf("%s/trio-%u", bench->scratch, ++number)};
	int r = start_all(t, err);
	if (r < 0)
		trio_stop(t);
	return r;
}

void trio_stop(struct trio *t)
{
	if (t->directory == NULL)
		return;
	client_done(&t->client);
	keeper_kill_all();
	if (!t->bench->keep)
		keeper_remove_directory(t->directory);
	free(t->urls);
	free(steal_ptr(&t->directory));
}
