/*
 * zshell: the operator's shell. With a command it runs that one; without, it is interactive.
 */
#include <stdio.h>

#include "zshell/interactive.h"
#include "zshell/program.h"

static int run(struct shell *shell, const struct cli_run *line,
	       const struct shell_options *given)
{
	char url[] = DEFAULT_URL;
	struct shell_options options = *given;
	struct error *err = NULL;

	if (options.api == NULL)
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
