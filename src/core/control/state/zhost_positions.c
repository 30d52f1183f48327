#include "core/control/state/zhost_positions.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"

enum { PLACES_MIN = 8 };

/* Where the index is, or would be. There is a free place. */
static struct zhost_position *place_of(const struct zhost_positions *p, uint32_t index)
{
	uint32_t k = index * UINT32_C(2654435769);
	struct zhost_position *place = &p->places[k & (p->place_count - 1)];
	while (place->position != 0 && place->index != index)
		place = &p->places[++k & (p->place_count - 1)];
	return place;
}

static void grow(struct zhost_positions *p)
{
	struct zhost_positions old = *p;
	p->place_count = old.place_count > 0 ? old.place_count * 2 : PLACES_MIN;
	p->places = mem_new_array(struct zhost_position, p->place_count);
	for (uint32_t k = 0; k < old.place_count; k++)
		if (old.places[k].position != 0)
			*place_of(p, old.places[k].index) = old.places[k];
	free(old.places);
}

size_t zhost_positions_find(const struct zhost_positions *p, uint32_t index)
{
	if (p->place_count == 0)
		return ZHOST_POSITION_NONE;
	uint32_t position = place_of(p, index)->position;
	return position > 0 ? position - 1 : ZHOST_POSITION_NONE;
}

void zhost_positions_add(struct zhost_positions *p, uint32_t index, size_t position)
{
	PRE(zhost_positions_find(p, index) == ZHOST_POSITION_NONE && position < UINT32_MAX);
	if ((p->count + 1) * 2 > p->place_count)
		grow(p);
	*place_of(p, index) = (struct zhost_position){index, (uint32_t)position + 1};
	p->count++;
}

void zhost_positions_clear(struct zhost_positions *p)
{
	free(p->places);
	*p = (struct zhost_positions){0};
}
