/*
 * Sends requests along `ball`, one after the other, each when the last one was answered, and
 * logs how long that took: "zbench ping p50_ns=… p99_ns=…". The import pong.messages says how
 * many, pong.pause_ms how long it sleeps before each (without: not at all).
 */
#include <samoza.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SAMPLES_MAX 100000
#define SIZE	    200 /* bytes of a request */

static uint32_t samples[SAMPLES_MAX];

static uint64_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* 0, or the error. */
static int ask(void)
{
	static char request[SIZE], answer[SAMOZA_MESSAGE_MAX];
	int32_t r = samoza_emit("ball", request, SIZE);

	if (r < 0)
		return r;
	r = samoza_recv_next(5000, answer, sizeof(answer), NULL, 0);
	return r == SIZE ? 0 : r < 0 ? r : -SAMOZA_EAGAIN;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void measure(unsigned count, unsigned pause_ms)
{
	char line[128];
	int r = 0;

	/* Until the other one is there, and everything is warm. */
	for (unsigned done = 0; done < count / 10 && r != -SAMOZA_ESHUTDOWN;) {
		r = ask();
		if (r == 0)
			done++;
		else if (samoza_sleep(5) == 1)
			return;
	}
	for (unsigned i = 0; i < count; i++) {
		uint64_t begin;

		if (pause_ms > 0 && samoza_sleep(pause_ms) == 1)
			return;
		begin = now();
		r = ask();
		samples[i] = (uint32_t)(now() - begin);
		if (r < 0) {
			snprintf(line, sizeof(line), "zbench ping failed: %d at %u", r, i);
			(void)samoza_log(SAMOZA_ERROR, line);
			return;
		}
	}
	qsort(samples, count, sizeof(samples[0]), compare);
	snprintf(line, sizeof(line), "zbench ping p50_ns=%u p99_ns=%u",
		 (unsigned)samples[count / 2], (unsigned)samples[count / 100 * 99]);
	(void)samoza_log(SAMOZA_INFO, line);
}

SAMOZA_ON_PROCESS(void)
{
	char text[16] = "", pause[16] = "";
	unsigned count;

	(void)samoza_import("pong.messages", text, sizeof(text));
	(void)samoza_import("pong.pause_ms", pause, sizeof(pause));
	count = (unsigned)strtoul(text, NULL, 10);
	if (count >= 100 && count <= SAMPLES_MAX)
		measure(count, (unsigned)strtoul(pause, NULL, 10));
	else
		(void)samoza_log(SAMOZA_ERROR, "zbench ping has no number of messages");
	while (samoza_sleep(60000) == 0)
		continue;
	return 0;
}
