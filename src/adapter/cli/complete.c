/*
 * Completion by the tables. It never fails: where a name cannot be looked up, there are just
 * fewer candidates.
 */
#include <string.h>

#include "adapter/cli/private.h"
#include "base/str.h"

void cli_candidates_done(struct cli_candidates *c)
{
	vector_for_each (&c->list, s)
		free(*s);
	vector_done(&c->list);
}

void cli_add_candidate(struct cli_candidates *c, const char *current, const char *text)
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

/* The word of `c` after `count` words that it shares; NULL: none. The caller frees. */
static char *next_word(const struct cli_command *c, const char *const *words, size_t count)
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

static void add_words(const struct cli_program *p, const char *const *words, size_t count,
		      const char *current, struct cli_candidates *c)
{
	for (const struct cli_command *const *all = p->commands; all != NULL && *all != NULL;
	     all++) {
		CLEANUP(freep)
		char *word = (*all)->hidden ? NULL : next_word(*all, words, count);

		if (word != NULL)
			cli_add_candidate(c, current, word);
	}
}

static void add_options(const struct cli_option *options, const char *current,
			struct cli_candidates *c)
{
	for (size_t i = 0; i < cli_option_count(options); i++) {
		CLEANUP(freep) char *text = NULL;

		if (options[i].name == NULL)
			continue;
		text = str_printf("--%s", options[i].name);
		cli_add_candidate(c, current, text);
	}
}

/* The option whose value is the word after `word`; NULL: none. */
static const struct cli_option *wants_value(const struct cli_option *options, const char *word)
{
	for (size_t i = 0; i < cli_option_count(options); i++) {
		const struct cli_option *o = &options[i];
		bool is_it = (str_has_prefix(word, "--") && str_equal(word + 2, o->name)) ||
			     (o->letter != '\0' && word[0] == '-' && word[1] == o->letter &&
			      word[2] == '\0');

		if (is_it && o->type != CLI_FLAG && o->implied == NULL)
			return o;
	}
	return NULL;
}

static void add_argument(const struct cli_program *p, const struct cli_command *command,
			 const char *const *arguments, size_t index, const char *current,
			 cli_candidates_fn *names, void *context, struct cli_candidates *c,
			 bool *ret_files)
{
	const struct cli_argument *a = command->arguments;

	for (size_t i = 0; a != NULL && a[i].name != NULL; i++) {
		if (a[i].kind == CLI_ARGUMENT_COMMAND && i <= index) {
			add_words(p, arguments + i, index - i, current, c);
			return;
		}
		if (i != index && !(a[i].repeated && i < index))
			continue;
		if (a[i].kind == CLI_ARGUMENT_FILE)
			*ret_files = true;
		else if (a[i].kind >= CLI_ARGUMENT_NAMES && names != NULL)
			names(context, a[i].kind, current, c);
	}
}

void cli_complete(const struct cli_program *p, const char *const *words, size_t count,
		  const char *current, cli_candidates_fn *names, void *context,
		  struct cli_candidates *ret_candidates, bool *ret_files)
{
	VECTOR(const char *) plain = {0};
	const struct cli_option *awaited = NULL; /* an option whose value `current` is */
	const struct cli_command *command;
	size_t used = 0;

	*ret_files = false;
	for (size_t i = 0; i < count; i++) {
		awaited = NULL;
		if (words[i][0] != '-') {
			vector_push(&plain, words[i]);
			continue;
		}
		command = cli_find(p, plain.items, plain.count, &used);
		awaited = wants_value(p->options, words[i]);
		if (awaited == NULL && command != NULL)
			awaited = wants_value(command->options, words[i]);
		if (awaited != NULL && i + 1 < count)
			i++;
		else
			continue;
		awaited = NULL;
	}
	command = cli_find(p, plain.items, plain.count, &used);
	if (awaited != NULL) {
		for (const char *const *choice = awaited->choices;
		     choice != NULL && *choice != NULL; choice++)
			cli_add_candidate(ret_candidates, current, *choice);
		if (awaited->kind >= CLI_ARGUMENT_NAMES && names != NULL)
			names(context, awaited->kind, current, ret_candidates);
		*ret_files = awaited->type == CLI_PATH;
	} else if (current[0] == '-') {
		add_options(command != NULL ? command->options : NULL, current, ret_candidates);
		add_options(p->options, current, ret_candidates);
		add_options(cli_common_options(p), current, ret_candidates);
	} else {
		add_words(p, plain.items, plain.count, current, ret_candidates);
		if (command != NULL)
			add_argument(p, command, plain.items + used, plain.count - used,
				     current, names, context, ret_candidates, ret_files);
	}
	if (ret_candidates->list.count > 1)
		qsort(ret_candidates->list.items, ret_candidates->list.count, sizeof(char *),
		      by_text);
	vector_done(&plain);
}
