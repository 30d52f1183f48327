/* Random clusters and topologies, as text. The same seed gives the same case. */
#ifndef TESTS_PLACE_RANDOM_CASE_H
#define TESTS_PLACE_RANDOM_CASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct chance {
	uint64_t state;
};

uint32_t draw(struct chance *c, uint32_t below);
/* True in `percent` of a hundred. */
bool maybe(struct chance *c, uint32_t percent);

/* Which families of rules a case uses: few at a time, so that they bite. */
struct theme {
	bool capabilities, constraints, near, affinity, anti, spread, devices, children, others,
		replaced;
};

struct theme draw_theme(struct chance *c);
/* One zhost, as in zhosts.yaml. */
void draw_zhost(struct chance *c, const struct theme *t, unsigned number, struct buffer *text);
/* Spaces of a topology with at most `units_max` instances without a parent. */
void draw_spaces(struct chance *c, const struct theme *t, unsigned units_max,
		 struct buffer *text);

#endif
