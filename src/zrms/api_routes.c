#include "zrms/api_routes.h"

#include "base/memory.h"
#include "core/access/access.h"
#include "proto/view.pb-c.h"
#include "zrms/api_handlers.h"

#define VIEW(name) &samoza__v1__##name##__descriptor

/* Of a body that anybody may send. */
#define JOIN_BODY_MAX	 ((size_t)16 * 1024)
#define SIGN_IN_BODY_MAX ((size_t)1024)
#define MEMBER_BODY_MAX	 ((size_t)64 * 1024)
/* Digests of more files than a package has. */
#define ARTIFACTS_BODY_MAX ((size_t)8 << 20)

/* A value in base64, and some. */
#define SECRET_BODY_MAX ((size_t)64 * 1024)

/* clang-format off */
/* What queries may say. */
#define PAGES \
	{"limit", HTTP_NUMBER, "At most so many; the rest comes with the following pages"}, \
	{"after", HTTP_TEXT, "`next` of the page before"}
#define IN_STATE "Only those in one of these states, separated by commas"
#define INSTANCE_IN_STATE IN_STATE "; failed: not in the state of its goal after an error"
#define NAMED {"named", HTTP_TEXT, "Only what this names: the topology with this id or name, or else all whose ids begin so"}
#define PREFIX(of) {"prefix", HTTP_TEXT, "Only those whose " of " begins so"}
#define AT_PATH {"path", HTTP_TEXT, "Only those at this path"}
#define ON_ZHOST {"zhost", HTTP_TEXT, "Only those that are placed on this zhost"}
#define OF_TOPOLOGY {"topology", HTTP_TEXT, "Only those of this topology: its id or name"}
static const struct http_query topologies_query[] = {
	{"state", HTTP_TEXT, IN_STATE}, NAMED, PREFIX("name or id"), PAGES, {0}};
static const struct http_query spaces_query[] = {
	{"state", HTTP_TEXT, INSTANCE_IN_STATE}, ON_ZHOST, OF_TOPOLOGY, AT_PATH, PREFIX("TOPOLOGY/PATH"),
	{"topology_state", HTTP_TEXT, "Only those of topologies in one of these states"}, PAGES, {0}};
static const struct http_query own_spaces_query[] = {
	{"state", HTTP_TEXT, INSTANCE_IN_STATE}, ON_ZHOST, AT_PATH, PAGES, {0}};
static const struct http_query mesh_query[] = {ON_ZHOST, OF_TOPOLOGY, PAGES, {0}};
static const struct http_query mesh_peers_query[] = {
	{"zhost", HTTP_TEXT, "Only what this zhost says"}, {0}};
static const struct http_query mesh_routes_query[] = {
	{"zhost", HTTP_TEXT, "Only what this zhost says"}, OF_TOPOLOGY, {0}};
static const struct http_query mesh_ping_query[] = {
	{"space", HTTP_TEXT, "TOPOLOGY/PATH of the instance, or TOPOLOGY/SPACE for all of a space; must be given"},
	{"zhost", HTTP_TEXT, "From this zhost; otherwise from all others on which the topology has something"},
	{"count", HTTP_NUMBER, "So many pings from each, up to 20"},
	{0}};
static const struct http_query zhosts_query[] = {
	{"state", HTTP_TEXT, IN_STATE},
	{"label", HTTP_TEXT, "Only those with all of these labels: NAME=VALUE, separated by commas"},
	PREFIX("name"), PAGES, {0}};
static const struct http_query submit_query[] = {
	{"start", HTTP_FLAG, "0: everything stays not-deployed"},
	{"dry_run", HTTP_FLAG, "1: only compute where it would be placed"},
	{"plan", HTTP_FLAG, "1: only compute what would follow; the answer is a PlanView"},
	{"name", HTTP_TEXT, "Of the topology; otherwise that of the package"},
	{"set", HTTP_LINES, "NAME=VALUE for parameters of the package, one a line"},
	{"values", HTTP_LINES, "A YAML text of NAME: VALUE for parameters; `set` counts before it"},
	{"values_name", HTTP_TEXT, "How the positions of refusals call this text"},
	{"reset_values", HTTP_FLAG,
	 "1: values of earlier submissions are not kept, and counts that were scaled are those of the package again"},
	{"allow_downgrade", HTTP_FLAG, "1: the version may be lower than that of what runs"},
	{"no_surge", HTTP_FLAG,
	 "1: what finds no room for a second copy stops before its successor starts"},
	{0}};
