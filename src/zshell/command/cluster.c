#include <inttypes.h>

#include "base/buffer.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/command/zhost_text.h"

static int run(void *context, const struct cli_run *line, struct error **err);

const struct cli_command command_cluster = {
	.words = "cluster",
	.summary = "show a summary of the cluster",
	.run = run,
};

/* "3 running, 1 problem", or "none". */
static char *counts(Samoza__V1__CountView *const *list, size_t n)
{
	struct buffer out = BUFFER_INIT(4096);

	for (size_t i = 0; i < n; i++) {
		if (list[i]->count > 0)
			(void)buffer_printf(&out, "%s%" PRIu32 " %s", out.size > 0 ? ", " : "",
					    list[i]->count, state_shown(list[i]->state));
	}
	if (out.size == 0)
		(void)buffer_add_string(&out, "none");
	return buffer_steal(&out);
}

static char *amounts(const Samoza__V1__AmountView *a, char *(*text)(uint64_t), const char *unit)
{
	CLEANUP(freep) char *total = text(a->total);
	CLEANUP(freep) char *reserved = text(a->reserved);
	CLEANUP(freep) char *used = a->has_used ? text(a->used) : NULL;

	return str_printf("%s%s, %s reserved%s%s%s", total, unit, reserved,
			  used != NULL ? ", " : "", used != NULL ? used : "",
			  used != NULL ? " used" : "");
}

/* NULL: zrms is alone. */
static char *leader_text(const Samoza__V1__ClusterView *view)
{
	const Samoza__V1__ZrmsView *first = view->n_members > 0 ? view->members[0] : NULL;

	if (first == NULL)
		return NULL;
	if (!first->leads)
		return mem_strdup("none");
	return str_printf("%s at %s, term %" PRIu64 "%s%s", first->name, first->address,
			  view->term, view->leader_moves_to != NULL ? ", moves to " : "",
			  view->leader_moves_to != NULL ? view->leader_moves_to : "");
}

/* "b at 10.0.0.2:7331 (up to date), c at 10.0.0.3:7331 (reads the records)"; NULL: zrms is alone. */
static char *standbys_text(const Samoza__V1__ClusterView *view)
{
	if (view->n_members == 0)
		return NULL;
	struct buffer out = BUFFER_INIT(65536);
	for (size_t i = 0; i < view->n_members; i++) {
		const Samoza__V1__ZrmsView *m = view->members[i];
		if (m->leads)
			continue;
		CLEANUP(freep) char *lag = zrms_lag_text(m);
		(void)buffer_printf(&out, "%s%s at %s (%s)", out.size > 0 ? ", " : "", m->name,
				    m->address, lag);
	}
	if (out.size == 0)
		(void)buffer_add_string(&out, "none");
	return buffer_steal(&out);
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(view_freep) Samoza__V1__ClusterView *view = NULL;
	CLEANUP(freep) char *zhosts = NULL, *topologies = NULL, *spaces = NULL;
	CLEANUP(freep) char *cpu = NULL, *memory = NULL, *rebalance = NULL;
	int r = api_get(shell->api, "/v1/cluster", &samoza__v1__cluster_view__descriptor,
			(void **)&view, err);

	if (r < 0)
		return r;
	output_page(&shell->output);
	if (shell->output.format != OUTPUT_TABLE) {
		output_message(&shell->output, &view->base);
		return CLI_DONE;
	}
	zhosts = counts(view->zhosts, view->n_zhosts);
	topologies = counts(view->topologies, view->n_topologies);
	spaces = counts(view->spaces, view->n_spaces);
	cpu = amounts(view->cpu_millicores, output_cores, " cores");
	memory = amounts(view->memory_bytes, output_size, "");
	rebalance = rebalance_text(view);
	CLEANUP(freep) char *leader = leader_text(view);
	CLEANUP(freep) char *standbys = standbys_text(view);
	CLEANUP(freep)
	char *recorder = view->recorder_fails != NULL
				 ? str_printf("cannot write: %s", view->recorder_fails)
				 : NULL;
	output_line(&shell->output, "Cluster: %s", view->id);
	output_block(&shell->output, 11,
		     (const struct output_pair[]){{"Zhosts", zhosts},
						  {"Topologies", topologies},
						  {"Spaces", spaces},
						  {"CPU", cpu},
						  {"Memory", memory},
						  {"Rebalance", rebalance},
						  {"Leader", leader},
						  {"Standbys", standbys},
						  {"Recorder", recorder},
						  {0}});
	return CLI_DONE;
}
