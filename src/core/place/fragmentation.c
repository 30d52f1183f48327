/*
 * Fragmentation of devices: free devices that nobody can use are as good as taken.
 */
#include "core/place/engine.h"

/* Shares are put on devices that have some already; a unit without devices takes cpu and memory
 * away from devices that are free beside them. */
int32_t fragmentation_of(const struct place *p, const struct demand *d, const struct zhost *z)
{
	int64_t free = 0;
	for (uint32_t i = 0; i < z->slot_count; i++)
		free += z->slots[i].free;
	if (d->ask_count == 0) {
		double cpu = z->cpu_free > 0 ? (double)d->cpu / (double)z->cpu_free : 0;
		double memory =
			z->memory_free > 0 ? (double)d->memory / (double)z->memory_free : 0;
		return (int32_t)((double)free * (cpu > memory ? cpu : memory));
	}
	int32_t grown = 0;
	for (uint32_t i = 0; i < d->ask_count; i++) {
		const struct ask *a = &d->asks[i];
		if (a->milli == (int32_t)DEVICE_WHOLE)
			continue;
		bool partial = false;
		for (uint32_t k = 0; k < z->slot_count; k++) {
			const struct slot *s = &z->slots[k];
			partial |= s->free < (int32_t)DEVICE_WHOLE && s->free >= a->milli &&
				   ask_accepts(a, s);
		}
		grown += partial ? -a->milli : (int32_t)DEVICE_WHOLE - a->milli;
	}
	return grown;
}
