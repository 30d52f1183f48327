/*
 * Puts small values, one after the other, and logs when it began and ended: "zbench writer
 * begin_ns=… end_ns=… puts=… p50_ns=… p99_ns=…", on the machine's monotonic clock. The import
 * settings.puts says how many.
 */
#include <inttypes.h>
#include <samoza.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define KEYS  100 /* written again and again */
#define BYTES 100 /* of a value */

static uint64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void measure(unsigned count, uint32_t *samples)
{
	static char value[BYTES];
	char line[256], key[16];
	uint64_t begin = now(), last = begin, end;

	for (unsigned i = 0; i < count; i++) {
		int32_t r;

		snprintf(key, sizeof(key), "key-%u", i % KEYS);
		value[0] = (char)('a' + i % 26);
		r = samoza_put(key, value, sizeof(value));
		if (r < 0) {
			snprintf(line, sizeof(line), "zbench writer failed: %d at %u", (int)r,
				 i);
			(void)samoza_log(SAMOZA_ERROR, line);
			return;
		}
		end = now();
		samples[i] = (uint32_t)(end - last);
		last = end;
	}
	qsort(samples, count, sizeof(samples[0]), compare);
	snprintf(line, sizeof(line),
		 "zbench writer begin_ns=%" PRIu64 " end_ns=%" PRIu64
		 " puts=%u p50_ns=%u p99_ns=%u",
		 begin, last, count, (unsigned)samples[count / 2],
		 (unsigned)samples[(uint64_t)count * 99 / 100]);
	(void)samoza_log(SAMOZA_INFO, line);
}

SAMOZA_ON_PROCESS(void)
{
	char text[16] = "";
	unsigned count;
	uint32_t *samples;

	(void)samoza_import("settings.puts", text, sizeof(text));
	count = (unsigned)strtoul(text, NULL, 10);
	samples = calloc(count > 0 ? count : 1, sizeof(*samples));
	if (count > 0 && samples != NULL)
		measure(count, samples);
	else
		(void)samoza_log(SAMOZA_ERROR, "zbench writer has no number of puts");
	while (samoza_sleep(60000) == 0)
		continue;
	return 0;
}
