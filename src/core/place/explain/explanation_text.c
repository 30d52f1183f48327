/*
 * An explanation for people: zhosts with the same verdict are one line.
 *
 *   api-2 is on edge-node-3
 *     chosen  edge-node-3          preference +50, neighbours 0, load 31.00 %
 *     fits    2 zhosts             preference +0, neighbours 1, load 28.00 %
 *     no      212 zhosts           cpu, needs 2, at most 1.5 free
 */

#include <string.h>

#include "base/buffer.h"
#include "base/str.h"
#include "core/place/rule/texts.h"
#include "core/place/state/units.h"

/* Same requirements fail, and where a failure has no figures, in the same words. */
static bool same_verdict(const struct place_verdict *a, const struct place_verdict *b)
{
	if (a->eligible != b->eligible || a->chosen || b->chosen ||
	    a->failure_count != b->failure_count)
		return false;
	if (a->eligible)
		return a->score.total == b->score.total;
	for (uint32_t i = 0; i < a->failure_count; i++) {
		const struct place_failure *f = &a->failures[i], *g = &b->failures[i];
		if (f->quantity != g->quantity || strcmp(f->what, g->what) != 0)
			return false;
		if (f->quantity == PLACE_NO_QUANTITY && strcmp(f->text, g->text) != 0)
			return false;
	}
	return true;
}

static char *failure_text(const struct place_failure *f, int64_t most, bool several)
{
	if (!several || f->quantity == PLACE_NO_QUANTITY)
		return mem_strdup(f->text);
	CLEANUP(freep) char *needs = quantity_text(f->quantity, f->needs);
	CLEANUP(freep) char *free_now = quantity_text(f->quantity, most);
	return str_printf("%s, needs %s, at most %s free", f->what, needs, free_now);
}

/* Verdicts members[0 .. count) are the same. */
static struct place_group make_group(const struct place *p, const struct place_explanation *e,
				     const uint32_t *members, uint32_t count)
{
	const struct place_verdict *first = &e->verdicts[members[0]];
	struct place_group g = {
		.zhosts = count == 1 ? mem_strdup(node_name(p, first->zhost))
				     : str_printf("%u zhosts", count),
		.first = mem_strdup(node_name(p, first->zhost)),
		.count = count,
		.eligible = first->eligible,
		.chosen = first->chosen,
		.failures = mem_new_array(char *, first->failure_count + 1),
		.failure_count = first->failure_count,
		.score = first->score,
	};
	for (uint32_t i = 0; i < first->failure_count; i++) {
		int64_t most = INT64_MIN;
		for (uint32_t k = 0; k < count; k++) {
			int64_t now = e->verdicts[members[k]].failures[i].free;
			most = now > most ? now : most;
		}
		g.failures[i] = failure_text(&first->failures[i], most, count > 1);
	}
	return g;
}

static uint64_t verdict_hash(const struct place_verdict *v)
{
	uint64_t hash = (uint64_t)v->score.total + v->failure_count;
	for (uint32_t i = 0; i < v->failure_count; i++)
		hash = hash * 31 + str_hash(v->failures[i].what);
	return hash >> 1;
}

void place_explanation_group(const struct place *p, const struct place_explanation *e,
			     struct place_groups *ret)
{
	uint32_t n = e->verdict_count;
	*ret = (struct place_groups){.items = mem_new_array(struct place_group, n + 1)};
	/* next[i]: the next verdict that is the same as i; heads by hash, in order. */
	uint32_t *next = mem_new_array(uint32_t, n + 1), *last = mem_new_array(uint32_t, n + 1);
	uint32_t *chain = mem_new_array(uint32_t, n + 1),
		 *members = mem_new_array(uint32_t, n + 1);
	bool *is_head = mem_new_array(bool, n + 1);
	struct map heads = {0};
	for (uint32_t i = 0; i < n; i++) {
		uint64_t hash = verdict_hash(&e->verdicts[i]);
		const uint32_t *found = map_find(&heads, hash);
		uint32_t head = found != NULL ? *found : UINT32_MAX, first = head;
		while (head != UINT32_MAX && !same_verdict(&e->verdicts[head], &e->verdicts[i]))
			head = chain[head];
		next[i] = UINT32_MAX;
		if (head == UINT32_MAX) {
			is_head[i] = true;
			last[i] = i;
			chain[i] = first;
			map_put(&heads, hash, i);
		} else {
			next[last[head]] = i;
			last[head] = i;
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		uint32_t count = 0;
		for (uint32_t k = i; is_head[i] && k != UINT32_MAX; k = next[k])
			members[count++] = k;
		if (count > 0)
			ret->items[ret->count++] = make_group(p, e, members, count);
	}
	map_done(&heads);
	free(next);
	free(last);
	free(chain);
	free(members);
	free(is_head);
}

void place_groups_done(struct place_groups *groups)
{
	for (uint32_t i = 0; i < groups->count; i++) {
		struct place_group *g = &groups->items[i];
		for (uint32_t k = 0; k < g->failure_count; k++)
			free(g->failures[k]);
		free(g->failures);
		free(g->zhosts);
		free(g->first);
	}
	free(groups->items);
	*groups = (struct place_groups){0};
}

char *place_score_text(const struct place_score *s)
{
	char *text = str_printf("preference %+d, neighbours %u, load %u.%02u %%", s->preference,
				s->neighbours, s->load / 100, s->load % 100);
	if (s->fragmentation == 0)
		return text;
	char *longer = str_printf("%s, fragmentation %+d", text, s->fragmentation);
	free(text);
	return longer;
}

static void add_group(struct buffer *b, const struct place_group *g)
{
	const char *word = g->chosen ? "chosen" : g->eligible ? "fits" : "no";
	(void)buffer_printf(b, "  %-7s %-20s ", word, g->zhosts);
	if (g->eligible) {
		CLEANUP(freep) char *score = place_score_text(&g->score);
		(void)buffer_printf(b, "%s\n", score);
	}
	for (uint32_t i = 0; i < g->failure_count; i++)
		(void)buffer_printf(b, "%s%s%s", i > 0 ? "; " : "", g->failures[i],
				    i + 1 == g->failure_count ? "\n" : "");
}

char *place_explanation_text(const struct place *p, const struct place_explanation *e)
{
	const struct place_unit *u = unit_checked(p, e->unit);
	const char *path = unit_path(u);
	struct buffer b = BUFFER_INIT(SIZE_MAX);
	if (e->zhost != PLACE_NONE)
		(void)buffer_printf(&b, "%s is on %s\n", path, node_name(p, e->zhost));
	else
		(void)buffer_printf(&b, "%s has no place\n", path);
	CLEANUP(freep) char *reason = place_reason_text(&e->reason);
	if (reason != NULL)
		(void)buffer_printf(&b, "  because %s\n", reason);
	if (e->reason.change != NULL)
		(void)buffer_printf(&b, "  smallest change: %s\n", e->reason.change);
	struct place_groups groups;
	place_explanation_group(p, e, &groups);
	for (uint32_t i = 0; i < groups.count; i++)
		add_group(&b, &groups.items[i]);
	place_groups_done(&groups);
	return buffer_steal(&b);
}
