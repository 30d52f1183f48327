/*
 * Completion of names that zrms knows, of those that begin with the word. It never fails: without zrms
 * there are no names.
 */
#include "zshell/shell/complete.h"

#include "adapter/client/view.h"
#include "base/str.h"
#include "proto/view.pb-c.h"
#include "zshell/shell/contexts.h"

/* The user waits for the answer to a key. */
#define ASK_TIMEOUT_MS 1500

/* More would help nobody, and a part of them would be completed to what they happen to share. */
#define NAMES_MAX 1000

/* Whether *ret_list (view_free) has all names of a list that begin with `current`. */
static bool get_names(struct shell *shell, const char *list, const char *current,
		      const ProtobufCMessageDescriptor *type, void **ret_list)
{
	CLEANUP(freep) char *path = api_path(list, current, "&limit=", NULL);
	CLEANUP(freep) char *whole = str_printf("%s%d", path, NAMES_MAX);

	return api_get(shell->api, whole, type, ret_list, NULL) == 0;
}

static void add_topologies(struct shell *shell, const char *current, struct cli_candidates *c)
{
	CLEANUP(view_freep) Samoza__V1__TopologyListView *list = NULL;

	if (!get_names(shell, "/v1/topologies?prefix=", current,
		       &samoza__v1__topology_list_view__descriptor, (void **)&list) ||
	    list->next != NULL)
		return;
	for (size_t i = 0; i < list->n_topologies; i++) {
		cli_add_candidate(c, current, list->topologies[i]->name);
		/* Ids only if the word begins one: there are too many. */
		if (current[0] != '\0')
			cli_add_candidate(c, current, list->topologies[i]->id);
	}
}

static void add_spaces(struct shell *shell, const char *current, struct cli_candidates *c)
{
	CLEANUP(view_freep) Samoza__V1__SpaceListView *list = NULL;

	if (!get_names(shell, "/v1/spaces?prefix=", current,
		       &samoza__v1__space_list_view__descriptor, (void **)&list) ||
	    list->next != NULL)
		return;
	for (size_t i = 0; i < list->n_spaces; i++)
		cli_add_candidate(c, current, list->spaces[i]->name);
}

static void add_zhosts(struct shell *shell, const char *current, struct cli_candidates *c)
{
	CLEANUP(view_freep) Samoza__V1__ZhostListView *list = NULL;

	if (!get_names(shell, "/v1/zhosts?prefix=", current,
		       &samoza__v1__zhost_list_view__descriptor, (void **)&list) ||
	    list->next != NULL)
		return;
	for (size_t i = 0; i < list->n_zhosts; i++)
		cli_add_candidate(c, current, list->zhosts[i]->name);
}

static void add_users(struct shell *shell, const char *current, struct cli_candidates *c)
{
	CLEANUP(view_freep) Samoza__V1__UserListView *list = NULL;

	if (api_get(shell->api, "/v1/users", &samoza__v1__user_list_view__descriptor,
		    (void **)&list, NULL) < 0)
		return;
	for (size_t i = 0; i < list->n_users; i++)
		cli_add_candidate(c, current, list->users[i]->name);
}

static void add_tokens(struct shell *shell, const char *current, struct cli_candidates *c)
{
	CLEANUP(view_freep) Samoza__V1__JoinTokenListView *list = NULL;

	if (api_get(shell->api, "/v1/tokens", &samoza__v1__join_token_list_view__descriptor,
		    (void **)&list, NULL) < 0)
		return;
	for (size_t i = 0; i < list->n_tokens; i++)
		cli_add_candidate(c, current, list->tokens[i]->id);
}

static void add_zrms(struct shell *shell, const char *current, struct cli_candidates *c)
{
	CLEANUP(view_freep) Samoza__V1__ZrmsListView *list = NULL;

	if (api_get(shell->api, "/v1/cluster/zrms", &samoza__v1__zrms_list_view__descriptor,
		    (void **)&list, NULL) < 0)
		return;
	for (size_t i = 0; i < list->n_zrms; i++)
		cli_add_candidate(c, current, list->zrms[i]->name);
}

