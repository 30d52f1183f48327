#include "zhost/metrics.h"

#include <inttypes.h>

static void metric(struct buffer *to, const char *name, const char *kind, const char *help,
		   uint64_t value)
{
	(void)buffer_printf(to, "# HELP %s %s.\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help,
			    name, kind, name, value);
}

static void counter(struct buffer *to, const char *name, const char *help, uint64_t value)
{
	metric(to, name, "counter", help, value);
}

static void gauge(struct buffer *to, const char *name, const char *help, uint64_t value)
{
	metric(to, name, "gauge", help, value);
}

static void artifacts_write(const struct metrics_sources *from, struct buffer *to)
{
	struct artifact_counters c = artifacts_counters(from->artifacts);
	counter(to, "zhost_artifacts_fetched_total", "Artifacts fetched from zrms", c.fetched);
	counter(to, "zhost_artifact_bytes_total", "Bytes of artifacts fetched", c.bytes);
	counter(to, "zhost_artifact_hits_total", "Artifacts that were in the cache", c.hits);
	counter(to, "zhost_compiled_total", "Modules compiled here", c.compiled);
}

static void mesh_write(const struct metrics_sources *from, struct buffer *to)
{
	struct mesh_counters c = mesh_counters(from->mesh);
	counter(to, "zhost_emits_local_total", "Messages delivered on this zhost",
		c.emits_local);
	counter(to, "zhost_emits_remote_total", "Messages sent to other zhosts",
		c.emits_remote);
	counter(to, "zhost_emits_refused_total",
		"Messages refused: no path, receiver not running, queue full", c.emits_refused);
	counter(to, "zhost_remote_received_total", "Messages from other zhosts",
		c.remote_received);
	counter(to, "zhost_remote_dropped_total",
		"Messages from other zhosts without a receiver here", c.remote_dropped);
	counter(to, "zhost_page_messages_total", "Messages for pages", c.page_messages);
}

void metrics_write(const struct metrics_sources *from, struct buffer *to)
{
	struct residents_counters c = residents_counters(from->residents);
	counter(to, "zhost_starts_total", "Starts of instances", c.starts);
	counter(to, "zhost_start_failures_total", "Starts that failed", c.start_failures);
	counter(to, "zhost_deaths_total", "Processes that ended by themselves", c.deaths);
	artifacts_write(from, to);
	mesh_write(from, to);
	counter(to, "zhost_data_requests_total", "Requests of data.*",
		data_requests(from->data));
	counter(to, "zhost_commits_total", "Durable commits",
		reconcile_commits(from->reconcile));
	counter(to, "zhost_links_total", "Connections made to zrms",
		uplink_connections(from->uplink));
	gauge(to, "zhost_instances", "Instances deployed here", c.instances);
	gauge(to, "zhost_processes", "Processes of instances", c.processes);
	gauge(to, "zhost_starting", "Starts in progress", c.starting);
	gauge(to, "zhost_mesh_peers", "Instances known to the mesh here",
	      mesh_table_count(mesh_table(from->mesh)));
	gauge(to, "zhost_link_up", "1 when zrms has accepted the link",
	      upstream_is_up(uplink_upstream(from->uplink)) ? 1 : 0);
}
