/* The processor time of a group of processes, to tell a program that has to wait for a processor from one
 * that does nothing. */
#ifndef SAMOZA_ADAPTER_WASM2C_PROCESSOR_TIME_H
#define SAMOZA_ADAPTER_WASM2C_PROCESSOR_TIME_H

#include <stdint.h>
#include <sys/types.h>

/* Of the members that live, and of their children that they have waited for, in ticks of the clock of
 * /proc. Becomes less when a member ends for which nobody waits. Reads all of /proc: some milliseconds
 * where there are thousands of processes. */
uint64_t processor_time_of_group(pid_t group);

#endif
