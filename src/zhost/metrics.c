#include "zhost/metrics.h"

#include <inttypes.h>

#include "zhost/artifact/artifact.h"
#include "zhost/data/data_service.h"
#include "zhost/mesh/mesh.h"
#include "zhost/space/resident.h"

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

static void instances_write(const struct zhost *z, struct buffer *to)
{
	counter(to, "zhost_starts_total", "Starts of instances", z->counters.starts);
	counter(to, "zhost_start_failures_total", "Starts that failed",
		z->counters.start_failures);
	counter(to, "zhost_deaths_total", "Processes that ended by themselves",
		z->counters.deaths);
}

static void artifacts_write(const struct zhost *z, struct buffer *to)
{
	struct artifact_counters c = artifacts_counters(z->artifacts);

	counter(to, "zhost_artifacts_fetched_total", "Artifacts fetched from zrms", c.fetched);
	counter(to, "zhost_artifact_bytes_total", "Bytes of artifacts fetched", c.bytes);
	counter(to, "zhost_artifact_hits_total", "Artifacts that were in the cache", c.hits);
	counter(to, "zhost_compiled_total", "Modules compiled here", c.compiled);
}

static void mesh_write(const struct zhost *z, struct buffer *to)
{
	struct mesh_counters c = mesh_counters(z->mesh);

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

void metrics_write(const struct zhost *z, struct buffer *to)
{
	uint64_t running = 0;

	instances_write(z, to);
	artifacts_write(z, to);
	mesh_write(z, to);
	counter(to, "zhost_data_requests_total", "Requests of data.*", data_requests(z->data));
	counter(to, "zhost_commits_total", "Durable commits", z->counters.commits);
	counter(to, "zhost_links_total", "Connections made to zrms",
		uplink_connections(z->uplink));
	for (const struct resident *r = z->residents; r != NULL; r = r->hh.next)
		running += r->process != NULL;
	gauge(to, "zhost_instances", "Instances deployed here", z->resident_count);
	gauge(to, "zhost_processes", "Processes of instances", running);
	gauge(to, "zhost_starting", "Starts in progress", z->starting);
	gauge(to, "zhost_mesh_peers", "Instances known to the mesh here",
	      mesh_table_count(mesh_table(z->mesh)));
	gauge(to, "zhost_link_up", "1 when zrms has accepted the link",
	      upstream_is_up(uplink_upstream(z->uplink)) ? 1 : 0);
}
