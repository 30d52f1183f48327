#include "zshell/command/common.h"

static int run(struct shell *shell, const struct invocation *in, struct error **err);

static const struct command_option options[] = {
	{"data", 0, OPTION_FLAG,
	 "delete the data of its spaces too; they cannot be brought back"},
	{0},
};

const struct command command_topo_rm = {
	.words = "topo rm",
	.summary = "forget a topology that is stopped and unloaded",
	.details = ID_DETAILS
	"\nThe data of its spaces stays for a topology of that name, unless --data is given.",
	.arguments = topology_argument,
	.options = options,
	.run = run,
};

static int run(struct shell *shell, const struct invocation *in, struct error **err)
{
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	CLEANUP(freep) char *path = NULL;
	int r = resolve_topology(shell, invocation_argument(in, 0), &ref, err);

	if (r < 0)
		return r;
	path = api_path("/v1/topologies/", ref.id, invocation_has(in, "data") ? "?data=1" : "",
			NULL);
	r = api_send(shell->api, "DELETE", path, NULL, NULL, NULL, err);
	if (r < 0)
		return r;
	if (shell->output.format == OUTPUT_TABLE)
		output_line(&shell->output, "Topology %s removed.", ref.id);
	return EXIT_DONE;
}
