#include "zrun/runner/clocks.h"

#include <time.h>

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}
uint64_t boot_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}
uint64_t wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}
uint64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
