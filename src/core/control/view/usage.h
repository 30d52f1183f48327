/*
 * What each zhost offers, has reserved for instances, and uses, for who keeps it over time (zrms/usage_series.h).
 */
#ifndef SAMOZA_CORE_CONTROL_USAGE_H
#define SAMOZA_CORE_CONTROL_USAGE_H

#include "core/control/control.h"

struct zhost_usage {
	const char *name;			    /* borrowed */
	bool is_heard;				    /* false: what it uses is not known */
	uint64_t cpu_total, cpu_reserved, cpu_used; /* millicores */
	uint64_t memory_total, memory_reserved, memory_used; /* bytes */
};

/* Of all that are in the cluster, in the order in which they came. */
void control_zhost_usages(const struct control *control,
			  void (*fn)(void *user, const struct zhost_usage *usage), void *user);

#endif
