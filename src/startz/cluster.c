#include "startz/cluster.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/client/api.h"
#include "base/str.h"
#include "model/quantity.h"
#include "startz/config.h"
#include "startz/machines.h"
#include "startz/port.h"
#include "startz/process.h"
#include "startz/ready.h"
#include "startz/signing_key.h"
#include "startz/up_zhosts.h"
#include "startz/up_zrms.h"

#define DEFAULT_ZHOSTS	     3
#define DEFAULT_HEARTBEAT_MS 1000
#define DEFAULT_TIMEOUT_MS   3000

/* The zhosts that `up` should start: those of the file (NULL: none), the given number, all
 * known ones, or three. */
static int wanted_names(const struct state *s, const struct up_settings *settings,
			const struct config *config, struct names *ret_names,
			struct error **err)
{
	bool of_machines = settings->machines > 0;
	const char *option = of_machines ? "--machines" : "--zhosts";
	uint32_t count = of_machines ? settings->machines : settings->zhosts;

	if (config->list != NULL) {
		size_t listed = config->list->n_zhosts;

		if (count > listed)
			return error_set(err, ERR_INVALID, "%s %u, but %s lists only %zu",
					 option, count, config->path, listed);
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

/* With --machines, and for a cluster that has some: makes what is missing of them, so that all can be started there. */
static int up_machines(struct state *s, const struct up_settings *settings,
		       const struct names *names, struct error **err)
{
	int r = 0;

	if (settings->machines == 0 && !machines_are_used(s))
		return 0;
	if (settings->zhosts > 0)
		return error_set(err, ERR_INVALID,
				 "the zhosts of this cluster are on machines of their own: "
				 "--machines says how many, in place of --zhosts");
	vector_for_each (&names->list, name) {
		if (r == 0)
			r = machines_assign(s, *name, err);
	}
	if (r == 0) /* a machine that was made is known */
		r = state_save(s, err);
	return r < 0 ? r : machines_make(s, err);
}

/* `all`: of several zrms; NULL: there is one. */
static void print_how(const struct state *s, const char *url, const char *all)
{
	(void)printf("The cluster is ready: zshell --api %s\n"
		     "  curl -H \"Authorization: Bearer $(cat "
		     "%s/zrms/credentials/local-admin)\" "
		     "%s/v1/topologies\n",
		     all != NULL ? all : url, s->dir, url);
	vector_for_each (&s->members, m) {
		CLEANUP(freep) char *network = machines_network(s, m);

		if (network != NULL)
			(void)printf("  %s is a machine: ip netns exec %s ...\n", m->name,
				     strrchr(network, '/') + 1);
	}
	(void)fflush(stdout);
}

int cluster_up(struct state *s, const struct up_settings *settings, struct error **err)
{
	int64_t deadline = mono_now_ms() + settings->ready_ms;
	CLEANUP(names_done) struct names names = {0};
	CLEANUP(config_done) struct config config = {0};
	CLEANUP(freep) char *url = NULL;
	CLEANUP(freep) char *link = NULL;
	int r = config_read(settings->config, &config, err);

	if (r == 0)
		r = wanted_names(s, settings, &config, &names, err);
	if (r == 0)
		r = up_zrms_check(s, settings, err);
	if (r == 0)
		r = check_running_zrms(s, settings, err);
	if (r == 0)
		r = up_zhosts_check(s, &names, NULL, &config, settings->allow_exec, err);
	if (r == 0)
		r = signing_key_make(s, err);
	if (r < 0)
		return r;
	remember_times(s, settings);
	r = up_machines(s, settings, &names, err);
	if (r == 0)
		r = up_zrms(s, settings, deadline, &url, &link, err);
	if (r == 0 && machines_are_used(s)) {
		CLEANUP(freep) char *at = machines_listen(s, state_find(s, "zrms")->address);

		link = str_printf("https://%s", at);
	}
	const struct zhost_start start = {.programs = settings->programs,
					  .url = url,
					  .link = link,
					  .config = &config,
					  .allow_exec = settings->allow_exec};
	if (r == 0)
		r = up_zhosts(s, &names, &start, deadline, err);
	if (r == 0)
		print_how(s, url, machines_are_used(s) ? NULL : link);
	return r;
}

int cluster_node(struct state *s, const struct node_settings *settings, struct error **err)
{
	int64_t deadline = mono_now_ms() + settings->ready_ms;
	CLEANUP(names_done) struct names names = {0};
	CLEANUP(config_done) struct config config = {0};
	int r;

	const char *url = settings->join == NULL ? settings->zrms : NULL;

	if (url == NULL && settings->join == NULL)
		return error_set(err, ERR_INVALID,
				 "give --zrms URL, or --join TOKEN, which says where zrms is");
	r = config_check_name(settings->name, err);
	if (r < 0)
		return r;
	vector_push(&names.list, mem_strdup(settings->name));
	r = config_read(settings->config, &config, err);
	if (r == 0)
		r = up_zhosts_check(s, &names, url, &config, settings->allow_exec, err);
	if (r == 0 && url != NULL)
		r = ready_zrms(s, NULL, url, deadline, err);
	if (r < 0)
		return r;
	const struct zhost_start start = {.programs = settings->programs,
					  .url = url,
					  .join = settings->join,
					  .token_file = settings->token_file,
					  .config = &config,
					  .allow_exec = settings->allow_exec};
	return up_zhosts(s, &names, &start, deadline, err);
}
