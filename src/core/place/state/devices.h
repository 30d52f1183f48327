/*
 * Devices of one zhost. A share fits on one device that has as much free; a whole device must
 * be free altogether; the `count` devices of one request are different ones.
 *
 *   requests   2 x gpu whole, 1 x gpu 300m of model T4
 *   devices    [T4 1000] [T4 450] [V100 1000] [V100 1000]
 *   chosen     share: T4 450 (best fit)   whole: both V100 (the T4 serves more requests)
 *
 * One request is settled by looking at each device. Several are first tried greedily, those
 * with fewer devices to choose from first; only if that fails, every combination is tried,
 * within a bound.
 */
#ifndef SAMOZA_CORE_PLACE_STATE_DEVICES_H
#define SAMOZA_CORE_PLACE_STATE_DEVICES_H

#include "core/place/state/state.h"

/* Whether all requests of the demand find devices; with `ret_devices` (room for device_total),
 * which. */
bool devices_fit(const struct node_device *devices, uint32_t device_count,
		 const struct demand *d, uint16_t *ret_devices);
/* Devices for those items of the demand for which `given` (device_total) names none, as far as they go: a unit
 * that stays where there are too few holds what there is. What it names already is still free in `devices`. */
void devices_fill(const struct node_device *devices, uint32_t device_count,
		  const struct demand *d, uint16_t *given);
/* Takes (sign -1) or gives back (sign 1) the shares of `devices` on a zhost. */
void devices_apply(struct place_node *node, const struct demand *d, const uint16_t *devices,
		   int32_t sign);
bool device_request_accepts(const struct device_request *r, const struct node_device *device);
/* Of a capability: the zhost offers it. Where it does not, rule 2 says so, and here nothing is missing: the unit gets none. */
bool device_request_concerns(const struct node_device *devices, uint32_t device_count,
			     const struct device_request *r);
/* Devices on which the request alone would find room. */
uint32_t devices_free(const struct place_node *node, const struct device_request *r);

#endif
