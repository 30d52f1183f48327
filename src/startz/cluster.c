#include "startz/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/archive/trust.h"
#include "adapter/client/api.h"
#include "base/str.h"
#include "model/quantity.h"
#include "startz/config.h"
#include "startz/credentials.h"
#include "startz/port.h"
#include "startz/process.h"
#include "startz/ready.h"

#define DEFAULT_API	     "127.0.0.1:7331"
#define DEFAULT_ZHOSTS	     3
#define DEFAULT_HEARTBEAT_MS 1000
#define DEFAULT_TIMEOUT_MS   3000

/* ---------------------------------------------------------------- files */

/* Of a small text; -1 where it cannot be read. */
static ssize_t read_text(const char *path, char *to, size_t size)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, to, size - 1) : -1;

	if (n >= 0)
		to[n] = '\0';
	return n;
}

/* A copy that is there already is left alone: also where the disk is full. */
static int copy_file(const char *from, const char *to, struct error **err)
{
	char text[4096], present[4096];

	if (read_text(from, text, sizeof(text)) < 0)
		return error_errno(err, "cannot read %s", from);
	if (read_text(to, present, sizeof(present)) >= 0 && str_equal(text, present))
		return 0;
	return state_write(to, text, strlen(text), err);
}

/* The developer's key: made once, trusted by this cluster's zrms. */
static int make_key(const struct state *s, struct error **err)
{
	CLEANUP(freep) char *key = state_path(s, "keys/dev");
	CLEANUP(freep) char *public_key = state_path(s, "keys/dev.pub");
	CLEANUP(freep) char *trusted = state_path(s, "zrms/trust/dev.pub");
	int r = 0;

	if (access(key, F_OK) < 0 || access(public_key, F_OK) < 0) {
		r = secret_key_create(key, err);
		if (r < 0)
			return error_wrap(err, "cannot make the signing key");
		(void)printf("Made the signing key %s\n", key);
	}
	return copy_file(public_key, trusted, err);
}

/* Directory of this program. The caller frees; NULL: not known. */
static char *own_directory(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	return mem_strdup(path);
}

/* "DIR/NAME" of an executable program; the caller frees. */
static int find_program(const char *directory, const char *name, char **ret_path,
			struct error **err)
{
	CLEANUP(freep)
	char *own = directory == NULL ? own_directory() : realpath(directory, NULL);
	CLEANUP(freep) char *path = NULL;

	if (own == NULL)
		return error_errno(err, "cannot find the directory of the programs");
	path = str_printf("%s/%s", own, name);
	if (access(path, X_OK) < 0)
		return error_errno(err, "cannot run %s", path);
	*ret_path = steal_ptr(&path);
	return 0;
}

/* ---------------------------------------------------------------- who there shall be */

struct names {
	VECTOR(char *) list;
};

static void names_done(struct names *n)
{
	vector_for_each (&n->list, name)
		free(*name);
	vector_done(&n->list);
}

/* The zhosts that `up` should start: those of the file (NULL: none), the given number, all
 * known ones, or three. */
static int wanted_names(const struct state *s, const struct up_settings *settings,
			const struct config *config, struct names *ret_names,
			struct error **err)
{
	uint32_t count = settings->zhosts;

	if (config->list != NULL) {
		size_t listed = config->list->n_zhosts;

		if (count > listed)
			return error_set(err, ERR_INVALID, "--zhosts %u, but %s lists only %zu",
					 count, config->path, listed);
		for (size_t i = 0; i < (count > 0 ? count : listed); i++)
			vector_push(&ret_names->list,
				    mem_strdup(config->list->zhosts[i]->name));
		return 0;
	}
	if (count == 0) {
		vector_for_each (&s->members, m) {
			if (str_equal(m->program, "zhost"))
				vector_push(&ret_names->list, mem_strdup(m->name));
		}
		count = ret_names->list.count == 0 ? DEFAULT_ZHOSTS : 0;
	}
	for (uint32_t i = 1; i <= count; i++)
		vector_push(&ret_names->list, str_printf("edge-node-%u", i));
	return 0;
}

static int record(void *user, struct error **err)
{
	return state_save(user, err);
}

/* ---------------------------------------------------------------- zrms */

static int address_taken(const char *address, struct error **err)
{
	return error_set(
		err, ERR_CONFLICT,
		"address %s is in use by another program: give another one with --api, "
		"such as --api 127.0.0.1:0 for any free port",
		address);
}

/* Where zrms should listen: the given address, the previous one, or the default. */
static int choose_api(struct state *s, const struct up_settings *settings, struct member *zrms,
		      struct error **err)
{
	bool runs = process_runs(&zrms->process);
	struct cli_address address = settings->api;
	CLEANUP(freep) char *text = NULL;
	int r = 0;

