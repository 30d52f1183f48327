#include <stdarg.h>
#include <string.h>

#include "adapter/cli/private.h"
#include "base/check.h"
#include "base/str.h"
#include "base/text.h"

void cli_print_error(const struct cli_program *program, const struct error *error)
{
	CLEANUP(freep) char *text = error_text(error);
	bool first = true;

	for (char *line = text; line != NULL;) {
		char *end = strchr(line, '\n');
		CLEANUP(freep) char *safe = NULL;

		if (end != NULL)
			*end++ = '\0';
		safe = text_escaped(line);
		(void)fprintf(stderr, "%s%s%s\n", first ? program->name : "", first ? ": " : "",
			      safe);
		first = false;
		line = end;
	}
}

int cli_refuse(const struct cli_program *program, const struct cli_command *command,
	       struct error *error)
{
	cli_print_error(program, error);
	error_free(error);
	if (command != NULL) {
		CLEANUP(freep) char *usage = cli_command_usage(command);

		(void)fprintf(stderr, "usage: %s %s\n", program->name, usage);
	} else {
		cli_print_usage(program, stderr);
	}
	(void)fprintf(stderr, "See '%s%s%s --help'.\n", program->name,
		      command != NULL ? " " : "", command != NULL ? command->words : "");
	return CLI_USAGE;
}

int cli_usage_error(const struct cli_run *run, const char *format, ...)
{
	struct error *err = NULL;
	va_list args;

	va_start(args, format);
	CLEANUP(freep) char *text = str_vprintf(format, args);
	va_end(args);
	(void)error_set(&err, ERR_INVALID, "%s", text);
	return cli_refuse(run->program, run->command, err);
}

void cli_run_done(struct cli_run *run)
{
	if (run->command != NULL && run->options != NULL)
		cli_values_done(run->command->options, run->options);
	free(run->options);
	run->options = NULL;
	vector_done(&run->arguments);
}

void cli_options_default(struct cli_run *run)
{
	PRE(run->options == NULL);
	if (run->command->options_size == 0)
		return;
	run->options = mem_calloc(1, run->command->options_size);
	cli_values_default(run->command->options, run->options);
}

const char *cli_argument(const struct cli_run *run, size_t index)
{
	return index < run->arguments.count ? run->arguments.items[index] : NULL;
}

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

/* How many words precede the first option: 1 in `topo --help`. */
static size_t leading_words(const char *const *words, size_t count)
{
	size_t n = 0;

	while (n < count && words[n][0] != '-')
		n++;
	return n;
}

int cli_answer(const struct cli_run *run, const char *const *words, size_t count)
{
	const struct cli_program *p = run->program;

	if (run->help && run->command != NULL) {
		cli_print_command_help(p, run->command, stdout);
	} else if (run->help) {
		if (!cli_print_help_for(p, words, leading_words(words, count), stdout))
			cli_print_help(p, stdout);
	} else if (run->version) {
		(void)printf("%s %s\n", p->name, p->version);
	} else if (run->manual) {
		cli_print_manual(p, stdout);
	} else {
		return -1;
	}
	return CLI_DONE;
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
