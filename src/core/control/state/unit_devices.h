/*
 * Which devices of its zhost a placement has: the engine's choice, in the record of its root's copy, so that it is the
 * same after a restart of zrms, and after its zhost was lost and is back.
 *
 *   engine   place_devices() of the unit, as indexes of the zhost
 *   record   kind, model, number among those of the zhost: good, too, when the zhost declares others
 *   zhost    InstanceSpec.devices: those of one instance
 */
#ifndef SAMOZA_CORE_CONTROL_STATE_UNIT_DEVICES_H
#define SAMOZA_CORE_CONTROL_STATE_UNIT_DEVICES_H

#include "core/control/state/state.h"

struct unit_device {
	char *kind, *model; /* kind "": it lacks one */
	uint32_t index;
};

/* From the record of the root's copy. */
void unit_devices_load(struct unit_placement *unit, const Samoza__V1__CopyRecord *record);
void unit_devices_done(struct unit_placement *unit);
/* Before place_add(): the unit gets there what it had. PRE: it has a unit in the engine. */
void unit_devices_name(struct control *c, const struct unit_placement *unit);
/* It has been placed, at the latest now, and its copies are there. */
void unit_devices_given(const struct control *c, struct unit_placement *unit);
/* What the engine has given since the last call: into records, and to the zhosts. */
void unit_devices_run(struct control *c);

/* For each of the record's; the caller frees the array and what it points to with one free(), the texts are borrowed. NULL: none, or it is not the
 * root's copy. */
Samoza__V1__DeviceChoice **unit_devices_record(const struct copy *copy, size_t *ret_count);
/* Those of the one instance, without what it lacks; a list of messages that the caller owns. NULL: none. PRE: not retired. */
Samoza__V1__DeviceChoice **unit_devices_of(const struct copy *copy, size_t *ret_count);

#endif
