/*
 * Times and limits of a world.
 */
#ifndef SAMOZA_ZSIM_WORLD_OPTIONS_H
#define SAMOZA_ZSIM_WORLD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "port/store.h"

struct world_options {
	struct batch_size limits; /* of the stores */
	int64_t heartbeat_ms, timeout_ms, check_ms, margin_ms, recipe_ms;
	int64_t on_disconnect_ms; /* 0: off */
	uint32_t restart_attempts;
	bool has_drivers;     /* driver.h */
	uint32_t drain_units; /* 0: the default */
};

#endif
