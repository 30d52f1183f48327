/* Judges every zhost for one unit: all that fails, with figures; scores of those that pass. */
#include <stdlib.h>

#include "core/place/choose/score.h"
#include "core/place/explain/judgement.h"
#include "core/place/explain/reason.h"
#include "core/place/need/workload.h"
#include "core/place/state/nodes.h"
#include "core/place/state/units.h"
#include "core/place/wait/wait.h"

static void add_failure(struct place_verdict *v, struct place_failure failure)
{
	v->failures = mem_resize(v->failures, v->failure_count + 1, sizeof(failure));
	v->failures[v->failure_count++] = failure;
}

static struct place_verdict judge(const struct filter *f, uint32_t zhost,
				  struct place_step *rules)
{
	const struct demand *d = f->need->demand;
	struct place_verdict v = {.zhost = zhost};
	for (uint32_t k = 0; k < f->requirements.count; k++) {
		const struct requirement *r = &f->requirements.items[k];
		if (!requirement_holds(f, r, zhost)) {
			add_failure(&v, requirement_failure(f, r, zhost));
			v.failures[v.failure_count - 1].requirement = k;
		}
		rules[k].left += v.failure_count == 0;
	}
	v.eligible = v.failure_count == 0;
	if (v.eligible) {
		v.score = score_of(f->place, f->need, zhost, &f->minimums);
		v.score.total = (int64_t)(score_key(d, &v.score) -
					  score_key(d, &(struct place_score){0}));
	}
	return v;
}

/* By score, then by name; those that are not eligible after all others. */
static int compare_verdicts(const void *a, const void *b, void *place)
{
	const struct place_verdict *x = a, *y = b;
	const struct place *p = place;
	if (x->eligible != y->eligible)
		return x->eligible ? -1 : 1;
	if (x->eligible && x->score.total != y->score.total)
		return x->score.total > y->score.total ? -1 : 1;
	uint32_t r = node_at(p, x->zhost)->rank, s = node_at(p, y->zhost)->rank;
	return r < s ? -1 : r > s;
}

static void judge_all(struct place *p, struct filter *f, uint32_t where,
		      struct place_explanation *ret)
{
	ret->verdicts = mem_new_array(struct place_verdict, p->by_name.count + 1);
	ret->rules = mem_new_array(struct place_step, f->requirements.count + 1);
	vector_for_each (&f->requirements, r)
		ret->rules[ret->rule_count++] =
			(struct place_step){.name = r->rule->name, .what = r->rule->what(f, r)};
	for (uint32_t rank = 0; rank < p->by_name.count; rank++) {
		struct place_verdict *v = &ret->verdicts[ret->verdict_count++];
		*v = judge(f, p->by_name.items[rank], ret->rules);
		v->chosen = v->zhost == where;
		ret->eligible_count += v->eligible;
	}
	qsort_r(ret->verdicts, ret->verdict_count, sizeof(*ret->verdicts), compare_verdicts, p);
}

void place_explain(struct place *p, const struct place_unit_request *request,
		   struct place_explanation *ret)
{
	struct place_unit *u = unit_checked(p, request->unit);
	uint32_t where = u->zhost;
	struct filter f;
	*ret = (struct place_explanation){.unit = request->unit, .zhost = where};
	ret->reason.unit = request->unit;
	nodes_rank(p);
	workload_refresh(p);
	if (where != PLACE_NONE)
		unit_detach(p, u);
	else
		wait_pend(p, u, 1);
	judgement_open(&f, p, request, where != PLACE_NONE ? STRICT : OPTIMISTIC);
	judge_all(p, &f, where, ret);
	if (ret->eligible_count == 0)
		(void)reason_find(&f, unit_path(u), &ret->reason);
	judgement_close(&f);
	if (where != PLACE_NONE)
		unit_attach(p, u, where, true);
	else
		wait_pend(p, u, -1);
}

void place_explanation_done(struct place_explanation *e)
{
	for (uint32_t i = 0; i < e->verdict_count; i++) {
		struct place_verdict *v = &e->verdicts[i];
		for (uint32_t k = 0; k < v->failure_count; k++) {
			free(v->failures[k].what);
			free(v->failures[k].text);
		}
		free(v->failures);
	}
	free(e->verdicts);
	for (uint32_t i = 0; i < e->rule_count; i++)
		free(e->rules[i].what);
	free(e->rules);
	free(e->reason.sentence);
	free(e->reason.detail);
	free(e->reason.change);
	free(e->reason.room_on);
	*e = (struct place_explanation){0};
}
