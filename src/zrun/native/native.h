/*
 * The kind of NATIVE spaces.
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_H

#include "zrun/runner/runner.h"

extern const struct runner_kind runner_kind_native;

#endif
