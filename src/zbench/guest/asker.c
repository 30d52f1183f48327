/*
 * Asks along `calls` without end, with a few questions under way, and counts what becomes of each: answered, answered
 * twice, refused, or lost (no answer for 5 s). It begins with the first answer: from then on each question counts.
 * Every 100 ms it logs
 *
 *   zbench asker settled_ns=… asked=… refused=… lost=… twice=…
 *
 * where everything that was asked before `settled_ns` (monotonic) is decided.
 */
#include <inttypes.h>
#include <samoza.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WINDOW	  4
#define LOST_NS	  UINT64_C(5000000000)
#define REPORT_NS UINT64_C(100000000)

static struct question {
	uint32_t number; /* 0: none */
	uint64_t asked_ns;
} under_way[WINDOW];
static uint32_t asked, refused, lost, twice;
static uint64_t reported_ns;
static bool is_heard;

static uint64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void report(uint64_t now_ns)
{
	char line[160];
	uint64_t settled_ns = now_ns;

	if (now_ns - reported_ns < REPORT_NS)
		return;
	reported_ns = now_ns;
	for (unsigned k = 0; k < WINDOW; k++)
		if (under_way[k].number != 0 && under_way[k].asked_ns < settled_ns)
			settled_ns = under_way[k].asked_ns;
	snprintf(line, sizeof(line),
		 "zbench asker settled_ns=%" PRIu64 " asked=%" PRIu32 " refused=%" PRIu32
		 " lost=%" PRIu32 " twice=%" PRIu32,
		 settled_ns, asked, refused, lost, twice);
	(void)samoza_log(SAMOZA_INFO, line);
}

static void ask(uint64_t now_ns)
{
	for (unsigned k = 0; k < WINDOW; k++) {
		char text[16];

		if (under_way[k].number != 0)
			continue;
		int size = snprintf(text, sizeof(text), "%" PRIu32, asked + 1);
		int r = samoza_emit("calls", text, (uint32_t)size);
		if (r == -SAMOZA_EAGAIN)
			return; /* a queue is full: it is asked later */
		asked++;
		if (r < 0)
			refused++;
		else
			under_way[k] = (struct question){asked, now_ns};
	}
}

static void take(const char *text)
{
	uint32_t number = (uint32_t)strtoul(text, NULL, 10);

	for (unsigned k = 0; k < WINDOW; k++)
		if (under_way[k].number == number) {
			under_way[k].number = 0;
			return;
		}
	twice++; /* or after it was counted as lost: not as it should be, either */
}

static void give_up(uint64_t now_ns)
{
	for (unsigned k = 0; k < WINDOW; k++)
		if (under_way[k].number != 0 && now_ns - under_way[k].asked_ns > LOST_NS) {
			under_way[k].number = 0;
			lost++;
		}
}

SAMOZA_ON_PROCESS(void)
{
	static char text[SAMOZA_MESSAGE_MAX];
	int size;

	if (!is_heard) {
		(void)samoza_emit("calls", "w", 1);
		is_heard = samoza_recv_next(100, text, sizeof(text), NULL, 0) > 0;
		return 0;
	}
	ask(now());
	while ((size = samoza_recv_next(0, text, sizeof(text) - 1, NULL, 0)) > 0) {
		text[size] = '\0';
		if (text[0] != 'w')
			take(text);
	}
	give_up(now());
	report(now());
	(void)samoza_sleep(1);
	return 0;
}
