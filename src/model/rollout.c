#include "model/rollout.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/quantity.h"

static int read_duration(const char *key, const char *text, int64_t *ret_ms, struct error **err)
{
	uint64_t ms = 0;
	int r = duration_parse(text, &ms, err);
	if (r < 0)
		return error_wrap(err, "rollout.%s", key);
	*ret_ms = (int64_t)ms;
	return 0;
}

static int read_batch(const char *text, struct rollout_spec *spec, struct error **err)
{
	spec->batch = (uint32_t)strtoul(text, NULL, 10);
	spec->batch_is_percent = strchr(text, '%') != NULL;
	if (spec->batch == 0 || (spec->batch_is_percent && spec->batch > 100))
		return error_set(err, ERR_INVALID,
				 "rollout.batch '%s': expected a number such as 2, or a "
				 "percentage from 1%% to 100%%",
				 text);
	return 0;
}

static int read_steps(const Samoza__V1__RolloutCanary *in, struct rollout_spec *spec,
		      struct error **err)
{
	static const uint32_t defaults[] = {10, 50};
	spec->step_count = in->n_steps > 0 ? (uint32_t)in->n_steps : ARRAY_SIZE(defaults);
	if (spec->step_count > ROLLOUT_STEPS_MAX)
		return error_set(err, ERR_INVALID,
				 "rollout.canary.steps: there are %u; expected at most %u",
				 spec->step_count, ROLLOUT_STEPS_MAX);
	memcpy(spec->steps, defaults, sizeof(defaults));
	for (uint32_t k = 0; k < in->n_steps; k++) {
		spec->steps[k] = (uint32_t)strtoul(in->steps[k], NULL, 10);
		if (spec->steps[k] == 0 || spec->steps[k] > 100)
			return error_set(
				err, ERR_INVALID,
				"rollout.canary.steps '%s': expected a percentage from "
				"1%% to 100%%",
				in->steps[k]);
		if (k > 0 && spec->steps[k] <= spec->steps[k - 1])
			return error_set(err, ERR_INVALID,
					 "rollout.canary.steps: '%s' follows '%s'; expected "
					 "shares that grow, such as 10%%, 50%%",
					 in->steps[k], in->steps[k - 1]);
	}
	return 0;
}

static int read_canary(const Samoza__V1__RolloutCanary *in, struct rollout_spec *spec,
		       struct error **err)
{
	const Samoza__V1__RolloutCanary none = SAMOZA__V1__ROLLOUT_CANARY__INIT;
	uint64_t ms = 0;
	if (in == NULL)
		in = &none;
	int r = read_steps(in, spec, err);
	spec->promotes = !str_equal(in->pause, "manual");
	if (r < 0 || !spec->promotes)
		return r;
	r = duration_parse(in->pause, &ms, err);
	if (r < 0)
		return error_wrap(err, "rollout.canary.pause");
	spec->promote_after_ms = (int64_t)ms;
	return 0;
}

static enum rollout_policy policy_of(Samoza__V1__RolloutPolicy policy)
{
	switch (policy) {
	case SAMOZA__V1__ROLLOUT_POLICY__ROLLING:
		return ROLLOUT_ROLLING;
	case SAMOZA__V1__ROLLOUT_POLICY__CANARY:
		return ROLLOUT_CANARY;
	case SAMOZA__V1__ROLLOUT_POLICY__BLUE_GREEN:
		return ROLLOUT_BLUE_GREEN;
	case SAMOZA__V1__ROLLOUT_POLICY__REPLACE:
	case _SAMOZA__V1__ROLLOUT_POLICY_IS_INT_SIZE:
		break;
	}
	return ROLLOUT_REPLACE;
}

int rollout_spec_read(const Samoza__V1__Rollout *in, struct rollout_spec *ret_spec,
		      struct error **err)
{
	const Samoza__V1__Rollout none = SAMOZA__V1__ROLLOUT__INIT;
	const Samoza__V1__RolloutHealthy always = SAMOZA__V1__ROLLOUT_HEALTHY__INIT;
	if (in == NULL)
		in = &none;
	const Samoza__V1__RolloutHealthy *healthy = in->healthy != NULL ? in->healthy : &always;
	struct rollout_spec spec = {
		.policy = policy_of(in->policy),
		.pauses = in->on_failure == SAMOZA__V1__ROLLOUT_ON_FAILURE__PAUSE,
	};
	int r = read_batch(in->batch, &spec, err);
	if (r >= 0)
		r = read_duration("healthy.for", healthy->for_, &spec.healthy_for_ms, err);
	if (r >= 0)
		r = read_duration("healthy.within", healthy->within, &spec.healthy_within_ms,
				  err);
	if (r >= 0)
		r = read_canary(in->canary, &spec, err);
	if (r >= 0)
		r = read_duration("keep", in->keep, &spec.keep_ms, err);
	if (r < 0)
		return r;
	if (spec.healthy_within_ms <= spec.healthy_for_ms)
		return error_set(err, ERR_INVALID,
				 "rollout.healthy: 'within' is %s, but an instance must be "
				 "healthy for %s; expected a longer time",
				 healthy->within, healthy->for_);
	*ret_spec = spec;
	return 0;
}

uint32_t rollout_spec_batch(const struct rollout_spec *spec, uint32_t count)
{
	uint64_t batch = spec->batch;
	if (spec->batch_is_percent)
		batch = (batch * count + 99) / 100;
	return batch < 1 ? 1 : batch > count ? count : (uint32_t)batch;
}

uint32_t rollout_spec_share(const struct rollout_spec *spec, uint32_t step, uint32_t count)
{
	if (step >= spec->step_count)
		return count;
	uint64_t share = ((uint64_t)spec->steps[step] * count + 99) / 100;
	return share < 1 ? 1 : (uint32_t)share;
}

const char *rollout_policy_name(enum rollout_policy policy)
{
	static const char *const names[] = {"replace", "rolling", "canary", "blue-green"};
	return names[policy];
}
