#include "adapter/cli/cli.h"
#include "base/check.h"

int cli_run_command(const struct cli_run *run, void *context)
{
	const struct cli_program *program = run->program;
	struct error *err = NULL;
	int r;

	PRE(run->command != NULL);
	r = run->command->run(context, run, &err);
	if (err != NULL)
		cli_print_error(program, err);
	if (r < 0)
		r = program->status_of != NULL && err != NULL ? program->status_of(context, err)
							      : CLI_FAILED;
	error_free(err);
	return r;
}

int cli_finish(const struct cli_program *program, int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	(void)fprintf(stderr, "%s: cannot write to standard output\n", program->name);
	return status == CLI_DONE ? CLI_FAILED : status;
}

int cli_main(const struct cli_program *program, int argc, char **argv, void *settings,
	     void *context)
{
	CLEANUP(cli_run_done) struct cli_run run = {0};
	int status = cli_start(program, argc, argv, settings, &run);

	if (status < 0)
		status = cli_run_command(&run, context);
	return cli_finish(program, status);
}
