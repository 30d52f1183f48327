/*
 * The command line of every program: one table of commands and options, from which come
 * parsing, help, completion, the settings file, the environment and the manual page.
 *
 *   struct cli_program
 *     ├─ options[]    accepted anywhere: --api URL ─────────────► the program's struct
 *     └─ commands[] ─► struct cli_command "topo submit"
 *                        ├─ arguments[]   FILE ─────────────────► cli_argument(run, 0)
 *                        └─ options[]     --wait[=TIME] ────────► run->options, its own struct
 *
 * A program with commands:
 *
 *   int main(int argc, char **argv)
 *   {
 *           return cli_main(&program, argc, argv, &settings, &context);
 *   }
 *
 * A daemon has options only, and reads them from four places, of which later ones win:
 *
 *   default  <  file (--config FILE, YAML)  <  environment  <  command line
 *
 *   struct settings { struct cli_address listen; int64_t timeout_ms; char *dir; };
 *
 *   static const struct cli_option options[] = {
 *           {.name = "listen", .key = "listen", .environment = "ZRMS_LISTEN",
 *            .type = CLI_LISTEN, .offset = offsetof(struct settings, listen),
 *            .fallback = "127.0.0.1:7331", .help = "Address of the REST interface"},
 *           {0}};
 *
 * In the file a dotted key may be written as it is (`failure_detection.timeout: 30s`) or as
 * nested maps. Unknown keys and options, duplicate keys, wrong types and values out of range
 * are errors that name the file and line and suggest the nearest known name.
 */
#ifndef SAMOZA_ADAPTER_CLI_CLI_H
#define SAMOZA_ADAPTER_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "adapter/cli/address.h"
#include "base/error.h"
#include "base/vector.h"

/* ---------------------------------------------------------------- options */

enum cli_type {
	/* type          field in the struct        as written */
	CLI_FLAG,     /* bool                       the option alone; in files true or false */
	CLI_STRING,   /* char *  (NULL: unset)      any text */
	CLI_PATH,     /* char *  (NULL: unset)      a file or directory, not empty */
	CLI_U32,      /* uint32_t                   7 */
	CLI_DURATION, /* int64_t, milliseconds      250ms 30s 10m 2h 1d */
	CLI_SIZE,     /* uint64_t, bytes            4096 64KiB 32MiB 8GiB */
	CLI_LISTEN, /* struct cli_address         127.0.0.1:7331; loopback only, port 0: any */
	CLI_LISTEN_ANY, /* the same     0.0.0.0:7331; also what other machines reach */
	CLI_URL, /* char *  (NULL: unset)      http://HOST:PORT, kept without a final slash */
	CLI_CHOICE, /* char *  (NULL: unset)      one of `choices` */
	CLI_RANGE,  /* struct cli_range           3 or 1..1000, both ends included */
	CLI_LINES, /* char *  (NULL: unset)      any text in one line; each further one adds a line */
};

struct cli_range {
	uint64_t first, last;
};

struct cli_option {
	const char *name;	 /* without its dashes; NULL: only in the file or environment */
	char letter;		 /* 'f' for -f; 0: none */
	const char *key;	 /* in the file, dotted; NULL: not in files */
	const char *environment; /* NULL: no variable */
	enum cli_type type;
	size_t offset;
	const char *fallback; /* the default, as a user would write it; NULL: unset, 0, false */
	/* The value of the option without one (--wait). The value is then written --wait=TIME,
	 * never as the next word. NULL: a value is required, except for CLI_FLAG. */
	const char *implied;
	uint64_t min, max; /* of numbers, in ms and bytes where that is the unit; max 0: none */
	const char *const *choices; /* ends with NULL */
	int kind;		    /* of the value, for completion: the program's own, or 0 */
	bool required;
	const char *value; /* its name in help; NULL: by the type ("FILE", "TIME") */
	const char *help;  /* a phrase without a full stop; NULL ends the list */
};

/* ---------------------------------------------------------------- commands */

enum cli_argument_kind {
	CLI_ARGUMENT_WORD,
	CLI_ARGUMENT_FILE,
	CLI_ARGUMENT_COMMAND, /* the words of a command, as many as follow */
	CLI_ARGUMENT_NAMES,   /* from here on the program's own kinds, see cli_candidates_fn */
};

struct cli_argument {
	const char *name; /* "FILE"; NULL ends the list */
	int kind;	  /* enum cli_argument_kind or the program's own */
	bool optional;
	bool repeated; /* the last one: any number of words */
};

struct cli_run;

struct cli_command {
	const char *words;		      /* "topo submit" */
	const char *summary;		      /* a phrase without a full stop */
	const char *details;		      /* paragraphs, or NULL */
	const struct cli_argument *arguments; /* NULL: none */
	const struct cli_option *options;     /* NULL: none */
	size_t options_size;		      /* of the struct that they fill */
	bool hidden;			      /* from help and completion */
	/* Returns an exit status, or a negative error code with *err set: the program's
	 * `status_of` turns that into an exit status. */
	int (*run)(void *context, const struct cli_run *run, struct error **err);
};

/* Exit statuses that all programs share. */
enum cli_status {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
};

struct metric_source;

struct cli_exit {
	int status;
	const char *meaning; /* a phrase; NULL ends the list */
};

struct cli_program {
	const char *name;
	const char *summary; /* a phrase without a full stop */
	const char *version;
	const struct cli_command *const *commands; /* ends with NULL; NULL: none */
	const char *command_name;		   /* NULL: "COMMAND" */
	const struct cli_option *options;	   /* NULL: none */
	const char *notes;	      /* paragraphs at the end of --help, or NULL */
	const struct cli_exit *exits; /* NULL: those of enum cli_status */
	bool has_file;		      /* --config FILE, --print-config */
	/* What GET /metrics prints, for the manual; ends with NULL. NULL: none. */
	const struct metric_source *const *metrics;
	/* Top-level keys of the file that others read ("zhosts"); ends with NULL. */
	const char *const *other_keys;
	bool is_optional; /* runs without a command, too: cli_start() returns with none */
	/* The exit status of an error of a command; NULL: CLI_FAILED for all. */
	int (*status_of)(void *context, const struct error *error);
};

