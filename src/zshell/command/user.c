/*
 * Who may use the cluster: user list, create, rm, token rotate.
 */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run_list(void *context, const struct cli_run *line, struct error **err);
static int run_create(void *context, const struct cli_run *line, struct error **err);
static int run_rm(void *context, const struct cli_run *line, struct error **err);
static int run_rotate(void *context, const struct cli_run *line, struct error **err);

struct options {
	char *role, *topologies, *ttl;
};

static const char *const roles[] = {"viewer", "operator", "admin", NULL};

static const struct cli_option options[] = {
	{.name = "role",
	 .type = CLI_CHOICE,
	 .choices = roles,
	 .value = "ROLE",
	 .offset = offsetof(struct options, role),
	 .required = true,
	 .help = "what it may do: viewer: read; operator: topologies and their logs, too; "
		 "admin: "
		 "all"},
	{.name = "topologies",
	 .type = CLI_STRING,
	 .value = "PATTERN[,PATTERN]",
	 .offset = offsetof(struct options, topologies),
	 .help = "only topologies with such names, as 'shop-*'; of a viewer or operator"},
	{.name = "ttl",
	 .type = CLI_STRING,
	 .value = "TIME",
	 .offset = offsetof(struct options, ttl),
	 .help = "how long the token is valid, such as 90d; otherwise until it is removed"},
	{0},
};

static const struct cli_argument new_argument[] = {{.name = "NAME"}, {0}};
static const struct cli_argument user_argument[] = {{.name = "NAME", .kind = ARGUMENT_USER},
						    {0}};

#define LIST_DETAILS                                                                         \
	"Beside them, who can read credentials/local-admin in the directory of zrms is an\n" \
	"administrator."

const struct cli_command command_user = {
	.words = "user",
	.summary = "list who may use the cluster",
	.details = LIST_DETAILS,
	.run = run_list,
};

const struct cli_command command_user_list = {
	.words = "user list",
	.summary = "list who may use the cluster",
	.details = LIST_DETAILS,
	.run = run_list,
};

const struct cli_command command_user_create = {
	.words = "user create",
	.summary = "let a person or program use the cluster",
	.details = "Prints its token, which cannot be shown again: it goes into the variable "
		   "SAMOZA_TOKEN\nof who is to use it, or into a file for --token-file.",
	.arguments = new_argument,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run_create,
};

const struct cli_command command_user_rm = {
	.words = "user rm",
	.summary = "remove a person or program; its token is void",
	.arguments = user_argument,
	.run = run_rm,
};

const struct cli_command command_user_token_rotate = {
	.words = "user token rotate",
	.summary = "give a person or program another token; the one before is void",
	.arguments = user_argument,
	.run = run_rotate,
};

static const struct output_column columns[] = {
	{"NAME", 0, 0}, {"ROLE", 0, 0},	   {"TOPOLOGIES", 0, 0}, {"CREATED", 0, 0},
	{"BY", 0, 0},	{"EXPIRES", 0, 0}, {"LAST USED", 0, 0},	 {0},
};

/* "shop-*, blog", or "all". */
static char *names_text(char *const *names, size_t count)
{
	struct buffer out = BUFFER_INIT(64 * 1024);
	int r = 0;

	if (count == 0)
		return mem_strdup("all");
	for (size_t i = 0; i < count && r == 0; i++)
		r = buffer_printf(&out, "%s%s", i > 0 ? ", " : "", names[i]);
	return buffer_steal(&out);
}

static int run_list(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct output *o = &shell->output;
	CLEANUP(view_freep) Samoza__V1__UserListView *list = NULL;
	struct output_table *table;
	int r = api_get(shell->api, "/v1/users", &samoza__v1__user_list_view__descriptor,
			(void **)&list, err);

	(void)line;
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE) {
		output_message(o, &list->base);
		return CLI_DONE;
	}
	if (list->n_users == 0 && !o->names_only) {
		output_line(o,
			    "There are no users: only the administrator of zrms' machine may "
			    "use the cluster.");
		output_note(o,
			    "zshell user create NAME --role ROLE lets a person or program use "
			    "it, too.");
		return CLI_DONE;
	}
	table = output_table_new(o, columns, 0);
	for (size_t i = 0; i < list->n_users; i++) {
		const Samoza__V1__UserView *v = list->users[i];
		CLEANUP(freep) char *names = names_text(v->topologies, v->n_topologies);

		output_table_row(
			table,
			(const char *[]){v->name, v->role, names, v->created, v->created_by,
					 v->expires != NULL ? v->expires : "never",
					 v->last_used != NULL ? v->last_used : "not yet"});
	}
	output_table_print(table);
	return CLI_DONE;
}

/* Of words with commas between; the caller frees the list and its words. */
static char **split(const char *text, size_t *ret_count)
{
	CLEANUP(freep) char *copy = mem_strdup(text);
	VECTOR(char *) words = {0};
	char *rest = NULL;

	for (char *word = copy != NULL ? strtok_r(copy, ", ", &rest) : NULL; word != NULL;
	     word = strtok_r(NULL, ", ", &rest))
		vector_push(&words, mem_strdup(word));
	*ret_count = words.count;
	return words.items;
}

static void print_token(const struct output *o, const char *token)
{
	output_line(o, "Token: %s", token);
	output_note(o, "It is shown once: keep it now, for SAMOZA_TOKEN or --token-file.");
}

static int run_create(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	CLEANUP(view_freep) Samoza__V1__UserView *view = NULL;
	Samoza__V1__UserRequest asked = SAMOZA__V1__USER_REQUEST__INIT;

	asked.name = (char *)(uintptr_t)cli_argument(line, 0);
	asked.role = given->role;
	asked.ttl = given->ttl;
	asked.topologies = split(given->topologies, &asked.n_topologies);
	CLEANUP(freep) char *body = view_write(&asked.base);
	for (size_t i = 0; i < asked.n_topologies; i++)
		free(asked.topologies[i]);
	free(asked.topologies);
	int r = api_send(shell->api, "POST", "/v1/users", body,
			 &samoza__v1__user_view__descriptor, (void **)&view, err);
	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE) {
		output_message(&shell->output, &view->base);
		return CLI_DONE;
	}
	output_line(&shell->output, "User %s created, with the role %s.", view->name,
		    view->role);
	print_token(&shell->output, view->token);
	return CLI_DONE;
}

static int run_rm(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const char *name = cli_argument(line, 0);
	CLEANUP(freep) char *path = api_path("/v1/users/", name, NULL);
	int r = api_send(shell->api, "DELETE", path, NULL, NULL, NULL, err);

	if (r == 0 && shell->output.format == OUTPUT_TABLE)
		output_line(&shell->output, "User %s removed.", name);
	return r < 0 ? r : CLI_DONE;
}

static int run_rotate(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(freep)
	char *path = api_path("/v1/users/", cli_argument(line, 0), "/token", NULL);
	CLEANUP(view_freep) Samoza__V1__TokenView *view = NULL;
	int r = api_send(shell->api, "POST", path, NULL, &samoza__v1__token_view__descriptor,
			 (void **)&view, err);

	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE)
		output_message(&shell->output, &view->base);
	else
		print_token(&shell->output, view->token);
	return CLI_DONE;
}
