#include "model/space_defaults.h"

#include <stddef.h>

#include "base/check.h"
#include "model/quantity.h"
#include "proto/model.pb-c.h"

static uint32_t milliseconds(const char *text)
{
	uint64_t ms = 0;
	int r = duration_parse(text, &ms, NULL);

	INVARIANT(r == 0 && ms <= UINT32_MAX); /* the schema's own text */
	return (uint32_t)ms;
}

struct space_defaults space_defaults(void)
{
	const Samoza__V1__Resources resources = SAMOZA__V1__RESOURCES__INIT;
	const Samoza__V1__Restart restart = SAMOZA__V1__RESTART__INIT;
	const Samoza__V1__Logs logs = SAMOZA__V1__LOGS__INIT;
	const Samoza__V1__Stop stop = SAMOZA__V1__STOP__INIT;
	const Samoza__V1__Recipes recipes = SAMOZA__V1__RECIPES__INIT;
	const Samoza__V1__HealthProbe health = SAMOZA__V1__HEALTH_PROBE__INIT;
	struct space_defaults d = {
		.restart_attempts = restart.attempts,
		.restart_window_ms = milliseconds(restart.window),
		.stop_grace_ms = milliseconds(stop.grace),
		.action_timeout_ms = milliseconds(recipes.timeout),
		.probe_interval_ms = milliseconds(health.interval),
		.probe_timeout_ms = milliseconds(health.timeout),
		.probe_failures = health.failures,
		.log_keep_ms = milliseconds(logs.keep),
	};
	int r = cpu_parse(resources.cpu, &d.cpu_millicores, NULL);

	INVARIANT(r == 0);
	r = memory_parse(resources.memory, &d.memory_bytes, NULL);
	INVARIANT(r == 0);
	r = memory_parse(resources.data, &d.data_bytes, NULL);
	INVARIANT(r == 0);
	r = memory_parse(logs.size, &d.log_bytes, NULL);
	INVARIANT(r == 0);
	r = memory_parse(logs.rate, &d.log_rate, NULL);
	INVARIANT(r == 0);
	return d;
}
