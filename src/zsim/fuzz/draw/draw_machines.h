/*
 * Machines that a driver makes, and the driver's faults.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_MACHINES_H
#define SAMOZA_ZSIM_FUZZ_DRAW_MACHINES_H

#include <stdbool.h>
#include <stdint.h>

#include "zsim/world/driver.h"

struct fuzz;

/* After each step: something of it, in lives that draw it. */
void draw_machines(struct fuzz *f);
/* Faults have ended: what could not be destroyed is destroyed. */
void draw_machines_calm(struct fuzz *f);
/* For world_hooks. */
enum driver_fault draw_machines_fault(void *user, const struct driver_call *call);
int64_t draw_machines_time(void *user);
Samoza__V1__ZhostSpec *draw_machines_spec(void *user);
bool draw_machines_acts(void *user);

#endif
