/*
 * Artifacts (port/artifact.h) in memory, for tests.
 */
#ifndef SAMOZA_ADAPTER_ARTIFACT_MEMORY_H
#define SAMOZA_ADAPTER_ARTIFACT_MEMORY_H

#include "port/artifact.h"

struct artifact_store *artifact_memory_new(void);

#endif