	if (address.host[0] == '\0')
		r = cli_address_parse(zrms->address != NULL ? zrms->address : DEFAULT_API,
				      &address, err);
	if (r == 0 && address.port == 0)
		r = port_draw(&address.port, err);
	if (r < 0)
		return r;
	text = cli_address_text(&address);
	if (runs && !str_equal(text, zrms->address))
		return error_set(err, ERR_CONFLICT,
				 "zrms of %s is already running at %s: stop it first (startz "
				 "down --dir %s)",
				 s->dir, zrms->address, s->dir);
	if (!runs && port_is_taken(&address))
		return address_taken(text, err);
	free(zrms->address);
	zrms->address = steal_ptr(&text);
	return 0;
}

static int start_zrms(struct state *s, const struct up_settings *settings, struct member *m,
		      struct error **err)
{
	CLEANUP(freep) char *program = NULL;
	CLEANUP(freep) char *dir = state_path(s, "zrms");
	CLEANUP(freep) char *log = state_path(s, "log/zrms.log");
	CLEANUP(freep) char *heartbeat = duration_format((uint64_t)s->heartbeat_ms);
	CLEANUP(freep) char *timeout = duration_format((uint64_t)s->timeout_ms);
	int r = find_program(settings->programs, "zrms", &program, err);

	if (r < 0)
		return r;
	char *words[] = {
		program,    (char[]){"--dir"},	     dir,	(char[]){"--listen"},
		m->address, (char[]){"--heartbeat"}, heartbeat, (char[]){"--failure-timeout"},
		timeout,    (char[]){"--log-file"},  log,	NULL};
	return process_start(&(struct process_plan){.argv = words, .log = log}, &m->process,
			     record, s, err);
}

static int up_zrms(struct state *s, const struct up_settings *settings, int64_t deadline,
		   char **ret_url, struct error **err)
{
	struct member *m = state_find(s, "zrms");
	bool ran;
	int r;

	if (m == NULL)
		m = state_add(s, "zrms", "zrms");
	ran = process_runs(&m->process);
	r = choose_api(s, settings, m, err);
	if (r < 0)
		return r;
	if (!ran) {
		r = start_zrms(s, settings, m, err);
		m->started = r == 0;
	}
	if (r < 0)
		return r;
	*ret_url = str_printf("http://%s", m->address);
	r = ready_zrms(s, m, *ret_url, deadline, err);
	if (r == 0) {
		credentials_note(s, m->address);
		(void)printf("zrms %s at %s\n", ran ? "is running" : "is ready", *ret_url);
	}
	(void)fflush(stdout);
	return r;
}

/* ---------------------------------------------------------------- zhosts */

static int choose_zedge(struct member *m, struct error **err)
{
	struct cli_address address = {.host = "127.0.0.1"};
	int r;

	if (m->address != NULL && cli_address_parse(m->address, &address, NULL) == 0 &&
	    !port_is_taken(&address))
		return 0;
	r = port_draw(&address.port, err);
	if (r < 0)
		return r;
	free(m->address);
	m->address = cli_address_text(&address);
	return 0;
}

static int start_zhost(struct state *s, const char *programs, struct member *m,
		       struct error **err)
{
	CLEANUP(freep) char *program = NULL;
	CLEANUP(freep) char *dir = state_path(s, "zhosts/%s", m->name);
	CLEANUP(freep) char *log = state_path(s, "log/%s.log", m->name);
	int r = choose_zedge(m, err);

	if (r == 0)
		r = find_program(programs, "zhost", &program, err);
	if (r < 0)
		return r;
	static char config[] = "--config", allow_exec[] = "--allow-exec";
	char *words[16] = {program,    (char[]){"--dir"},      dir,	(char[]){"--name"},
			   m->name,    (char[]){"--zrms"},     m->zrms, (char[]){"--zedge"},
			   m->address, (char[]){"--log-file"}, log};
	size_t n = 11;

	if (m->config != NULL) {
		words[n++] = config;
		words[n++] = m->config;
	}
	if (m->allows_exec)
		words[n++] = allow_exec;
	return process_start(&(struct process_plan){.argv = words, .log = log}, &m->process,
			     record, s, err);
}

static void set(char **text, const char *value)
{
	char *copy = mem_strdup(value);

	free(*text);
	*text = copy;
}

/* Refuses what cannot be taken by a zhost that runs: startz restarts nothing by itself
 * [shell.startz.changed]. */
