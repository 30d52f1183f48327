/*
 * How a new version replaces the one that runs, as its manifest says (`rollout:`).
 * Source: [change.rollout].
 */
#ifndef SAMOZA_MODEL_ROLLOUT_H
#define SAMOZA_MODEL_ROLLOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/model.pb-c.h"

enum rollout_policy { ROLLOUT_REPLACE, ROLLOUT_ROLLING };

struct rollout_spec {
	enum rollout_policy policy;
	uint32_t batch; /* instances of one space at a time, or per cent of them */
	bool batch_is_percent;
	int64_t healthy_for_ms, healthy_within_ms;
	bool pauses; /* when it fails; else it goes back */
};

/* NULL: the defaults. */
int rollout_spec_read(const Samoza__V1__Rollout *in, struct rollout_spec *ret_spec,
		      struct error **err) must_check;
/* How many of `count` instances may change at a time: at least one. */
uint32_t rollout_spec_batch(const struct rollout_spec *spec, uint32_t count);
/* "replace", "rolling" */
const char *rollout_policy_name(enum rollout_policy policy);

#endif
