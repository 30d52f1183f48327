/*
 * The zrms that share a store: cluster zrms, cluster zrms rm.
 */
#include <inttypes.h>

#include "base/memory.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run_list(void *context, const struct cli_run *line, struct error **err);
static int run_rm(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument arguments[] = {{.name = "NAME", .kind = ARGUMENT_ZRMS}, {0}};

const struct cli_command command_cluster_zrms = {
	.words = "cluster zrms",
	.summary = "list the zrms that share a store",
	.details =
		"Also those that are away: a majority of all must have what is submitted "
		"before it is\naccepted. The lag of a standby is what it lacks of the records.",
	.run = run_list,
};

const struct cli_command command_cluster_zrms_rm = {
	.words = "cluster zrms rm",
	.summary = "forget a zrms that is gone for good",
	.details =
		"It does not count any longer for the majority that must have what is "
		"submitted. Refused\nwhile it is there. If it comes back, it is known again.",
	.arguments = arguments,
	.run = run_rm,
};

static const struct output_column columns[] = {
	{"NAME", 0, 0},	 {"ADDRESS", 0, 0},	 {"VERSION", 0, 0},
	{"STATE", 0, 0}, {"LAG", OUTPUT_CUT, 0}, {0},
};

static const char *state_of(const Samoza__V1__ZrmsView *zrms)
{
	if (zrms->leads)
		return "leads";
	return zrms->away ? "away" : "stands by";
}

static int run_list(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct output *o = &shell->output;
	CLEANUP(view_freep) Samoza__V1__ZrmsListView *list = NULL;
	int r = api_get(shell->api, "/v1/cluster/zrms", &samoza__v1__zrms_list_view__descriptor,
			(void **)&list, err);
	(void)line;
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE) {
		output_message(o, &list->base);
		return CLI_DONE;
	}
	if (list->n_zrms == 0) {
		output_line(o, "This zrms is alone on its store.");
		return CLI_DONE;
	}
	struct output_table *table = output_table_new(o, columns, 0);
	for (size_t i = 0; i < list->n_zrms; i++) {
		const Samoza__V1__ZrmsView *z = list->zrms[i];
		CLEANUP(freep)
		char *lag = z->leads || z->away ? mem_strdup("-") : zrms_lag_text(z);
		output_table_row(table, (const char *[]){z->name, z->address,
							 z->version != NULL ? z->version : "-",
							 state_of(z), lag});
	}
	output_table_print(table);
	return CLI_DONE;
}

static int run_rm(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const char *name = cli_argument(line, 0);
	CLEANUP(freep) char *path = api_path("/v1/cluster/zrms/", name, NULL);
	int r = api_send(shell->api, "DELETE", path, NULL, NULL, NULL, err);
	if (r == 0 && shell->output.format == OUTPUT_TABLE)
		output_line(&shell->output, "Zrms %s forgotten.", name);
	return r < 0 ? r : CLI_DONE;
}
