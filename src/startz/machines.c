#include "startz/machines.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/client/view.h"
#include "adapter/netns/network.h"
#include "base/str.h"
#include "proto/view.pb-c.h"
#include "startz/credentials.h"
#include "startz/programs.h"

#define ZRMS_NUMBER 254 /* of this machine, in the network */
#define TOKEN_TTL   "10m"

/* ---------------------------------------------------------------- who has which */

bool machines_are_used(const struct state *s)
{
	vector_for_each (&s->members, m) {
		if (m->machine > 0)
			return true;
	}
	return false;
}

static uint32_t free_number(const struct state *s)
{
	uint32_t highest = 0;

	vector_for_each (&s->members, m)
		highest = m->machine > highest ? m->machine : highest;
	return highest + 1;
}

int machines_assign(struct state *s, const char *name, struct error **err)
{
	struct member *m = state_find(s, name);

	if (m != NULL && m->machine > 0)
		return 0;
	if (m != NULL)
		return error_set(err, ERR_CONFLICT,
				 "%s of %s has no machine of its own: choose another directory "
				 "with --dir",
				 name, s->dir);
	uint32_t number = free_number(s);
	if (number > NETWORK_MACHINES_MAX)
		return error_set(err, ERR_LIMIT, "there are at most %d machines",
				 NETWORK_MACHINES_MAX);
	state_add(s, name, "zhost")->machine = number;
	return 0;
}

char *machines_network(const struct state *s, const struct member *m)
{
	const struct network n = network_of(s->dir);

	return m->machine > 0 ? network_path(&n, m->name) : NULL;
}

char *machines_listen(const struct state *s, const char *local)
{
	const struct network n = network_of(s->dir);
	CLEANUP(freep) char *address = network_address(&n, ZRMS_NUMBER);

	return str_printf("%s%s", address, strrchr(local, ':'));
}

/* ---------------------------------------------------------------- networks */

int machines_make(const struct state *s, struct error **err)
{
	const struct network n = network_of(s->dir);
	int r = network_check(err);

	if (r == 0)
		r = network_make(&n, err);
	vector_for_each (&s->members, m) {
		if (r == 0 && m->machine > 0)
			r = network_add(&n, m->name, m->machine, err);
	}
	return r;
}

int machines_remove(const struct state *s, struct error **err)
{
	const struct network n = network_of(s->dir);

	if (!machines_are_used(s) || !network_exists(&n))
		return 0;
	return network_remove(&n, err);
}

/* ---------------------------------------------------------------- the cluster */

/* Runs a program to its end; what it prints for a person is dropped, its errors are shown. */
static int run(char *const *words, struct error **err)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status = 0;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
					       0);
	(void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY,
					       0);
	errno = posix_spawn(&pid, words[0], &actions, NULL, words, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (errno != 0)
		return error_errno(err, "cannot run %s", words[0]);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error_errno(err, "cannot wait for %s", words[0]);
	}
	if (status != 0)
		return error_set(err, ERR_UNAVAILABLE, "%s %s has failed", words[0], words[1]);
	return 0;
}

int machines_init(const struct state *s, const char *programs, const char *listen,
		  struct error **err)
{
	CLEANUP(freep) char *done = state_path(s, "zrms/cluster.json");
	CLEANUP(freep) char *dir = state_path(s, "zrms");
	CLEANUP(freep) char *program = NULL;
	CLEANUP(freep) char *at = mem_strdup(listen);
	int r;

	if (access(done, F_OK) == 0)
		return 0;
	r = program_find(programs, "zrms", &program, err);
	if (r < 0)
		return r;
	return run((char *[]){program, (char[]){"init"}, (char[]){"--dir"}, dir,
			      (char[]){"--listen"}, at, NULL},
		   err);
}

int machines_token(const struct state *s, const struct member *m, const char *url,
		   char **ret_variable, struct error **err)
{
	CLEANUP(freep)
	char *joined = state_path(s, "zhosts/%s/credentials/identity.pem", m->name);
	CLEANUP(freep)
	char *body = str_printf("{\"ttl\": \"" TOKEN_TTL "\", \"name\": \"%s\"}", m->name);
	CLEANUP(view_freep) Samoza__V1__JoinTokenView *view = NULL;
	struct api *api = NULL;
	int r;

	*ret_variable = NULL;
	if (access(joined, F_OK) == 0)
		return 0;
	r = credentials_api(s, url, NULL, &api, err);
	if (r < 0)
		return r;
	r = api_send(api, "POST", "/v1/tokens", body, &samoza__v1__join_token_view__descriptor,
		     (void **)&view, err);
	api_free(api);
	if (r < 0)
		return error_wrap(err, "cannot get a token for zhost %s", m->name);
	*ret_variable = str_printf("ZHOST_JOIN=%s", view->token);
	return 0;
}
