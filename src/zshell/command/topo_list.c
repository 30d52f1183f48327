#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/command/list.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_option options[] = {LIST_OPTION_STATE(topology_states), {0}};

const struct cli_command command_topo = {
	.words = "topo",
	.summary = "list all topologies",
	.options = options,
	.options_size = sizeof(struct list_options),
	.run = run,
};

const struct cli_command command_topo_list = {
	.words = "topo list",
	.summary = "list all topologies",
	.options = options,
	.options_size = sizeof(struct list_options),
	.run = run,
};

static const struct output_column columns[] = {
	{"ID", OUTPUT_CUT, 0},
	{"NAME", 0, 0},
	{"VERSION", 0, 0},
	{"STATE", OUTPUT_STATE, 0},
	{"SPACES", OUTPUT_RIGHT, 0},
	{"UPDATED", 0, 0},
	{0},
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(view_freep) Samoza__V1__TopologyListView *list = NULL;
	struct output_table *table;
	int r = list_get(shell, "/v1/topologies", line->options,
			 &samoza__v1__topology_list_view__descriptor, (void **)&list, err);

	if (r < 0 || list == NULL)
		return r < 0 ? r : CLI_DONE;
	table = output_table_new(&shell->output, columns, 0);
	for (size_t i = 0; i < list->n_topologies; i++) {
		const Samoza__V1__TopologySummaryView *t = list->topologies[i];
		CLEANUP(freep) char *spaces = str_printf("%u", t->spaces);

		output_table_row(table, (const char *[]){t->id, t->name, t->version, t->state,
							 spaces, t->updated});
	}
	output_table_print(table);
	return CLI_DONE;
}
