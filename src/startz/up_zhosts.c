#include "startz/up_zhosts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "startz/credentials.h"
#include "startz/machines.h"
#include "startz/port.h"
#include "startz/process.h"
#include "startz/programs.h"
#include "startz/ready.h"

/* On a machine of its own. */
#define MACHINE_ZEDGE "127.0.0.1:8088"

void names_done(struct names *n)
{
	vector_for_each (&n->list, name)
		free(*name);
	vector_done(&n->list);
}

static void set(char **text, const char *value)
{
	char *copy = mem_strdup(value);

	free(*text);
	*text = copy;
}

static int choose_zedge(struct member *m, struct error **err)
{
	struct cli_address address = {.host = "127.0.0.1"};
	int r;

	if (m->machine > 0) { /* nobody else listens there */
		set(&m->address, MACHINE_ZEDGE);
		return 0;
	}
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

/* What proves who it is is made before its start: a token that zrms knows it by, or one to join with. */
static int start_zhost(struct state *s, const struct zhost_start *start, struct member *m,
		       struct error **err)
{
	CLEANUP(freep) char *program = NULL;
	CLEANUP(freep) char *network = machines_network(s, m);
	CLEANUP(freep) char *join = NULL;
	CLEANUP(freep) char *dir = state_path(s, "zhosts/%s", m->name);
	CLEANUP(freep) char *log = state_path(s, "log/%s.log", m->name);
	int r = choose_zedge(m, err);

	if (r == 0 && start->join != NULL)
		join = str_printf("ZHOST_JOIN=%s", start->join);
	else if (r == 0 && network != NULL)
		r = machines_token(s, m, start->url, &join, err);
	else if (r == 0)
		r = credentials_for_zhost(s, start->url, start->token_file, m->name, err);
	if (r == 0)
		r = program_find(start->programs, "zhost", &program, err);
	if (r < 0)
		return r;
	static char config[] = "--config", allow_exec[] = "--allow-exec", zrms[] = "--zrms";
	char *words[16] = {program, (char[]){"--dir"}, dir, (char[]){"--name"}, m->name};
	size_t n = 5;

	if (m->zrms != NULL) { /* else the token says where it is */
		words[n++] = zrms;
		words[n++] = m->zrms;
	}
	words[n++] = (char[]){"--zedge"};
	words[n++] = m->address;
	words[n++] = (char[]){"--log-file"};
	words[n++] = log;
	if (m->config != NULL) {
		words[n++] = config;
		words[n++] = m->config;
	}
	if (m->allows_exec)
		words[n++] = allow_exec;
	return program_start(
		s, m,
		&(struct process_plan){
			.argv = words, .log = log, .network = network, .variable = join},
		err);
}

int up_zhosts_check(struct state *s, const struct names *names, const char *url,
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

int up_zhosts(struct state *s, const struct names *names, const struct zhost_start *start,
	      int64_t deadline, struct error **err)
{
	const char *link = start->link != NULL ? start->link : start->url;
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
			bool is_own = m->zrms == NULL || str_equal(m->zrms, link);

			if (is_own)
				vector_push(&awaited, awaited_of(s, m, true));
			else
				vector_push(&others, awaited_of(s, m, true));
			if (!is_own)
				vector_last(&others)->of_other = true;
			continue;
		}
		set(&m->zrms, link);
		m->allows_exec = start->allow_exec;
		r = config_keep(s, m, start->config, err);
		if (r < 0)
			break;
		vector_push(&awaited, awaited_of(s, m, false));
		r = start_zhost(s, start, m, err);
		m->started = r == 0;
		if (r < 0)
			break;
	}
	(void)fflush(stdout);
	if (r == 0) /* what else has changed: times, configurations */
		r = state_save(s, err);
	if (r == 0 && start->join != NULL)
		r = ready_joined(s, awaited.items, awaited.count, deadline, err);
	else if (r == 0)
		r = ready_zhosts(s, start->url, start->token_file, awaited.items, awaited.count,
				 deadline, err);
	vector_for_each (&others, a) /* ready when its own zrms says so [shell.startz.ready] */
		if (r == 0)
			r = ready_zhosts(s, a->member->zrms, NULL, a, 1, deadline, err);
	awaited_all_done(&awaited);
	awaited_all_done(&others);
	return r;
}
