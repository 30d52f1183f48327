/*
 * Control groups for a tree of native processes, with libc alone: what `resources` of a space
 * give and allow, where the machine has them (version 2, version 1, or both side by side).
 *
 *   cpu      its share under contention; and at most its limit, where it has one, but not less
 *            than CGROUP_CPU_LEAST millicores: below that, starting takes longer than any time-out
 *   memory   at most its memory; past it the whole group is ended, where the kernel can
 *   pids     CGROUP_PIDS
 *
 * The group is called samoza-NAME and lies beside the caller's own: in version 1 below it; in
 * version 2, where a group with processes cannot hand out controllers, below the nearest
 * group above that does. Whoever may not make groups (no root, no delegation) goes without.
 */
#ifndef SAMOZA_ADAPTER_SANDBOX_CGROUP_H
#define SAMOZA_ADAPTER_SANDBOX_CGROUP_H

#include <stddef.h>
#include <stdint.h>

#define CGROUP_CPU_LEAST 200
#define CGROUP_PIDS	 4096

#define CGROUP_MEMORY	 (1u << 0)
#define CGROUP_CPU	 (1u << 1)
#define CGROUP_PIDS_	 (1u << 2)

struct cgroup {
	char procs[4][400]; /* files that a process writes "0" into to join; "" for none */
	unsigned procs_count;
	uint32_t limited;  /* CGROUP_*: what is given */
	uint32_t unified;  /* what of it by version 2 */
	int kill_fd;	   /* version 2: writing "1" ends all in it; -1 */
	int events_fd;	   /* file that counts kills for want of memory; -1 */
	char missing[200]; /* why something is not limited; "" otherwise */
};

/* 0 each: not limited. */
struct cgroup_resources {
	uint32_t cpu_millicores, cpu_limit_millicores;
	uint64_t memory_bytes;
};

/* Makes it, or takes the existing one. Never fails. */
void cgroup_make(struct cgroup *g, const char *name, const struct cgroup_resources *resources);
/* What could be given here: makes one, and removes it. Nothing of it is open. */
void cgroup_probe(struct cgroup *g);
/* How many processes of it were killed at its limit of memory. Also without the rights with which
 * it was made. */
uint64_t cgroup_oom_kills(const struct cgroup *g);
/* Removes it, if nothing is in it. */
void cgroup_remove(const char *name);
/* Kills every process in it. Returns how many there were. */
unsigned cgroup_kill(const char *name);
/* Removes all groups of this kind that are empty and older than a minute: those whose owner was
 * killed together with all that it had. */
void cgroup_sweep(void);

#endif
