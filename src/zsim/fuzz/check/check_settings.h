/*
 * What each process has as `env`, against what it would get now.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_SETTINGS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_SETTINGS_H

#include "proto/view.pb-c.h"

struct agent_order;
struct fuzz;
struct submitted;

/* Counts that one takes other values while it runs, or in the place of another. */
void check_settings_action(struct fuzz *f, const struct agent_order *order);

/* [workloads.configuration.reload] When all is idle: a process has the values of now, or there is a reason that is shown. */
void check_settings(struct fuzz *f, const struct submitted *s,
		    const Samoza__V1__SpaceView *const *views);

#endif
