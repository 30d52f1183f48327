#include "zshell/program.h"

#include <stddef.h>
#include <stdlib.h>

#include "adapter/cli/version.h"
#include "base/memory.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/plan_view.h"
#include "zshell/shell/contexts.h"

static const struct cli_command *const commands[] = {
	&command_status,
	&command_topo,
	&command_topo_list,
	&command_topo_submit,
	&command_topo_apply,
	&command_topo_plan,
	&command_topo_history,
	&command_topo_logs,
	&command_topo_status,
	&command_topo_explain,
	&command_topo_stop,
	&command_topo_start,
	&command_topo_recover,
	&command_topo_rollback,
	&command_topo_scale,
	&command_topo_promote,
	&command_topo_abort,
	&command_topo_pause,
	&command_topo_resume,
	&command_topo_rm,
	&command_topo_events,
	&command_spaces,
	&command_spaces_list,
	&command_spaces_status,
	&command_spaces_deploy,
	&command_spaces_start,
	&command_spaces_stop,
	&command_spaces_undeploy,
	&command_spaces_restart,
	&command_spaces_move,
	&command_spaces_top,
	&command_spaces_logs,
	&command_spaces_exec,
	&command_events,
	&command_mesh_spaces,
	&command_mesh_ping,
	&command_mesh_peers,
	&command_mesh_routes,
	&command_cluster,
	&command_cluster_zhosts,
	&command_cluster_status,
	&command_cluster_top,
	&command_cluster_cordon,
	&command_cluster_drain,
	&command_cluster_uncordon,
	&command_cluster_rebalance,
	&command_cluster_leader_move,
	&command_cluster_zrms,
	&command_cluster_zrms_rm,
	&command_cluster_audit,
	&command_cluster_rm,
	&command_cluster_token,
	&command_cluster_token_list,
	&command_cluster_token_create,
	&command_cluster_token_rm,
	&command_cluster_ca,
	&command_cluster_ca_status,
	&command_cluster_ca_rotate,
	&command_cluster_upgrade_status,
	&command_cluster_backup,
	&command_cluster_record,
	&command_zhost_list,
	&command_zhost_create,
	&command_zhost_destroy,
	&command_trust,
	&command_trust_list,
	&command_trust_add,
	&command_trust_rm,
	&command_secret,
	&command_secret_list,
	&command_secret_set,
	&command_secret_rm,
	&command_secret_rotate_key,
	&command_notices,
	&command_notices_list,
	&command_notices_test,
	&command_user,
	&command_user_list,
	&command_user_create,
	&command_user_rm,
	&command_user_token_rotate,
	&command_user_code,
	&command_user_session,
	&command_user_session_list,
	&command_user_session_rm,
	&command_login,
	&command_logout,
	&command_context,
	&command_context_list,
	&command_context_use,
	&command_context_show,
	&cli_help_command,
	&command_completion,
	&command_complete,
	&command_exit,
	NULL,
};

static const char *const formats[] = {"table", "wide", "name", "json", "yaml", NULL};

