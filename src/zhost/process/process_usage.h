/* Processor time and private memory of processes, out of /proc. */
#ifndef SAMOZA_ZHOST_PROCESS_PROCESS_USAGE_H
#define SAMOZA_ZHOST_PROCESS_PROCESS_USAGE_H

#include <stdint.h>

struct usage_sum {
	int proc_fd; /* of /proc, borrowed */
	uint64_t cpu_ticks;
	uint64_t memory_pages; /* private ones */
};

/* Adds those of a process; nothing when it has ended. */
void process_usage_add(struct usage_sum *sum, int64_t pid);

#endif