static int check_zhosts(struct state *s, const struct names *names, const char *url,
			const struct config *config, bool allow_exec, struct error **err)
{
	int r = 0;

	vector_for_each (&names->list, name) {
		const struct member *m = state_find(s, *name);

		if (r == 0 && config->list != NULL)
			r = config_check(config, *name, err);
		if (r < 0 || m == NULL || !process_runs(&m->process))
			continue;
		if (config->list != NULL && !config_is_of(config, m))
			r = error_set(err, ERR_CONFLICT,
				      "%s is running, and %s changes its configuration, which "
				      "it reads only when it starts: stop it first (startz "
				      "down --dir %s)",
				      m->name, config->path, s->dir);
		else if (url != NULL && m->zrms != NULL && !str_equal(url, m->zrms))
			r = error_set(err, ERR_CONFLICT,
				      "%s is running with zrms at %s: stop it first (startz "
				      "down --dir %s)",
				      m->name, m->zrms, s->dir);
		else if (allow_exec && !m->allows_exec)
			r = error_set(err, ERR_CONFLICT,
				      "%s is running without --allow-exec, which it reads only "
				      "when it starts: stop it first (startz down --dir %s)",
				      m->name, s->dir);
	}
	return r;
}

typedef VECTOR(struct awaited) awaited_vector;

static void awaited_all_done(awaited_vector *list)
{
	vector_for_each (list, a)
		awaited_done(a);
	vector_done(list);
}

/* Zhosts that are to be started with the same options. */
struct zhost_start {
	const char *programs, *url;
	const char *token_file;	     /* NULL: what is known is shown */
	const struct config *config; /* without a list, each keeps its own */
	bool allow_exec;
};

/* Starts the zhosts in `names` that are not running, and waits for all of them. */
static int up_zhosts(struct state *s, const struct names *names,
		     const struct zhost_start *start, int64_t deadline, struct error **err)
{
	awaited_vector awaited = {0},
		       others = {0}; /* others: of another zrms, and left alone */
	int r = 0;

	/* Add all members first: their addresses are borrowed below. */
	vector_for_each (&names->list, name) {
		if (state_find(s, *name) == NULL)
			(void)state_add(s, *name, "zhost");
	}
	vector_for_each (&names->list, name) {
		struct member *m = state_find(s, *name);

		if (process_runs(&m->process)) {
			bool is_own = m->zrms == NULL || str_equal(m->zrms, start->url);

			if (is_own)
				vector_push(&awaited, awaited_of(s, m, true));
			else
				vector_push(&others, awaited_of(s, m, true));
			if (!is_own)
				vector_last(&others)->of_other = true;
			continue;
		}
		set(&m->zrms, start->url);
		m->allows_exec = start->allow_exec;
		r = config_keep(s, m, start->config, err);
		if (r < 0)
			break;
		vector_push(&awaited, awaited_of(s, m, false));
		r = credentials_for_zhost(s, start->url, start->token_file, m->name, err);
		if (r == 0)
			r = start_zhost(s, start->programs, m, err);
		m->started = r == 0;
		if (r < 0)
			break;
	}
	(void)fflush(stdout);
	if (r == 0) /* what else has changed: times, configurations */
		r = state_save(s, err);
	if (r == 0)
		r = ready_zhosts(s, start->url, start->token_file, awaited.items, awaited.count,
				 deadline, err);
	vector_for_each (&others, a) /* ready when its own zrms says so [shell.startz.ready] */
		if (r == 0)
			r = ready_zhosts(s, a->member->zrms, NULL, a, 1, deadline, err);
	awaited_all_done(&awaited);
	awaited_all_done(&others);
	return r;
}

/* ---------------------------------------------------------------- the whole */

static void remember_times(struct state *s, const struct up_settings *settings)
{
	if (settings->heartbeat_ms > 0)
		s->heartbeat_ms = settings->heartbeat_ms;
	if (settings->timeout_ms > 0)
		s->timeout_ms = settings->timeout_ms;
	if (s->heartbeat_ms == 0)
		s->heartbeat_ms = DEFAULT_HEARTBEAT_MS;
	if (s->timeout_ms == 0)
		s->timeout_ms = DEFAULT_TIMEOUT_MS;
}

/* The saved state of DIR; empty if there is no cluster yet. */
static int peek(const char *dir, struct state *ret_state, struct error **err)
{
	CLEANUP(error_freep) struct error *why = NULL;
	int r = state_peek(dir, ret_state, &why);

	return r == 0 || r == ERR_NOT_FOUND ? 0 : error_move(err, steal_ptr(&why));
}

static int check_times(const struct state *kept, const struct up_settings *settings,
		       struct error **err)
{
	struct state s = {.heartbeat_ms = kept->heartbeat_ms, .timeout_ms = kept->timeout_ms};
	CLEANUP(freep) char *heartbeat = NULL;
	CLEANUP(freep) char *timeout = NULL;

