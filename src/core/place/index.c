#include "core/place/index.h"

uint32_t scan_best(struct place *p, const struct need *n, struct excluded excluded)
{
	struct floors floors = {0};
	uint32_t best = PLACE_NONE;
	uint64_t best_key = 0;
	zhosts_rank(p);
	floors_measure(p, n, excluded, GREEDY, &floors);
	for (uint32_t rank = 0; rank < p->by_name.count; rank++) {
		uint32_t z = p->by_name.items[rank];
		if (!fits(p, n, z, GREEDY) || is_excluded(excluded, z) ||
		    !fits_spread(p, n, z, &floors))
			continue;
		struct place_score score = score_of(p, n, z, &floors);
		uint64_t key = score_key(n, &score);
		if (key > best_key) {
			best_key = key;
			best = z;
		}
	}
	floors_done(&floors);
	return best;
}

uint32_t index_best(struct place *p, struct need *n, struct excluded excluded)
{
	return scan_best(p, n, excluded);
}

void index_free(struct place *p, struct need *n)
{
	(void)p;
	(void)n;
}
