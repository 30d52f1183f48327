/*
 * Wall clock times as people and RFC 3339 write them, in UTC. A pure function of the number: no
 * time zone, no library state.
 */
#ifndef SAMOZA_CORE_CONTROL_ISO8601_H
#define SAMOZA_CORE_CONTROL_ISO8601_H

#include <stdint.h>

/* "2026-04-29T10:30:00Z" from milliseconds since 1970. The caller frees. */
char *iso8601_text(int64_t wall_ms);

#endif
