/*
 * What a NATIVE instance gets of the machine, by the settings of the zhost: for each capability of its space, and for each
 * device that zrms has chosen for it,
 *
 *   nodes          in its own /dev, and no others besides those that every instance has
 *   groups         that its programs belong to
 *   environment    with {indices} filled in
 */
#ifndef SAMOZA_ZHOST_NATIVE_NATIVE_DEVICES_H
#define SAMOZA_ZHOST_NATIVE_NATIVE_DEVICES_H

#include <stdbool.h>

#include "proto/model.pb-c.h"
#include "proto/wire.pb-c.h"
#include "zhost/environment/variables.h"

/* Adds the settings `devices` (paths) and `device_groups` (numbers), with spaces between them, where there are any, and
 * the environment. ERR_NOT_FOUND: `must_be_there`, and a node is missing, or this zhost declares the device no longer;
 * a group that the machine has not. ERR_LIMIT: `must_be_there`, and they are more than zrun takes. Otherwise what is missing, or too many, is left out. */
int native_devices_add(const Samoza__V1__ZhostSpec *zhost,
		       const Samoza__V1__InstanceSpec *instance, bool must_be_there,
		       variable_vector *settings, variable_vector *environment,
		       struct error **err) must_check;

/* Whether something is there that is a device node; a link to one is. */
bool device_node_is_there(const char *path);

#endif
