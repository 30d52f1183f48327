#include "core/place/need/feasible_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/str.h"
#include "core/place/rule/filter.h"

/* ---- key: what is required, sorted, each once ---- */

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Begins like no label and no name. */
#define KEY "\x1e"

static uint32_t key_take(struct place *p, const struct filter *f)
{
	size_t count = f->requirements.count;
	if (count == 0)
		return symbol_take(&p->symbols, KEY);
	char **texts = mem_new_array(char *, count);
	for (size_t i = 0; i < count; i++) {
		const struct requirement *r = &f->requirements.items[i];
		texts[i] = r->rule->key(r);
	}
	qsort(texts, count, sizeof(char *), compare_texts);
	struct buffer key = BUFFER_INIT(SIZE_MAX);
	(void)buffer_add_string(&key, KEY);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || strcmp(texts[i], texts[i - 1]) != 0) {
			(void)buffer_add_string(&key, "\x1e");
			(void)buffer_add_string(&key, texts[i]);
		}
	}
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
	uint32_t symbol = symbol_take(&p->symbols, key.data);
	buffer_done(&key);
	return symbol;
}

/* ---- bits ---- */

static bool passes(const struct filter *f, uint32_t zhost)
{
	vector_for_each (&f->requirements, r) {
		if (!requirement_holds(f, r, zhost))
			return false;
	}
	return true;
}

static void update(struct place *p, struct feasible_set *set, uint32_t zhost)
{
	if (zhost / 64 >= set->words) {
		uint32_t words = (uint32_t)p->nodes.count / 64 + 4;
		set->bits = mem_resize(set->bits, words, sizeof(*set->bits));
		memset(set->bits + set->words, 0, (words - set->words) * sizeof(*set->bits));
		set->words = words;
	}
	bool had = feasible_has(set, zhost);
	bool has = node_at(p, zhost)->known && passes(set->filter, zhost);
	if (had != has) {
		set->bits[zhost / 64] ^= UINT64_C(1) << (zhost % 64);
		set->count += has ? 1u : UINT32_MAX;
	}
}

uint32_t feasible_set_take(struct place *p, struct topology *t, uint32_t root)
{
	struct filter f;
	filter_init_some(&f, p, t, root, NULL, RULE_BY_DESCRIPTION);
	uint32_t key = key_take(p, &f);
	uint32_t *found = map_find(&p->feasible_keys, key);
	if (found != NULL) {
		filter_done(&f);
		symbol_drop(&p->symbols, key);
		p->feasible_sets.items[*found].references++;
		return *found;
	}
	uint32_t index = 0;
	while (index < p->feasible_sets.count && p->feasible_sets.items[index].references > 0)
		index++;
	if (index == p->feasible_sets.count)
		(void)vector_add(&p->feasible_sets);
	struct feasible_set *set = &p->feasible_sets.items[index];
	*set = (struct feasible_set){.key = key,
				     .references = 1,
				     .topology = topology_ref(t),
				     .filter = mem_memdup(&f, sizeof(f))};
	map_put(&p->feasible_keys, key, index);
	for (uint32_t i = 0; i < p->nodes.count; i++)
		update(p, set, i);
	return index;
}

void feasible_set_drop(struct place *p, uint32_t index)
{
	struct feasible_set *set = &p->feasible_sets.items[index];
	PRE(set->references > 0);
	if (--set->references > 0)
		return;
	map_remove(&p->feasible_keys, set->key);
	symbol_drop(&p->symbols, set->key);
	filter_done(set->filter);
	free(set->filter);
	topology_unref(set->topology);
	free(set->bits);
	*set = (struct feasible_set){0};
}

void feasible_sets_update(struct place *p, uint32_t zhost)
{
	vector_for_each (&p->feasible_sets, set) {
		if (set->references > 0)
			update(p, set, zhost);
	}
}

void feasible_sets_done(struct place *p)
{
	vector_for_each (&p->feasible_sets, set)
		INVARIANT(set->references == 0);
	vector_done(&p->feasible_sets);
	map_done(&p->feasible_keys);
}
