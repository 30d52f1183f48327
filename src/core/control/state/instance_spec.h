/*
 * The specification of an instance as its zhost gets it: what does not change while a placement
 * lasts.
 */
#ifndef SAMOZA_CORE_CONTROL_INSTANCE_SPEC_H
#define SAMOZA_CORE_CONTROL_INSTANCE_SPEC_H

#include "core/control/state/application.h"
#include "proto/wire.pb-c.h"

/* The caller's. */
Samoza__V1__InstanceSpec *instance_spec_new(const struct copy *copy);

#endif
