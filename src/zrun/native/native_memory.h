/*
 * Whether the instance ran out of memory: its control group counts what the kernel killed at the limit.
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_MEMORY_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_MEMORY_H

#include "zrun/native/native_state.h"

/* Says in the log what was killed since the last look. */
void native_memory_look(struct native *n);
/* ": out of memory, its limit is 48 MiB (resources.memory)" where that was just now, or "". For
 * messages about an end. */
const char *native_memory_text(struct native *n);

#endif
