/*
 * Clocks, in milliseconds where nothing else is said.
 */
#ifndef SAMOZA_ZRUN_RUNNER_CLOCKS_H
#define SAMOZA_ZRUN_RUNNER_CLOCKS_H

#include <stdint.h>

uint64_t mono_ms(void);
/* Also runs while the machine sleeps. */
uint64_t boot_ms(void);
uint64_t wall_ms(void);
/* Time of the processor that this process has used: exactly, not by ticks. Microseconds. */
uint64_t cpu_us(void);

#endif