/* One line as it was parsed. */
struct cli_run {
	const struct cli_program *program;
	const struct cli_command *command; /* NULL: none on the line */
	VECTOR(const char *) arguments;	   /* borrowed from the words */
	void *options;			   /* of the command; owned */
	bool help, version, manual, print_config;
};
void cli_run_done(struct cli_run *run);

/* Allocates run->options with the defaults of the command. PRE: it has none yet. */
void cli_options_default(struct cli_run *run);

/* The argument at `index`, or NULL. Borrowed. */
const char *cli_argument(const struct cli_run *run, size_t index);

/* ---------------------------------------------------------------- programs */

/*
 * Parses, answers --help, --version and the like, runs the command, prints its error, and
 * checks that standard output took everything. `settings` (zeroed by the caller) takes the
 * program's own options; free it with cli_settings_done(). Returns the exit status.
 */
int cli_main(const struct cli_program *program, int argc, char **argv, void *settings,
	     void *context) must_check;

/*
 * The same without running a command: returns -1 and *ret_run where the program should continue,
 * otherwise the exit status: the request was answered or refused. For daemons and for programs
 * that prepare something before they run a command.
 */
int cli_start(const struct cli_program *program, int argc, char **argv, void *settings,
	      struct cli_run *ret_run) must_check;

/* Runs the command of `run`, prints its error, returns the exit status. PRE: there is one. */
int cli_run_command(const struct cli_run *run, void *context) must_check;

/* Checks that standard output took everything, which a full disk or a closed pipe prevents:
 * then a `status` of CLI_DONE becomes CLI_FAILED. Returns the exit status. cli_main() does it. */
int cli_finish(const struct cli_program *program, int status) must_check;

void cli_settings_done(const struct cli_program *program, void *settings);

/* Prints the error and where help is to standard error, frees it, returns CLI_USAGE. */
int cli_refuse(const struct cli_program *program, const struct cli_command *command,
	       struct error *error);
/* The same for a mistake that a command finds in its own arguments. */
int cli_usage_error(const struct cli_run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Prints the error to standard error, each line fit for a terminal, after the program's name.
 */
void cli_print_error(const struct cli_program *program, const struct error *error);

/* The value of --config among the arguments, borrowed; NULL: none. For programs that read
 * `other_keys` of the same file themselves. */
const char *cli_file_path(int argc, char **argv);

/* ---------------------------------------------------------------- parts */

/*
 * The settings of a program from its defaults, file, environment and command line, without
 * printing anything. `settings` (zeroed by the caller) needs cli_settings_done() also after an
 * error: ERR_INVALID, ERR_DENIED, or that of the file.
 */
int cli_load(const struct cli_program *program, int argc, char **argv, void *settings,
	     struct cli_run *ret_run, struct error **err) must_check;

/*
 * Parses one line. Only what the line names is set in `settings` (zeroed, or already loaded)
 * and in the command's options, which also get their defaults. ERR_INVALID is a mistake of
 * usage: the message names what would be right.
 */
int cli_parse(const struct cli_program *program, const char *const *words, size_t count,
	      void *settings, struct cli_run *ret_run, struct error **err) must_check;

/* The command whose words begin the list, the longest such; *ret_used: how many it took. NULL:
 * none. */
const struct cli_command *cli_find(const struct cli_program *program, const char *const *words,
				   size_t count, size_t *ret_used);
/* Whether a visible command begins with these words and has further ones. */
bool cli_is_group(const struct cli_program *program, const char *const *words, size_t count);

/* Prints what the line asks for instead of a command: help, version, manual. `words` are those
 * that were parsed. An exit status, or -1: nothing of this was asked for. */
int cli_answer(const struct cli_run *run, const char *const *words, size_t count) must_check;

/* help.c */
void cli_print_help(const struct cli_program *program, FILE *out);
void cli_print_command_help(const struct cli_program *program,
			    const struct cli_command *command, FILE *out);
/* Help for words: a command, a group of commands, or the program where there are none. False:
 * no command begins with them. */
bool cli_print_help_for(const struct cli_program *program, const char *const *words,
			size_t count, FILE *out);
/* `help [COMMAND]`, for tables of commands. */
extern const struct cli_command cli_help_command;
/* manual.c: the contents of the tables, in mdoc(7), for the page's template (docs/man/fill.py): a
 * line `.\" @COMMANDS@`, the list of commands, and so on for OPTIONS, ENVIRONMENT, METRICS and
 * EXITS. */
void cli_print_manual(const struct cli_program *program, FILE *out);

/* complete.c: what could stand in the place of `current`, after `words`, sorted, each owned by
 * the caller. `names` adds those of the program's own kinds of argument with
 * cli_add_candidate() (NULL: none). *ret_files: names of files are possible, too. */
struct cli_candidates {
	VECTOR(char *) list;
};
void cli_candidates_done(struct cli_candidates *c);
void cli_add_candidate(struct cli_candidates *c, const char *current, const char *text);
typedef void cli_candidates_fn(void *context, int kind, const char *current,
			       struct cli_candidates *c);
void cli_complete(const struct cli_program *program, const char *const *words, size_t count,
		  const char *current, cli_candidates_fn *names, void *context,
		  struct cli_candidates *ret_candidates, bool *ret_files);

#endif
