/*
 * Tokens with which machines join: cluster token list, create, rm.
 */
#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run_list(void *context, const struct cli_run *line, struct error **err);
static int run_create(void *context, const struct cli_run *line, struct error **err);
static int run_rm(void *context, const struct cli_run *line, struct error **err);

struct options {
	char *ttl, *name, *labels;
	uint32_t uses;
};

static const struct cli_option options[] = {
	{.name = "ttl",
	 .type = CLI_STRING,
	 .value = "TIME",
	 .offset = offsetof(struct options, ttl),
	 .fallback = "1h",
	 .help = "how long machines may join with it"},
	{.name = "uses",
	 .type = CLI_U32,
	 .offset = offsetof(struct options, uses),
	 .fallback = "1",
	 .min = 1,
	 .max = 100000,
	 .help = "how many machines may"},
	{.name = "name",
	 .type = CLI_STRING,
	 .value = "PATTERN",
	 .offset = offsetof(struct options, name),
	 .help = "only under such names, as 'edge-*'"},
	{.name = "labels",
	 .type = CLI_STRING,
	 .value = "NAME=VALUE[,NAME=VALUE]",
	 .offset = offsetof(struct options, labels),
	 .help = "labels that they get, and that no machine has by claiming them"},
	{0},
};

static const struct cli_argument token_argument[] = {{.name = "ID", .kind = ARGUMENT_TOKEN},
						     {0}};

const struct cli_command command_cluster_token = {
	.words = "cluster token",
	.summary = "list the tokens with which machines join",
	.run = run_list,
};

const struct cli_command command_cluster_token_list = {
	.words = "cluster token list",
	.summary = "list the tokens with which machines join",
	.run = run_list,
};

const struct cli_command command_cluster_token_create = {
	.words = "cluster token create",
	.summary = "make a token with which machines join",
	.details = "Prints one word, which cannot be shown again, for zhost --join on the "
		   "machine. It says where\nzrms is reached and whom the machine may believe "
		   "there.",
	.options = options,
	.options_size = sizeof(struct options),
	.run = run_create,
};

const struct cli_command command_cluster_token_rm = {
	.words = "cluster token rm",
	.summary = "no machine joins with this token any longer",
	.details = "Machines that have joined with it stay; cluster rm removes one.",
	.arguments = token_argument,
	.run = run_rm,
};

static const struct output_column columns[] = {
	{"ID", 0, 0},	   {"USED", OUTPUT_RIGHT, 0},
	{"NAMES", 0, 0},   {"LABELS", OUTPUT_CUT, 0},
	{"CREATED", 0, 0}, {"BY", 0, 0},
	{"EXPIRES", 0, 0}, {0},
};

static char *labels_text(const Samoza__V1__JoinTokenView *v)
{
	struct buffer out = BUFFER_INIT(64 * 1024);
	for (size_t i = 0; i < v->n_labels; i++)
		(void)buffer_printf(&out, "%s%s=%s", i > 0 ? "," : "", v->labels[i]->name,
				    v->labels[i]->value);
	return buffer_steal(&out);
}

static int run_list(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct output *o = &shell->output;
	CLEANUP(view_freep) Samoza__V1__JoinTokenListView *list = NULL;
	struct output_table *table;
	int r = api_get(shell->api, "/v1/tokens", &samoza__v1__join_token_list_view__descriptor,
			(void **)&list, err);

	(void)line;
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE) {
		output_message(o, &list->base);
		return CLI_DONE;
	}
	table = output_table_new(o, columns, 0);
	for (size_t i = 0; i < list->n_tokens; i++) {
		const Samoza__V1__JoinTokenView *v = list->tokens[i];
		CLEANUP(freep)
		char *used = str_printf("%" PRIu32 "/%" PRIu32, v->used, v->uses);
		CLEANUP(freep) char *labels = labels_text(v);

		output_table_row(
			table, (const char *[]){v->id, used, v->name != NULL ? v->name : "any",
						labels, v->created, v->created_by, v->expires});
	}
	output_table_print(table);
	return CLI_DONE;
}

/* Of "a=b,c=d"; the entries are in one piece with the list. */
static int labels_read(char *text, Samoza__V1__JoinTokenRequest *asked, struct error **err)
{
	char *rest = NULL;
	size_t most = 1;
	for (const char *at = text; at != NULL && *at != '\0'; at++)
		most += *at == ',';
	asked->labels = mem_new_array(Samoza__V1__VariableView *, most);
	for (char *word = text != NULL ? strtok_r(text, ",", &rest) : NULL; word != NULL;
	     word = strtok_r(NULL, ",", &rest)) {
		char *equals = strchr(word, '=');
		if (equals == NULL)
			return error_set(err, ERR_INVALID,
					 "'%s' is no label: expected NAME=VALUE", word);
		*equals = '\0';
		Samoza__V1__VariableView *label = mem_new(Samoza__V1__VariableView);
		samoza__v1__variable_view__init(label);
		label->name = word;
		label->value = equals + 1;
		asked->labels[asked->n_labels++] = label;
	}
	return 0;
}

static int run_create(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	CLEANUP(view_freep) Samoza__V1__JoinTokenView *view = NULL;
	CLEANUP(freep) char *labels = mem_strdup(given->labels);
	CLEANUP(freep) char *body = NULL;
	Samoza__V1__JoinTokenRequest asked = SAMOZA__V1__JOIN_TOKEN_REQUEST__INIT;

	asked.ttl = given->ttl;
	asked.has_uses = true;
	asked.uses = given->uses;
	asked.name = given->name;
	int r = labels_read(labels, &asked, err);
	if (r == 0)
		body = view_write(&asked.base);
	for (size_t i = 0; i < asked.n_labels; i++)
		free(asked.labels[i]);
	free(asked.labels);
	if (r == 0)
		r = api_send(shell->api, "POST", "/v1/tokens", body,
			     &samoza__v1__join_token_view__descriptor, (void **)&view, err);
	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE) {
		output_message(&shell->output, &view->base);
		return CLI_DONE;
	}
	output_line(&shell->output, "%s", view->token);
	output_note(&shell->output, "For %" PRIu32 " machine%s, until %s: zhost --join TOKEN",
		    view->uses, view->uses == 1 ? "" : "s", view->expires);
	return CLI_DONE;
}

static int run_rm(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const char *id = cli_argument(line, 0);
	CLEANUP(freep) char *path = api_path("/v1/tokens/", id, NULL);
	int r = api_send(shell->api, "DELETE", path, NULL, NULL, NULL, err);

	if (r == 0 && shell->output.format == OUTPUT_TABLE)
		output_line(&shell->output, "Join token %s removed.", id);
	return r < 0 ? r : CLI_DONE;
}
