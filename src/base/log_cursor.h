/*
 * How far a log was read whose lines have times, so that it can be read again from there after a loss: nothing is missing then,
 * and nothing is taken twice.
 *
 *   log_cursor_take(c, time) for each line ──lost──► log_cursor_again(c): ask for all from that time on ──► take() says which are new
 *
 * Lines of one time are told apart by their number: a log always gives them in the same order.
 */
#ifndef SAMOZA_BASE_LOG_CURSOR_H
#define SAMOZA_BASE_LOG_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_TIME_SIZE 24 /* "2026-04-29T10:30:00.123Z" */

/* All zero at first. */
struct log_cursor {
	char time[LOG_TIME_SIZE + 1]; /* of the newest line; "": there was none */
	uint32_t count;		      /* lines with that time */
	uint32_t skipped;	      /* of these, since it is read again */
	bool is_again;
};

/* Whether a text begins with such a time, and then ends or goes on with a space. */
bool log_time_is(const char *text);

/* It is read again from *ret_since_ms on (wall clock; 0: from the beginning). */
void log_cursor_again(struct log_cursor *cursor, int64_t *ret_since_ms);
/* The text of a line, or its time alone. False: the line was taken before. Moves the cursor on. */
bool log_cursor_take(struct log_cursor *cursor, const char *line);

#endif
