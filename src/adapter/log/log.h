/*
 * The log of a program: one line for each decision, readable by a person.
 *
 *   2026-04-29T10:30:00.123Z info  control topology.placed topology=my-app zhost=edge-node-1
 *   2026-04-29T10:30:07.004Z warn  link    heartbeat.missing zhost=edge-node-2 silent=30.2s
 *   `---- UTC, milliseconds -´level `system `-- event ---´ `-- key=value ...
 *
 *   log_info("control", "topology.placed", LOG_S("topology", name), LOG_U("spaces", count));
 *
 * Only programs log (zrms, zhost, startz ...); base, schema, model and core never do. Lines go
 * to standard error, each in one write(2), so that lines of several threads or processes do not
 * mix; many at once where a thread holds them (log_hold()). Where the journal reads standard error (JOURNAL_STREAM), `<N>` with the priority stands
 * in front.
 *
 * Values may come from anywhere: what is not plain is quoted, and control characters, line
 * ends, invalid UTF-8 and characters that turn the direction of text are escaped. One call is
 * one line, whatever the values hold. A line is at most LOG_LINE_MAX bytes; longer ones end in
 * "...".
 *
 * All functions may be called from any thread, and keep errno.
 */
#ifndef SAMOZA_ADAPTER_LOG_LOG_H
#define SAMOZA_ADAPTER_LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

#define LOG_LINE_MAX 8192

enum log_level {
	LOG_LEVEL_ERROR,   /* something that was promised is not kept      <3> */
	LOG_LEVEL_WARNING, /* an operator should look                      <4> */
	LOG_LEVEL_INFO,	   /* decisions and changes of state; the default  <6> */
	LOG_LEVEL_DEBUG,   /* for readers of the code                     <7> */
};

enum log_kind {
	LOG_KIND_STRING,
	LOG_KIND_SIGNED,
	LOG_KIND_UNSIGNED,
	LOG_KIND_DURATION_MS,
	LOG_KIND_SIZE_BYTES,
	LOG_KIND_BOOL,
};

/* One key=value. A string that is NULL is left out of the line. Strings are borrowed. */
struct log_field {
	const char *key;
	enum log_kind kind;
	union {
		const char *string;
		int64_t i64;
		uint64_t u64;
		bool boolean;
	} as;
};

/* clang-format off */
#define LOG_S(k, v)     ((struct log_field){.key = (k), .kind = LOG_KIND_STRING, .as.string = (v)})
#define LOG_I(k, v)     ((struct log_field){.key = (k), .kind = LOG_KIND_SIGNED, .as.i64 = (int64_t)(v)})
#define LOG_U(k, v)     ((struct log_field){.key = (k), .kind = LOG_KIND_UNSIGNED, .as.u64 = (uint64_t)(v)})
#define LOG_MS(k, v)    ((struct log_field){.key = (k), .kind = LOG_KIND_DURATION_MS, .as.i64 = (int64_t)(v)})
#define LOG_BYTES(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_SIZE_BYTES, .as.u64 = (uint64_t)(v)})
#define LOG_B(k, v)     ((struct log_field){.key = (k), .kind = LOG_KIND_BOOL, .as.boolean = (v)})
/* The text of an error (struct error *, may be NULL) as error="...". */
#define LOG_E(e)        LOG_S("error", (e) != NULL ? (e)->message : NULL)
/* clang-format on */

/* subsystem, event: literals of ours ("control", "topology.placed"). */
#define log_error(subsystem, ...) LOG_EVENT_(LOG_LEVEL_ERROR, subsystem, __VA_ARGS__)
#define log_warn(subsystem, ...)  LOG_EVENT_(LOG_LEVEL_WARNING, subsystem, __VA_ARGS__)
#define log_info(subsystem, ...)  LOG_EVENT_(LOG_LEVEL_INFO, subsystem, __VA_ARGS__)
#define log_debug(subsystem, ...) LOG_EVENT_(LOG_LEVEL_DEBUG, subsystem, __VA_ARGS__)

#define LOG_EVENT_(level, subsystem, event, ...)                                              \
	do {                                                                                  \
		if (log_enabled(level))                                                       \
			log_write(level, subsystem, event,                                    \
				  (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}}); \
	} while (0)

/* Without it: level info, to standard error. Reads JOURNAL_STREAM. `fd` is borrowed. */
void log_init(enum log_level max, int fd);
void log_set_level(enum log_level max);
/* Another descriptor, borrowed, in place of that of log_init(). `written` is called after each write, by one
 * thread at a time; it must not log. */
void log_set_fd(int fd, void (*written)(void));
bool log_enabled(enum log_level level);

/* "error", "warn", "info", "debug". */
const char *log_level_name(enum log_level level);
/* 0, or ERR_INVALID with the names there are. */
int log_level_parse(const char *text, enum log_level *ret_level, struct error **err) must_check;

/* `fields` end with one whose key is NULL. */
void log_write(enum log_level level, const char *subsystem, const char *event,
	       const struct log_field *fields);

/* Until log_release() the lines of this thread wait for each other, as many as a pipe takes in one piece: for who writes
 * thousands. A warning or an error takes along what waits, and so does a check that fails (base/check.h); what kills the
 * process takes at most PIPE_BUF bytes of lines with it. Lines of other threads may overtake them. */
void log_hold(void);
void log_release(void);

/* One line as log_write() makes it, without priority and line end, at `wall_ms` since 1970. */
void log_format(struct buffer *out, int64_t wall_ms, enum log_level level,
		const char *subsystem, const char *event, const struct log_field *fields);

#endif
