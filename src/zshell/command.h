/*
 * The commands of zshell. One table (command_all) feeds dispatch, help, completion and the
 * manual page; each command stands in a file of its own under command/, with its descriptor at
 * the top.
 *
 *   words on the line -> command_parse() -> struct invocation -> command->run()
 */
#ifndef SAMOZA_ZSHELL_COMMAND_H
#define SAMOZA_ZSHELL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/client/api.h"
#include "adapter/output/output.h"
#include "base/error.h"
#include "base/vector.h"

/* Exit status [shell.zshell.exit-status]. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1, /* refused or failed */
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3, /* zrms cannot be reached */
	EXIT_WAITED = 4,      /* --wait ran out */
};

/* What a command works with. */
struct shell {
	struct api *api;
	struct output output;
	bool interactive;
	bool leave; /* the interactive shell ends after this command */
};

enum argument_kind {
	ARGUMENT_WORD,
	ARGUMENT_FILE,
	ARGUMENT_TOPOLOGY, /* id, prefix of one, or name */
	ARGUMENT_SPACE,	   /* TOPOLOGY/PATH */
	ARGUMENT_ZHOST,
	ARGUMENT_COMMAND, /* words of a command, as many as there are */
	ARGUMENT_SHELL,	  /* bash */
};

struct command_argument {
	const char *name; /* "ID"; NULL ends the list */
	enum argument_kind kind;
	bool optional;
};

enum option_value {
	OPTION_FLAG,   /* --all */
	OPTION_TIME,   /* --wait[=TIME]: the value may be left out */
	OPTION_NUMBER, /* --lines=N */
};

struct command_option {
	const char *name; /* "wait"; NULL ends the list */
	char letter;	  /* 'f'; 0: none */
	enum option_value value;
	const char *help;
};

struct invocation;

struct command {
	const char *words;			  /* "topo submit" */
	const char *summary;			  /* for lists of commands; no full stop */
	const char *details;			  /* paragraphs for its own help, or NULL */
	const struct command_argument *arguments; /* NULL: none */
	const struct command_option *options;	  /* NULL: none */
	bool hidden;				  /* not in help and completion */
	bool offline;				  /* works without zrms */
	/* An exit status, or an error: ERR_UNAVAILABLE gives EXIT_UNREACHABLE, all else
	 * EXIT_REFUSED. */
	int (*run)(struct shell *shell, const struct invocation *in, struct error **err);
};

/* In the order of help; ends with NULL. */
extern const struct command *const command_all[];

#define OPTIONS_MAX 8

struct invocation {
	const struct command *command;
	VECTOR(const char *) arguments; /* borrowed from the words */
	/* By the index of the command's options. */
	struct {
		bool given;
		const char *text; /* of the value; NULL without one */
		uint64_t number;  /* of it: milliseconds of a time, or the number */
	} options[OPTIONS_MAX];
	/* Global ones, accepted anywhere on the line. */
	bool help, version;
	const char *api;    /* NULL: as before */
	const char *format; /* NULL: as before */
};

/* api_new() that tells on `o` of answers that are late. `o` is borrowed as long as the api. */
int shell_api_new(const char *url, const struct output *o, struct api **ret_api,
		  struct error **err) must_check;

void invocation_done(struct invocation *in);
/* The argument at `index`, or NULL. */
const char *invocation_argument(const struct invocation *in, size_t index);
/* Whether an option was given, by its name. PRE: the command has it. */
bool invocation_has(const struct invocation *in, const char *option);
/* The number of an option's value, or `otherwise` when the option or its value is not there. */
uint64_t invocation_number(const struct invocation *in, const char *option, uint64_t otherwise);

/*
 * Reads the words of a line. Without any command word `command` is NULL. ERR_INVALID is a
 * mistake of usage: the message says what would be right.
 */
int command_parse(const char *const *words, size_t count, struct invocation *ret_in,
		  struct error **err) must_check;

/* The command whose words begin the list, the longest such; *ret_used: how many words it took.
 * NULL: none. */
const struct command *command_find(const char *const *words, size_t count, size_t *ret_used);
/* Whether some command begins with these words. */
bool command_has_group(const char *const *words, size_t count);

/* "topo submit FILE [--wait[=TIME]] [--no-start]"; the caller frees. */
char *command_usage(const struct command *c);

/* Parses and runs one line of words, prints errors, returns the exit status. Global options
 * hold for this line only. */
int command_run_line(struct shell *shell, const char *const *words, size_t count);

/* ---------------------------------------------------------------- other parts of the shell */

/* help.c */
void help_print_all(const struct output *o);
void help_print_command(const struct output *o, const struct command *c);
void help_print_group(const struct output *o, const char *const *words, size_t count);
/* The commands and options in mdoc(7). */
void help_print_manual(FILE *out);

/* complete.c: what could stand for `current`, behind `words`. Candidates are appended; the
 * caller frees each. *ret_files: names of files fit too. Asks zrms, briefly. */
struct candidates {
	VECTOR(char *) list;
};
void candidates_done(struct candidates *c);
void complete_words(struct shell *shell, const char *const *words, size_t count,
		    const char *current, struct candidates *ret_candidates, bool *ret_files);

/* interactive.c: reads and runs lines until Ctrl-D; returns the exit status. */
int interactive_run(struct shell *shell);

#endif
