#include "zbench/cluster.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/token/token.h"
#include "base/str.h"
#include "zbench/keeper.h"
#include "zbench/package.h"
#include "zbench/port.h"
#include "zbench/prober.h"

#define START_SECONDS	   30u
#define STOP_SECONDS	   120u
#define FAILURE_DEFAULT_MS 30000u
#define NS_PER_SECOND	   UINT64_C(1000000000)

static int make_directory(const char *path, struct error **err)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST
		       ? error_errno(err, "cannot make %s", path)
		       : 0;
}

static int make_directories(const struct cluster *c, struct error **err)
{
	static const char *const names[] = {"", "/zrms", "/zrms/trust", "/log"};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && r == 0; i++) {
		CLEANUP(freep) char *path = str_printf("%s%s", c->directory, names[i]);
		r = make_directory(path, err);
	}
	return r;
}

/* The database alone: whoever made it has closed it. */
static int move_store(const struct cluster *c, const char *from, struct error **err)
{
	CLEANUP(freep) char *source = str_printf("%s/zrms.db", from);
	CLEANUP(freep) char *target = str_printf("%s/zrms/zrms.db", c->directory);

	return rename(source, target) < 0 ? error_errno(err, "cannot move %s", source) : 0;
}

static int write_zhosts(const struct cluster *c, unsigned count, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/zhosts.yaml", c->directory);
	FILE *file = fopen(path, "we");

	if (file == NULL)
		return error_errno(err, "cannot write %s", path);
	fprintf(file, "zhosts:\n");
	for (unsigned i = 1; i <= count; i++)
		fprintf(file,
			"  - {name: bench-%u, cpu: \"10000\", memory: 16TiB, labels: {number: "
			"\"%u\"}}\n",
			i, i);
	return fclose(file) == 0 ? 0 : error_errno(err, "cannot write %s", path);
}

/* Where words of a command line are made, and freed. */
struct words {
	VECTOR(char *) list;
};

static void words_done(struct words *w)
{
	vector_for_each (&w->list, word)
		free(*word);
	vector_done(&w->list);
}

static int start_program(const struct cluster *c, const char *name, struct words *w,
			 pid_t *ret_pid, struct error **err)
{
	CLEANUP(freep) char *log = str_printf("%s/log/%s.log", c->directory, name);

	vector_push(&w->list, NULL);
	return keeper_spawn(w->list.items, log, ret_pid, err);
}

static int start_zrms(struct cluster *c, const struct cluster_options *options,
		      struct error **err)
{
	CLEANUP(words_done) struct words w = {0};
	unsigned timeout = options->failure_timeout_ms != 0 ? options->failure_timeout_ms
							    : FAILURE_DEFAULT_MS;
	unsigned heartbeat = timeout / 10 < 1000 ? timeout / 10 : 1000;

	if (options->heartbeat_ms != 0)
		heartbeat = options->heartbeat_ms;
	vector_push(&w.list, str_printf("%s/zrms", c->bench->bin));
	vector_push(&w.list, mem_strdup("--dir"));
	vector_push(&w.list, str_printf("%s/zrms", c->directory));
	vector_push(&w.list, mem_strdup("--listen"));
	vector_push(
		&w.list,
		str_printf("%s:%u", c->address[0] != '\0' ? c->address : "127.0.0.1", c->port));
	vector_push(&w.list, mem_strdup("--heartbeat"));
	vector_push(&w.list, str_printf("%ums", heartbeat));
	vector_push(&w.list, mem_strdup("--failure-timeout"));
	vector_push(&w.list, str_printf("%ums", timeout));
	if (options->drain_units != 0) {
		vector_push(&w.list, mem_strdup("--drain-units"));
		vector_push(&w.list, str_printf("%u", options->drain_units));
	}
	return start_program(c, "zrms", &w, &c->zrms, err);
}

static int init_zrms(struct cluster *c, struct error **err)
{
	CLEANUP(words_done) struct words w = {0};
	CLEANUP(freep) char *log = str_printf("%s/log/init.log", c->directory);
	pid_t pid = 0;
	int r = secure_own_address(c->address, err);

	if (r < 0)
		return r;
	vector_push(&w.list, str_printf("%s/zrms", c->bench->bin));
	vector_push(&w.list, mem_strdup("init"));
	vector_push(&w.list, mem_strdup("--dir"));
	vector_push(&w.list, str_printf("%s/zrms", c->directory));
	vector_push(&w.list, mem_strdup("--listen"));
	vector_push(&w.list, str_printf("%s:%u", c->address, c->port));
	r = start_program(c, "init", &w, &pid, err);
	return r < 0 ? r : keeper_wait(pid, "zrms init", log, err);
}

