/*
 * Room: cpu, memory and devices that placed units hold. Units that share room (a stop-first
 * pair: at most one of them runs at a time) hold, while they are on the same zhost, of each
 * amount and each device as much as the one that needs most.
 *
 *   incumbent   cpu 3   gpu 1      on n1 together: cpu 3, gpu 0 and 1
 *   successor   cpu 2   gpu 0
 */
#ifndef SAMOZA_CORE_PLACE_STATE_ROOM_H
#define SAMOZA_CORE_PLACE_STATE_ROOM_H

#include "core/place/state/state.h"

/* `keep_devices`: those that the unit has; else those that it names, or the best fit. */
void room_take(struct place *p, struct place_unit *u, uint32_t zhost, bool keep_devices);
void room_give(struct place *p, struct place_unit *u, uint32_t zhost);

bool shares_room(const struct place_unit *u);
bool lacks_devices(const struct place_unit *u);
/* From now on `u` shares room with `mate`; with no unit. PRE: `u` is not placed. */
void room_join(struct place *p, struct place_unit *u, struct place_unit *mate);
void room_leave(struct place *p, struct place_unit *u);
/* All that `u` and the units that share room with it hold on its zhost: taken (sign -1) or
 * given back (1). PRE: it is placed. */
void joint_room_change(struct place *p, const struct place_unit *u, int32_t sign);

/* After a zhost offers other devices (all are free now): each unit keeps those of its own that are left, and nobody
 * else gets them; then as room_devices_freed(). */
void room_devices_changed(struct place *p, struct place_node *node,
			  const struct node_device *former, uint32_t former_count);
/* A unit may be where there are too few devices for it: its zhost offers less than before, or two units of
 * a slot are there after a restart. It holds what there is, and takes the rest of what others have left, oldest
 * topology first, before anything new does. */
void room_devices_freed(struct place *p, struct place_node *node);

#endif
