#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"
#include "zshell/command/status_view.h"

static int run(void *context, const struct cli_run *line, struct error **err);

const struct cli_command command_topo_status = {
	.words = "topo status",
	.summary = "show a topology's state and placements, and why it failed",
	.details = ID_DETAILS,
	.arguments = topology_argument,
	.run = run,
};

/* "1.3.0 failed 3 minutes ago: api: start: exit status 3; back on 1.2.0" */
static char *last_text(const Samoza__V1__LastRolloutView *r)
{
	if (r == NULL)
		return NULL;
	CLEANUP(freep) char *when = history_ago(r->time);

	return str_printf("%s %s %s%s%s%s%s", r->version != NULL ? r->version : "0.0.0",
			  str_equal(r->result, "failed") ? "failed" : "was aborted", when,
			  r->cause != NULL ? ": " : "", r->cause != NULL ? r->cause : "",
			  r->back_on != NULL ? "; back on " : "",
			  r->back_on != NULL ? r->back_on : "");
}

/* "1.2.0 until 2026-04-29T12:44:00Z, without traffic; `topo rollback` returns to it in one step" */
static char *kept_text(const Samoza__V1__KeptSetView *kept)
{
	if (kept == NULL)
		return NULL;
	if (kept->copies == 0)
		return str_printf("%s until %s, but nothing of it runs any longer",
				  kept->version != NULL ? kept->version : "0.0.0", kept->until);
	return str_printf("%s until %s, without traffic: `topo rollback` returns to it in one "
			  "step",
			  kept->version != NULL ? kept->version : "0.0.0", kept->until);
}

static void print_head(const struct shell *shell, const Samoza__V1__TopologyView *t,
		       const struct history *history)
{
	const struct output *o = &shell->output;
	CLEANUP(freep) char *spaces = str_printf("%u", t->spaces);
	CLEANUP(freep)
	char *revision = t->has_revision ? str_printf("%u", t->revision) : NULL;
	CLEANUP(freep) char *rollout = rollout_text(t->rollout);
	CLEANUP(freep) char *scaled = scaled_text(t);
	CLEANUP(freep) char *last = last_text(t->last_rollout);
	CLEANUP(freep)
	char *signer = t->signer_removed
			       ? str_printf("%s, a key that is no longer trusted", t->signed_by)
			       : NULL;
	CLEANUP(freep) char *kept = kept_text(t->kept);
	CLEANUP(freep) char *see = api_manual(shell->api, MANUAL_REASONS, t->failure_code);
	const Samoza__V1__EventView *arrival = history_arrival(history, "topology", t->state);

	output_line(o, "Topology: %s", t->name);
	output_block(
		o, 10,
		(const struct output_pair[]){{"ID", t->id},
					     {"State", t->state},
					     {"Spaces", spaces},
					     {"Created", t->created},
					     {"Updated", t->updated},
					     {"Version", revision != NULL ? t->version : NULL},
					     {"Revision", revision},
					     {"Signed by", signer},
					     {"Counts", scaled},
					     {"Rollout", rollout},
					     {"Kept", kept},
					     {"Last rollout", last},
					     {"FailureReason", t->failure_reason},
					     {"See", see},
					     {"Since", arrival != NULL ? arrival->time : NULL},
					     {0}});
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__TopologyView *view = NULL;
	CLEANUP(history_done) struct history history = {0};
	struct history_query query = {.newest = STATUS_NEWEST};
	int r = resolve_topology(shell, cli_argument(line, 0), &ref, err);

	if (r == 0)
		r = get_topology(shell, ref.id, &view, err);
	query.topology = ref.id;
	if (r == 0)
		r = history_fetch(shell, &query, &history, err);
	if (r < 0)
		return r;
	output_page(&shell->output);
	if (shell->output.format != OUTPUT_TABLE) {
		status_print_topology(&shell->output, view, &history);
		return CLI_DONE;
	}
	print_head(shell, view, &history);
	print_placements(&shell->output, view);
	history_print_section(&shell->output, &history, STATUS_EVENTS);
	print_notice(shell, view);
	return CLI_DONE;
}
