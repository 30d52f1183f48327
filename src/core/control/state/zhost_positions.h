/*
 * Finds zhosts in a vector of a few of them. Takes memory for those that are in it, not for those that the
 * cluster has: an open hash by the zhost's index.
 */
#ifndef SAMOZA_CORE_CONTROL_ZHOST_POSITIONS_H
#define SAMOZA_CORE_CONTROL_ZHOST_POSITIONS_H

#include <stddef.h>
#include <stdint.h>

struct zhost_position {
	uint32_t index;	   /* of the zhost */
	uint32_t position; /* plus 1; 0: free */
};

struct zhost_positions {
	struct zhost_position *places;
	uint32_t place_count; /* a power of two, at least twice `count`; 0: none yet */
	uint32_t count;
};

#define ZHOST_POSITION_NONE SIZE_MAX

/* ZHOST_POSITION_NONE where it is not in the vector. */
size_t zhost_positions_find(const struct zhost_positions *p, uint32_t index);
/* PRE: it is not in it. */
void zhost_positions_add(struct zhost_positions *p, uint32_t index, size_t position);
/* None is in it. */
void zhost_positions_clear(struct zhost_positions *p);

#endif
