#include <stdio.h>

#include "base/buffer.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_argument arguments[] = {
	{.name = "ID", .kind = ARGUMENT_TOPOLOGY},
	{.name = "SPACE", .kind = CLI_ARGUMENT_WORD, .optional = true},
	{0},
};

const struct cli_command command_topo_explain = {
	.words = "topo explain",
	.summary = "show why each space is where it is, or why it has no place",
	.details = ID_DETAILS
	"\nSPACE is the path of an instance (api-2), or a space (api) for all its instances.",
	.arguments = arguments,
	.run = run,
};

static const struct output_column columns[] = {
	{"ZHOST", 0, 0},
	{"VERDICT", 0, 0},
	{"WHY", OUTPUT_CUT, 0},
	{0},
};

/* A part of a score in words; nothing for a part that is 0. */
static void say_score(struct buffer *out, const char *name, const char *value)
{
	const char *between = out->size > 0 ? ", " : "";

	if (str_equal(name, "load"))
		(void)buffer_printf(out, "%s%s full with this instance", between, value);
	else if (str_equal(value, "0") || str_equal(value, "0.000"))
		return;
	else if (str_equal(name, "neighbours"))
		(void)buffer_printf(out, "%s%s of this topology there", between, value);
	else
		(void)buffer_printf(out, "%s%s %s", between, name, value);
}

/* "1 of this topology there, 5.0 % full with this instance", or the rules that failed. */
static char *why_text(const Samoza__V1__ExplainZhostView *z)
{
	struct buffer out = BUFFER_INIT(1 << 20);

	for (size_t i = 0; i < z->n_failed_rules; i++)
		(void)buffer_printf(&out, "%s%s", i > 0 ? "; " : "", z->failed_rules[i]);
	for (size_t i = 0; i < z->n_scores && z->n_failed_rules == 0; i++)
		say_score(&out, z->scores[i]->name, z->scores[i]->value);
	return buffer_steal(&out);
}

static const char *verdict_of(const Samoza__V1__ExplainZhostView *z)
{
	if (z->chosen)
		return "chosen";
	return z->eligible ? "fits" : "does not fit";
}

static void print_space(const struct shell *shell, const Samoza__V1__ExplainSpaceView *s)
{
	const struct output *o = &shell->output;
	CLEANUP(freep) char *see = api_manual(shell->api, MANUAL_REASONS, s->failure_code);
	struct output_table *table = NULL;

	output_line(o, "%s", "");
	output_line(o, "%s -> %s", s->space, s->zhost != NULL ? s->zhost : "no place");
	output_text(o, 4, "  %s", s->summary);
	if (s->reason != NULL && !str_equal(s->reason, s->summary))
		output_text(o, 4, "  Reason: %s", s->reason);
	if (see != NULL)
		output_text(o, 4, "  See: %s", see);
	if (s->smallest_change != NULL)
		output_text(o, 4, "  It would fit with: %s", s->smallest_change);
	if (s->n_zhosts == 0)
		return;
	table = output_table_new(o, columns, OUTPUT_INDENTED);
	for (size_t i = 0; i < s->n_zhosts; i++) {
		const Samoza__V1__ExplainZhostView *z = s->zhosts[i];
		CLEANUP(freep) char *why = why_text(z);

		output_table_row(table, (const char *[]){z->zhost, verdict_of(z), why});
	}
	output_table_print(table);
}

/* Whether `path` is the instance `space`, or one of the instances "SPACE-N" of it. */
static bool is_of(const char *path, const char *space)
{
	uint64_t number;
	size_t n = strlen(space);

	return strncmp(path, space, n) == 0 &&
	       (path[n] == '\0' || (path[n] == '-' && str_to_u64(path + n + 1, &number) == 0));
}

/* Drops the instances of other spaces. Returns how many are left. */
static size_t keep_only(Samoza__V1__ExplainView *view, const char *space)
{
	size_t kept = 0;

	for (size_t i = 0; i < view->n_spaces; i++) {
		if (is_of(view->spaces[i]->space, space))
			view->spaces[kept++] = view->spaces[i];
		else
			view_free(view->spaces[i]);
	}
	view->n_spaces = kept;
	return kept;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	CLEANUP(topology_ref_done) struct topology_ref ref = {0};
	CLEANUP(view_freep) Samoza__V1__ExplainView *view = NULL;
	CLEANUP(freep) char *path = NULL;
	const char *space = cli_argument(line, 1);
	int r = resolve_topology(shell, cli_argument(line, 0), &ref, err);

	if (r < 0)
		return r;
	path = api_path("/v1/topologies/", ref.id, "/explain", NULL);
	r = api_get(shell->api, path, &samoza__v1__explain_view__descriptor, (void **)&view,
		    err);
	if (r < 0)
		return r;
	if (space != NULL && keep_only(view, space) == 0)
		return error_set(
			err, ERR_NOT_FOUND,
			"no instance %s/%s\n`zshell topo status %s` lists all instances.",
			ref.name, space, ref.name);
	output_page(&shell->output);
	if (shell->output.format != OUTPUT_TABLE) {
		output_message(&shell->output, &view->base);
		return CLI_DONE;
	}
	output_line(&shell->output, "Topology: %s", view->topology);
	for (size_t i = 0; i < view->n_spaces; i++)
		print_space(shell, view->spaces[i]);
	return CLI_DONE;
}
