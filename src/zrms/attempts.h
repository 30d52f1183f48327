/*
 * How often somebody was refused within an hour: by origin who shows tokens that are not known, by name who asks
 * for what it may not. The table is bounded: who was refused longest ago is forgotten first.
 *
 *   refused ──► count ──┬──► how long the answer waits: 100 ms from the 4th on, doubled up to 5 s
 *                       └──► whether it is written down: the first 100, then the 128th, 256th, 512th …
 *
 * An origin is what one machine can have many addresses of. Who has many of these is still a stranger: of all
 * strangers together the first 1,000 are written down, and then powers of two.
 *
 * Source: [machines.people.guess].
 */
#ifndef SAMOZA_ZRMS_ATTEMPTS_H
#define SAMOZA_ZRMS_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>

#define ATTEMPTS_KEPT		1024
#define ATTEMPTS_TOLD		100  /* each of the first ones */
#define ATTEMPTS_TOLD_STRANGERS 1000 /* of all of them together */

struct attempts {
	struct attempt *by_key;
};

void attempts_done(struct attempts *all);
/* Counts one; returns how many that are within the hour. */
uint32_t attempts_add(struct attempts *all, const char *key, int64_t mono_ms);
/* Of one that has this count. */
int64_t attempt_delay_ms(uint32_t count);
/* `first`: so many are told, each. */
bool attempt_is_told(uint32_t count, uint32_t first);
/* "loopback" of 127.0.0.0/8 and ::1, "2001:db8:0:1::/64" of an address of IPv6, others as they are. NULL is fine.
 * The caller frees. */
char *attempt_origin(const char *address);

#endif
