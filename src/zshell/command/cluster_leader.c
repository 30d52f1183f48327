/* `cluster leader move`: another zrms is to lead. */
#include "adapter/client/view.h"
#include "base/memory.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument arguments[] = {
	{.name = "NAME", .optional = true, .kind = ARGUMENT_ZRMS},
	{0},
};

const struct cli_command command_cluster_leader_move = {
	.words = "cluster leader move",
	.summary = "let another zrms lead, by default the one that lags least",
	.details = "Of several zrms that share a store, which `cluster` shows. The one that "
		   "leads finishes "
		   "what is in flight and ends; it is started again as a standby. No space is "
		   "touched.",
	.arguments = arguments,
	.run = run,
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(view_freep) Samoza__V1__ClusterView *view = NULL;
	Samoza__V1__LeaderMoveRequest request = SAMOZA__V1__LEADER_MOVE_REQUEST__INIT;
	request.to = (char *)(uintptr_t)cli_argument(line, 0);
	CLEANUP(freep) char *body = view_write(&request.base);
	int r = api_send(shell->api, "POST", "/v1/cluster/leader/move", body,
			 &samoza__v1__cluster_view__descriptor, (void **)&view, err);
	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE)
		output_message(&shell->output, &view->base);
	else
		output_line(&shell->output, "%s is to lead",
			    view->leader_moves_to != NULL ? view->leader_moves_to
							  : "another zrms");
	return CLI_DONE;
}
