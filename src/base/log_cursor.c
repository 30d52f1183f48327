#include "base/log_cursor.h"

#include <string.h>

bool log_time_is(const char *text)
{
	return strlen(text) >= LOG_TIME_SIZE && text[4] == '-' && text[10] == 'T' &&
	       text[LOG_TIME_SIZE - 1] == 'Z' &&
	       (text[LOG_TIME_SIZE] == ' ' || text[LOG_TIME_SIZE] == '\0');
}

static int64_t number(const char *text, size_t begin, size_t digits)
{
	int64_t n = 0;

	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (text[begin + i] - '0');
	return n;
}

/* Days since 1970 (H. Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t days(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* 0: it is no time. */
static int64_t time_ms(const char *t)
{
	if (!log_time_is(t))
		return 0;
	return ((days(number(t, 0, 4), number(t, 5, 2), number(t, 8, 2)) * 24 +
		 number(t, 11, 2)) *
			60 +
		number(t, 14, 2)) *
		       60000 +
	       number(t, 17, 2) * 1000 + number(t, 20, 3);
}

void log_cursor_again(struct log_cursor *cursor, int64_t *ret_since_ms)
{
	*ret_since_ms = time_ms(cursor->time);
	cursor->is_again = cursor->time[0] != '\0';
	cursor->skipped = 0;
}

bool log_cursor_take(struct log_cursor *cursor, const char *line)
{
	int order;

	if (!log_time_is(line))
		return true;
	order = strncmp(line, cursor->time, LOG_TIME_SIZE);
	if (cursor->is_again && order < 0)
		return false;
	if (cursor->is_again && order == 0 && cursor->skipped < cursor->count) {
		cursor->skipped++;
		return false;
	}
	cursor->is_again = cursor->is_again && order == 0;
	if (order > 0) {
		memcpy(cursor->time, line, LOG_TIME_SIZE);
		cursor->count = 0;
	}
	/* Of a clock that was set back they are taken, and move nothing. */
	if (order >= 0)
		cursor->skipped = ++cursor->count;
	return true;
}
