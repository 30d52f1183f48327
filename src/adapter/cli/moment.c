#include "adapter/cli/moment.h"

#include <stdio.h>
#include <time.h>

#include "base/str.h"

int cli_time_parse(const char *text, int64_t *ret_wall_ms, struct error **err)
{
	struct tm tm = {0};
	int64_t ms = 0;
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (rest != NULL && *rest == '.') {
		int64_t unit = 100;
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			ms += (*rest - '0') * unit;
	}
	if (rest == NULL || !str_equal(rest, "Z"))
		return error_set(err, ERR_INVALID,
				 "'%s' is no time; expected one as 2026-11-28T14:30:00Z", text);
	*ret_wall_ms = (int64_t)timegm(&tm) * 1000 + ms;
	return 0;
}

void cli_time_text(int64_t wall_ms, char text[CLI_TIME_SIZE])
{
	char day[CLI_TIME_SIZE] = "";
	struct tm tm;
	time_t seconds = (time_t)(wall_ms / 1000);
	if (gmtime_r(&seconds, &tm) != NULL)
		(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text, CLI_TIME_SIZE, "%.24s.%03dZ", day, (int)(wall_ms % 1000));
}
