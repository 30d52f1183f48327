/*
 * What holds where a topology leaves a field of a space out: the defaults of proto/model.proto, as
 * numbers. Fields whose type is a number have theirs in the message already.
 */
#ifndef SAMOZA_MODEL_SPACE_DEFAULTS_H
#define SAMOZA_MODEL_SPACE_DEFAULTS_H

#include <stdint.h>

struct space_defaults {
	uint32_t cpu_millicores;
	uint64_t memory_bytes, data_bytes;
	uint64_t log_bytes, log_keep_ms, log_rate;
	uint32_t restart_attempts, restart_window_ms;
	uint32_t stop_grace_ms;
	uint32_t action_timeout_ms; /* of a recipe */
	uint32_t probe_interval_ms, probe_timeout_ms, probe_failures;
};

struct space_defaults space_defaults(void);

#endif