static const struct cli_option options[] = {
	{.name = "output",
	 .letter = 'o',
	 .type = CLI_CHOICE,
	 .offset = offsetof(struct shell_options, format),
	 .choices = formats,
	 .value = "FORMAT",
	 .help = "format of results, by default a table; wide: a table that is never cut; "
		 "name: only the first column, without header"},
	{.name = "api",
	 .environment = "ZRMS_URL",
	 .type = CLI_STRING,
	 .offset = offsetof(struct shell_options, api),
	 .value = "URL",
	 .help = "address of zrms, by default http://127.0.0.1:7331; on another machine "
		 "https://HOST:PORT, or several of one cluster: https://HOST:PORT,HOST:PORT; "
		 "unix:DIR/api.sock, DIR being the directory of zrms, needs "
		 "no "
		 "token of its user and of root"},
	{.name = "context",
	 .environment = "SAMOZA_CONTEXT",
	 .type = CLI_STRING,
	 .offset = offsetof(struct shell_options, context),
	 .value = "NAME",
	 .help = "the cluster of this name that you have logged in to (zshell login), instead "
		 "of "
		 "--api; without either, the one in use (zshell context use)"},
	{.name = "token-file",
	 .environment = "SAMOZA_TOKEN_FILE",
	 .type = CLI_PATH,
	 .offset = offsetof(struct shell_options, token_file),
	 .help = "file with the token to show to zrms; otherwise $SAMOZA_TOKEN, or that of a "
		 "cluster of this user on this machine"},
	{.name = "ca",
	 .environment = "SAMOZA_CA",
	 .type = CLI_PATH,
	 .offset = offsetof(struct shell_options, ca),
	 .help = "over https://: file with the certificate authorities of the cluster "
		 "(credentials/authorities.pem of zrms' directory)"},
	{.name = "fingerprint",
	 .environment = "SAMOZA_FINGERPRINT",
	 .type = CLI_STRING,
	 .offset = offsetof(struct shell_options, fingerprint),
	 .value = "SHA256",
	 .help = "over https://: SHA-256 of the public key of the cluster's certificate "
		 "authority, which zrms init printed, instead of --ca"},
	{.name = "execute",
	 .letter = 'e',
	 .type = CLI_PATH,
	 .offset = offsetof(struct shell_options, execute),
	 .help = "without a command: run the lines of FILE (-: of standard input), and stop at "
		 "the first that fails"},
	{.name = "no-pager",
	 .offset = offsetof(struct shell_options, no_pager),
	 .help = "print at once what is longer than the terminal; by default $PAGER (less) "
		 "shows it"},
	{0},
};

static const struct cli_exit exits[] = {
	{CLI_DONE, "done"},
	{CLI_FAILED, "refused or failed"},
	{CLI_USAGE, "incorrect usage"},
	{EXIT_UNREACHABLE, "zrms cannot be reached"},
	{EXIT_CHANGES, "a plan has something to do"},
	{EXIT_TIMEOUT, "--wait timed out; the operation continues in the background"},
	{0},
};

static int status_of(void *context, const struct error *error)
{
	const struct shell *shell = context;

	if (error->code != ERR_UNAVAILABLE)
		return CLI_FAILED;
	output_note(&shell->output,
		    "Start a cluster with `startz up --detach`, or give the address of "
		    "zrms with --api URL or ZRMS_URL.");
	return EXIT_UNREACHABLE;
}

const struct cli_program zshell_program = {
	.name = "zshell",
	.summary = "the operator's shell for Samoza; interactive without a command",
	.version = SAMOZA_VERSION,
	.commands = commands,
	.options = options,
	.notes = "States are printed in words for people (running, deployed - stopped). JSON, "
		 "YAML "
		 "and `topo events` have the spelling of the REST interface (deployed-started, "
		 "deployed-stopped).",
	.exits = exits,
	.is_optional = true,
	.status_of = status_of,
};

static void on_slow(void *data, const char *url)
{
	output_note(data, "still waiting for zrms at %s ...", url);
}

static void on_notice(void *data, const char *text)
{
	output_note(data, "%s", text);
}

static int open_address(const struct shell_options *given, struct api **ret_api,
			struct error **err)
{
	struct api *api = NULL;
	int r = api_new(given->api, &api, err);

	if (r == 0)
		r = api_authorize(api, given->token_file, err);
	if (r == 0)
		r = api_believe(api, given->ca, given->fingerprint, err);
	if (r < 0)
		api_free(api);
	else
		*ret_api = api;
	return r;
}

/* What is given on the line or in the environment goes before what was kept. */
static int apply_context(struct api *api, const struct shell_options *given,
			 const Samoza__V1__ShellContext *context, struct error **err)
{
	bool has_token = given->token_file != NULL || !str_is_empty(getenv("SAMOZA_TOKEN"));
	int r = has_token ? api_authorize(api, given->token_file, err) : 0;

	if (!has_token)
		api_show(api, context->token);
	if (r < 0)
		return r;
	if (given->ca != NULL || given->fingerprint != NULL)
		return api_believe(api, given->ca, given->fingerprint, err);
	if (context->authorities != NULL)
		return api_believe_authorities(api, context->authorities, err);
	return api_believe(api, NULL, context->fingerprint, err);
}

