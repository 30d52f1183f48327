/* What a zhost offers: a copy of its specification, and its devices as the engine counts them.
 */
#ifndef SAMOZA_CORE_PLACE_STATE_DESCRIPTION_H
#define SAMOZA_CORE_PLACE_STATE_DESCRIPTION_H

#include "core/place/state/state.h"

struct node_description *description_copy(const struct zhost_spec *spec);
/* NULL is fine. */
void description_free(struct node_description *d);
bool descriptions_have_equal_labels(const struct node_description *a,
				    const struct node_description *b);
bool descriptions_have_equal_devices(const struct node_description *a,
				     const struct node_description *b);

/* Fills node->devices, all free, from node->description. PRE: it has none. */
void node_devices_init(struct place *p, struct place_node *node);
void node_devices_done(struct place *p, struct place_node *node);

#endif
