/* Zhosts: the log of their changes, from which indexes catch up, and the order of their names.
 */
#ifndef SAMOZA_CORE_PLACE_STATE_NODES_H
#define SAMOZA_CORE_PLACE_STATE_NODES_H

#include "core/place/state/state.h"

struct place_node *node_checked(const struct place *p, uint32_t zhost);
/* A new one, without a description; its handle. */
uint32_t node_new(struct place *p, const char *name);
/* PRE: no units, no watches; its description and devices are gone. */
void node_drop(struct place *p, uint32_t zhost);
/* After anything that decisions read has changed on a zhost. */
void node_changed(struct place *p, uint32_t zhost);
/* A unit has come, or has left: place.moved. */
void node_moved(struct place *p, uint32_t zhost);
/* Brings ranks and place.by_name up to date. */
void nodes_rank(struct place *p);
/* Brings place.cpu_most and memory_most up to date. */
void nodes_measure(struct place *p);
/* Frees the lists; descriptions are gone. */
void nodes_done(struct place *p);

#endif
