#include "zshell/command/plan_view.h"

#include "adapter/cli/cli.h"
#include "base/buffer.h"
#include "base/str.h"

static const struct output_column space_columns[] = {
	{"SPACE", 0, 0}, {"VERDICT", 0, 0}, {"EFFECT", 0, 0}, {"DIFFERS", 0, 0}, {0},
};

static const struct output_column effect_columns[] = {
	{"SPACE", 0, 0},
	{"EFFECT", 0, 0},
	{0},
};

static const struct output_column move_columns[] = {
	{"STEP", OUTPUT_RIGHT, 0},
	{"WHAT", 0, 0},
	{"SUBJECT", 0, 0},
	{"FROM", 0, 0},
	{"TO", 0, 0},
	{"CAUSE", 0, 0},
	{0},
};

static const struct output_column value_columns[] = {
	{"PARAMETER", 0, 0},
	{"FROM", 0, 0},
	{"TO", 0, 0},
	{0},
};

static const struct output_column left_columns[] = {
	{"SPACE", 0, 0},
	{"WHY", 0, 0},
	{0},
};

static void print_head(const struct output *o, const Samoza__V1__PlanView *p)
{
	const char *version = p->to_version != NULL ? p->to_version : "";
	if (str_equal(p->action, "drain"))
		output_line(o, p->changes ? "%s would be drained." : "There is nothing on %s.",
			    p->subject);
	else if (str_equal(p->action, "rebalance"))
		output_line(o, "%s",
			    p->changes ? "The cluster would be rebalanced."
				       : "Nothing is to be moved.");
	else if (str_equal(p->action, "none"))
		output_line(o, "%s %s runs already: nothing is to be done.", p->subject,
			    version);
	else if (str_equal(p->action, "create"))
		output_line(o, "%s %s would be created.", p->subject, version);
	else if (str_equal(p->action, "start"))
		output_line(o, "%s would be started in version %s.", p->subject, version);
	else
		output_text(o, 0, "%s would be led from %s to %s, policy %s.", p->subject,
			    p->from_version != NULL ? p->from_version : "", version,
			    p->policy != NULL ? p->policy : "");
}

static void print_values(const struct output *o, const Samoza__V1__PlanView *p)
{
	if (p->n_values == 0)
		return;
	struct output_table *table = output_table_new(o, value_columns, 0);
	for (size_t k = 0; k < p->n_values; k++)
		output_table_row(table, (const char *[]){p->values[k]->name, p->values[k]->from,
							 p->values[k]->to});
	output_line(o, "%s", "");
	output_table_print(table);
}

/* It is of the cluster, not of a topology. */
static bool is_of_cluster(const Samoza__V1__PlanView *p)
{
	return str_equal(p->action, "drain") || str_equal(p->action, "rebalance");
}

/* Nothing differs there. */
static void print_effects(const struct output *o, const Samoza__V1__PlanView *p)
{
	struct output_table *table = output_table_new(o, effect_columns, 0);
	for (size_t k = 0; k < p->n_spaces; k++)
		output_table_row(table,
				 (const char *[]){p->spaces[k]->space, p->spaces[k]->effect});
	output_table_print(table);
}

static void print_verdicts(const struct output *o, const Samoza__V1__PlanView *p)
{
	struct output_table *table = output_table_new(o, space_columns, 0);
	for (size_t k = 0; k < p->n_spaces; k++) {
		const Samoza__V1__PlanSpaceView *s = p->spaces[k];
		CLEANUP(buffer_done) struct buffer fields = BUFFER_INIT(64 * 1024);
		for (size_t n = 0; n < s->n_fields; n++)
			(void)buffer_printf(&fields, "%s%s", n > 0 ? ", " : "", s->fields[n]);
		output_table_row(table, (const char *[]){s->space, s->verdict, s->effect,
							 fields.size > 0 ? fields.data : NULL});
	}
	output_table_print(table);
}

static void print_spaces(const struct output *o, const Samoza__V1__PlanView *p)
{
	output_line(o, "%s", "");
	if (is_of_cluster(p))
		print_effects(o, p);
	else
		print_verdicts(o, p);
}

/* What a person plans with: places, starts and stops. The rest is in JSON. */
static bool is_shown(const Samoza__V1__PlanMoveView *m)
{
	if (str_equal(m->kind, "placement") || str_equal(m->kind, "rollout"))
		return true;
	return str_equal(m->kind, "space") &&
	       (str_equal(m->to, "deployed-started") || str_equal(m->to, "stopping") ||
		str_equal(m->to, "not-deployed"));
}

static bool shows_moves(const Samoza__V1__PlanView *p)
{
	for (size_t k = 0; k < p->n_moves; k++)
		if (is_shown(p->moves[k]))
			return true;
	return false;
}

static void print_moves(const struct output *o, const Samoza__V1__PlanView *p)
{
	if (!shows_moves(p))
		return;
	struct output_table *table = output_table_new(o, move_columns, 0);
	for (size_t k = 0; k < p->n_moves; k++) {
		const Samoza__V1__PlanMoveView *m = p->moves[k];
		CLEANUP(freep) char *step = str_printf("%u", m->step);
		if (is_shown(m))
			output_table_row(table, (const char *[]){step, m->kind, m->subject,
								 m->from, m->to, m->cause});
	}
	output_line(o, "%s", "");
	output_line(o, "%s", "In this order, if nothing else happens:");
	output_table_print(table);
}

static void print_left(const struct output *o, const Samoza__V1__PlanView *p)
{
	if (p->n_left == 0)
		return;
	struct output_table *table = output_table_new(o, left_columns, 0);
	for (size_t k = 0; k < p->n_left; k++)
		output_table_row(table, (const char *[]){p->left[k]->name, p->left[k]->why});
	output_line(o, "%s", "");
	output_line(o, "%s", is_of_cluster(p) ? "What stays:" : "What has no place:");
	output_table_print(table);
}

static void print_end(const struct output *o, const Samoza__V1__PlanView *p)
{
	if (str_equal(p->end, "completed"))
		return;
	output_line(o, "%s", "");
	if (str_equal(p->end, "unfinished"))
		output_line(o, "%s", "The plan ends here: what follows is too far ahead.");
	else
		output_text(o, 2, "Then it waits%s%s.",
			    p->detail != NULL && p->n_left == 0 ? ": " : "",
			    p->detail != NULL && p->n_left == 0 ? p->detail : "");
}

int plan_show(const struct output *o, const Samoza__V1__PlanView *p)
{
	int status = p->changes ? EXIT_CHANGES : CLI_DONE;
	if (o->format != OUTPUT_TABLE) {
		output_message(o, &p->base);
		return status;
	}
	print_head(o, p);
	print_values(o, p);
	if (p->n_spaces > 0)
		print_spaces(o, p);
	print_moves(o, p);
	print_left(o, p);
	print_end(o, p);
	return status;
}
