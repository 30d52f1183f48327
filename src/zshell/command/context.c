/*
 * Which cluster zshell means: context list, use, show.
 */
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/shell/contexts.h"

static int run_list(void *context, const struct cli_run *line, struct error **err);
static int run_use(void *context, const struct cli_run *line, struct error **err);
static int run_show(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument name_argument[] = {{.name = "NAME", .kind = ARGUMENT_CONTEXT},
						    {0}};
static const struct cli_argument optional_argument[] = {
	{.name = "NAME", .kind = ARGUMENT_CONTEXT, .optional = true}, {0}};

#define LIST_SUMMARY "list the clusters that you have logged in to"

const struct cli_command command_context = {
	.words = "context",
	.summary = LIST_SUMMARY,
	.run = run_list,
};

const struct cli_command command_context_list = {
	.words = "context list",
	.summary = LIST_SUMMARY,
	.run = run_list,
};

const struct cli_command command_context_use = {
	.words = "context use",
	.summary = "use another cluster from the next zshell on",
	.arguments = name_argument,
	.run = run_use,
};

const struct cli_command command_context_show = {
	.words = "context show",
	.summary = "show how a cluster is reached, by default the one in use; not its token",
	.arguments = optional_argument,
	.run = run_show,
};

static const struct output_column columns[] = {
	{"NAME", 0, 0}, {"URL", 0, 0}, {"USER", 0, 0}, {"IN USE", 0, 0}, {0}};

/* Without secrets: for every format. */
static void hide_tokens(Samoza__V1__ShellConfig *config)
{
	for (size_t i = 0; i < config->n_contexts; i++)
		explicit_bzero(config->contexts[i]->token, strlen(config->contexts[i]->token));
}

static int run_list(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct output *o = &shell->output;
	CLEANUP(contexts_freep) Samoza__V1__ShellConfig *config = NULL;
	struct output_table *table;
	int r = contexts_load(&config, err);

	(void)line;
	if (r < 0)
		return r;
	hide_tokens(config);
	if (o->format != OUTPUT_TABLE) {
		output_message(o, &config->base);
		return CLI_DONE;
	}
	if (config->n_contexts == 0 && !o->names_only) {
		output_line(o, "There are no contexts: zshell login URL makes one.");
		return CLI_DONE;
	}
	table = output_table_new(o, columns, 0);
	for (size_t i = 0; i < config->n_contexts; i++) {
		const Samoza__V1__ShellContext *c = config->contexts[i];

		output_table_row(
			table,
			(const char *[]){c->name, c->url, c->user,
					 str_equal(c->name, config->current) ? "yes" : ""});
	}
	output_table_print(table);
	return CLI_DONE;
}

static int run_use(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(contexts_freep) Samoza__V1__ShellConfig *config = NULL;
	const Samoza__V1__ShellContext *found = NULL;
	int r = contexts_load(&config, err);

	if (r == 0)
		r = contexts_find(config, cli_argument(line, 0), &found, err);
	if (r < 0)
		return r;
	contexts_use(config, found->name);
	r = contexts_save(config, err);
	if (r < 0)
		return r;
	output_line(&shell->output, "The context %s is in use: %s as %s.", found->name,
		    found->url, found->user);
	return CLI_DONE;
}

static int run_show(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct output *o = &shell->output;
	CLEANUP(contexts_freep) Samoza__V1__ShellConfig *config = NULL;
	const Samoza__V1__ShellContext *found = NULL;
	int r = contexts_load(&config, err);

	if (r == 0)
		r = contexts_find(config, cli_argument(line, 0), &found, err);
	if (r < 0)
		return r;
	hide_tokens(config);
	if (o->format != OUTPUT_TABLE) {
		output_message(o, &found->base);
		return CLI_DONE;
	}
	output_line(o, "Context: %s", found->name);
	output_line(o, "URL: %s", found->url);
	output_line(o, "User: %s", found->user);
	if (found->fingerprint != NULL)
		output_line(o, "Authority: %s", found->fingerprint);
	else if (found->authorities != NULL)
		output_line(o, "Authority: by its certificate");
	return CLI_DONE;
}