static const struct http_query artifacts_query[] = {
	{"unless", HTTP_TEXT, "204 where it is this `version`"}, {0}};
static const struct http_query history_query[] = {
	{"after", HTTP_NUMBER, "Only events with a higher `seq`"},
	{"until", HTTP_NUMBER, "Only events with this `seq`, or a lower one"},
	{0}};
static const struct http_query secret_remove_query[] = {
	{"force", HTTP_FLAG, "1: although it is in use"}, {0}};
static const struct http_query remove_query[] = {
	{"data", HTTP_FLAG, "1: the data of its spaces, too"},
	{0}};
static const struct http_query rollback_query[] = {
	{"to", HTTP_NUMBER, "Number of the revision, from 1 on; otherwise the completed one before"},
	{0}};
static const struct http_query scale_query[] = {
	{"spaces", HTTP_TEXT, "Their counts: SPACE=N, separated by commas; must be given"},
	{0}};
static const struct http_query audit_query[] = {
	{"after", HTTP_NUMBER, "Only lines with a higher number: `next` of the page before"},
	{"since", HTTP_NUMBER, "Only lines from this time on: milliseconds since 1970"},
	{"user", HTTP_TEXT, "Only what this person or program asked for"},
	{"limit", HTTP_NUMBER, "At most so many, up to 10,000; the rest comes with the following pages"},
	{"follow", HTTP_FLAG, "1: what follows, too, as server-sent events"},
	{0}};
static const struct http_query backup_query[] = {
	{"keys", HTTP_FLAG, "0: without the keys and tokens of the cluster"},
	{0}};
static const struct http_query recording_query[] = {
	{"from", HTTP_NUMBER, "From this time on: milliseconds since 1970; must be given"},
	{"to", HTTP_NUMBER, "Up to this time, or now"},
	{"own", HTTP_FLAG, "1: only what this zrms has recorded; others are not asked"},
	{0}};
static const struct http_query finish_query[] = {
	{"force", HTTP_FLAG, "1: not even for zhosts that are connected"},
	{0}};
static const struct http_query path_query[] = {
	{"path", HTTP_TEXT, "Only this instance; of grouped operations: and everything below"},
	{0}};
static const struct http_query explain_query[] = {
	{"path", HTTP_TEXT, "Only this instance"},
	{"each", HTTP_FLAG, "1: each zhost by itself, with the rule of each failure; needs a path"},
	{0}};
static const struct http_query logs_query[] = {
	{"path", HTTP_TEXT, "The instance; otherwise all of them, each line with its instance, in the order of their times"},
	{"since", HTTP_NUMBER, "Without a path: only lines from this time on: milliseconds since 1970"},
	{"grep", HTTP_TEXT, "Without a path: only lines with this text"},
	{"lines", HTTP_NUMBER, "The last so many, at most 10,000"},
	{"follow", HTTP_FLAG, "1: what follows, as server-sent events"},
	{"zhost", HTTP_TEXT, "From this zhost, where the instance was before"},
	{0}};
static const struct http_query events_query[] = {
	{"after", HTTP_NUMBER, "Only events with a greater `seq`"},
	{"topology", HTTP_TEXT, "Only those of this topology: its id"},
	{"stream", HTTP_FLAG, "0: the stored ones, as JSON; otherwise as they occur, as server-sent events"},
	{"limit", HTTP_NUMBER, "At most so many stored ones, up to 10,000"},
	{"newest", HTTP_NUMBER, "Only those among the newest so many of the cluster"},
	{0}};

static const struct http_query page_query[] = {
	{"page", HTTP_TEXT, "TOPOLOGY/SPACE: a code for that page of zedge, and for nothing else"},
	{0}};

static const struct http_query usage_query[] = {
	{"span", HTTP_TEXT, "1h (the default) by 20 s, 24h by 10 min, 7d by 1 h"},
	{0}};

static const struct http_query plan_query[] = {
	{"plan", HTTP_FLAG, "1: only compute what would follow; the answer is a PlanView"},
	{0}};

