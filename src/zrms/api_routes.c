#include "zrms/api_routes.h"

#include "base/memory.h"
#include "proto/view.pb-c.h"
#include "zrms/api_handlers.h"

#define VIEW(name) &samoza__v1__##name##__descriptor

/* clang-format off */
static const struct http_route routes[] = {
	{"GET", "/v1/cluster", api_cluster, 0, NULL, "Summary of the cluster",
	 NULL, VIEW(cluster_view)},
	{"GET", "/v1/topologies", api_topologies_list, 0, "limit after", "All topologies",
	 NULL, VIEW(topology_list_view)},
	{"POST", "/v1/topologies", api_topologies_submit, HTTP_BODY_SPOOL, "start dry_run",
	 "Submit a MEX (the body); start=0: all goals not-deployed; dry_run=1: only compute "
	 "where it would be placed", NULL, VIEW(topology_view)},
	{"GET", "/v1/topologies/{id}", api_topology_get, 0, NULL,
	 "One topology, with its placements", NULL, VIEW(topology_view)},
	{"DELETE", "/v1/topologies/{id}", api_topology_remove, 0, "data",
	 "Remove a topology; data=1: also delete the data of its spaces", NULL, VIEW(topology_view)},
	{"GET", "/v1/topologies/{id}/explain", api_topology_explain, 0, "path",
	 "Why each space is where it is, or has no place", NULL, VIEW(explain_view)},
	{"POST", "/v1/topologies/{id}/start", api_topology_start, 0, NULL,
	 "Deploy and start everything, with new placements", NULL, VIEW(topology_view)},
	{"POST", "/v1/topologies/{id}/stop", api_topology_stop, 0, NULL,
	 "Stop and undeploy everything", NULL, VIEW(topology_view)},
	{"POST", "/v1/topologies/{id}/recover", api_topology_recover, 0, NULL,
	 "End exclusions, make all attempts available, and try again", NULL, VIEW(topology_view)},
	{"POST", "/v1/topologies/{id}/deploy-all", api_topology_deploy_all, 0, "path",
	 "Grouped: deploy and start all, or PATH and everything below", NULL, VIEW(topology_view)},
	{"POST", "/v1/topologies/{id}/start-all", api_topology_start_all, 0, "path",
	 "Grouped: start what is stopped", NULL, VIEW(topology_view)},
	{"POST", "/v1/topologies/{id}/stop-all", api_topology_stop_all, 0, "path",
	 "Grouped: stop what is started", NULL, VIEW(topology_view)},
	{"POST", "/v1/topologies/{id}/undeploy-all", api_topology_undeploy_all, 0, "path",
	 "Grouped: undeploy", NULL, VIEW(topology_view)},
	{"GET", "/v1/topologies/{id}/logs", api_topology_logs, 0, "path lines follow",
	 "Last lines of an instance's log; follow=1: a stream of server-sent events",
	 NULL, VIEW(log_view)},
	{"GET", "/v1/topologies/{id}/spaces", api_topology_spaces, 0, "limit after",
	 "Instances of a topology", NULL, VIEW(space_list_view)},
	{"PUT", "/v1/topologies/{id}/spaces/{path*}/goal", api_space_goal, HTTP_BODY_MEMORY, NULL,
	 "Set the goal of one instance", VIEW(goal_request), VIEW(space_view)},
	{"GET", "/v1/topologies/{id}/spaces/{path*}", api_space_get, 0, NULL,
	 "One instance, with the last lines of its log", NULL, VIEW(space_view)},
	{"GET", "/v1/spaces", api_spaces_list, 0, "limit after", "Instances of all topologies",
	 NULL, VIEW(space_list_view)},
	{"GET", "/v1/mesh/spaces", api_mesh_spaces, 0, "limit after", "Every space registered in the mesh",
	 NULL, VIEW(mesh_space_list_view)},
	{"GET", "/v1/zhosts", api_zhosts_list, 0, "limit after", "All zhosts", NULL, VIEW(zhost_list_view)},
	{"GET", "/v1/zhosts/{name}", api_zhost_get, 0, NULL, "One zhost", NULL, VIEW(zhost_view)},
	{"DELETE", "/v1/zhosts/{name}", api_zhost_remove, 0, NULL,
	 "Remove a zhost from the cluster", NULL, VIEW(zhost_list_view)},
	{"POST", "/v1/zhosts/{name}/cordon", api_zhost_cordon, 0, NULL,
	 "Exclude a zhost from new placements", NULL, VIEW(zhost_view)},
	{"POST", "/v1/zhosts/{name}/uncordon", api_zhost_uncordon, 0, NULL,
	 "Allow placements on a zhost again", NULL, VIEW(zhost_view)},
	{"GET", "/v1/events", api_events, 0, "after topology stream limit",
	 "Events after `after`, as they occur (server-sent events); stream=0: the stored ones",
	 NULL, VIEW(event_list_view)},
	{"GET", "/v1/artifacts/sha256/{digest}", api_artifact, 0, NULL,
	 "A module, native code, page or recipe by its digest", NULL, NULL},
	{"GET", "/v1/link", api_link, 0, NULL, NULL, NULL, NULL},
	{"GET", "/healthz", api_health, 0, NULL, "Whether zrms is healthy", NULL, NULL},
	{"GET", "/metrics", api_metrics, 0, NULL, "Counters and gauges, as Prometheus text",
	 NULL, NULL},
	{"GET", "/openapi.json", api_openapi, 0, NULL, "This interface", NULL, NULL},
};
/* clang-format on */

const struct http_route *api_routes(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(routes);
	return routes;
}
