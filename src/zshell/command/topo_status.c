#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

const struct cli_command command_topo_status = {
	.words = "topo status",
	.summary = "show a topology's state and placements, and why it failed",
	.details = ID_DETAILS,
	.arguments = topology_argument,
	.run = run,
};

static void print_head(const struct output *o, const Samoza__V1__TopologyView *t)
{
	CLEANUP(freep) char *spaces = str_printf("%u", t->spaces);

	output_line(o, "Topology: %s", t->name);
	output_block(o, 10,
		     (const struct output_pair[]){{"ID", t->id},
						  {"State", t->state},
						  {"Spaces", spaces},
						  {"Created", t->created},
						  {"Updated", t->updated},
						  {"FailureReason", t->failure_reason},
						  {0}});
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL;
	int r = resolve_topology(shell, cli_argument(line, 0), &ref, err);

	if (r == 0)
		r = get_topology(shell, ref.id, &view, err);
	if (r < 0)
		return r;
	if (shell->output.format != OUTPUT_TABLE) {
		output_message(&shell->output, &view->base);
		return CLI_DONE;
	}
	print_head(&shell->output, view);
	print_placements(&shell->output, view);
	print_notice(shell, view);
	return CLI_DONE;
}
