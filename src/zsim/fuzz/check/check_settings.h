/*
 * What each process has as `env`, against what it would get now.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_SETTINGS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_SETTINGS_H

#include "proto/record.pb-c.h"
#include "proto/view.pb-c.h"

struct agent_order;
struct fuzz;
struct mirrored;
struct submitted;

/* [workloads.configuration.missing] A new copy of a reload has a value of all of which the one that runs has one. Counts that
 * one takes other values while it runs. */
void check_settings_action(struct fuzz *f, const struct agent_order *order);

/* From now on nothing changes but what follows from what there is: no unit is handed over for new values without end. */
void check_settings_alone(struct fuzz *f);
/* The record of a slot has come; `before`: the one that it takes the place of, or NULL. */
void check_settings_slot(struct fuzz *f, struct mirrored *m,
			 const Samoza__V1__SlotRecord *before);

/* [workloads.configuration.reload] When all is idle: a process has the values of now, or there is a reason that is shown. */
void check_settings(struct fuzz *f, const struct submitted *s,
		    const Samoza__V1__SpaceView *const *views);

#endif
