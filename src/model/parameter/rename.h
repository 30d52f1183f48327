/*
 * Another name for a topology than that of its package (--name). Source: [workloads.values.name].
 */
#ifndef SAMOZA_MODEL_PARAMETER_RENAME_H
#define SAMOZA_MODEL_PARAMETER_RENAME_H

#include "base/diagnostics.h"
#include "proto/model.pb-c.h"

/* A finding, and no change, where it is no name. */
void topology_rename(Samoza__V1__Topology *t, const char *name, struct diagnostics *findings);

#endif