	remember_times(&s, settings);
	if (s.timeout_ms >= 2 * s.heartbeat_ms)
		return 0;
	heartbeat = duration_format((uint64_t)s.heartbeat_ms);
	timeout = duration_format((uint64_t)s.timeout_ms);
	return error_set(
		err, ERR_INVALID,
		"a failure timeout of %s is too short for heartbeats every %s: it must "
		"be at least twice as long (--failure-timeout, --heartbeat)",
		timeout, heartbeat);
}

/* zrms reads its durations only when it starts [shell.startz.changed]. */
static int check_running_zrms(struct state *s, const struct up_settings *settings,
			      struct error **err)
{
	const struct member *m = state_find(s, "zrms");
	bool heartbeat =
		settings->heartbeat_ms > 0 && settings->heartbeat_ms != s->heartbeat_ms;
	bool timeout = settings->timeout_ms > 0 && settings->timeout_ms != s->timeout_ms;
	CLEANUP(freep) char *runs_with = NULL;

	if (m == NULL || !process_runs(&m->process) || (!heartbeat && !timeout))
		return 0;
	runs_with = duration_format((uint64_t)(heartbeat ? s->heartbeat_ms : s->timeout_ms));
	return error_set(err, ERR_CONFLICT,
			 "zrms of %s is already running with %s %s: stop it first (startz down "
			 "--dir %s)",
			 s->dir, heartbeat ? "--heartbeat" : "--failure-timeout", runs_with,
			 s->dir);
}

int cluster_check(const char *dir, const struct up_settings *settings, struct error **err)
{
	CLEANUP(state_done) struct state kept = {.lock_fd = -1};
	CLEANUP(config_done) struct config config = {0};
	struct cli_address address = settings->api;
	CLEANUP(freep) char *text = NULL;
	int r = peek(dir, &kept, err);

	if (r == 0)
		r = check_times(&kept, settings, err);
	if (r == 0)
		r = config_read(settings->config, &config, err);
	if (r == 0 && address.host[0] == '\0')
		r = cli_address_parse(DEFAULT_API, &address, err);
	if (r < 0 || address.port == 0 || !port_is_taken(&address))
		return r;
	/* If DIR exists, its zrms may be listening, also one that another startz is starting at
	 * this moment and has not recorded yet: checked again under the lock. */
	if (access(dir, F_OK) == 0)
		return 0;
	text = cli_address_text(&address);
	return address_taken(text, err);
}

int cluster_up(struct state *s, const struct up_settings *settings, struct error **err)
{
	int64_t deadline = mono_now_ms() + settings->ready_ms;
	CLEANUP(names_done) struct names names = {0};
	CLEANUP(config_done) struct config config = {0};
	CLEANUP(freep) char *url = NULL;
	int r = config_read(settings->config, &config, err);

	if (r == 0)
		r = wanted_names(s, settings, &config, &names, err);
	if (r == 0)
		r = check_running_zrms(s, settings, err);
	if (r == 0)
		r = check_zhosts(s, &names, NULL, &config, settings->allow_exec, err);
	if (r == 0)
		r = make_key(s, err);
	if (r < 0)
		return r;
	remember_times(s, settings);
	r = up_zrms(s, settings, deadline, &url, err);
	const struct zhost_start start = {settings->programs, url, NULL, &config,
					  settings->allow_exec};
	if (r == 0)
		r = up_zhosts(s, &names, &start, deadline, err);
	if (r == 0)
		(void)printf("The cluster is ready: zshell --api %s\n"
			     "  curl -H \"Authorization: Bearer $(cat "
			     "%s/zrms/credentials/local-admin)\" "
			     "%s/v1/topologies\n",
			     url, s->dir, url);
	(void)fflush(stdout);
	return r;
}

int cluster_node(struct state *s, const struct node_settings *settings, struct error **err)
{
	int64_t deadline = mono_now_ms() + settings->ready_ms;
	CLEANUP(names_done) struct names names = {0};
	CLEANUP(config_done) struct config config = {0};
	int r;

	r = config_check_name(settings->name, err);
	if (r < 0)
		return r;
	vector_push(&names.list, mem_strdup(settings->name));
	r = config_read(settings->config, &config, err);
	if (r == 0)
		r = check_zhosts(s, &names, settings->zrms, &config, settings->allow_exec, err);
	if (r == 0)
		r = ready_zrms(s, NULL, settings->zrms, deadline, err);
	if (r < 0)
		return r;
	const struct zhost_start start = {settings->programs, settings->zrms,
					  settings->token_file, &config, settings->allow_exec};
	return up_zhosts(s, &names, &start, deadline, err);
}
