/*
 * How often somebody was refused within an hour: by address who shows tokens that are not known, by name who asks
 * for what it may not. The table is bounded: who was refused longest ago is forgotten first.
 *
 *   refused ──► count ──┬──► how long the answer waits: 100 ms from the 4th on, doubled up to 5 s
 *                       └──► whether it is written down: the first 100, then the 128th, 256th, 512th …
 *
 * Source: [machines.people.guess].
 */
#ifndef SAMOZA_ZRMS_ATTEMPTS_H
#define SAMOZA_ZRMS_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>

#define ATTEMPTS_KEPT 1024
#define ATTEMPTS_TOLD 100 /* each of the first ones */

struct attempts {
	struct attempt *by_key;
};

void attempts_done(struct attempts *all);
/* Counts one; returns how many that are within the hour. */
uint32_t attempts_add(struct attempts *all, const char *key, int64_t mono_ms);
/* Of one that has this count. */
int64_t attempt_delay_ms(uint32_t count);
bool attempt_is_told(uint32_t count);

#endif
