/* zsim: the decision core in virtual time. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "zsim/command.h"

static const struct command *const commands[] = {
	&run_command,
	&place_command,
	&fuzz_command,
};

static void print_help(FILE *out)
{
	fputs("Usage: zsim COMMAND ...\n\n"
	      "Runs the decision core of zrms and zhost in virtual time, with simulated "
	      "zhosts,\n"
	      "processes, network and disk.\n\nCommands:\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-6s  %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nzsim COMMAND --help tells more. Exit status: 0 done, 1 failed, 2 usage.\n",
	      out);
}

int command_usage(const struct command *self, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("zsim: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nUsage: zsim %s %s\nzsim %s --help tells more.\n", self->name,
		self->usage, self->name);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("zsim " SAMOZA_VERSION);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = commands[i];
		if (strcmp(argv[1], c->name) != 0)
			continue;
		for (int a = 2; a < argc; a++) {
			if (strcmp(argv[a], "--help") == 0 || strcmp(argv[a], "-h") == 0) {
				printf("Usage: zsim %s %s\n\n%s", c->name, c->usage, c->help);
				return EXIT_DONE;
			}
		}
		return c->run(c, argc - 1, argv + 1);
	}
	fprintf(stderr, "zsim: there is no command '%s'; zsim --help lists them\n", argv[1]);
	return EXIT_USAGE;
}
