/* The root directory of enclosed processes: part of enclose.h. */
#ifndef SAMOZA_ADAPTER_SANDBOX_ENCLOSE_ROOT_H
#define SAMOZA_ADAPTER_SANDBOX_ENCLOSE_ROOT_H

#include "adapter/sandbox/enclose.h"

/* The directories of the system that can be seen, NULL at the end. */
extern const char *const enclose_system_directories[];

/* Builds it in a mount namespace of the caller's own and moves into it. 0, or -1 (errno) with
 * *ret_what saying at what. */
int enclose_root(struct enclosure *e, const char **ret_what);

/* In a process with a mount namespace of its own, which ends then: whether it can have what ENCLOSE_SECRETS is. 0, or -1 (errno). */
int enclose_root_try_secrets(void);

#endif