static void add_sessions(struct shell *shell, const char *current, struct cli_candidates *c)
{
	CLEANUP(view_freep) Samoza__V1__SessionListView *list = NULL;

	if (api_get(shell->api, "/v1/sessions", &samoza__v1__session_list_view__descriptor,
		    (void **)&list, NULL) < 0)
		return;
	for (size_t i = 0; i < list->n_sessions; i++)
		cli_add_candidate(c, current, list->sessions[i]->id);
}

static void add_keys(struct shell *shell, const char *current, struct cli_candidates *c)
{
	CLEANUP(view_freep) Samoza__V1__SigningKeyListView *list = NULL;

	if (api_get(shell->api, "/v1/trust", &samoza__v1__signing_key_list_view__descriptor,
		    (void **)&list, NULL) < 0)
		return;
	for (size_t i = 0; i < list->n_keys; i++)
		if (str_equal(list->keys[i]->state, "trusted"))
			cli_add_candidate(c, current, list->keys[i]->name);
}

static void add_secrets(struct shell *shell, const char *current, struct cli_candidates *c)
{
	CLEANUP(view_freep) Samoza__V1__SecretListView *list = NULL;

	if (api_get(shell->api, "/v1/secrets", &samoza__v1__secret_list_view__descriptor,
		    (void **)&list, NULL) < 0)
		return;
	for (size_t i = 0; i < list->n_secrets; i++)
		cli_add_candidate(c, current, list->secrets[i]->name);
}

static void add_notices(struct shell *shell, const char *current, struct cli_candidates *c)
{
	CLEANUP(view_freep) Samoza__V1__NoticeListView *list = NULL;

	if (api_get(shell->api, "/v1/notices", &samoza__v1__notice_list_view__descriptor,
		    (void **)&list, NULL) < 0)
		return;
	for (size_t i = 0; i < list->n_notices; i++)
		cli_add_candidate(c, current, list->notices[i]->name);
}

/* Which zrms is asked does not matter. */
static void add_contexts(const char *current, struct cli_candidates *c)
{
	CLEANUP(contexts_freep) Samoza__V1__ShellConfig *config = NULL;

	if (contexts_load(&config, NULL) < 0)
		return;
	for (size_t i = 0; i < config->n_contexts; i++)
		cli_add_candidate(c, current, config->contexts[i]->name);
}

static const char *const shells[] = {"bash", "fish", "zsh", NULL};

static void add_names(void *context, int kind, const char *current, struct cli_candidates *c)
{
	if (kind == ARGUMENT_TOPOLOGY)
		add_topologies(context, current, c);
	else if (kind == ARGUMENT_SPACE)
		add_spaces(context, current, c);
	else if (kind == ARGUMENT_ZHOST)
		add_zhosts(context, current, c);
	else if (kind == ARGUMENT_USER)
		add_users(context, current, c);
	else if (kind == ARGUMENT_TOKEN)
		add_tokens(context, current, c);
	else if (kind == ARGUMENT_ZRMS)
		add_zrms(context, current, c);
	else if (kind == ARGUMENT_CONTEXT)
		add_contexts(current, c);
	else if (kind == ARGUMENT_SESSION)
		add_sessions(context, current, c);
	else if (kind == ARGUMENT_KEY)
		add_keys(context, current, c);
	else if (kind == ARGUMENT_SECRET)
		add_secrets(context, current, c);
	else if (kind == ARGUMENT_NOTICES)
		add_notices(context, current, c);
	else if (kind == ARGUMENT_SHELL)
		for (const char *const *name = shells; *name != NULL; name++)
			cli_add_candidate(c, current, *name);
}

void complete_words(struct shell *shell, const char *const *words, size_t count,
		    const char *current, struct cli_candidates *ret_candidates, bool *ret_files)
{
	api_set_timeout(shell->api, ASK_TIMEOUT_MS);
	api_on_notice(shell->api, NULL, NULL);
	cli_complete(shell->program, words, count, current, add_names, shell, ret_candidates,
		     ret_files);
	api_set_timeout(shell->api, 0);
}
