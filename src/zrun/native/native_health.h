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

/* Before anything of the instance runs: whether another program listens on the port that `ready` or
 * `health` asks. */
void native_port_look(struct native *n);
/* "; port 8080 is in use by python3 (process 1234)" as long as that program listens on it, or "". */
const char *native_port_text(const struct native *n);

#endif
