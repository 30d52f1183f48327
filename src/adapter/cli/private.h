/*
 * What the files of this directory share: values of options, and one load in progress.
 */
#ifndef SAMOZA_ADAPTER_CLI_PRIVATE_H
#define SAMOZA_ADAPTER_CLI_PRIVATE_H

#include "adapter/cli/cli.h"

/* ---- value.c: the text of an option's value to its field, and back ---- */

size_t cli_option_count(const struct cli_option *options); /* NULL: 0 */
/* ERR_INVALID or ERR_DENIED, without the name of the option: the caller adds it. */
int cli_value_set(const struct cli_option *option, void *settings, const char *text,
		  struct error **err) must_check;
/* As a user would write it; NULL when it is unset. The caller frees. */
char *cli_value_text(const struct cli_option *option, const void *settings);
void cli_value_done(const struct cli_option *option, void *settings);
/* From its variable: 1 when it is set there, 0 when not. */
int cli_value_from_environment(const struct cli_option *option, void *settings,
			       struct error **err) must_check;
/* "TIME": what stands for the value in help. */
const char *cli_value_name(const struct cli_option *option);
/* "1s to 1h", or NULL without a range. The caller frees. */
char *cli_value_range(const struct cli_option *option);
/* The defaults of all options into a zeroed struct. */
void cli_values_default(const struct cli_option *options, void *settings);
void cli_values_done(const struct cli_option *options, void *settings);

/* ---- settings.c, file.c: where the values of a program come from ---- */

enum cli_source { /* later ones win */
		  CLI_FROM_NOTHING,
		  CLI_FROM_DEFAULT,
		  CLI_FROM_FILE,
		  CLI_FROM_ENVIRONMENT,
		  CLI_FROM_LINE,
};

/* One load. `sources` and `lines` have an entry for each option of the program. */
struct cli_loading {
	const struct cli_program *program;
	void *settings;
	enum cli_source *sources;
	unsigned *lines; /* of the file, for those set by it */
};

/* Reads the YAML file into `settings`. Errors name file, line and column, all of them. */
int cli_read_file(struct cli_loading *loading, const char *path, struct error **err) must_check;
/* What holds, as a file that --config reads, each value with its source. */
void cli_print_values(const struct cli_loading *loading, const char *file, FILE *out);

/* ---- parse.c ---- */

/* As cli_parse(); `sources` (may be NULL) gets CLI_FROM_LINE for what the line sets. */
int cli_parse_line(const struct cli_program *program, const char *const *words, size_t count,
		   void *settings, enum cli_source *sources, struct cli_run *ret_run,
		   struct error **err) must_check;

/* ---- print.c: what help and manual share ---- */

/* "-f, --follow", "--wait[=TIME]", "--lines N". The caller frees. */
char *cli_option_usage(const struct cli_option *option);
/* "default 30s; 1s to 1h; $ZRMS_TIMEOUT", "" where there is nothing to add. The caller frees.
 */
char *cli_option_details(const struct cli_option *option);
/* help.c: "usage: mex COMMAND [OPTIONS]", a line; of what follows the program's name. On a terminal it is
 * broken where it is too long, but not inside of brackets. */
void cli_print_usage_line(const char *program, const char *usage, FILE *out);
void cli_print_usage(const struct cli_program *program, FILE *out);
/* "topo submit FILE". The caller frees. */
char *cli_command_arguments(const struct cli_command *command);
/* The same with its options: "topo submit FILE [--wait[=TIME]] [--no-start]". */
char *cli_command_usage(const struct cli_command *command);
/* "topo" and "topo list" are the same command: the longer one is not listed. */
bool cli_is_listed(const struct cli_command *command);
/* The table of exit statuses of a program, with the common one where it has none. */
const struct cli_exit *cli_exits(const struct cli_program *program);
/* The options that a program has without naming them in its table: --help, --version and, with
 * a file, --config and --print-config. Ends with an all-zero one. */
const struct cli_option *cli_common_options(const struct cli_program *program);

#endif
