/*
 * Roots of an application for which the placement may have something to do: it looks at these alone, and not at
 * thousands that run.
 *
 *           new, loses its place, goal, handover, attempts used up, ...
 *   quiet ─────────────────────────────────────────────────────────────► open
 *     ▲                                                                    │
 *     └──────────────── the placement has looked, and nothing is left ─────┘
 *
 * A root that is open without need costs a look; one that is quiet and should not be is forgotten. So everything that
 * makes it open is judged by one function, with each slot_publish_facts().
 */
#ifndef SAMOZA_CORE_CONTROL_OPEN_ROOTS_H
#define SAMOZA_CORE_CONTROL_OPEN_ROOTS_H

#include "core/control/state/application.h"

/* Those that are open, also what becomes so meanwhile. */
#define for_each_open_root(a, root)                                                        \
	for (size_t at_ = 0; at_ < (a)->open_roots.count; at_++)                           \
		for (struct slot_control *root = (a)->open_roots.items[at_]; root != NULL; \
		     root = NULL)

void open_root(struct slot_control *root);
/* Something of a slot has changed: its root is open, unless it is quiet. */
void open_root_of(const struct slot_control *sc);
/* Into the order of the slots: before they are walked. */
void open_roots_sort(struct control_application *a);
/* They have been looked at: those that are quiet are not walked any longer. */
void open_roots_review(struct control_application *a);
/* It is about to be freed. */
void open_roots_forget(struct control_application *a, const struct slot_control *root);

#endif
