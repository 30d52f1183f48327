/*
 * One run of `zbench fleet`: a real zrms on SQLite, and a crowd of simulated zhosts (crowd.h).
 *
 *   join ─► submit, all running ─► idle ─► status and events ─► a part of the zhosts is lost, all running
 *
 * Whether all runs is read from zrms' own metrics, at most a tenth of the time: who followed all events would use
 * as much of the processor as zrms. CPU time is that of all threads of zrms.
 */
#ifndef SAMOZA_ZBENCH_FLEET_RUN_H
#define SAMOZA_ZBENCH_FLEET_RUN_H

#include "base/buffer.h"
#include "zbench/benchmark.h"

struct fleet_size {
	uint32_t zhosts, instances;
	uint32_t topologies;	       /* that the instances are in, equally many in each */
	uint32_t lost;		       /* of the zhosts; 0: that part is left out */
	int64_t heartbeat_ms, idle_ms; /* failure timeout: three heartbeats */
};

/* A sample of each for each run. */
struct fleet_figures {
	struct samples join_s, submit_s, running_s, cpu_us /* of each instance */, rss_mib,
		kib /* of each instance */, idle_percent, idle_wait_ms, status_p50_ms,
		status_p99_ms, event_p50_ms, event_p99_ms, recovered, recovery_s,
		recovery_first_s, recovery_cpu_us;
};
void fleet_figures_done(struct fleet_figures *figures);

/* `mexes`: a package for each topology, whose only space "idle" has its part of the instances. */
int fleet_run(const struct bench *bench, const struct fleet_size *size,
	      const struct buffer *mexes, struct fleet_figures *figures,
	      struct error **err) must_check;

#endif
