/*
 * The gate of a copy's target: what its zhost is asked for. Whatever changes it sends it, so that what
 * zrms wants and what it has sent cannot differ: a zhost that works toward another target than zrms
 * waits for never reports what zrms waits for.
 */
#ifndef SAMOZA_CORE_CONTROL_TARGET_H
#define SAMOZA_CORE_CONTROL_TARGET_H

#include "core/control/state/application.h"
#include "core/lifecycle/lifecycle.h"

/* Its zhost is asked for that under a new generation, with the next set, even if it is the same. */
void copy_order(struct copy *copy, enum instance_target target);
/* The same, unless that is what it is asked for. */
void copy_want(struct copy *copy, enum instance_target target);
/* Its zhost is back and has it in that phase. If it was lost meanwhile, it had been asked for that, and
 * the full set says so again, under the same generation: a space that finishes at this moment does not
 * start again. Else as copy_want(). */
void copy_take_up(struct copy *copy, enum instance_target target);
/* It is lost: nothing is sent until its zhost is back. */
void copy_lose_target(struct copy *copy);

#endif
