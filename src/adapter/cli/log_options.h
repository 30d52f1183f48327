/*
 * Options of a daemon's log, as entries of its table: alike in all daemons. `settings` has `log_file` and
 * `log_level`, both char *, which log_start() takes (adapter/log/log_file.h).
 *
 *   static const struct cli_option options[] = {
 *           …
 *           CLI_LOG_OPTIONS(struct settings, "ZRMS"),
 *           {0},
 *   };
 */
#ifndef SAMOZA_ADAPTER_CLI_LOG_OPTIONS_H
#define SAMOZA_ADAPTER_CLI_LOG_OPTIONS_H

#include "adapter/cli/cli.h"

/* clang-format off */
#define CLI_LOG_OPTIONS(settings, prefix)                                                      \
	{.key = "log_file",                                                                    \
	 .name = "log-file",                                                                   \
	 .environment = prefix "_LOG_FILE",                                                    \
	 .type = CLI_PATH,                                                                     \
	 .offset = offsetof(settings, log_file),                                               \
	 .value = "FILE",                                                                      \
	 .help = "File for the log, in place of standard error: a new one is begun at 16 MiB, " \
		 "and three older ones are kept as FILE.1 to FILE.3"},                         \
	{.key = "log_level",                                                                   \
	 .name = "log-level",                                                                  \
	 .environment = prefix "_LOG_LEVEL",                                                   \
	 .type = CLI_CHOICE,                                                                   \
	 .offset = offsetof(settings, log_level),                                              \
	 .fallback = "info",                                                                   \
	 .choices = (const char *const[]){"error", "warn", "info", "debug", NULL},             \
	 .help = "Lowest level that is logged"}
/* clang-format on */

#endif
