/*
 * Why each instance is where it is, or why it has no place: the engine's verdicts as a view.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "core/control/placement/placement.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/state.h"
#include "schema/message.h"

#define NEW(Type, type) \
	((Samoza__V1__##Type *)schema_message_new(&samoza__v1__##type##__descriptor))

static Samoza__V1__VariableView *part(const char *name, char *take_value)
{
	Samoza__V1__VariableView *v = NEW(VariableView, variable_view);
	v->name = mem_strdup(name);
	v->value = take_value;
	return v;
}

static Samoza__V1__ExplainZhostView *group_view(const struct place_group *g)
{
	Samoza__V1__ExplainZhostView *v = NEW(ExplainZhostView, explain_zhost_view);
	v->zhost = mem_strdup(g->zhosts);
	v->eligible = g->eligible;
	v->has_chosen = true;
	v->chosen = g->chosen;
	v->has_count = true;
	v->count = g->count;
	v->failed_rules = mem_new_array(char *, g->failure_count);
	for (uint32_t k = 0; k < g->failure_count; k++)
		v->failed_rules[v->n_failed_rules++] = mem_strdup(g->failures[k]);
	if (!g->eligible)
		return v;
	v->has_score = true;
	v->score = (double)g->score.total;
	v->scores = mem_new_array(Samoza__V1__VariableView *, 4);
	v->scores[v->n_scores++] = part("preference", str_printf("%d", g->score.preference));
	v->scores[v->n_scores++] = part("neighbours", str_printf("%u", g->score.neighbours));
	v->scores[v->n_scores++] =
		part("fragmentation", str_printf("%.3f", g->score.fragmentation / 1000.0));
	v->scores[v->n_scores++] = part("load", str_printf("%.1f %%", g->score.load / 100.0));
	return v;
}

/* One zhost, with the rule of each failure. */
static Samoza__V1__ExplainZhostView *zhost_view(const struct place *p,
						const struct place_verdict *verdict)
{
	char **failures = mem_new_array(char *, verdict->failure_count + 1);
	for (uint32_t k = 0; k < verdict->failure_count; k++)
		failures[k] = verdict->failures[k].text;
	const struct place_group alone = {.zhosts = (char *)place_zhost_name(p, verdict->zhost),
					  .count = 1,
					  .eligible = verdict->eligible,
					  .chosen = verdict->chosen,
					  .failures = failures,
					  .failure_count = verdict->failure_count,
					  .score = verdict->score};
	Samoza__V1__ExplainZhostView *v = group_view(&alone);
	free(failures);
	v->failures = mem_new_array(Samoza__V1__ExplainFailureView *, verdict->failure_count);
	for (uint32_t k = 0; k < verdict->failure_count; k++) {
		Samoza__V1__ExplainFailureView *failure =
			NEW(ExplainFailureView, explain_failure_view);
		failure->rule = verdict->failures[k].requirement;
		failure->text = mem_strdup(verdict->failures[k].text);
		v->failures[v->n_failures++] = failure;
	}
	return v;
}

static void add_zhosts(Samoza__V1__ExplainSpaceView *v, const struct place *p,
		       const struct place_explanation *e, bool each)
{
	struct place_groups groups = {0};
	if (!each)
		place_explanation_group(p, e, &groups);
	v->zhosts = mem_new_array(Samoza__V1__ExplainZhostView *,
				  each ? e->verdict_count : groups.count);
	for (uint32_t k = 0; k < groups.count; k++)
		v->zhosts[v->n_zhosts++] = group_view(&groups.items[k]);
	for (uint32_t k = 0; each && k < e->verdict_count; k++)
		v->zhosts[v->n_zhosts++] = zhost_view(p, &e->verdicts[k]);
	place_groups_done(&groups);
}

static void add_rules(Samoza__V1__ExplainSpaceView *v, const struct place_explanation *e)
{
	v->rules = mem_new_array(Samoza__V1__ExplainRuleView *, e->rule_count);
	for (uint32_t k = 0; k < e->rule_count; k++) {
		Samoza__V1__ExplainRuleView *rule = NEW(ExplainRuleView, explain_rule_view);
		rule->rule = mem_strdup(e->rules[k].name);
		rule->what = mem_strdup(e->rules[k].what);
		rule->left = e->rules[k].left;
		v->rules[v->n_rules++] = rule;
	}
}

