/*
 * Events that have happened: asked for page by page, filtered, and shown one line each, repeats of the
 * same event in one line where a person reads.
 *
 *   TIME KIND SUBJECT OLD -> NEW CAUSE (×12 in 3 min)
 */
#ifndef SAMOZA_ZSHELL_SHELL_HISTORY_H
#define SAMOZA_ZSHELL_SHELL_HISTORY_H

#include "base/vector.h"
#include "proto/view.pb-c.h"
#include "zshell/shell/shell.h"

struct history_query {
	const char *topology; /* id; NULL: of the whole cluster */
	const char *subject;  /* only of this one; NULL: of all */
	const char *grep;     /* only lines that contain it; NULL: all */
	int64_t since_ms;     /* only of so long ago at most; 0: all */
	uint32_t tail;	      /* only the newest that many; 0: all */
	uint64_t newest;      /* look only among so many newest events of the cluster; 0: all */
};

struct history {
	VECTOR(Samoza__V1__EventView *) events; /* oldest first */
	uint64_t last; /* number of the last event that was looked at */
};

int history_fetch(struct shell *shell, const struct history_query *query,
		  struct history *ret_history, struct error **err) must_check;
void history_done(struct history *history);
/* Frees those that are about something else. */
void history_keep_only(struct history *history, const char *subject);
/* Frees the oldest until `count` are left. */
void history_keep_newest(struct history *history, size_t count);

/* Whether an event that comes later belongs to it, too; `tail` does not matter. */
bool history_takes(const struct history_query *query, const Samoza__V1__EventView *event);

/* How the thing that the events of this kind are about came into `state`, in which it still is; NULL: not
 * among the events. Borrowed. */
const Samoza__V1__EventView *history_arrival(const struct history *history, const char *kind,
					     const char *state);

/* "TIME KIND SUBJECT OLD -> NEW CAUSE"; the caller frees. */
char *history_line(const Samoza__V1__EventView *event);
/* Prints a line for each; `collapse`: one for all repeats. Each line after `indent`; only the last
 * `lines` of them, 0: all. */
void history_print(const struct output *o, const struct history *history, bool collapse,
		   size_t lines, const char *indent);
/* The section "Events:" of a status, if there are any: at most `lines`. */
void history_print_section(const struct output *o, const struct history *history, size_t lines);

/* "2026-04-29T10:30:00Z" in milliseconds since 1970; 0 for what is no time. */
int64_t history_time_ms(const char *text);
/* How long ago that was: "3 minutes ago". The caller frees. */
char *history_ago(const char *time);

#endif
