/*
 * Clusters that are used again and again: login, logout, and their contexts.
 */
#include <stdlib.h>
#include <string.h>

#include "adapter/pki/key.h"
#include "adapter/token/token.h"
#include "base/memory.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/shell/contexts.h"
#include "zshell/shell/secret.h"

static int run_login(void *context, const struct cli_run *line, struct error **err);
static int run_logout(void *context, const struct cli_run *line, struct error **err);

struct options {
	char *name;
};

static const struct cli_option options[] = {
	{.name = "name",
	 .type = CLI_STRING,
	 .value = "NAME",
	 .offset = offsetof(struct options, name),
	 .help = "how you call the cluster, by default by its address"},
	{0},
};

static const struct cli_argument url_argument[] = {{.name = "URL"}, {0}};
static const struct cli_argument context_argument[] = {
	{.name = "NAME", .kind = ARGUMENT_CONTEXT, .optional = true}, {0}};

const struct cli_command command_login = {
	.words = "login",
	.summary = "keep a token for a cluster, and use that cluster from now on",
	.details = "Asks for the token, or reads it from standard input, --token-file or "
		   "SAMOZA_TOKEN. Over https://\nthe cluster is known by --ca or "
		   "--fingerprint; without, its fingerprint is shown, and you are\nasked "
		   "whether it is the one that zrms init printed.",
	.arguments = url_argument,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run_login,
};

const struct cli_command command_logout = {
	.words = "logout",
	.summary = "forget a cluster and its token, by default the one in use",
	.details = "The token itself stays good: user rm or user token rotate ends it.",
	.arguments = context_argument,
	.run = run_logout,
};

/* ---- login ---- */

/* The first time: a person compares, once. */
static int believe_first(struct shell *shell, struct api *api, char *fingerprint,
			 struct error **err)
{
	int r = api_presented(api, fingerprint, err);

	if (r < 0)
		return r;
	CLEANUP(freep)
	char *question = str_printf(
		"The authority of the cluster at %s has the fingerprint\n  %s\nIs it the "
		"one that zrms init printed?",
		api_url(api), fingerprint);
	if (secret_agrees(shell, question))
		return api_believe(api, NULL, fingerprint, err);
	return error_set(
		err, ERR_DENIED,
		"the authority of %s is not known: if its fingerprint %s is the one that "
		"zrms init printed, give it with --fingerprint, or the authority with "
		"--ca",
		api_url(api), fingerprint);
}

/* Fills in whom to believe. */
static int believe(struct shell *shell, struct api *api, Samoza__V1__ShellContext *to,
		   char *fingerprint, struct error **err)
{
	const struct shell_trust *given = &shell->trust;
	int r;

	if (!str_has_prefix(api_url(api), "https://"))
		return api_is_safe(api)
			       ? 0
			       : error_set(
					 err, ERR_DENIED,
					 "a token does not go over http:// to another machine, "
					 "where it can be read on the way: give https://");
	if (given->ca != NULL) {
		r = api_believe(api, given->ca, given->fingerprint, err);
		to->authorities = r == 0 ? api_authorities(api) : NULL;
		return r;
	}
	to->fingerprint = fingerprint;
	if (given->fingerprint == NULL)
		return believe_first(shell, api, fingerprint, err);
	to->fingerprint = (char *)(uintptr_t)given->fingerprint;
	return api_believe(api, NULL, given->fingerprint, err);
}

static int take_token(struct shell *shell, const char *url, char **ret_token,
		      struct error **err)
{
	const char *variable = getenv("SAMOZA_TOKEN");
	CLEANUP(freep) char *prompt = str_printf("Token for %s (it is not shown): ", url);
	int r = 0;

	if (shell->trust.token_file != NULL)
		r = token_read(shell->trust.token_file, ret_token, err);
	else if (!str_is_empty(variable))
		*ret_token = mem_strdup(variable);
	else
		r = secret_read(shell, prompt, "token", ret_token, err);
	if (r == 0 && !token_is_well_formed(*ret_token))
		r = error_set(err, ERR_INVALID,
			      "that is no token: expected smzu_ and 43 characters");
	return r;
}

/* A name means one cluster. */
static int keep(const Samoza__V1__ShellContext *context, struct error **err)
{
	CLEANUP(contexts_freep) Samoza__V1__ShellConfig *config = NULL;
	const Samoza__V1__ShellContext *before = NULL;
	int r = contexts_load(&config, err);

	if (r < 0)
		return r;
	if (contexts_find(config, context->name, &before, NULL) == 0 &&
	    !str_equal(before->url, context->url))
		return error_set(
			err, ERR_CONFLICT,
			"the context %s is that of %s: zshell logout %s forgets it, or "
			"give another --name",
			before->name, before->url, before->name);
	contexts_put(config, context);
	return contexts_save(config, err);
}

static int ask_who(struct shell *shell, struct api *api, Samoza__V1__ShellContext *context,
		   struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__SelfView *self = NULL;
	int r;

	api_show(api, context->token);
	r = api_get(api, "/v1/session", &samoza__v1__self_view__descriptor, (void **)&self,
		    err);
	if (r < 0)
		return r;
	context->user = self->user;
	r = keep(context, err);
	if (r < 0)
		return r;
	output_line(&shell->output, "Logged in to %s as %s (%s).", context->url, self->user,
		    self->role);
	output_note(&shell->output, "The context %s is used where no other one is named.",
		    context->name);
	return CLI_DONE;
}

static int log_in(struct shell *shell, struct api *api, const char *name, struct error **err)
{
	char fingerprint[PKI_PIN_HEX] = "";
	Samoza__V1__ShellContext context = SAMOZA__V1__SHELL_CONTEXT__INIT;
	int r = believe(shell, api, &context, fingerprint, err);

	context.url = (char *)(uintptr_t)api_url(api);
	context.name = name != NULL ? (char *)(uintptr_t)name : strstr(context.url, "://") + 3;
	if (r == 0)
		r = take_token(shell, context.url, &context.token, err);
	if (r == 0)
		r = ask_who(shell, api, &context, err);
	token_free(context.token);
	free(context.authorities);
	return r;
}

static int run_login(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	const char *url = cli_argument(line, 0);
	struct api *api = NULL;
	int r;

	if (str_has_prefix(url, "unix:"))
		return error_set(err, ERR_INVALID,
				 "a socket needs no login: use --api %s or ZRMS_URL=%s", url,
				 url);
	if (given->name != NULL && given->name[0] == '\0')
		return error_set(err, ERR_INVALID, "the name is empty");
	r = api_new(url, &api, err);
	if (r == 0)
		r = log_in(shell, api, given->name, err);
	api_free(api);
	return r;
}

/* ---- logout ---- */

static int run_logout(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(contexts_freep) Samoza__V1__ShellConfig *config = NULL;
	const Samoza__V1__ShellContext *found = NULL;
	int r = contexts_load(&config, err);

	if (r == 0)
		r = contexts_find(config, cli_argument(line, 0), &found, err);
	if (r < 0)
		return r;
	CLEANUP(freep) char *name = mem_strdup(found->name);
	contexts_remove(config, name);
	r = contexts_save(config, err);
	if (r < 0)
		return r;
	output_line(&shell->output, "The context %s and its token are forgotten here.", name);
	return CLI_DONE;
}
