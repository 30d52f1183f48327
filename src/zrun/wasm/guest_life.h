/*
 * The kind of spaces that are WebAssembly.
 */
#ifndef SAMOZA_ZRUN_WASM_GUEST_LIFE_H
#define SAMOZA_ZRUN_WASM_GUEST_LIFE_H

#include "zrun/runner/runner.h"

extern const struct runner_kind runner_kind_wasm;

#endif
