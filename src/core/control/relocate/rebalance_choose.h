/*
 * What a rebalance is to move, and what it leaves though it would be better off elsewhere, as the engine sees it
 * (core/place/place.h: place_rebalance()).
 *
 * Not to be moved: what stops before it starts elsewhere, unless it is named; what has local data; what a rollout
 * or another handover is about to change. What a drain moves anyway is not considered.
 */
#ifndef SAMOZA_CORE_CONTROL_REBALANCE_CHOOSE_H
#define SAMOZA_CORE_CONTROL_REBALANCE_CHOOSE_H

struct control;
struct control_zhost;
struct rebalance;
struct slot_control;

/* Adds its moves. */
void rebalance_choose(struct control *c, struct rebalance *r);
/* Why the unit is never to be moved by it; `to` NULL: wherever. The caller frees. NULL: it may be. */
char *rebalance_forbids(const struct rebalance *r, struct slot_control *root,
			const struct control_zhost *to);

#endif
