#include "startz/credentials.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/client/view.h"
#include "adapter/token/known_cluster.h"
#include "adapter/token/token.h"
#include "base/memory.h"
#include "base/str.h"
#include "proto/view.pb-c.h"

/* The administrator's token where the zrms at `url` is this cluster's; NULL. The caller frees. */
static char *own_admin(const struct state *s, const char *url)
{
	vector_for_each (&s->members, m) {
		if (!str_equal(m->program, "zrms") || m->address == NULL)
			continue;
		CLEANUP(freep) char *own = str_printf("http://%s", m->address);
		CLEANUP(freep) char *path = state_path(s, "zrms/credentials/local-admin");
		return str_equal(own, url) && access(path, F_OK) == 0 ? steal_ptr(&path) : NULL;
	}
	return NULL;
}

int credentials_api(const struct state *s, const char *url, const char *token_file,
		    struct api **ret_api, struct error **err)
{
	CLEANUP(freep) char *own = own_admin(s, url);
	struct api *api = NULL;
	int r = api_new(url, &api, err);
	if (r == 0)
		r = api_authorize(api, own != NULL ? own : token_file, err);
	if (r < 0)
		api_free(api);
	else
		*ret_api = api;
	return r;
}

void credentials_note(const struct state *s, const char *address)
{
	CLEANUP(freep) char *path = state_path(s, "zrms/credentials/local-admin");
	CLEANUP(freep) char *whole = realpath(path, NULL);
	CLEANUP(error_freep) struct error *err = NULL;
	/* A zrms of before tokens has none. */
	if (whole == NULL || known_cluster_note(address, whole, &err) == 0)
		return;
	(void)fprintf(
		stderr,
		"startz: where the token of this cluster is could not be noted: %s; give it "
		"with --token-file %s\n",
		err->message, path);
}

static int keep(const struct state *s, const char *name, const char *token, struct error **err)
{
	CLEANUP(freep) char *directory = state_path(s, "zhosts/%s", name);
	CLEANUP(freep) char *path = state_path(s, "zhosts/%s/credentials/zhost", name);
	CLEANUP(freep) char *all = state_path(s, "zhosts");
	if ((mkdir(all, 0700) < 0 && access(all, F_OK) < 0) ||
	    (mkdir(directory, 0700) < 0 && access(directory, F_OK) < 0))
		return error_errno(err, "cannot make the directory %s", directory);
	return token_write(path, token, err);
}

int credentials_for_zhost(const struct state *s, const char *url, const char *token_file,
			  const char *name, struct error **err)
{
	CLEANUP(freep) char *present = state_path(s, "zhosts/%s/credentials/zhost", name);
	CLEANUP(freep) char *path = api_path("/v1/zhosts/", name, "/token", NULL);
	CLEANUP(view_freep) Samoza__V1__TokenView *view = NULL;
	CLEANUP(error_freep) struct error *why = NULL;
	struct api *api = NULL;
	int r = credentials_api(s, url, token_file, &api, err);
	if (r < 0)
		return r;
	r = api_send(api, "POST", path, NULL, &samoza__v1__token_view__descriptor,
		     (void **)&view, &why);
	api_free(api);
	if (r == 0)
		return keep(s, name, view->token, err);
	/* A zrms of before tokens asks for none. */
	if (r == ERR_NOT_FOUND || access(present, F_OK) == 0)
		return 0;
	(void)error_move(err, steal_ptr(&why));
	return error_wrap(err, "cannot get a token for zhost %s", name);
}