static const struct http_route routes[] = {
	{"GET", "/v1/cluster", api_cluster, 0, NULL, "Summary of the cluster",
	 NULL, VIEW(cluster_view),
	 "getCluster", NULL, NULL, ACCESS_VIEWER},
	{"GET", "/v1/summary", api_summary, 0, NULL,
	 "The cluster at a glance: counts, what needs attention, zhosts in columns, topologies", NULL,
	 VIEW(summary_view),
	 "getSummary", NULL, NULL, ACCESS_VIEWER},
	{"POST", "/v1/cluster/leader/move", api_leader_move, HTTP_BODY_MEMORY, NULL,
	 "Let another zrms lead, of several that share a store: this one finishes what is in flight, and ends",
	 VIEW(leader_move_request), VIEW(cluster_view),
	 "moveLeader", "202", "404 409 411 413 422", ACCESS_ADMIN},
	{"GET", "/v1/cluster/zrms", api_zrms_list, 0, NULL,
	 "All zrms that share the store, also those that are away; a majority of them must have what is submitted", NULL,
	 VIEW(zrms_list_view),
	 "listZrms", NULL, NULL, ACCESS_VIEWER},
	{"DELETE", "/v1/cluster/zrms/{name}", api_zrms_forget, 0, NULL,
	 "Forget a zrms that is gone for good, so that it does not count any longer; 409 while it is there", NULL, NULL,
	 "forgetZrms", "204", "404 409", ACCESS_ADMIN},
	{"GET", "/v1/cluster/rebalance", api_rebalance_get, 0, NULL,
	 "The newest rebalance: how far it is, and what stays and why", NULL, VIEW(rebalance_view),
	 "getRebalance", NULL, NULL, ACCESS_ADMIN},
	{"POST", "/v1/cluster/rebalance", api_rebalance, HTTP_BODY_MEMORY, plan_query,
	 "Hand spaces over to zhosts where they are placed better; plan=1: only compute what would "
	 "follow (the answer is a PlanView)",
	 VIEW(rebalance_request), VIEW(rebalance_view),
	 "rebalanceCluster", NULL, "404 409 411 413 422", ACCESS_ADMIN},
	{"DELETE", "/v1/cluster/rebalance", api_rebalance_stop, 0, NULL,
	 "Stop the rebalance that is running: moves under way end, nothing else begins", NULL,
	 VIEW(rebalance_view),
	 "stopRebalance", NULL, "409", ACCESS_ADMIN},
	{"GET", "/v1/topologies", api_topologies_list, 0, topologies_query, "All topologies",
	 NULL, VIEW(topology_list_view),
	 "listTopologies", NULL, NULL, ACCESS_VIEWER},
	{"POST", "/v1/topologies", api_topologies_submit, HTTP_BODY_SPOOL, submit_query,
	 "Submit a MEX (the body); start=0: all goals not-deployed; dry_run=1: only compute "
	 "where it would be placed; plan=1: only compute what would follow (the answer is a PlanView)", NULL, VIEW(topology_view),
	 "submitTopology", "201 200", "409 411 413 422", ACCESS_OPERATOR},
	{"GET", "/v1/topologies/{id}", api_topology_get, 0, NULL,
	 "One topology, with its placements", NULL, VIEW(topology_view),
	 "getTopology", NULL, "404 409", ACCESS_VIEWER},
	{"DELETE", "/v1/topologies/{id}", api_topology_remove, 0, remove_query,
	 "Remove a topology; data=1: also delete the data of its spaces", NULL, NULL,
	 "removeTopology", "204", "404 409", ACCESS_OPERATOR},
	{"GET", "/v1/topologies/{id}/explain", api_topology_explain, 0, explain_query,
	 "Why each space is where it is, or has no place", NULL, VIEW(explain_view),
	 "explainTopology", NULL, "404 409", ACCESS_VIEWER},
	{"GET", "/v1/topologies/{id}/revisions", api_topology_revisions, 0, NULL,
	 "What was accepted under its name, the newest last", NULL, VIEW(revision_list_view),
	 "listRevisions", NULL, "404 409", ACCESS_VIEWER},
	{"GET", "/v1/topologies/{id}/revisions/{revision}", api_topology_revision, 0, NULL,
	 "What one revision says: its spaces, paths and rollout", NULL, VIEW(revision_content_view),
	 "getRevision", NULL, "404 409", ACCESS_VIEWER},
	{"POST", "/v1/topologies/{id}/start", api_topology_start, 0, NULL,
	 "Deploy and start everything, with new placements", NULL, VIEW(topology_view),
	 "startTopology", NULL, "404 409", ACCESS_OPERATOR},
	{"POST", "/v1/topologies/{id}/stop", api_topology_stop, 0, NULL,
	 "Stop and undeploy everything", NULL, VIEW(topology_view),
	 "stopTopology", NULL, "404 409", ACCESS_OPERATOR},
	{"POST", "/v1/topologies/{id}/recover", api_topology_recover, 0, NULL,
	 "End exclusions, make all attempts available, and try again", NULL, VIEW(topology_view),
	 "recoverTopology", NULL, "404 409", ACCESS_OPERATOR},
	{"POST", "/v1/topologies/{id}/promote", api_topology_promote, 0, NULL,
	 "The rollout that waits continues", NULL, VIEW(topology_view),
	 "promoteRollout", NULL, "404 409", ACCESS_OPERATOR},
	{"POST", "/v1/topologies/{id}/abort", api_topology_abort, 0, NULL,
	 "The rollout goes back to the last completed revision", NULL, VIEW(topology_view),
	 "abortRollout", NULL, "404 409", ACCESS_OPERATOR},
	{"POST", "/v1/topologies/{id}/pause", api_topology_pause, 0, NULL,
	 "The rollout begins nothing new", NULL, VIEW(topology_view),
	 "pauseRollout", NULL, "404 409", ACCESS_OPERATOR},
	{"POST", "/v1/topologies/{id}/resume", api_topology_resume, 0, NULL,
	 "A paused rollout continues", NULL, VIEW(topology_view),
	 "resumeRollout", NULL, "404 409", ACCESS_OPERATOR},
	{"POST", "/v1/topologies/{id}/rollback", api_topology_rollback, 0, rollback_query,
	 "A new revision with the content of an earlier one, at once", NULL, VIEW(topology_view),
	 "rollbackTopology", NULL, "404 409", ACCESS_OPERATOR},
	{"POST", "/v1/topologies/{id}/scale", api_topology_scale, 0, scale_query,
	 "A new revision in which only counts differ", NULL, VIEW(topology_view),
	 "scaleTopology", NULL, "404 409 422", ACCESS_OPERATOR},
	{"POST", "/v1/topologies/{id}/deploy-all", api_topology_deploy_all, 0, path_query,
	 "Grouped: deploy and start all, or PATH and everything below", NULL, VIEW(topology_view),
	 "deployAll", NULL, "404 409", ACCESS_OPERATOR},
	{"POST", "/v1/topologies/{id}/start-all", api_topology_start_all, 0, path_query,
	 "Grouped: start what is stopped", NULL, VIEW(topology_view),
	 "startAll", NULL, "404 409", ACCESS_OPERATOR},
	{"POST", "/v1/topologies/{id}/stop-all", api_topology_stop_all, 0, path_query,
	 "Grouped: stop what is started", NULL, VIEW(topology_view),
	 "stopAll", NULL, "404 409", ACCESS_OPERATOR},
	{"POST", "/v1/topologies/{id}/undeploy-all", api_topology_undeploy_all, 0, path_query,
	 "Grouped: undeploy", NULL, VIEW(topology_view),
	 "undeployAll", NULL, "404 409", ACCESS_OPERATOR},
	{"GET", "/v1/topologies/{id}/logs", api_topology_logs, 0, logs_query,
	 "Last lines of the log of an instance, or of all; follow=1: a stream of server-sent events",
	 NULL, VIEW(log_view),
	 "getLogs", NULL, "404 409", ACCESS_OPERATOR},
	{"GET", "/v1/topologies/{id}/spaces", api_topology_spaces, 0, own_spaces_query,
	 "Instances of a topology", NULL, VIEW(space_list_view),
	 "listTopologySpaces", NULL, "404 409", ACCESS_VIEWER},
	{"PUT", "/v1/topologies/{id}/spaces/{path*}/goal", api_space_goal, HTTP_BODY_MEMORY, NULL,
	 "Set the goal of one instance", VIEW(goal_request), VIEW(space_view),
	 "setGoal", NULL, "404 409 411 413 422", ACCESS_OPERATOR},
	{"POST", "/v1/topologies/{id}/spaces/{path*}/move", api_space_move, HTTP_BODY_MEMORY, NULL,
	 "Hand one instance, with all that is inside of it, over to another zhost",
	 VIEW(move_request), VIEW(space_view),
	 "moveSpace", NULL, "404 409 411 413 422", ACCESS_OPERATOR},
	{"GET", "/v1/topologies/{id}/spaces/{path*}/exec", api_space_exec, 0, NULL,
	 "Run a command in an instance: switches to samoza-exec/1, frames of the messages Exec and "
	 "ExecReply (docs/rest.md)", NULL, NULL,
	 "execSpace", "101", "403 404 409 422 426 503", ACCESS_OPERATOR},
	{"GET", "/v1/topologies/{id}/spaces/{path*}", api_space_get, 0, NULL,
	 "One instance, with the last lines of its log", NULL, VIEW(space_view),
	 "getSpace", NULL, "404 409", ACCESS_VIEWER},
	{"GET", "/v1/spaces", api_spaces_list, 0, spaces_query, "Instances of all topologies",
	 NULL, VIEW(space_list_view),
	 "listSpaces", NULL, "404 409", ACCESS_VIEWER},
	{"GET", "/v1/mesh/spaces", api_mesh_spaces, 0, mesh_query, "Every space registered in the mesh",
	 NULL, VIEW(mesh_space_list_view),
	 "listMeshSpaces", NULL, "404 409", ACCESS_VIEWER},
	{"GET", "/v1/mesh/ping", api_mesh_ping, 0, mesh_ping_query,
	 "Send pings to an instance by the way of messages, from other zhosts: by which way, and how long",
	 NULL, VIEW(mesh_ping_list_view),
	 "pingMesh", NULL, "404 409", ACCESS_VIEWER},
	{"GET", "/v1/mesh/peers", api_mesh_peers, 0, mesh_peers_query,
	 "Messages between zhosts: their way, round trip, counts and drops",
	 NULL, VIEW(mesh_peer_list_view),
	 "listMeshPeers", NULL, "404", ACCESS_VIEWER},
	{"GET", "/v1/mesh/routes", api_mesh_routes, 0, mesh_routes_query,
	 "Messages from instance to instance: their way, counts and drops",
	 NULL, VIEW(mesh_route_list_view),
	 "listMeshRoutes", NULL, "404 409", ACCESS_VIEWER},
	{"GET", "/v1/usage", api_usage, 0, mesh_routes_query,
	 "What the copies of instances use and send at this moment, as their zhosts say",
	 NULL, VIEW(usage_list_view),
	 "listUsage", NULL, "404 409", ACCESS_VIEWER},
	{"GET", "/v1/zhosts", api_zhosts_list, 0, zhosts_query, "All zhosts", NULL, VIEW(zhost_list_view),
	 "listZhosts", NULL, NULL, ACCESS_VIEWER},
	{"POST", "/v1/zhosts", api_zhost_create, HTTP_BODY_MEMORY, NULL,
	 "Make a machine by a driver, and a zhost there; asked for again where that has failed: try again",
	 VIEW(machine_request), VIEW(zhost_view),
	 "createZhost", "202", "409 411 413 422", ACCESS_ADMIN},
	{"GET", "/v1/zhosts/{name}", api_zhost_get, 0, NULL, "One zhost", NULL, VIEW(zhost_view),
	 "getZhost", NULL, "404", ACCESS_VIEWER},
	{"GET", "/v1/zhosts/{name}/usage", api_zhost_usage, 0, usage_query,
	 "What a zhost used and what was reserved there, over time, since this zrms leads", NULL,
	 VIEW(zhost_usage_view),
	 "getZhostUsage", NULL, "400 404", ACCESS_VIEWER},
	{"DELETE", "/v1/zhosts/{name}", api_zhost_remove, 0, NULL,
	 "Remove a zhost from the cluster", NULL, NULL,
	 "removeZhost", "204", "404 409", ACCESS_ADMIN},
	{"POST", "/v1/zhosts/{name}/cordon", api_zhost_cordon, 0, NULL,
	 "Exclude a zhost from new placements", NULL, VIEW(zhost_view),
	 "cordonZhost", NULL, "404", ACCESS_ADMIN},
	{"POST", "/v1/zhosts/{name}/uncordon", api_zhost_uncordon, 0, NULL,
	 "Allow placements on a zhost again", NULL, VIEW(zhost_view),
	 "uncordonZhost", NULL, "404", ACCESS_ADMIN},
	{"POST", "/v1/zhosts/{name}/drain", api_zhost_drain, HTTP_BODY_MEMORY, plan_query,
	 "Cordon a zhost and hand everything there over to other zhosts; plan=1: only compute what "
	 "would follow (the answer is a PlanView)",
	 VIEW(drain_request), VIEW(zhost_view),
	 "drainZhost", NULL, "404 411 413 422", ACCESS_ADMIN},
	{"POST", "/v1/zhosts/{name}/destroy", api_zhost_destroy, HTTP_BODY_MEMORY, NULL,
	 "Remove a zhost that a driver has made, and its machine",
	 VIEW(destroy_request), VIEW(zhost_view),
	 "destroyZhost", "202", "404 409 411 413 422", ACCESS_ADMIN},
	{"POST", "/v1/zhosts/{name}/token", api_zhost_token, 0, NULL,
	 "A new token for the zhost of this name, known or to come; one that it had is void",
	 NULL, VIEW(token_view),
	 "makeZhostToken", NULL, "422", ACCESS_ADMIN},
	{"GET", "/v1/notices", api_notices_list, 0, NULL,
	 "Whom the cluster notifies by a webhook or a command, and how that fares",
	 NULL, VIEW(notice_list_view),
	 "listNotices", NULL, NULL, ACCESS_VIEWER},
	{"POST", "/v1/notices/{name}/test", api_notice_test, 0, NULL,
	 "Send a notice as a test; 503: it did not arrive, and why",
	 NULL, VIEW(notice_test_view),
	 "testNotices", NULL, "404 409", ACCESS_ADMIN},
	{"GET", "/v1/backup", api_backup, 0, backup_query,
	 "A backup of the control plane, as of now (zrms restore)", NULL, NULL,
	 "getBackup", NULL, "409 422 503", ACCESS_ADMIN},
	{"GET", "/v1/cluster/recording", api_recording, 0, recording_query,
	 "What the decision core of zrms was told, for zsim replay: of all zrms of the cluster, beginning with the state before `from`",
	 NULL, NULL,
	 "getRecording", NULL, "409 422 503", ACCESS_ADMIN},
	{"GET", "/v1/users", api_users_list, 0, NULL, "People and programs that may use the cluster",
	 NULL, VIEW(user_list_view),
	 "listUsers", NULL, NULL, ACCESS_ADMIN},
	{"POST", "/v1/users", api_user_create, HTTP_BODY_MEMORY, NULL,
	 "Let a person or program use the cluster; the answer has its token, which is told once",
	 VIEW(user_request), VIEW(user_view),
	 "createUser", "201", "409 411 413 422", ACCESS_ADMIN},
	{"DELETE", "/v1/users/{name}", api_user_remove, 0, NULL, "Remove a person or program",
	 NULL, NULL,
	 "removeUser", "204", "404", ACCESS_ADMIN},
	{"POST", "/v1/users/{name}/token", api_user_token, 0, NULL,
	 "A new token for a person or program; the one before is void", NULL, VIEW(token_view),
	 "rotateUserToken", NULL, "404", ACCESS_ADMIN},
	{"POST", "/v1/sign-in-codes", api_sign_in_code, 0, page_query,
	 "A code with which its maker signs in once, within 10 minutes; it is told once", NULL,
	 VIEW(sign_in_code_view),
	 "makeSignInCode", "201", "404 422", ACCESS_VIEWER},
	{"POST", "/v1/sign-in", api_sign_in, HTTP_BODY_MEMORY, NULL,
	 "A code or a token becomes a session, for 12 hours: a cookie, and a word that its changes show "
	 "in the header Samoza-Session",
	 VIEW(sign_in_request), VIEW(self_view),
	 "signIn", NULL, "409 411 413 422", ACCESS_NOBODY, SIGN_IN_BODY_MAX},
	{"GET", "/v1/session", api_self, 0, NULL, "Who asks, and what it may do", NULL,
	 VIEW(self_view),
	 "getSession", NULL, NULL, ACCESS_VIEWER},
	{"DELETE", "/v1/session", api_sign_out, 0, NULL, "Sign out: the session that asks ends", NULL,
	 NULL,
	 "signOut", "204", "404 409", ACCESS_VIEWER},
	{"GET", "/v1/sessions", api_sessions_list, 0, NULL, "Sessions of people who have signed in",
	 NULL, VIEW(session_list_view),
	 "listSessions", NULL, NULL, ACCESS_ADMIN},
	{"DELETE", "/v1/sessions/{id}", api_session_end, 0, NULL, "End somebody's session", NULL, NULL,
	 "endSession", "204", "404", ACCESS_ADMIN},
	{"GET", "/v1/tokens", api_tokens_list, 0, NULL, "Tokens with which machines join",
	 NULL, VIEW(join_token_list_view),
	 "listTokens", NULL, NULL, ACCESS_ADMIN},
	{"POST", "/v1/tokens", api_token_create, HTTP_BODY_MEMORY, NULL,
	 "A new token with which machines join; the answer has the word, which is told once",
	 VIEW(join_token_request), VIEW(join_token_view),
	 "createToken", "201", "409 411 413 422", ACCESS_ADMIN},
	{"DELETE", "/v1/tokens/{id}", api_token_remove, 0, NULL,
	 "Nobody joins with this token any longer", NULL, NULL,
	 "removeToken", "204", "404", ACCESS_ADMIN},
	{"GET", "/v1/trust", api_trust_list, 0, NULL,
	 "Keys that may sign packages, those that no longer may, and of which topologies something runs that each has signed",
	 NULL, VIEW(signing_key_list_view),
	 "listTrust", NULL, NULL, ACCESS_ADMIN},
	{"POST", "/v1/trust", api_trust_add, HTTP_BODY_MEMORY, NULL,
	 "Trust a key, for all topologies or for some names",
	 VIEW(signing_key_request), VIEW(signing_key_view),
	 "addTrust", "201", "409 411 413 422", ACCESS_ADMIN},
	{"DELETE", "/v1/trust/{name}", api_trust_remove, 0, NULL,
	 "Trust a key no longer, also where a file has it: nothing new that it has signed is accepted, and what runs goes on; "
	 "the answer has its topologies",
	 NULL, VIEW(signing_key_view),
	 "removeTrust", NULL, "404 409", ACCESS_ADMIN},
	{"GET", "/v1/secrets", api_secrets_list, 0, NULL,
	 "Secrets: their names, versions and users, never what they say", NULL, VIEW(secret_list_view),
	 "listSecrets", NULL, NULL, ACCESS_OPERATOR},
	{"POST", "/v1/secrets", api_secret_set, HTTP_BODY_MEMORY, NULL,
	 "Set a secret, or give it another value: a further version; the two newest are kept", VIEW(secret_request), VIEW(secret_view),
	 "setSecret", NULL, "409 411 413 422", ACCESS_OPERATOR, SECRET_BODY_MAX, true},
	{"DELETE", "/v1/secrets/{name}", api_secret_remove, 0, secret_remove_query,
	 "Remove a secret; force=1: also one that is in use, which running copies keep", NULL, NULL,
	 "removeSecret", "204", "404 409", ACCESS_OPERATOR},
	{"POST", "/v1/secrets/rotate-key", api_secrets_rotate, 0, NULL,
	 "Seal all secrets with another key; the answer comes when the one before is gone", NULL, VIEW(secret_key_view),
	 "rotateSecretKey", NULL, "409", ACCESS_ADMIN},
	{"GET", "/v1/authorities", api_authorities_list, 0, NULL,
	 "The certificate authorities of the cluster, how far a rotation is, and for which zhosts it waits",
	 NULL, VIEW(authority_list_view),
	 "listAuthorities", NULL, NULL, ACCESS_ADMIN},
	{"POST", "/v1/authorities/rotation", api_rotation_begin, 0, NULL,
	 "Put another certificate authority in the place of the one that signs", NULL,
	 VIEW(authority_list_view),
	 "rotateAuthority", NULL, "404 409", ACCESS_ADMIN},
	{"POST", "/v1/authorities/rotation/finish", api_rotation_finish, 0, finish_query,
	 "The rotation no longer waits for zhosts that are away; force=1: for nobody", NULL,
	 VIEW(authority_list_view),
	 "finishRotation", NULL, "409", ACCESS_ADMIN},
	{"DELETE", "/v1/authorities/rotation", api_rotation_abort, 0, NULL,
	 "Take the rotation back", NULL, VIEW(authority_list_view),
	 "abortRotation", NULL, "409", ACCESS_ADMIN},
	{"POST", "/v1/join", api_join, HTTP_BODY_MEMORY, NULL,
	 "A machine joins: it shows a token, and gets a certificate for its key; asked again with the "
	 "same key, the same answer",
	 VIEW(join_request), VIEW(join_view),
	 "join", NULL, "403 409 411 413 422", ACCESS_NOBODY, JOIN_BODY_MAX},
	{"GET", "/v1/events", api_events, 0, events_query,
	 "Events after `after`, as they occur (server-sent events); stream=0: the stored ones",
	 NULL, VIEW(event_list_view),
	 "getEvents", NULL, "404 409", ACCESS_VIEWER},
	{"GET", "/v1/audit", api_audit, 0, audit_query,
	 "Changes that somebody asked for, done or refused, the oldest first; follow=1: and what "
	 "follows, as server-sent events",
	 NULL, VIEW(audit_list_view),
	 "getAudit", NULL, NULL, ACCESS_ADMIN},
	{"GET", "/v1/artifacts/sha256/{digest}", api_artifact, 0, NULL,
	 "A module, native code, page or recipe by its digest", NULL, NULL,
	 "getArtifact", NULL, "404", ACCESS_ZHOST},
	{"GET", "/v1/artifacts", api_artifacts_list, 0, artifacts_query,
	 "Digests of all artifacts that are needed; other zrms of the cluster ask by their certificates", NULL,
	 VIEW(artifact_list_view),
	 "listArtifacts", "200 204", NULL, ACCESS_ADMIN},
	{"POST", "/v1/artifacts", api_artifacts_hold, HTTP_BODY_MEMORY, NULL,
	 "A zrms that stands by fetches these from the leader, which asks by its certificate", VIEW(artifact_list_view), NULL,
	 "holdArtifacts", "204", "409", ACCESS_ADMIN, ARTIFACTS_BODY_MAX},
	{"GET", "/v1/history", api_history, 0, history_query,
	 "Events that a zrms has of its own (EventPage of protobuf); other zrms of the cluster ask by their certificates", NULL, NULL,
	 "getHistory", NULL, "404", ACCESS_ADMIN},
	{"POST", "/v1/cluster/zrms/identity", api_member_identity, HTTP_BODY_MEMORY, NULL,
	 "A zrms that stands by asks the leader, by its certificate, whom the cluster trusts, and for another certificate",
	 VIEW(zrms_identity_request), VIEW(zrms_identity_view),
	 "renewZrms", NULL, "404 409 411 413 422", ACCESS_ADMIN, MEMBER_BODY_MAX, true},
	{"GET", "/v1/link", api_link, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ACCESS_ZHOST},
	{"GET", "/assets/{name}", api_console_file, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ACCESS_NOBODY},
	{"GET", "/docs", api_manual, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ACCESS_NOBODY},
	{"GET", "/docs/", api_manual, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ACCESS_NOBODY},
	{"GET", "/docs/{name}", api_manual_file, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ACCESS_NOBODY},
	{"GET", "/", api_front, 0, NULL, "The web console for browsers; what this is, and how to sign in, as JSON or text", NULL, NULL,
	 "getFront", NULL, NULL, ACCESS_NOBODY},
	{"GET", "/healthz", api_health, 0, NULL, "Whether zrms is healthy", NULL, NULL,
	 "getHealth", NULL, NULL, ACCESS_NOBODY},
	{"GET", "/metrics", api_metrics, 0, NULL, "Counters, gauges and histograms: OpenMetrics where that is asked for, else Prometheus text",
	 NULL, NULL,
	 "getMetrics", NULL, NULL, ACCESS_VIEWER},
	{"GET", "/openapi.json", api_openapi, 0, NULL, "This interface", NULL, NULL,
	 "getOpenapi", NULL, NULL, ACCESS_NOBODY},
};
/* clang-format on */

const struct http_route *api_routes(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(routes);
	return routes;
}
