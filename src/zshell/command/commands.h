/*
 * The commands, a file each, with its descriptor at the top.
 */
#ifndef SAMOZA_ZSHELL_COMMAND_COMMANDS_H
#define SAMOZA_ZSHELL_COMMAND_COMMANDS_H

#include "adapter/cli/cli.h"

extern const struct cli_command command_status, command_topo, command_topo_list,
	command_topo_submit, command_topo_apply, command_topo_plan, command_topo_history,
	command_topo_logs, command_topo_status, command_topo_explain, command_topo_stop,
	command_topo_start, command_topo_recover, command_topo_rm, command_topo_promote,
	command_topo_abort, command_topo_pause, command_topo_resume, command_topo_rollback,
	command_topo_scale, command_topo_events, command_events, command_spaces_restart,
	command_cluster_status, command_spaces, command_spaces_list, command_spaces_status,
	command_spaces_deploy, command_spaces_start, command_spaces_stop,
	command_spaces_undeploy, command_spaces_logs, command_spaces_exec, command_spaces_move,
	command_spaces_top, command_cluster_top, command_mesh_spaces, command_mesh_ping,
	command_mesh_peers, command_mesh_routes, command_cluster, command_cluster_zhosts,
	command_cluster_cordon, command_cluster_drain, command_cluster_uncordon,
	command_cluster_rebalance, command_cluster_leader_move, command_cluster_zrms,
	command_cluster_zrms_rm, command_cluster_audit, command_cluster_rm,
	command_cluster_token, command_cluster_token_list, command_cluster_ca,
	command_cluster_ca_rotate, command_cluster_ca_status, command_cluster_token_create,
	command_cluster_token_rm, command_cluster_upgrade_status, command_cluster_backup,
	command_cluster_record, command_user, command_user_list, command_user_create,
	command_user_rm, command_user_token_rotate, command_login, command_logout,
	command_context, command_context_list, command_context_use, command_context_show,
	command_user_code, command_user_session, command_user_session_list,
	command_user_session_rm, command_completion, command_complete, command_exit,
	command_zhost_create, command_zhost_destroy, command_zhost_list, command_trust,
	command_trust_list, command_trust_add, command_trust_rm, command_notices,
	command_notices_list, command_notices_test, command_secret, command_secret_list,
	command_secret_set, command_secret_rm, command_secret_rotate_key;

#endif
