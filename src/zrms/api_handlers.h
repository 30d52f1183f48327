/*
 * The handlers of the REST interface: one for each route, files by subject.
 */
#ifndef SAMOZA_ZRMS_API_HANDLERS_H
#define SAMOZA_ZRMS_API_HANDLERS_H

#include "adapter/http/http.h"

typedef void api_handler(void *context, struct http_request *request);
/* api_topologies.c */
api_handler api_topologies_list, api_topologies_submit, api_topology_get, api_topology_remove,
	api_topology_explain, api_topology_revision, api_topology_revisions, api_topology_start,
	api_topology_stop, api_topology_recover, api_topology_deploy_all,
	api_topology_start_all, api_topology_stop_all, api_topology_undeploy_all,
	api_topology_promote, api_topology_abort, api_topology_pause, api_topology_resume,
	api_topology_rollback, api_topology_scale;
/* api_spaces.c */
api_handler api_topology_spaces, api_space_get, api_space_goal, api_space_move,
	api_topology_logs, api_spaces_list, api_mesh_spaces;
/* api_mesh.c */
api_handler api_mesh_ping, api_mesh_peers, api_mesh_routes, api_usage;
/* api_exec.c */
api_handler api_space_exec;
/* api_zhosts.c */
api_handler api_zhosts_list, api_zhost_get, api_zhost_usage, api_zhost_cordon,
	api_zhost_uncordon, api_zhost_drain, api_zhost_remove, api_zhost_create,
	api_zhost_destroy, api_cluster, api_leader_move, api_rebalance, api_rebalance_get,
	api_rebalance_stop;
/* api_summary.c */
api_handler api_summary;
/* api_users.c */
api_handler api_sign_in_code, api_sign_in, api_sign_out, api_self, api_sessions_list,
	api_session_end;
api_handler api_users_list, api_user_create, api_user_remove, api_user_token, api_zhost_token;
/* api_join.c */
api_handler api_tokens_list, api_token_create, api_token_remove, api_join;
/* api_authorities.c */
api_handler api_authorities_list, api_rotation_begin, api_rotation_finish, api_rotation_abort;
/* api_trust.c */
api_handler api_trust_list, api_trust_add, api_trust_remove;
/* api_secrets.c */
api_handler api_secrets_list, api_secret_set, api_secret_remove, api_secrets_rotate;
/* api_audit.c */
api_handler api_audit;
/* api_backup.c */
api_handler api_backup;
/* api_notices.c */
api_handler api_notices_list, api_notice_test;
/* api_recording.c */
api_handler api_recording;
/* api_events.c */
api_handler api_events;
/* api_console.c */
api_handler api_console_file, api_manual, api_manual_file;
/* api_front.c */
api_handler api_front;
/* api_system.c */
api_handler api_health, api_metrics, api_openapi, api_link;
/* api_artifacts.c */
api_handler api_artifact, api_artifacts_list, api_artifacts_hold;
api_handler api_history;
/* api_members.c */
api_handler api_member_identity, api_zrms_list, api_zrms_forget;

#endif
