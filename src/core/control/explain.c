/*
 * Why each instance is where it is, or why it has no place: the engine's verdicts as a view.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/cluster.h"
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

static char *summary_of(const struct instance *i, const struct place_explanation *e)
{
	const struct zhost *z = instance_is_placed(i) ? i->zhost : NULL;
	if (z != NULL)
		return str_printf("%s is on %s: %u of %u zhosts could take it",
				  instance_decl(i)->path, z->name, e->eligible_count,
				  e->verdict_count);
	if (i->goal == GOAL_NOT_DEPLOYED)
		return str_printf(
			"%s is not asked to be deployed: %u of %u zhosts could take it",
			instance_decl(i)->path, e->eligible_count, e->verdict_count);
	return str_printf("%s has no place: %u of %u zhosts could take it",
			  instance_decl(i)->path, e->eligible_count, e->verdict_count);
}

static Samoza__V1__ExplainSpaceView *explain_root(const struct control *c,
						  const struct instance *i)
{
	const struct deployment *d = deployment_of(i);
	struct place_explanation e = {0};
	struct place_groups groups = {0};
	uint32_t excluded_count = 0;
	struct place_exclusion *excluded = placing_exclusions(i, &excluded_count);
	const struct place_unit_request request = {.unit = placing_unit(i),
						   .excluded = excluded,
						   .excluded_count = excluded_count};
	place_explain(c->place, &request, &e);
	place_explanation_group(c->place, &e, &groups);

	Samoza__V1__ExplainSpaceView *v = NEW(ExplainSpaceView, explain_space_view);
	const struct zhost *z = instance_is_placed(i) ? i->zhost : NULL;
	v->space = mem_strdup(instance_decl(i)->path);
	v->zhost = mem_strdup(z != NULL ? z->name : NULL);
	v->summary = summary_of(i, &e);
	if (z == NULL) {
		v->reason = place_reason_text(&e.reason);
		v->smallest_change = mem_strdup(e.reason.change);
		if (v->reason == NULL)
			v->reason = mem_strdup(d->reason);
	}
	v->zhosts = mem_new_array(Samoza__V1__ExplainZhostView *, groups.count);
	for (uint32_t k = 0; k < groups.count; k++)
		v->zhosts[v->n_zhosts++] = group_view(&groups.items[k]);
	place_groups_done(&groups);
	place_explanation_done(&e);
	free(excluded);
	return v;
}

static Samoza__V1__ExplainSpaceView *explain_child(const struct instance *i)
{
	const struct instance *root = instance_root((struct instance *)i);
	const struct zhost *z = instance_is_placed(i) ? i->zhost : NULL;
	Samoza__V1__ExplainSpaceView *v = NEW(ExplainSpaceView, explain_space_view);
	v->space = mem_strdup(instance_decl(i)->path);
	v->zhost = mem_strdup(z != NULL ? z->name : NULL);
	v->summary = str_printf("%s goes where %s goes, inside of which it lives",
				instance_decl(i)->path, instance_decl(root)->path);
	return v;
}

int control_view_explain(const struct control *c, const char *id, const char *path,
			 Samoza__V1__ExplainView **ret_view, struct error **err)
{
	struct deployment *d = deployment_find(c, id);
	if (d == NULL)
		return error_set(err, ERR_NOT_FOUND, "no topology %s; see: zshell topo list",
				 id);
	const struct instance *only = NULL;
	if (path != NULL && (only = request_find(d, path, err)) == NULL)
		return ERR_NOT_FOUND;
	Samoza__V1__ExplainView *v = NEW(ExplainView, explain_view);
	v->topology = mem_strdup(d->name);
	v->spaces =
		mem_new_array(Samoza__V1__ExplainSpaceView *, d->app->topology->instance_count);
	for (uint32_t k = 0; k < d->app->topology->instance_count; k++) {
		const struct instance *i = &d->app->instances[k];
		if (only != NULL && i != only)
			continue;
		v->spaces[v->n_spaces++] =
			instance_parent(i) == NULL ? explain_root(c, i) : explain_child(i);
	}
	*ret_view = v;
	return 0;
}
