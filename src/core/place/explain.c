/*
 * Every zhost judged for one unit: all that fails with figures, scores of those that pass.
 */
#include "core/place/judge.h"
#include "core/place/wait.h"

#include "base/str.h"

static void add_failure(struct place_verdict *v, struct place_failure f)
{
	v->failures = mem_resize(v->failures, v->failure_count + 1, sizeof(f));
	v->failures[v->failure_count++] = f;
}

static void add_state_failure(struct place_verdict *v, const char *what)
{
	add_failure(v, (struct place_failure){.rule = PLACE_RULE_STATE,
					      .what = mem_strdup(what),
					      .text = mem_strdup(what)});
}

static char *exclusion_text(const struct place *p, const struct place_unit_request *r,
			    uint32_t zhost)
{
	for (uint32_t i = 0; i < r->excluded_count; i++) {
		if (r->excluded[i].zhost == zhost)
			return mem_strdup(r->excluded[i].sentence != NULL
						  ? r->excluded[i].sentence
						  : "excluded after failures");
	}
	return str_printf("only %s is possible", zhost_name(p, r->only));
}

static struct place_verdict judge_zhost(struct judge *j, uint32_t zhost)
{
	struct place *p = j->place;
	const struct zhost *z = zhost_at(p, zhost);
	struct place_verdict v = {.zhost = zhost};
	if (!z->alive)
		add_state_failure(&v, "not running");
	if (z->cordoned)
		add_state_failure(&v, "cordoned");
	if (is_excluded(j->request, zhost)) {
		CLEANUP(freep) char *text = exclusion_text(p, j->request, zhost);
		add_state_failure(&v, text);
	}
	vector_for_each (&j->rows, r) {
		if (!row_holds(j, r, zhost))
			add_failure(&v, row_failure(j, r, zhost));
	}
	v.eligible = v.failure_count == 0;
	if (v.eligible) {
		v.score = score_of(p, j->need, zhost, &j->floors);
		v.score.total = (int64_t)(score_key(j->need->demand, &v.score) -
					  score_key(j->need->demand, &(struct place_score){0}));
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
	uint32_t r = zhost_at(p, x->zhost)->rank, s = zhost_at(p, y->zhost)->rank;
	return r < s ? -1 : r > s;
}

void place_explain(struct place *p, const struct place_unit_request *request,
		   struct place_explanation *ret)
{
	struct unit *u = unit_checked(p, request->unit);
	uint32_t where = u->zhost;
	*ret = (struct place_explanation){.unit = request->unit, .zhost = where};
	ret->reason.unit = request->unit;
	zhosts_rank(p);
	workload_refresh(p);
	if (where != PLACE_NONE)
		unit_detach(p, u);
	else
		wait_pend(p, u, 1);
	struct judge j;
	judge_init(&j, p, request, where != PLACE_NONE ? STRICT : OPTIMISTIC);
	ret->verdicts = mem_new_array(struct place_verdict, p->by_name.count + 1);
	for (uint32_t rank = 0; rank < p->by_name.count; rank++) {
		struct place_verdict *v = &ret->verdicts[ret->verdict_count++];
		*v = judge_zhost(&j, p->by_name.items[rank]);
		v->chosen = v->zhost == where;
		ret->eligible_count += v->eligible;
	}
	if (ret->eligible_count == 0) {
		(void)reason_find(&j, u->need->topology->model->instances[u->instance].path,
				  &ret->reason);
		ret->reason.change = change_find(&j);
	}
	judge_done(&j);
	if (where != PLACE_NONE)
		unit_attach(p, u, where, true);
	else
		wait_pend(p, u, -1);
	qsort_r(ret->verdicts, ret->verdict_count, sizeof(*ret->verdicts), compare_verdicts, p);
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
	free(e->reason.sentence);
	free(e->reason.detail);
	free(e->reason.change);
	*e = (struct place_explanation){0};
}