/* The word with which the zhost `name` joins; the caller frees. */
static int make_join_token(struct cluster *c, const char *name, char **ret_word,
			   struct error **err)
{
	CLEANUP(freep) char *body = str_printf("{\"name\":\"%s\"}", name);
	json_t *json = NULL;
	int r = client_call(&c->client, "POST", "/v1/tokens", body, strlen(body), &json, err);

	if (r < 0)
		return r;
	*ret_word = mem_strdup(json_string_value(json_object_get(json, "token")));
	json_decref(json);
	return *ret_word != NULL ? 0 : error_set(err, ERR_INVALID, "zrms gives no token");
}

static int start_zhost(struct cluster *c, unsigned number, struct error **err)
{
	CLEANUP(words_done) struct words w = {0};
	CLEANUP(freep) char *name = str_printf("bench-%u", number);
	CLEANUP(freep) char *join = NULL;

	if (c->address[0] != '\0') {
		int r = make_join_token(c, name, &join, err);
		if (r < 0)
			return r;
	}
	vector_push(&w.list, str_printf("%s/zhost", c->bench->bin));
	vector_push(&w.list, mem_strdup("--dir"));
	vector_push(&w.list, str_printf("%s/%s", c->directory, name));
	vector_push(&w.list, mem_strdup("--name"));
	vector_push(&w.list, mem_strdup(name));
	if (join != NULL) {
		vector_push(&w.list, mem_strdup("--join"));
		vector_push(&w.list, steal_ptr(&join));
	} else {
		vector_push(&w.list, mem_strdup("--zrms"));
		vector_push(&w.list, str_printf("http://127.0.0.1:%u", c->port));
	}
	vector_push(&w.list, mem_strdup("--zedge"));
	vector_push(&w.list, mem_strdup("127.0.0.1:0"));
	vector_push(&w.list, mem_strdup("--config"));
	vector_push(&w.list, str_printf("%s/zhosts.yaml", c->directory));
	return start_program(c, name, &w, vector_add(&c->zhosts), err);
}

/* Whether a daemon has ended, without reaping it. */
static bool has_ended(pid_t pid)
{
	siginfo_t ended = {0};

	return pid > 0 && waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       ended.si_pid != 0;
}

/* Puts before the error which daemon has ended, with the end of its log. */
static int blame(const struct cluster *c, int r, struct error **err)
{
	for (size_t i = 0; i <= c->zhosts.count; i++) {
		pid_t pid = i == 0 ? c->zrms : c->zhosts.items[i - 1];
		CLEANUP(freep)
		char *name = i == 0 ? mem_strdup("zrms") : str_printf("bench-%zu", i);
		CLEANUP(freep) char *log = str_printf("%s/log/%s.log", c->directory, name);
		CLEANUP(error_freep) struct error *why = NULL;

		if (has_ended(pid) && keeper_wait(pid, name, log, &why) < 0)
			return error_wrap(err, "%s", why->message);
	}
	return r;
}

/* Before zrms listens there is nothing to wait for but that. */
static int wait_for_zrms(struct cluster *c, struct error **err)
{
	uint64_t deadline = now_ns() + START_SECONDS * NS_PER_SECOND;
	int r;

	while ((r = client_connect(&c->client, NULL)) < 0 && now_ns() < deadline &&
	       !has_ended(c->zrms))
		(void)poll(NULL, 0, 2);
	return r < 0 ? error_set(err, ERR_TIMEOUT, "zrms does not listen") : 0;
}

/* What programs of this process, and those that it starts, show to zrms from now on. */
static int take_token(const struct cluster *c, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/zrms/credentials/local-admin", c->directory);
	CLEANUP(token_freep) char *token = NULL;
	int r = token_read(path, &token, err);

	if (r == 0 && setenv("SAMOZA_TOKEN", token, 1) < 0)
		r = error_errno(err, "cannot keep the token");
	return r;
}

static int start_all(struct cluster *c, const struct cluster_options *options,
		     struct error **err)
{
	CLEANUP(freep) char *trust = str_printf("%s/zrms/trust", c->directory);
	int r = make_directories(c, err);

