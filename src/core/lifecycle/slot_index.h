/*
 * What is looked up in a slot set: spaces by name, which instance of a revision a slot is, who provides what, and who
 * imports it.
 */
#ifndef SAMOZA_CORE_LIFECYCLE_SLOT_INDEX_H
#define SAMOZA_CORE_LIFECYCLE_SLOT_INDEX_H

#include "core/lifecycle/slot.h"

/* The id of the space of that name; added where there is none. */
uint32_t slot_set_space(struct slot_set *set, const char *name);
/* After a change of slots or declarations. */
void slot_index_all(struct slot_set *set);
/* Slots of `count: each` have been added, from that id on: all else is as it was. */
void slot_index_added(struct slot_set *set, uint32_t first);
/* Which spaces provide for which: all sets that this application knows, and its own part of those that it
 * shares. */
void slot_index_providers(struct slot_set *set);

#endif
