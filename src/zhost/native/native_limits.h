/*
 * By what NATIVE spaces are held to their `resources` on this machine, for HELLO: tried once, by making a control
 * group as zrun makes them (adapter/sandbox/cgroup.h) and removing it; and by what zrms is closed to them (connects_probe.h).
 */
#ifndef SAMOZA_ZHOST_NATIVE_NATIVE_LIMITS_H
#define SAMOZA_ZHOST_NATIVE_NATIVE_LIMITS_H

#include "adapter/sandbox/cgroup.h"
#include "proto/wire.pb-c.h"

struct native_limits {
	struct cgroup group;
	Samoza__V1__Limits message; /* its texts are of `group`, or constant */
};

/* The log says it, too. */
void native_limits_probe(struct native_limits *limits);

#endif