	if (r == 0)
		r = package_trust(c->bench, trust, err);
	if (r == 0 && options->store != NULL)
		r = move_store(c, options->store, err);
	if (r == 0)
		r = write_zhosts(c, options->zhosts, err);
	if (r == 0)
		r = port_find(INADDR_LOOPBACK, &c->port, err);
	c->client.port = c->port;
	if (r == 0 && options->secure)
		r = init_zrms(c, err);
	c->spawned_ns = now_ns();
	if (r == 0)
		r = start_zrms(c, options, err);
	if (r == 0 && options->prober != NULL)
		r = prober_start_early(options->prober, c->port, err);
	if (r == 0)
		r = wait_for_zrms(c, err);
	if (r == 0)
		r = take_token(c, err);
	if (r == 0)
		r = events_open(&c->events, c->port, err);
	for (unsigned i = 1; r == 0 && i <= options->zhosts; i++)
		r = start_zhost(c, i, err);
	if (r == 0 && options->zhosts > 0)
		r = events_zhosts(&c->events, "deployed-started", options->zhosts,
				  START_SECONDS, NULL, err);
	return r;
}

int cluster_start(const struct bench *bench, const struct cluster_options *options,
		  struct cluster *cluster, struct error **err)
{
	static unsigned number;
	int r;

	*cluster = (struct cluster){
		.bench = bench,
		.directory = str_printf("%s/cluster-%u", bench->scratch, ++number),
	};
	r = start_all(cluster, options, err);
	if (r < 0) {
		(void)blame(cluster, r, err);
		cluster_stop(cluster);
		return error_wrap(err, "starting a cluster");
	}
	return 0;
}

void cluster_stop(struct cluster *cluster)
{
	if (cluster->directory == NULL)
		return;
	client_done(&cluster->client);
	events_done(&cluster->events);
	keeper_kill_all();
	if (!cluster->bench->keep)
		keeper_remove_directory(cluster->directory);
	vector_done(&cluster->zhosts);
	free(steal_ptr(&cluster->directory));
}

int cluster_restart_zrms(struct cluster *cluster, const struct cluster_options *options,
			 struct error **err)
{
	cluster_close_events(cluster);
	client_done(&cluster->client);
	keeper_kill_tree(cluster->zrms);
	while (!has_ended(cluster->zrms)) /* its port is free then */
		(void)poll(NULL, 0, 2);
	cluster->client.port = cluster->port;
	int r = start_zrms(cluster, options, err);
	return r < 0 ? r : wait_for_zrms(cluster, err);
}

void cluster_close_events(struct cluster *cluster)
{
	events_done(&cluster->events);
}

void cluster_kill_zhost(struct cluster *cluster, unsigned index)
{
	keeper_kill_tree(cluster->zhosts.items[index]);
	cluster->zhosts.items[index] = 0;
}

/* ---------------------------------------------------------------- topologies */

int cluster_submit(struct cluster *cluster, const struct buffer *mex, bool start, char **ret_id,
		   struct error **err)
{
	const char *path = start ? "/v1/topologies" : "/v1/topologies?start=0";
	json_t *json = NULL;
	const char *id;
	int r = client_call(&cluster->client, "POST", path, mex->data, mex->size, &json, err);

	if (r < 0)
		return r;
	id = json_string_value(json_object_get(json, "id"));
	if (id == NULL)
		r = error_set(err, ERR_INVALID, "the reply to a submission has no id");
	else
		*ret_id = mem_strdup(id);
	json_decref(json);
	return r;
}

int cluster_run(struct cluster *cluster, const struct buffer *mex, const char *name,
		unsigned limit_seconds, char **ret_id, double *ret_seconds, struct error **err)
{
	CLEANUP(freep) char *id = NULL;
	uint64_t begin = now_ns(), arrived = 0;
	int r = cluster_submit(cluster, mex, true, &id, err);

	if (r == 0)
		r = events_topology(&cluster->events, name, "running", limit_seconds, &arrived,
				    err);
	if (r < 0)
		return r;
	if (ret_seconds != NULL)
		*ret_seconds = seconds_between(begin, arrived);
	*ret_id = steal_ptr(&id);
	return 0;
}

int cluster_clear(struct cluster *cluster, const char *name, const char *id, uint64_t count,
		  struct error **err)
{
	CLEANUP(freep) char *stop = str_printf("/v1/topologies/%s/stop", id);
	CLEANUP(freep) char *remove = str_printf("/v1/topologies/%s?data=1", id);
	int r = client_call(&cluster->client, "POST", stop, NULL, 0, NULL, err);

	if (r == 0)
		r = events_spaces(&cluster->events, name, "not-deployed", count, STOP_SECONDS,
				  err);
	if (r == 0)
		r = client_call(&cluster->client, "DELETE", remove, NULL, 0, NULL, err);
	return r;
}
