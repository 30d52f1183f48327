/*
 * Which of the eligible zhosts is best. Four things count, each only where those before it are
 * equal:
 *
 *   1. preference     sum of the weights of preferred affinity, anti-affinity and spread, of the
 *                     unit and of others for it
 *   2. neighbours     strategy spread: units of the same topology there, fewer first
 *   3. fragmentation  how much less useful free devices become
 *   4. load           of cpu or memory, the fuller, afterwards: lower for spread, higher for pack
 *
 * and then the name. They are packed into one number, so that comparing is one instruction:
 *
 *   63       42 41        30 29           14 13       0
 *   preference   neighbours   fragmentation   load
 */
#ifndef SAMOZA_CORE_PLACE_CHOOSE_SCORE_H
#define SAMOZA_CORE_PLACE_CHOOSE_SCORE_H

#include "core/place/rule/minimums.h"

/* The score of an eligible zhost; `m` as measured. */
struct place_score score_of(const struct place *p, const struct need *n, uint32_t zhost,
			    const struct spread_minimums *m);
/* What the zhost itself decides: all but the preferences of labels and of spread. */
struct place_score score_node(const struct place *p, const struct need *n, uint32_t zhost);
/* The same where no other unit matters to the need. */
struct place_score score_demand(const struct place *p, const struct demand *d, uint32_t zhost);
/* Of cpu or memory, the fuller, with so much more on it: ten-thousandths. */
uint32_t load_with(const struct place_node *node, int64_t cpu, int64_t memory);
/* The preferences of labels and of spread. */
int32_t preference_labels(const struct place *p, const struct need *n, uint32_t zhost,
			  const struct spread_minimums *m);
/* Never 0; higher is better. score_prefer() adds to the preference of a key. */
uint64_t score_key(const struct demand *d, const struct place_score *s);
uint64_t score_prefer(uint64_t key, int32_t more);

#endif
