#include "core/control/state/iso8601.h"

#include "base/str.h"

/* Days since 1970 to year, month, day (Howard Hinnant, "chrono-compatible low-level date
 * algorithms", civil_from_days). */
static void civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) /
		365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted = (5 * day_of_year + 2) / 153;
	*day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
	*month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
	*year = year_of_era + era * 400 + (*month <= 2);
}

char *iso8601_text(int64_t wall_ms)
{
	int64_t seconds = wall_ms >= 0 ? wall_ms / 1000 : -((-wall_ms + 999) / 1000);
	int64_t days = seconds >= 0 ? seconds / 86400 : -((-seconds + 86399) / 86400);
	int64_t rest = seconds - days * 86400, year;
	int month, day;
	civil_from_days(days, &year, &month, &day);
	return str_printf("%04lld-%02d-%02dT%02d:%02d:%02dZ", (long long)year, month, day,
			  (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
}
