/*
 * Signing in to pages: user code, session list, session rm.
 */
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run_code(void *context, const struct cli_run *line, struct error **err);
static int run_list(void *context, const struct cli_run *line, struct error **err);
static int run_rm(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument session_argument[] = {{.name = "ID", .kind = ARGUMENT_SESSION},
						       {0}};

struct code_options {
	const char *page;
};

static const struct cli_option code_options[] = {
	{.name = "page",
	 .type = CLI_STRING,
	 .value = "TOPOLOGY/SPACE",
	 .offset = offsetof(struct code_options, page),
	 .help = "for this page, which has `access: token`, and for nothing else"},
	{0},
};

const struct cli_command command_user_code = {
	.words = "user code",
	.summary = "make a code with which you sign in once, without handing out your token",
	.details = "The code is good once, for 10 minutes. The session that it becomes may do "
		   "what "
		   "your token may,\nfor 12 hours at most, and ends when that token is "
		   "replaced or "
		   "removed.\n--page: it is for that page of zedge (`access: token`) and for "
		   "nothing else.",
	.options = code_options,
	.options_size = sizeof(struct code_options),
	.run = run_code,
};

const struct cli_command command_user_session = {
	.words = "user session",
	.summary = "list the sessions of those who have signed in",
	.run = run_list,
};

const struct cli_command command_user_session_list = {
	.words = "user session list",
	.summary = "list the sessions of those who have signed in",
	.run = run_list,
};

const struct cli_command command_user_session_rm = {
	.words = "user session rm",
	.summary = "end somebody's session",
	.arguments = session_argument,
	.run = run_rm,
};

static const struct output_column columns[] = {
	{"ID", 0, 0}, {"USER", 0, 0}, {"FROM", 0, 0}, {"CREATED", 0, 0}, {"EXPIRES", 0, 0}, {0},
};

/* Where it is shown: the zedge of a zhost that is there. Nothing follows '#' to a server or into its log. */
static void say_where(struct shell *shell, const Samoza__V1__SignInCodeView *code)
{
	CLEANUP(view_freep) Samoza__V1__ZhostListView *list = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	if (api_get(shell->api, "/v1/zhosts", &samoza__v1__zhost_list_view__descriptor,
		    (void **)&list, &err) < 0)
		return;
	for (size_t k = 0; k < list->n_zhosts; k++) {
		const Samoza__V1__ZhostView *z = list->zhosts[k];
		if (str_is_empty(z->zedge) || !str_equal(z->state, "deployed-started"))
			continue;
		output_note(&shell->output, "Open %s%s/%s/_samoza/sign-in#%s",
			    strstr(z->zedge, "://") != NULL ? "" : "http://", z->zedge,
			    code->page, code->code);
		return;
	}
}

static int run_code(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct code_options *options = line->options;
	CLEANUP(view_freep) Samoza__V1__SignInCodeView *view = NULL;
	CLEANUP(freep)
	char *path = options->page != NULL
			     ? api_path("/v1/sign-in-codes?page=", options->page, NULL)
			     : mem_strdup("/v1/sign-in-codes");
	int r = api_send(shell->api, "POST", path, NULL,
			 &samoza__v1__sign_in_code_view__descriptor, (void **)&view, err);

	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE) {
		output_message(&shell->output, &view->base);
		return CLI_DONE;
	}
	output_line(&shell->output, "Sign-in code: %s", view->code);
	output_note(&shell->output, "It is good once, until %s.", view->expires);
	if (view->page != NULL)
		say_where(shell, view);
	return CLI_DONE;
}

static int run_list(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct output *o = &shell->output;
	CLEANUP(view_freep) Samoza__V1__SessionListView *list = NULL;
	struct output_table *table;
	int r = api_get(shell->api, "/v1/sessions", &samoza__v1__session_list_view__descriptor,
			(void **)&list, err);

	(void)line;
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE) {
		output_message(o, &list->base);
		return CLI_DONE;
	}
	if (list->n_sessions == 0 && !o->names_only) {
		output_line(o, "Nobody is signed in.");
		return CLI_DONE;
	}
	table = output_table_new(o, columns, 0);
	for (size_t i = 0; i < list->n_sessions; i++) {
		const Samoza__V1__SessionView *v = list->sessions[i];

		output_table_row(table, (const char *[]){v->id, v->user,
							 v->address != NULL ? v->address : "",
							 v->created, v->expires});
	}
	output_table_print(table);
	return CLI_DONE;
}

static int run_rm(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const char *id = cli_argument(line, 0);
	CLEANUP(freep) char *path = api_path("/v1/sessions/", id, NULL);
	int r = api_send(shell->api, "DELETE", path, NULL, NULL, NULL, err);

	if (r == 0 && shell->output.format == OUTPUT_TABLE)
		output_line(&shell->output, "Session %s ended.", id);
	return r < 0 ? r : CLI_DONE;
}
