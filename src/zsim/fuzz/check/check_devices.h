/*
 * No device is given to two instances that may run at once [topology.placement.rule-6]: what a process is started with, no
 * other one on its machine has, be it a device by its number or an exclusive capability.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_DEVICES_H
#define SAMOZA_ZSIM_FUZZ_CHECK_DEVICES_H

#include "zsim/world/hooks.h"

struct fuzz;

/* An action begins. */
void check_devices(struct fuzz *f, const struct sim_machine *n,
		   const struct agent_order *order);

#endif
