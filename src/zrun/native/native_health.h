/*
 * The checks ready and health.
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_HEALTH_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_HEALTH_H

#include "zrun/native/native_state.h"

/* Reads the settings of a check. False with a text. */
bool native_probe_read(const struct native *n, const char *name, struct probe *p, char *text,
		       size_t size);
/* Asks, if it is time, and takes answers. PROBE_PENDING while there is no news. */
enum probe_result native_probe(struct native *n, struct probe *p);
/* When native_probe() is due again, monotonic; UINT64_MAX: there is no check. */
uint64_t native_probe_due_ms(const struct native *n, const struct probe *p);
void native_probe_stop(struct native *n, struct probe *p);

#endif
