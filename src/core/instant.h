/*
 * Time as the core knows it: an argument, never a call.
 */
#ifndef SAMOZA_CORE_INSTANT_H
#define SAMOZA_CORE_INSTANT_H

#include <stdint.h>

struct instant {
	int64_t mono_ms; /* monotonic, and runs while the machine sleeps: for durations, deadlines and
			    leases; its zero is arbitrary */
	int64_t wall_ms; /* since 1970: for people and for what survives a restart */
};

#define NEVER_MS INT64_MAX

#endif
