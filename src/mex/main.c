/*
 * mex: the developer's tool [formats.tool].
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/text.h"
#include "mex/command.h"

const struct command *const commands[] = {
	&command_new,  &command_keygen, &command_validate, &command_build,
	&command_sign, &command_verify, &command_inspect,  &command_schema,
};
const unsigned command_count = ARRAY_SIZE(commands);

/* ---- Messages ---- */

static void print_usage(FILE *out, const struct command *command)
{
	fprintf(out, "usage: mex %s", command->name);
	for (unsigned i = 0; i < command->option_count; i++) {
		const struct option *option = &command->options[i];

		if (!option->required)
			fputs(" [", out);
		else
			fputs(" ", out);
		if (option->letter != 0)
			fprintf(out, "-%c", option->letter);
		else
			fprintf(out, "--%s", option->name);
		if (option->value != NULL)
			fprintf(out, " %s", option->value);
		if (!option->required)
			fputs("]", out);
	}
	fprintf(out, "%s%s\n", command->operands[0] != '\0' ? " " : "", command->operands);
}

static int print_help(const struct command *command)
{
	print_usage(stdout, command);
	printf("\n%s\n", command->summary);
	if (command->details != NULL)
		printf("\n%s", command->details);
	printf("\nOptions:\n");
	for (unsigned i = 0; i < command->option_count; i++) {
		const struct option *option = &command->options[i];
		char left[64];

		(void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s",
			       option->letter != 0 ? '-' : ' ',
			       option->letter != 0 ? option->letter : ' ',
			       option->letter != 0 ? ", " : "  ", option->name,
			       option->value != NULL ? " " : "",
			       option->value != NULL ? option->value : "");
		printf("  %-26s %s\n", left, option->help);
	}
	printf("  %-26s %s\n", "-h, --help", "this text");
	return EXIT_DONE;
}

static void print_overview(FILE *out)
{
	fputs("mex makes, checks and signs MEX packages.\n\nusage: mex COMMAND ...\n\n", out);
	for (unsigned i = 0; i < command_count; i++)
		fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n`mex COMMAND --help` says more. Exit status: 0 done, 1 refused or failed, "
	      "2 wrong usage.\n",
	      out);
}

int usage_error(const struct command *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	CLEANUP(freep) char *message = str_vprintf(format, args);
	va_end(args);
	CLEANUP(freep) char *shown = text_escaped(message);
	fprintf(stderr, "mex %s: %s\n", command->name, shown);
	print_usage(stderr, command);
	return EXIT_USAGE;
}

int fail(struct error *err)
{
	CLEANUP(freep) char *text = error_text(err);
	CLEANUP(freep) char *shown = text_escaped(text);

	fprintf(stderr, "mex: %s\n", shown);
	error_free(err);
	return EXIT_REFUSED;
}

int fail_findings(const char *file, struct diagnostics *findings, struct error *err)
{
	if (!diagnostics_any(findings)) {
		(void)error_wrap(&err, "%s", file);
		diagnostics_done(findings);
		return fail(err);
	}
	vector_for_each (&findings->list, d) {
		CLEANUP(freep) char *text = diagnostic_text(d);
		CLEANUP(freep) char *shown = text_escaped(text);

		if (d->file == NULL)
			fprintf(stderr, "%s: %s\n", file, shown);
		else
			fprintf(stderr, "%s\n", shown);
	}
	size_t count = findings->list.count;
	fprintf(stderr, "mex: %s: %zu finding%s\n", file, count, count == 1 ? "" : "s");
	error_free(err);
	diagnostics_done(findings);
	return EXIT_REFUSED;
}

/* ---- The command line ---- */

const char *argument(const struct arguments *arguments, const char *name)
{
	for (unsigned i = 0; i < arguments->command->option_count; i++) {
		if (strcmp(arguments->command->options[i].name, name) == 0)
			return arguments->values[i];
	}
	return NULL;
}

/* Position of an option: "--key", "--key=x" or "-o". -1: there is none. */
static int find_option(const struct command *command, const char *text)
{
	bool is_long = text[1] == '-';
	size_t size = is_long ? strcspn(text + 2, "=") : 1;

	for (unsigned i = 0; i < command->option_count; i++) {
		const struct option *option = &command->options[i];

		if (is_long ? strlen(option->name) == size &&
				      strncmp(option->name, text + 2, size) == 0
			    : option->letter != 0 && text[1] == option->letter &&
				      text[2] == '\0')
			return (int)i;
	}
	return -1;
}

/* 0, or an exit status plus 1. */
static int read_arguments(struct arguments *arguments, int argc, char **argv)
{
	const struct command *command = arguments->command;
	bool only_operands = false;

	for (int i = 0; i < argc; i++) {
		const char *text = argv[i];

		if (!only_operands && strcmp(text, "--") == 0) {
			only_operands = true;
		} else if (!only_operands &&
			   (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)) {
			return print_help(command) + 1;
		} else if (!only_operands && text[0] == '-' && text[1] != '\0') {
			int index = find_option(command, text);
			const char *equals = text[1] == '-' ? strchr(text, '=') : NULL;

			if (index < 0)
				return usage_error(command, "unknown option %s", text) + 1;
			if (command->options[index].value == NULL) {
				if (equals != NULL)
					return usage_error(command, "--%s takes no value",
							   command->options[index].name) +
					       1;
				arguments->values[index] = "";
			} else if (equals != NULL) {
				arguments->values[index] = equals + 1;
			} else if (i + 1 < argc) {
				arguments->values[index] = argv[++i];
			} else {
				return usage_error(command, "%s needs a value", text) + 1;
			}
		} else if (arguments->operand_count == command->max_operands) {
			return usage_error(command, "what is '%s' for?", text) + 1;
		} else {
			arguments->operands[arguments->operand_count++] = text;
		}
	}
	if (arguments->operand_count < command->min_operands)
		return usage_error(command, "expected %s", command->operands) + 1;
	for (unsigned i = 0; i < command->option_count; i++) {
		if (command->options[i].required && arguments->values[i] == NULL)
			return usage_error(command, "--%s is needed",
					   command->options[i].name) +
			       1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_overview(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_overview(stdout);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("mex %s\n", SAMOZA_VERSION);
		return EXIT_DONE;
	}
	for (unsigned i = 0; i < command_count; i++) {
		struct arguments arguments = {.command = commands[i]};

		if (strcmp(argv[1], commands[i]->name) != 0)
			continue;
		int r = read_arguments(&arguments, argc - 2, argv + 2);
		if (r > 0)
			return r - 1;
		r = commands[i]->run(&arguments);
		if (fflush(stdout) != 0 || ferror(stdout)) {
			fputs("mex: cannot write to standard output\n", stderr);
			return EXIT_REFUSED;
		}
		return r;
	}
	CLEANUP(freep) char *shown = text_escaped(argv[1]);
	fprintf(stderr, "mex: there is no command '%s'\n\n", shown);
	print_overview(stderr);
	return EXIT_USAGE;
}
