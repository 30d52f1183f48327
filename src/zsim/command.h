/*
 * The commands of zsim: one file each, with its descriptor at the top. The table in main.c
 * feeds help and dispatch.
 */
#ifndef SAMOZA_ZSIM_COMMAND_H
#define SAMOZA_ZSIM_COMMAND_H

/* Exit statuses of all commands. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
	const char *name;
	const char *usage;   /* behind "zsim NAME" */
	const char *summary; /* one line */
	const char *help;    /* the whole, ends with a newline */
	int (*run)(const struct command *self, int argc, char **argv); /* argv[0]: the name */
};

extern const struct command run_command;
extern const struct command place_command;
extern const struct command fuzz_command;

/* Says what is wrong and how it is meant; returns EXIT_USAGE. */
int command_usage(const struct command *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
