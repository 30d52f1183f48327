/*
 * A tournament: finds the best of many keys while single keys change.
 *
 *                 9              keys[1]
 *            ┌────┴────┐
 *            9         7
 *          ┌─┴─┐     ┌─┴─┐
 *   keys   4   9     7   0       position 0 .. 3; 0: out
 *
 * A change costs the logarithm at most: it climbs only as far as it matters. Of several with
 * the best key, the first position wins.
 */
#ifndef SAMOZA_CORE_PLACE_STATE_TOURNAMENT_H
#define SAMOZA_CORE_PLACE_STATE_TOURNAMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POSITION_NONE UINT32_MAX

struct tournament {
	uint64_t *keys; /* 2 * base; leaves from keys[base] on */
	uint32_t base;	/* a power of two */
};

/* `count` positions, all out. */
void tournament_init(struct tournament *t, uint32_t count);
void tournament_done(struct tournament *t);
size_t tournament_bytes(const struct tournament *t);

/* Sets leaves only: call tournament_build() before the next query. */
static inline void tournament_put(struct tournament *t, uint32_t position, uint64_t key)
{
	t->keys[t->base + position] = key;
}
void tournament_build(struct tournament *t);
void tournament_set(struct tournament *t, uint32_t position, uint64_t key);
static inline uint64_t tournament_key(const struct tournament *t, uint32_t position)
{
	return t->keys[t->base + position];
}

/* The best position of all, or of [begin, end); POSITION_NONE when all are out. */
uint32_t tournament_best(const struct tournament *t);
uint32_t tournament_best_within(const struct tournament *t, uint32_t begin, uint32_t end);
/* The best for which `skip` is false. Fast when few of the best are skipped. */
uint32_t tournament_best_but(const struct tournament *t,
			     bool (*skip)(void *user, uint32_t position), void *user);

#endif
