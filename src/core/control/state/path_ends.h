/*
 * A space's paths, as messages to zhosts list them.
 */
#ifndef SAMOZA_CORE_CONTROL_PATH_ENDS_H
#define SAMOZA_CORE_CONTROL_PATH_ENDS_H

#include "model/topology.h"
#include "proto/wire.pb-c.h"

/* The array and the messages in it are the caller's. */
Samoza__V1__PathEnd **path_ends(const struct topology *t, const struct space *space,
				size_t *ret_count);

#endif
