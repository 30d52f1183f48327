#include "zhost/metrics.h"

#include "adapter/cli/build_metrics.h"
#include "zhost/direct/direct_service.h"
#include "zhost/edge/edge.h"
#include "zhost/sink/sinks.h"
#include "zhost/space_metrics.h"

enum {
	STARTS,
	START_FAILURES,
	DEATHS,
	FETCHED,
	FETCHED_BYTES,
	HITS,
	COMPILED,
	LOCAL,
	REMOTE,
	REFUSED,
	RECEIVED,
	DROPPED,
	PAGE_MESSAGES,
	DATA_REQUESTS,
	COMMITS,
	LINKS,
	INSTANCES,
	PROCESSES,
	STARTING,
	PEERS,
	LINK_UP,
	TIGHT,
	FAILING,
	EXECS,
	EXECS_STARTED,
	EXECS_REFUSED,
	START_TIME,
	REQUEST_TIME,
	HEARTBEAT_TIME,
	TURN_TIME,
	LONGEST_TURN,
};
static const struct metric metrics[] = {
	[STARTS] = {"zhost_starts_total", METRIC_COUNTER, "Starts of instances."},
	[START_FAILURES] = {"zhost_start_failures_total", METRIC_COUNTER,
			    "Starts that failed."},
	[DEATHS] = {"zhost_deaths_total", METRIC_COUNTER,
		    "Processes that ended by themselves."},
	[FETCHED] = {"zhost_artifacts_fetched_total", METRIC_COUNTER,
		     "Artifacts fetched from zrms."},
	[FETCHED_BYTES] = {"zhost_artifact_bytes_total", METRIC_COUNTER,
			   "Bytes of artifacts fetched."},
	[HITS] = {"zhost_artifact_hits_total", METRIC_COUNTER,
		  "Artifacts that were in the cache."},
	[COMPILED] = {"zhost_compiled_total", METRIC_COUNTER, "Modules compiled here."},
	[LOCAL] = {"zhost_emits_local_total", METRIC_COUNTER,
		   "Messages delivered on this zhost."},
	[REMOTE] = {"zhost_emits_remote_total", METRIC_COUNTER,
		    "Messages sent to other zhosts."},
	[REFUSED] = {"zhost_emits_refused_total", METRIC_COUNTER,
		     "Messages refused: no path, receiver not running, queue full."},
	[RECEIVED] = {"zhost_remote_received_total", METRIC_COUNTER,
		      "Messages from other zhosts."},
	[DROPPED] = {"zhost_remote_dropped_total", METRIC_COUNTER,
		     "Messages from other zhosts without a receiver here."},
	[PAGE_MESSAGES] = {"zhost_page_messages_total", METRIC_COUNTER, "Messages for pages."},
	[DATA_REQUESTS] = {"zhost_data_requests_total", METRIC_COUNTER,
			   "Calls of data.* by spaces."},
	[COMMITS] = {"zhost_commits_total", METRIC_COUNTER, "Durable commits."},
	[LINKS] = {"zhost_links_total", METRIC_COUNTER, "Connections made to zrms."},
	[INSTANCES] = {"zhost_instances", METRIC_GAUGE, "Instances deployed here."},
	[PROCESSES] = {"zhost_processes", METRIC_GAUGE, "Processes of instances."},
	[STARTING] = {"zhost_starting", METRIC_GAUGE, "Starts in progress."},
	[PEERS] = {"zhost_mesh_peers", METRIC_GAUGE, "Instances known to the mesh here."},
	[LINK_UP] = {"zhost_link_up", METRIC_GAUGE, "1 when zrms has accepted the link."},
	[TIGHT] = {"zhost_store_tight", METRIC_GAUGE,
		   "1: the disk is full, and local data does not grow."},
	[FAILING] = {"zhost_store_failing", METRIC_GAUGE,
		     "1: a transaction failed and is tried again."},
	[EXECS] = {"zhost_exec_sessions", METRIC_GAUGE,
		   "Commands of `spaces exec` that run here."},
	[EXECS_STARTED] = {"zhost_exec_started_total", METRIC_COUNTER,
			   "Commands of `spaces exec` that were started."},
	[EXECS_REFUSED] = {"zhost_exec_refused_total", METRIC_COUNTER,
			   "Commands of `spaces exec` that were refused or could not be run."},
	[START_TIME] = {"zhost_start_seconds", METRIC_HISTOGRAM,
			"Time from the order to start an instance until it runs."},
	[REQUEST_TIME] = {"zhost_request_seconds", METRIC_HISTOGRAM,
			  "Time from a message along a path to the next one back from the same "
			  "instance, where that comes within a minute."},
	[HEARTBEAT_TIME] = {"zhost_heartbeat_delay_seconds", METRIC_HISTOGRAM,
			    "Time from a heartbeat to its acknowledgement by zrms."},
	[TURN_TIME] =
		{"zhost_loop_turn_seconds", METRIC_HISTOGRAM,
		 "Time that a turn of the event loop took, in which nothing else is served."},
	[LONGEST_TURN] = {"zhost_loop_longest_turn_seconds", METRIC_GAUGE,
			  "The longest turn of the event loop since zhost was started."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct metrics_sources *from = part;
	struct residents_counters residents = residents_counters(from->residents);
	struct artifact_counters artifacts = artifacts_counters(from->artifacts);
	struct mesh_counters mesh = mesh_counters(from->mesh);
	struct exec_counters execs = exec_service_counters(from->exec);

	metric_set(to, STARTS, residents.starts);
	metric_set(to, START_FAILURES, residents.start_failures);
	metric_set(to, DEATHS, residents.deaths);
	metric_set(to, FETCHED, artifacts.fetched);
	metric_set(to, FETCHED_BYTES, artifacts.bytes);
	metric_set(to, HITS, artifacts.hits);
	metric_set(to, COMPILED, artifacts.compiled);
	metric_set(to, LOCAL, mesh.emits_local);
	metric_set(to, REMOTE, mesh.emits_remote);
	metric_set(to, REFUSED, mesh.emits_refused);
	metric_set(to, RECEIVED, mesh.remote_received);
	metric_set(to, DROPPED, mesh.remote_dropped);
	metric_set(to, PAGE_MESSAGES, mesh.page_messages);
	metric_set(to, DATA_REQUESTS, data_requests(from->data));
	metric_set(to, COMMITS, reconcile_commits(from->reconcile));
	metric_set(to, LINKS, uplink_connections(from->uplink));
	metric_set(to, INSTANCES, residents.instances);
	metric_set(to, PROCESSES, residents.processes);
	metric_set(to, STARTING, residents.starting);
	metric_set(to, PEERS, mesh_table_count(mesh_table(from->mesh)));
	metric_set(to, LINK_UP, upstream_is_up(uplink_upstream(from->uplink)) ? 1 : 0);
	metric_set(to, TIGHT, kv_is_tight(from->kv));
	metric_set(to, FAILING, kv_is_failing(from->kv));
	metric_set(to, EXECS, execs.running);
	metric_set(to, EXECS_STARTED, execs.started);
	metric_set(to, EXECS_REFUSED, execs.refused);
	metric_add_histogram(to, START_TIME, NULL, &residents.start_time);
	metric_add_histogram(to, REQUEST_TIME, NULL, mesh_requests(from->mesh));
	metric_add_histogram(to, HEARTBEAT_TIME, NULL, uplink_heartbeats(from->uplink));
	metric_add_histogram(to, TURN_TIME, NULL, &from->turns->times);
	metric_set_us(to, LONGEST_TURN, from->turns->longest_us);
}

const struct metric_source zhost_metrics = METRIC_SOURCE(metrics, read_metrics);

const struct metric_source *const zhost_metric_sources[] = {&cli_build_metrics,
							    &zhost_metrics,
							    &space_metrics,
							    &direct_metrics,
							    &edge_metrics,
							    &sinks_metrics,
							    NULL};
