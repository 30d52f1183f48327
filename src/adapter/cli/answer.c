/*
 * What is printed instead of the work of a command: errors, help, version, manual.
 */
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "adapter/cli/private.h"
#include "adapter/terminal/terminal.h"
#include "base/str.h"
#include "base/text.h"

void cli_print_error(const struct cli_program *program, const struct error *error)
{
	CLEANUP(freep) char *text = error_text(error);
	size_t columns = terminal_columns(STDERR_FILENO);
	bool first = true;

	for (char *line = text; line != NULL;) {
		char *end = strchr(line, '\n');
		CLEANUP(freep) char *safe = NULL;

		if (end != NULL)
			*end++ = '\0';
		safe = text_escaped(line);
		CLEANUP(freep)
		char *whole = str_printf("%s%s%s", first ? program->name : "",
					 first ? ": " : "", safe);
		/* What belongs to a line of a list is indented under it. */
		CLEANUP(freep)
		char *broken = terminal_break(whole, columns, strspn(whole, " ") + 2);

		(void)fprintf(stderr, "%s\n", broken);
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

		cli_print_usage_line(program->name, usage, stderr);
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
