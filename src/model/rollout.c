#include "model/rollout.h"

#include <stdlib.h>
#include <string.h>

#include "model/quantity.h"

static int read_duration(const char *key, const char *text, int64_t *ret_ms, struct error **err)
{
	uint64_t ms = 0;
	int r = duration_parse(text, &ms, err);
	if (r < 0)
		return error_wrap(err, "rollout.healthy.%s", key);
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

int rollout_spec_read(const Samoza__V1__Rollout *in, struct rollout_spec *ret_spec,
		      struct error **err)
{
	const Samoza__V1__Rollout none = SAMOZA__V1__ROLLOUT__INIT;
	const Samoza__V1__RolloutHealthy always = SAMOZA__V1__ROLLOUT_HEALTHY__INIT;
	if (in == NULL)
		in = &none;
	const Samoza__V1__RolloutHealthy *healthy = in->healthy != NULL ? in->healthy : &always;
	struct rollout_spec spec = {
		.policy = in->policy == SAMOZA__V1__ROLLOUT_POLICY__ROLLING ? ROLLOUT_ROLLING
									    : ROLLOUT_REPLACE,
		.pauses = in->on_failure == SAMOZA__V1__ROLLOUT_ON_FAILURE__PAUSE,
	};
	int r = read_batch(in->batch, &spec, err);
	if (r >= 0)
		r = read_duration("for", healthy->for_, &spec.healthy_for_ms, err);
	if (r >= 0)
		r = read_duration("within", healthy->within, &spec.healthy_within_ms, err);
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

const char *rollout_policy_name(enum rollout_policy policy)
{
	return policy == ROLLOUT_ROLLING ? "rolling" : "replace";
}
