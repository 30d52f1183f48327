#include <inttypes.h>

#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/command/list.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_option options[] = {
	LIST_OPTION_STATE(instance_states), LIST_OPTION_ZHOST, LIST_OPTION_TOPOLOGY, {0}};

const struct cli_command command_spaces = {
	.words = "spaces",
	.summary = "list all instances",
	.options = options,
	.options_size = sizeof(struct list_options),
	.run = run,
};

const struct cli_command command_spaces_list = {
	.words = "spaces list",
	.summary = "list all instances",
	.options = options,
	.options_size = sizeof(struct list_options),
	.run = run,
};

static const struct output_column columns[] = {
	{"NAME", 0, 0},	 {"TYPE", 0, 0},  {"STATE", OUTPUT_STATE, 0},	 {"GOAL", 0, 0},
	{"ZHOST", 0, 0}, {"SINCE", 0, 0}, {"RESTARTS", OUTPUT_RIGHT, 0}, {0},
};

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(view_freep) Samoza__V1__SpaceListView *list = NULL;
	struct output_table *table;
	int r = list_get(shell, "/v1/spaces", line->options,
			 &samoza__v1__space_list_view__descriptor, (void **)&list, err);

	if (r < 0 || list == NULL)
		return r < 0 ? r : CLI_DONE;
	table = output_table_new(&shell->output, columns, 0);
	for (size_t i = 0; i < list->n_spaces; i++) {
		const Samoza__V1__SpaceView *s = list->spaces[i];
		CLEANUP(freep) char *restarts = str_printf("%" PRIu32, s->restarts);

		output_table_row(table,
				 (const char *[]){s->name, s->type, state_shown(s->state),
						  state_shown(s->goal), s->zhost, s->since,
						  restarts});
	}
	output_table_print(table);
	return CLI_DONE;
}
