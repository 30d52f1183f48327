/*
 * zshell: the operator's shell. With a command it runs that one; without, it is interactive.
 */
#include <stdio.h>

#include "zshell/interactive.h"
#include "zshell/program.h"
#include "zshell/shell/contexts.h"

/* The name of the context in use; NULL: there is none. */
static int current_context(char **ret_name, struct error **err)
{
	CLEANUP(contexts_freep) Samoza__V1__ShellConfig *config = NULL;
	int r = contexts_load(&config, err);

	if (r == 0)
		*ret_name = mem_strdup(config->current);
	return r;
}

static int run(struct shell *shell, const struct cli_run *line,
	       const struct shell_options *given)
{
	char url[] = DEFAULT_URL;
	CLEANUP(freep) char *current = NULL;
	struct shell_options options = *given;
	struct error *err = NULL;

	shell->trust =
		(struct shell_trust){options.ca, options.fingerprint, options.token_file};
	if (options.api == NULL && options.context == NULL) {
		if (current_context(&current, &err) < 0)
			return cli_refuse(&zshell_program, NULL, err);
		options.context = current;
	}
	if (options.api == NULL && options.context == NULL)
		options.api = url;
	if (shell_apply(shell, &options, &err) < 0)
		return cli_refuse(&zshell_program, NULL, err);
	if (options.execute != NULL && line->command != NULL)
		return cli_usage_error(line,
				       "-e FILE takes no command: its lines are the commands");
	if (options.execute != NULL)
		return interactive_run_file(shell, options.execute);
	return line->command != NULL ? shell_run_command(shell, line) : interactive_run(shell);
}

int main(int argc, char **argv)
{
	CLEANUP(cli_run_done) struct cli_run line = {0};
	struct shell shell = {.program = &zshell_program};
	struct shell_options given = {0};
	int status = cli_start(&zshell_program, argc, argv, &given, &line);

	output_init(&shell.output, stdout, stderr);
	if (status < 0)
		status = run(&shell, &line, &given);
	api_free(shell.api);
	cli_settings_done(&zshell_program, &given);
	return cli_finish(&zshell_program, status);
}