static char *summary_of(const struct slot_control *sc, const struct place_explanation *e)
{
	const struct control_zhost *z = slot_is_placed(sc) ? slot_zhost(sc) : NULL;
	if (z != NULL)
		return str_printf("%s is on %s: %u of %u zhost%s could take it", sc->slot->path,
				  z->name, e->eligible_count, e->verdict_count,
				  str_plural(e->verdict_count));
	if (sc->slot->goal == GOAL_NOT_DEPLOYED)
		return str_printf(
			"%s has the goal 'not deployed': %u of %u zhost%s could take it",
			sc->slot->path, e->eligible_count, e->verdict_count,
			str_plural(e->verdict_count));
	return str_printf("%s has no place: %u of %u zhost%s could take it", sc->slot->path,
			  e->eligible_count, e->verdict_count, str_plural(e->verdict_count));
}

static Samoza__V1__ExplainSpaceView *explain_root(const struct control *c,
						  const struct slot_control *sc, bool each)
{
	const struct control_application *a = application_of(sc->slot);
	struct place_explanation e = {0};
	uint32_t excluded_count = 0;
	struct place_exclusion *excluded = exclusions_for_engine(c, sc, &excluded_count);
	const struct place_unit_request request = {.unit = placement_unit(sc),
						   .excluded = excluded,
						   .excluded_count = excluded_count};
	place_explain(c->place, &request, &e);

	Samoza__V1__ExplainSpaceView *v = NEW(ExplainSpaceView, explain_space_view);
	const struct control_zhost *z = slot_is_placed(sc) ? slot_zhost(sc) : NULL;
	v->space = mem_strdup(sc->slot->path);
	v->zhost = mem_strdup(z != NULL ? z->name : NULL);
	v->summary = summary_of(sc, &e);
	if (z == NULL) {
		struct failure_reason reason = place_reason_whole(&e.reason);
		failure_show(reason.text != NULL ? reason : failure_copy(&a->reason),
			     &v->reason, &v->failure_code);
		v->smallest_change = mem_strdup(e.reason.change);
	}
	add_rules(v, &e);
	add_zhosts(v, c->place, &e, each);
	place_explanation_done(&e);
	free(excluded);
	return v;
}

static Samoza__V1__ExplainSpaceView *explain_child(const struct slot_control *sc)
{
	const struct slot *root = sc->slot->root;
	const struct control_zhost *z = slot_is_placed(sc) ? slot_zhost(sc) : NULL;
	Samoza__V1__ExplainSpaceView *v = NEW(ExplainSpaceView, explain_space_view);
	v->space = mem_strdup(sc->slot->path);
	v->zhost = mem_strdup(z != NULL ? z->name : NULL);
	v->summary = str_printf("%s is placed with %s, which contains it", sc->slot->path,
				root->path);
	return v;
}

int control_view_explain(const struct control *c, const char *id, const char *path, bool each,
			 Samoza__V1__ExplainView **ret_view, struct error **err)
{
	struct control_application *a = application_by_id(&c->applications, id);
	if (a == NULL)
		return error_set(err, ERR_NOT_FOUND, "no topology %s", id);
	const struct slot *only = NULL;
	if (path != NULL && (only = application_served_slot(a, path, err)) == NULL)
		return ERR_NOT_FOUND;
	Samoza__V1__ExplainView *v = NEW(ExplainView, explain_view);
	v->topology = mem_strdup(a->name);
	v->spaces = mem_new_array(Samoza__V1__ExplainSpaceView *, a->slots.slots.count);
	for (size_t k = 0; k < a->slots.slots.count; k++) {
		const struct slot_control *sc = a->slot_controls.items[k];
		if (only != NULL && sc->slot != only)
			continue;
		if (sc->slot->parent == NULL && placement_unit(sc) == PLACE_NONE)
			continue; /* it goes: no version that is wanted declares it */
		v->spaces[v->n_spaces++] = sc->slot->parent == NULL ? explain_root(c, sc, each)
								    : explain_child(sc);
	}
	*ret_view = v;
	return 0;
}
