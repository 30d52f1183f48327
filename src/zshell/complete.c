/*
 * Completion, for the interactive shell and for bash: by the table of commands, and by the
 * names that zrms knows. It never fails: without zrms there are just no names.
 */
#include <string.h>

#include "adapter/client/view.h"
#include "base/str.h"
#include "proto/view.pb-c.h"
#include "zshell/command.h"

/* Nobody waits longer for a key. */
#define ASK_TIMEOUT_MS 1500

void candidates_done(struct candidates *c)
{
	vector_for_each (&c->list, s)
		free(*s);
	vector_done(&c->list);
}

static void add(struct candidates *c, const char *current, const char *text)
{
	if (!str_has_prefix(text, current))
		return;
	vector_for_each (&c->list, s) {
		if (str_equal(*s, text))
			return;
	}
	vector_push(&c->list, mem_strdup(text));
}

static int by_text(const void *a, const void *b)
{
	return str_compare(*(char *const *)a, *(char *const *)b);
}

/* ---------------------------------------------------------------- names */

static void add_topologies(struct shell *shell, const char *current, struct candidates *c)
{
	CLEANUP(view_freep) Samoza__V1__TopologyListView *list = NULL;

	if (api_get(shell->api, "/v1/topologies", &samoza__v1__topology_list_view__descriptor,
		    (void **)&list, NULL) < 0)
		return;
	for (size_t i = 0; i < list->n_topologies; i++) {
		add(c, current, list->topologies[i]->name);
		/* Ids only for those who have begun one: there are too many. */
		if (current[0] != '\0')
			add(c, current, list->topologies[i]->id);
	}
}

static void add_spaces(struct shell *shell, const char *current, struct candidates *c)
{
	CLEANUP(view_freep) Samoza__V1__SpaceListView *list = NULL;

	if (api_get(shell->api, "/v1/spaces", &samoza__v1__space_list_view__descriptor,
		    (void **)&list, NULL) < 0)
		return;
	for (size_t i = 0; i < list->n_spaces; i++)
		add(c, current, list->spaces[i]->name);
}

static void add_zhosts(struct shell *shell, const char *current, struct candidates *c)
{
	CLEANUP(view_freep) Samoza__V1__ZhostListView *list = NULL;

	if (api_get(shell->api, "/v1/zhosts", &samoza__v1__zhost_list_view__descriptor,
		    (void **)&list, NULL) < 0)
		return;
	for (size_t i = 0; i < list->n_zhosts; i++)
		add(c, current, list->zhosts[i]->name);
}

/* ---------------------------------------------------------------- words of commands */

/* The word of `c` behind `count` words that it shares; NULL: none. The caller frees. */
static char *next_word(const struct command *c, const char *const *words, size_t count)
{
	const char *at = c->words;

	for (size_t i = 0; i < count; i++) {
		size_t n = strcspn(at, " ");

		if (strlen(words[i]) != n || strncmp(words[i], at, n) != 0)
			return NULL;
		at += n + (at[n] == ' ');
	}
	return *at != '\0' ? mem_strndup(at, strcspn(at, " ")) : NULL;
}

static void add_words(const char *const *words, size_t count, const char *current,
		      struct candidates *c)
{
	for (const struct command *const *all = command_all; *all != NULL; all++) {
		CLEANUP(freep) char *word = NULL;

		if (!(*all)->hidden)
			word = next_word(*all, words, count);
		if (word != NULL)
			add(c, current, word);
	}
}

static void add_options(const struct command *command, const char *current,
			struct candidates *c)
{
	const struct command_option *o = command != NULL ? command->options : NULL;

	for (; o != NULL && o->name != NULL; o++) {
		CLEANUP(freep)
		char *text =
			str_printf("--%s%s", o->name, o->value == OPTION_NUMBER ? "=" : "");

		add(c, current, text);
	}
	add(c, current, "--output");
	add(c, current, "--api");
	add(c, current, "--help");
}

static void add_argument(struct shell *shell, const struct command *command,
			 const char *const *arguments, size_t index, const char *current,
			 struct candidates *c, bool *ret_files)
{
	const struct command_argument *a = command->arguments;

	for (size_t i = 0; a != NULL && a[i].name != NULL; i++) {
		if (a[i].kind == ARGUMENT_COMMAND && i <= index) {
			add_words(arguments + i, index - i, current, c);
			return;
		}
		if (i != index)
			continue;
		if (a[i].kind == ARGUMENT_TOPOLOGY)
			add_topologies(shell, current, c);
		else if (a[i].kind == ARGUMENT_SPACE)
			add_spaces(shell, current, c);
		else if (a[i].kind == ARGUMENT_ZHOST)
			add_zhosts(shell, current, c);
		else if (a[i].kind == ARGUMENT_FILE)
			*ret_files = true;
		else if (a[i].kind == ARGUMENT_SHELL)
			add(c, current, "bash");
	}
}

/* Whether `word` is a global option whose value is the next word. */
static bool takes_value(const char *word)
{
	return str_equal(word, "-o") || str_equal(word, "--output") || str_equal(word, "--api");
}

void complete_words(struct shell *shell, const char *const *words, size_t count,
		    const char *current, struct candidates *ret_candidates, bool *ret_files)
{
	VECTOR(const char *) plain = {0};
	const struct command *command;
	size_t used = 0;

	*ret_files = false;
	api_set_timeout(shell->api, ASK_TIMEOUT_MS);
	for (size_t i = 0; i < count; i++) {
		if (takes_value(words[i]))
			i++;
		else if (words[i][0] != '-')
			vector_push(&plain, words[i]);
	}
	command = command_find(plain.items, plain.count, &used);
	if (count > 0 && takes_value(words[count - 1])) {
		if (!str_equal(words[count - 1], "--api")) {
			add(ret_candidates, current, "table");
			add(ret_candidates, current, "json");
			add(ret_candidates, current, "yaml");
		}
	} else if (current[0] == '-') {
		add_options(command, current, ret_candidates);
	} else {
		add_words(plain.items, plain.count, current, ret_candidates);
		if (command != NULL)
			add_argument(shell, command, plain.items + used, plain.count - used,
				     current, ret_candidates, ret_files);
	}
	if (ret_candidates->list.count > 1)
		qsort(ret_candidates->list.items, ret_candidates->list.count, sizeof(char *),
		      by_text);
	vector_done(&plain);
	api_set_timeout(shell->api, 0);
}
