/*
 * Terrain: the zhosts that pass rules 2 and 3 of a unit, as one bit each. Worked out once for
 * all needs that ask for the same, and kept up to date when a zhost's description changes,
 * which is rare; a decision reads one bit.
 */
#include "core/place/engine.h"

#include "base/buffer.h"
#include "base/str.h"

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool zhost_offers(const struct zhost *z, const char *capability)
{
	return capability_is_common(capability) ||
	       bsearch(&capability, z->about->capabilities, z->about->capability_count,
		       sizeof(const char *), compare_texts) != NULL;
}

bool zhost_is_near(const struct zhost *z, const struct near_rule *near)
{
	return z->has_position && distance_m(z->about->latitude, z->about->longitude,
					     near->latitude, near->longitude) <= near->within_m;
}

static bool space_passes(const struct space *s, const struct zhost *z)
{
	for (unsigned i = 0; i < s->capability_count; i++) {
		if (!zhost_offers(z, s->capabilities[i]))
			return false;
	}
	for (unsigned i = 0; i < s->constraint_count; i++) {
		if (!constraint_holds(&s->constraints[i], &z->about->labels))
			return false;
	}
	return !s->near.set || zhost_is_near(z, &s->near);
}

/* Whether instance `i` is the first of its space in the subtree: the others ask for the same.
 */
static bool is_first_of_space(const struct topology *t, uint32_t root, uint32_t i)
{
	return i == root || t->instances[i].ordinal == 1;
}

static bool subtree_passes(const struct topology *t, uint32_t root, const struct zhost *z)
{
	uint32_t end = root + t->instances[root].subtree_count;
	for (uint32_t i = root; i < end; i++) {
		if (is_first_of_space(t, root, i) && !space_passes(instance_space(t, i), z))
			return false;
	}
	return true;
}

/* ---- key: what is asked for, sorted, each once ---- */

struct texts {
	VECTOR(char *) list;
};

static void texts_add_space(struct texts *texts, const struct space *s)
{
	for (unsigned i = 0; i < s->capability_count; i++) {
		if (!capability_is_common(s->capabilities[i]))
			vector_push(&texts->list, str_printf("c%s", s->capabilities[i]));
	}
	for (unsigned i = 0; i < s->constraint_count; i++) {
		const struct constraint *c = &s->constraints[i];
		char *text = str_printf("l%s\x1f%d\x1f%.17g", c->label, (int)c->op, c->number);
		for (unsigned k = 0; k < c->value_count; k++) {
			char *longer = str_printf("%s\x1f%s", text, c->values[k]);
			free(text);
			text = longer;
		}
		vector_push(&texts->list, text);
	}
	if (s->near.set)
		vector_push(&texts->list,
			    str_printf("n%.17g\x1f%.17g\x1f%.17g", s->near.latitude,
				       s->near.longitude, s->near.within_m));
}

static uint32_t key_take(struct place *p, const struct topology *t, uint32_t root)
{
	struct texts texts = {0};
	uint32_t end = root + t->instances[root].subtree_count;
	for (uint32_t i = root; i < end; i++) {
		if (is_first_of_space(t, root, i))
			texts_add_space(&texts, instance_space(t, i));
	}
	if (texts.list.count > 0)
		qsort(texts.list.items, texts.list.count, sizeof(char *), compare_texts);
	struct buffer key = BUFFER_INIT(SIZE_MAX);
	/* Never the same as a label or a name. */
	(void)buffer_add_string(&key, "terrain");
	for (size_t i = 0; i < texts.list.count; i++) {
		if (i == 0 || strcmp(texts.list.items[i], texts.list.items[i - 1]) != 0) {
			(void)buffer_add_string(&key, "\x1e");
			(void)buffer_add_string(&key, texts.list.items[i]);
		}
	}
	vector_for_each (&texts.list, text)
		free(*text);
	vector_done(&texts.list);
	uint32_t symbol = symbol_take(&p->symbols, key.data);
	buffer_done(&key);
	return symbol;
}

/* ---- bits ---- */

static void terrain_set(struct place *p, struct terrain *t, uint32_t zhost)
{
	if (zhost / 64 >= t->words) {
		uint32_t words = (uint32_t)p->zhosts.count / 64 + 4;
		t->bits = mem_resize(t->bits, words, sizeof(*t->bits));
		memset(t->bits + t->words, 0, (words - t->words) * sizeof(*t->bits));
		t->words = words;
	}
	const struct zhost *z = zhost_at(p, zhost);
	bool had = terrain_has(t, zhost);
	bool has = z->known && subtree_passes(t->topology, t->root, z);
	if (had != has) {
		t->bits[zhost / 64] ^= UINT64_C(1) << (zhost % 64);
		t->count += has ? 1u : UINT32_MAX;
	}
}

uint32_t terrain_take(struct place *p, struct topology *t, uint32_t root)
{
	uint32_t key = key_take(p, t, root);
	uint32_t *found = map_find(&p->terrain_keys, key);
	if (found != NULL) {
		symbol_drop(&p->symbols, key);
		p->terrains.items[*found].references++;
		return *found;
	}
	uint32_t index = 0;
	while (index < p->terrains.count && p->terrains.items[index].references > 0)
		index++;
	if (index == p->terrains.count)
		(void)vector_add(&p->terrains);
	struct terrain *terrain = &p->terrains.items[index];
	*terrain = (struct terrain){
		.key = key, .references = 1, .topology = topology_ref(t), .root = root};
	map_put(&p->terrain_keys, key, index);
	for (uint32_t i = 0; i < p->zhosts.count; i++)
		terrain_set(p, terrain, i);
	return index;
}

void terrain_drop(struct place *p, uint32_t terrain)
{
	struct terrain *t = &p->terrains.items[terrain];
	PRE(t->references > 0);
	if (--t->references > 0)
		return;
	map_remove(&p->terrain_keys, t->key);
	symbol_drop(&p->symbols, t->key);
	topology_unref(t->topology);
	free(t->bits);
	*t = (struct terrain){0};
}

void terrains_update(struct place *p, uint32_t zhost)
{
	vector_for_each (&p->terrains, t) {
		if (t->references > 0)
			terrain_set(p, t, zhost);
	}
}
