/* Units: made and freed, in slots, and placed. A search places and takes back thousands of
 * times, so nothing here allocates once counters are warm. */
#ifndef SAMOZA_CORE_PLACE_STATE_UNITS_H
#define SAMOZA_CORE_PLACE_STATE_UNITS_H

#include "core/place/state/state.h"

struct place_unit *unit_checked(const struct place *p, uint32_t unit);
/* Its handle; it is alone in its slot. */
uint32_t unit_new(struct place *p, struct need *n, uint32_t instance);
/* PRE: neither placed nor waiting. */
void unit_free(struct place *p, struct place_unit *u);
/* Frees the memory of all. */
void units_done(struct place *p);

/* `u` belongs to the slot of `mate` from now on. PRE: it was alone. */
void unit_join_slot(struct place_unit *u, struct place_unit *mate);
/* PRE: they are two units of one slot. */
void check_slot_mates(const struct place *p, const struct place_unit *u,
		      const struct place_unit *mate);
/* The other placed units of the slot of `u` are members (sign 1), or no longer (-1). */
void slot_mates_change(struct place *p, const struct place_unit *u, int32_t sign);

/* It leaves, or does not after all. PRE: placed, and that is new. */
void unit_set_leaves(struct place *p, struct place_unit *u, bool leaves);

/* Room and membership. `keep`: the devices that it names already. PRE: not placed. */
void unit_attach(struct place *p, struct place_unit *u, uint32_t zhost, bool keep);
/* It still names its devices, and shares room with the same units. PRE: placed. */
void unit_detach(struct place *p, struct place_unit *u);
/* Around a change of a zhost's labels: its units leave the domains in which they are counted,
 * and are counted in the domains of the new labels. */
void units_leave_labels(struct place *p, uint32_t zhost);
void units_return_labels(struct place *p, uint32_t zhost);

#endif
