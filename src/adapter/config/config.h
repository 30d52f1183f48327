/*
 * Configuration: one typed table for each program. From it come the file, the environment, the
 * flags, --help, --print-config and the manual page. Later ones win:
 *
 *   default  <  file (--config FILE, YAML)  <  environment  <  flags
 *
 *   struct settings { struct config_address listen; int64_t timeout_ms; char *dir; };
 *
 *   static const struct config_option options[] = {
 *           {"listen", "listen", "ZRMS_LISTEN", CONFIG_LISTEN,
 *            offsetof(struct settings, listen), .fallback = "127.0.0.1:7331",
 *            .help = "Where it listens"},
 *           {"failure_detection.timeout", "failure-timeout", "ZRMS_FAILURE_TIMEOUT",
 *            CONFIG_DURATION, offsetof(struct settings, timeout_ms), .min = 1000,
 *            .max = 3600000, .fallback = "30s",
 *            .help = "Time without a heartbeat after which a zhost is unavailable"},
 *           {0}};
 *   static const struct config_program program = {
 *           .name = "zrms", .summary = "resource manager", .options = options,
 *           .has_file = true};
 *
 *   struct settings settings = {0};
 *   int r = config_load(&program, &settings, argc, argv, NULL, &err);
 *   if (r < 0) return config_refused(&program, err);     prints, gives the exit status 2
 *   if (r == CONFIG_DONE) return 0;                       --help, --version, --print-config
 *   ...
 *   config_done(&program, &settings);
 *
 * In the file a dotted key may be written as it stands (`failure_detection.timeout: 30s`) or as
 * maps within maps. Unknown keys and flags, duplicate keys, wrong types and values out of range
 * are errors with file and line, and with a hint where a name is close to one there is.
 */
#ifndef SAMOZA_ADAPTER_CONFIG_CONFIG_H
#define SAMOZA_ADAPTER_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/vector.h"

enum config_type {
	/* type             in the struct             as written */
	CONFIG_STRING,	 /* char *  (NULL: unset)     any text */
	CONFIG_PATH,	 /* char *  (NULL: unset)     a file or folder */
	CONFIG_U32,	 /* uint32_t                  7 */
	CONFIG_DURATION, /* int64_t, milliseconds     250ms 30s 10m 2h 1d */
	CONFIG_SIZE,	 /* uint64_t, bytes           4096 64KiB 32MiB 8GiB */
	CONFIG_BOOL,	 /* bool                      true false; the flag alone means true */
	CONFIG_LISTEN,	 /* struct config_address     127.0.0.1:7331; loopback only, port 0: any
			  */
	CONFIG_URL, /* char *  (NULL: unset)     http://HOST:PORT, without the / at the end */
	CONFIG_CHOICE, /* char *                    one of `choices` */
};

/* An address to listen on. `host` has no brackets; port 0 means any free one. */
struct config_address {
	char host[64]; /* "127.0.0.1", "::1"; "" when unset */
	uint16_t port;
};

struct config_option {
	const char *key;	 /* in the file, dotted; NULL: not in files */
	const char *flag;	 /* without --; NULL: no flag */
	const char *environment; /* NULL: no variable */
	enum config_type type;
	size_t offset;	      /* in the program's struct */
	const char *fallback; /* the default, as one would write it; NULL: unset, 0, false */
	uint64_t min, max; /* of numbers, in ms and bytes where that is the unit; max 0: none */
	const char *const *choices; /* ends with NULL */
	bool required;		    /* refused when nothing sets it */
	const char *value; /* its name in help; NULL: by the type ("FILE", "DURATION") */
	const char *help;  /* one sentence, without a full stop */
};

struct config_program {
	const char *name;
	const char *summary;   /* one line */
	const char *arguments; /* what stands behind the options in the usage, or NULL */
	const struct config_option *options; /* ends with an all-zero one */
	bool has_file;			     /* --config FILE */
	/* Top-level keys of the file that others read ("zhosts"); ends with NULL. NULL: none.
	 */
	const char *const *other_keys;
	const char *more; /* paragraphs for the end of --help, or NULL */
};

/* Arguments that are not flags. Borrowed from argv. */
struct config_arguments {
	VECTOR(const char *) list;
};
void config_arguments_done(struct config_arguments *a);

#define CONFIG_DONE 1 /* something was asked for and printed: end with status 0 */

/*
 * Fills `settings` (zeroed by the caller). argv[0] is skipped; everything behind `--` is an
 * argument. With ret_arguments NULL arguments are refused. Returns 0, CONFIG_DONE, or
 * ERR_INVALID and the like; then `settings` needs config_done() all the same.
 */
int config_load(const struct config_program *program, void *settings, int argc, char **argv,
		struct config_arguments *ret_arguments, struct error **err) must_check;
/* Frees what the struct holds. */
void config_done(const struct config_program *program, void *settings);

/* The value of --config among the arguments, borrowed; NULL when there is none. For programs
 * that read `other_keys` of the same file themselves. */
const char *config_file_path(int argc, char **argv);

/* Prints the error and where help is on standard error; frees it; returns 2, for main(). */
int config_refused(const struct config_program *program, struct error *error);

void config_print_help(const struct config_program *program, FILE *out);
/* The list of options in mdoc(7), for the manual page: what --print-manual prints. */
void config_print_manual(const struct config_program *program, FILE *out);

/* "HOST:PORT", "[::1]:PORT". ERR_DENIED with the reason where the host is not the loopback. */
int config_address_parse(const char *text, struct config_address *ret_address,
			 struct error **err) must_check;
/* "127.0.0.1:7331", "[::1]:7331"; the caller frees. */
char *config_address_text(const struct config_address *address);

#endif
