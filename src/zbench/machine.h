/*
 * Where and on what something was measured: no figure without it.
 */
#ifndef SAMOZA_ZBENCH_MACHINE_H
#define SAMOZA_ZBENCH_MACHINE_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* "2 cores of …, Linux 6.1.0, zbench 0.1.0 (commit 470e6bd)"; the caller frees. */
char *machine_text(void);
/* {"cores", "cpu", "kernel", "version", "commit"} */
json_t *machine_json(void);

/* Resident and proportional memory of a process, in bytes. */
struct process_memory {
	uint64_t rss;
	uint64_t pss;
};
/* From smaps_rollup. */
int process_memory(pid_t pid, struct process_memory *ret, struct error **err) must_check;
/*
 * A zrun: the guest's own linear memory is counted apart. That is the area in front of
 * the guard pages with which the whole 32-bit address space is reserved, the only such area.
 */
int zrun_memory(pid_t pid, struct process_memory *ret_own, struct process_memory *ret_guest,
		struct error **err) must_check;
/* The processes below `parent` whose name begins with `prefix`, at most `max`; how many. */
size_t processes_named(pid_t parent, const char *prefix, pid_t *ret_pids, size_t max);

#endif
