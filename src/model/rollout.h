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

enum rollout_policy {
	ROLLOUT_REPLACE,
	ROLLOUT_ROLLING,
	ROLLOUT_CANARY,
	ROLLOUT_BLUE_GREEN,
};

#define ROLLOUT_STEPS_MAX 16

struct rollout_spec {
	enum rollout_policy policy;
	uint32_t batch; /* instances of one space at a time, or per cent of them */
	bool batch_is_percent;
	int64_t healthy_for_ms, healthy_within_ms;
	bool pauses;			   /* when it fails; else it goes back */
	uint32_t steps[ROLLOUT_STEPS_MAX]; /* canary: per cent, growing */
	uint32_t step_count;
	bool promotes;		  /* canary: by itself */
	int64_t promote_after_ms; /* then: when everything stayed healthy for this long */
	int64_t keep_ms;	  /* blue-green: the former set stays for this long */
};

/* NULL: the defaults. */
int rollout_spec_read(const Samoza__V1__Rollout *in, struct rollout_spec *ret_spec,
		      struct error **err) must_check;
/* How many of `count` instances may change at a time: at least one. */
uint32_t rollout_spec_batch(const struct rollout_spec *spec, uint32_t count);
/* Canary: how many of `count` instances are in the new version after that step (from 0): at least one; all,
 * after the last. */
uint32_t rollout_spec_share(const struct rollout_spec *spec, uint32_t step, uint32_t count);
/* "replace", "rolling", "canary", "blue-green" */
const char *rollout_policy_name(enum rollout_policy policy);

#endif
