#include "random_life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fact *fact_at(struct life *l, unsigned f)
{
	return &l->world.oracle.facts[f];
}

unsigned model_of(const struct life *l, unsigned f)
{
	unsigned m = 0;
	while (l->world.models[m] != l->world.oracle.facts[f].topology)
		m++;
	return m;
}

unsigned root_at(const struct topology *t, unsigned position)
{
	unsigned root = 0;
	for (; position > 0 && root < t->instance_count; position--)
		root += t->instances[root].subtree_count;
	return root < t->instance_count ? root : NONE;
}

/* ---- units ---- */

void unit_add(struct life *l, unsigned model, unsigned position, unsigned mate)
{
	struct world *w = &l->world;
	unsigned f = w->oracle.fact_count++;
	w->oracle.facts[f] = (struct fact){
		.topology = w->models[model],
		.root = root_at(w->models[model], position),
		.slot = mate != NONE ? w->oracle.facts[mate].slot : f,
		.room = l->rooms++,
		.zhost = -1,
	};
	l->position[f] = position;
	l->ticket_of[f] = NONE;
	w->units[f] = place_unit_new(w->place, l->handles[model], w->oracle.facts[f].root,
				     mate != NONE ? w->units[mate] : PLACE_NONE);
}

unsigned mate_of(const struct life *l, unsigned f)
{
	const struct oracle *o = &l->world.oracle;
	for (unsigned g = 0; g < o->fact_count; g++) {
		if (g != f && !l->gone[g] && o->facts[g].slot == o->facts[f].slot)
			return g;
	}
	return NONE;
}

bool is_placed(const struct life *l, unsigned f)
{
	return !l->gone[f] && l->world.oracle.facts[f].zhost >= 0;
}

bool is_free(const struct life *l, unsigned f)
{
	return !l->gone[f] && l->ticket_of[f] == NONE;
}

bool is_unplaced(const struct life *l, unsigned f)
{
	return is_free(l, f) && l->world.oracle.facts[f].zhost < 0;
}

bool has_mate(const struct life *l, unsigned f)
{
	return !l->gone[f] && mate_of(l, f) != NONE;
}

bool is_alone(const struct life *l, unsigned f)
{
	return !l->gone[f] && mate_of(l, f) == NONE;
}

unsigned draw_unit(struct life *l, bool (*holds)(const struct life *l, unsigned f))
{
	unsigned list[ORACLE_FACTS], count = 0;
	for (unsigned f = 0; f < l->world.oracle.fact_count; f++) {
		if (holds(l, f))
			list[count++] = f;
	}
	return count > 0 ? list[draw(&l->world.chance, count)] : NONE;
}

void fact_leaves(struct life *l, unsigned f)
{
	struct fact *fact = fact_at(l, f);
	fact->zhost = -1;
	fact->devices = NULL;
	fact->leaves = false;
	fact->room = l->rooms++;
}
