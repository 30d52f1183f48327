#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

struct options {
	bool data, yes;
};

static const struct cli_option options[] = {
	{.name = "data",
	 .offset = offsetof(struct options, data),
	 .help = "also delete the data of its spaces, which cannot be restored"},
	OPTION_YES(struct options),
	{0},
};

const struct cli_command command_topo_rm = {
	.words = "topo rm",
	.summary = "remove a topology that is stopped and unloaded",
	.details = ID_DETAILS "\nThe data of its spaces is kept for the next topology of that "
			      "name, unless\n--data is given.",
	.arguments = topology_argument,
	.options = options,
	.options_size = sizeof(struct options),
	.run = run,
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct options *given = line->options;
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	CLEANUP(freep) char *path = NULL;
	int r = topology_to_end(shell, cli_argument(line, 0), "Remove", given->yes, &ref, err);

	if (r < 0)
		return r;
	path = api_path("/v1/topologies/", ref.id, given->data ? "?data=1" : "", NULL);
	r = api_send(shell->api, "DELETE", path, NULL, NULL, NULL, err);
	if (r < 0)
		return r;
	if (shell->output.format == OUTPUT_TABLE)
		output_line(&shell->output, "Topology %s removed.", ref.id);
	return CLI_DONE;
}