static int open_context(const struct shell_options *given, struct api **ret_api,
			struct error **err)
{
	CLEANUP(contexts_freep) Samoza__V1__ShellConfig *config = NULL;
	const Samoza__V1__ShellContext *context = NULL;
	struct api *api = NULL;
	int r = contexts_load(&config, err);

	if (r == 0)
		r = contexts_find(config, given->context, &context, err);
	if (r == 0)
		r = api_new(context->url, &api, err);
	if (r == 0)
		r = apply_context(api, given, context, err);
	if (r < 0)
		api_free(api);
	else
		*ret_api = api;
	return r;
}

int shell_apply(struct shell *shell, const struct shell_options *given, struct error **err)
{
	struct api *api = NULL;
	int r = 0;

	shell->output.no_pager = shell->output.no_pager || given->no_pager;
	if (given->format != NULL) {
		r = output_format_parse(given->format, &shell->output.format, err);
		shell->output.wide = str_equal(given->format, "wide");
		shell->output.names_only = str_equal(given->format, "name");
	}
	if (r < 0 || (given->api == NULL && given->context == NULL))
		return r;
	r = given->context != NULL ? open_context(given, &api, err)
				   : open_address(given, &api, err);
	if (r < 0)
		return r;
	api_on_slow(api, on_slow, &shell->output);
	api_free(shell->api);
	shell->api = api;
	return 0;
}

/* What a refusal means is in the manual. */
static void see_refusal(const struct shell *shell)
{
	CLEANUP(freep)
	char *where = api_manual(shell->api, MANUAL_REFUSALS, api_refused(shell->api));

	if (where != NULL)
		output_note(&shell->output, "See %s", where);
}

int shell_run_command(struct shell *shell, const struct cli_run *line)
{
	int status;

	output_measure(&shell->output);
	api_forget_refusal(shell->api);
	api_on_notice(shell->api, on_notice, &shell->output);
	status = cli_run_command(line, shell);
	api_on_notice(shell->api, NULL, NULL);
	if (status == CLI_FAILED)
		see_refusal(shell);
	output_page_end(&shell->output);
	return status;
}

/* Runs with the options of this line instead of the shell's own. */
static int run_with(struct shell *shell, const struct cli_run *line,
		    const struct shell_options *given)
{
	struct shell copy = *shell;
	struct error *err = NULL;
	int status;

	copy.api = NULL;
	if (given->execute != NULL)
		return cli_usage_error(
			line, "-e FILE is an option of zshell itself, not of its lines");
	if (shell_apply(&copy, given, &err) < 0)
		return cli_refuse(&zshell_program, line->command, err);
	if (given->ca != NULL || given->fingerprint != NULL || given->token_file != NULL)
		copy.trust =
			(struct shell_trust){given->ca, given->fingerprint, given->token_file};
	struct api *own = copy.api;
	if (own == NULL)
		copy.api = shell->api;
	status = shell_run_command(&copy, line);
	shell->leave = copy.leave;
	api_free(own);
	return status;
}

int shell_run_line(struct shell *shell, const char *const *words, size_t count)
{
	CLEANUP(cli_run_done) struct cli_run line = {0};
	struct shell_options given = {0};
	struct error *err = NULL;
	int status;

	if (cli_parse(&zshell_program, words, count, &given, &line, &err) < 0) {
		status = cli_refuse(&zshell_program, line.command, err);
	} else {
		status = cli_answer(&line, words, count);
		if (status < 0)
			status = line.command != NULL ? run_with(shell, &line, &given)
						      : CLI_DONE;
	}
	cli_settings_done(&zshell_program, &given);
	return status;
}
