#include "base/buffer.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

const struct cli_command command_topo_history = {
	.words = "topo history",
	.summary = "list what was accepted under a topology's name, the newest last",
	.details = ID_DETAILS "\nRESULT: completed (every space ran), under-way, stopped (not "
			      "started since), superseded\nby a later revision before every "
			      "space ran, failed, or aborted.",
	.arguments = topology_argument,
	.run = run,
};

static const struct output_column columns[] = {
	{"REVISION", OUTPUT_RIGHT, 0},
	{"VERSION", 0, 0},
	{"WHEN", 0, 0},
	{"BY", 0, 0},
	{"WHAT", 0, 0},
	{"RESULT", 0, 0},
	{0},
};

/* "region=us, replicas=2 (default)" for each revision of a package with parameters. */
static void print_values(const struct output *o, const Samoza__V1__RevisionListView *list)
{
	for (size_t i = 0; i < list->n_revisions; i++) {
		const Samoza__V1__RevisionView *v = list->revisions[i];
		CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 20);

		for (size_t k = 0; k < v->n_values; k++)
			(void)buffer_printf(&text, "%s%s=%s%s", k > 0 ? ", " : "",
					    v->values[k]->name, v->values[k]->value,
					    v->values[k]->is_default ? " (default)" : "");
		if (v->n_values > 0)
			output_text(o, 2, "Values of revision %u: %s", v->revision, text.data);
	}
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct output *o = &shell->output;
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__RevisionListView *list = NULL;
	CLEANUP(freep) char *path = NULL;
	struct output_table *table;
	int r = resolve_topology(shell, cli_argument(line, 0), &ref, err);

	if (r < 0)
		return r;
	path = api_path("/v1/topologies/", ref.id, "/revisions", NULL);
	r = api_get(shell->api, path, &samoza__v1__revision_list_view__descriptor,
		    (void **)&list, err);
	if (r < 0)
		return r;
	if (o->format != OUTPUT_TABLE) {
		output_message(o, &list->base);
		return CLI_DONE;
	}
	table = output_table_new(o, columns, 0);
	for (size_t i = 0; i < list->n_revisions; i++) {
		const Samoza__V1__RevisionView *v = list->revisions[i];
		CLEANUP(freep) char *number = str_printf("%u", v->revision);

		output_table_row(table, (const char *[]){number, v->version, v->created, v->by,
							 v->what, v->result});
	}
	output_table_print(table);
	print_values(o, list);
	for (size_t i = 0; i < list->n_revisions; i++)
		if (list->revisions[i]->signer_removed)
			output_text(o, 0,
				    "Revision %u is signed by %s, a key that is no longer "
				    "trusted.",
				    list->revisions[i]->revision,
				    list->revisions[i]->signed_by);
	return CLI_DONE;
}
