#include "zhost/metrics.h"

#include <inttypes.h>
#include <stddef.h>

#include "zhost/space/resident.h"
#include "zhost/uplink/uplink.h"

static const struct {
	const char *name, *help;
	size_t offset;
} counters[] = {
#define COUNTER(field, text)                                                           \
	{                                                                              \
		"zhost_" #field "_total", text, offsetof(struct zhost_counters, field) \
	}
	COUNTER(starts, "Starts of instances"),
	COUNTER(start_failures, "Starts that failed"),
	COUNTER(deaths, "Processes that ended by themselves"),
	COUNTER(artifacts_fetched, "Artifacts fetched from zrms"),
	COUNTER(artifact_bytes, "Bytes of artifacts fetched"),
	COUNTER(artifact_hits, "Artifacts that were in the cache"),
	COUNTER(compiled, "Modules compiled here"),
	COUNTER(emits_local, "Messages delivered on this zhost"),
	COUNTER(emits_remote, "Messages sent to other zhosts"),
	COUNTER(emits_refused, "Messages refused: no path, nobody there, queue full"),
	COUNTER(remote_received, "Messages from other zhosts"),
	COUNTER(remote_dropped, "Messages from other zhosts that found no receiver"),
	COUNTER(page_messages, "Messages for pages"),
	COUNTER(data_requests, "Requests of data.*"),
	COUNTER(commits, "Durable commits"),
	COUNTER(links, "Connections made to zrms"),
#undef COUNTER
};

static void gauge(struct buffer *to, const char *name, const char *help, uint64_t value)
{
	(void)buffer_printf(to, "# HELP %s %s.\n# TYPE %s gauge\n%s %" PRIu64 "\n", name, help,
			    name, name, value);
}

void metrics_write(const struct zhost *z, struct buffer *to)
{
	uint64_t running = 0;

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		uint64_t value;

		memcpy(&value, (const char *)&z->counters + counters[i].offset, sizeof(value));
		(void)buffer_printf(to, "# HELP %s %s.\n# TYPE %s counter\n%s %" PRIu64 "\n",
				    counters[i].name, counters[i].help, counters[i].name,
				    counters[i].name, value);
	}
	for (const struct resident *r = z->residents; r != NULL; r = r->hh.next)
		running += r->process != NULL;
	gauge(to, "zhost_instances", "Instances deployed here", z->resident_count);
	gauge(to, "zhost_processes", "Processes of instances", running);
	gauge(to, "zhost_starting", "Starts under way", z->starting);
	gauge(to, "zhost_mesh_peers", "Instances known to the mesh here",
	      mesh_table_count(z->mesh));
	gauge(to, "zhost_link_up", "1 when zrms has accepted the link",
	      uplink_is_up(z->uplink) ? 1 : 0);
}
