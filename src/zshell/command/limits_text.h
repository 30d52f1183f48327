/* By what spaces are held to their resources, in words. */
#ifndef SAMOZA_ZSHELL_COMMAND_LIMITS_TEXT_H
#define SAMOZA_ZSHELL_COMMAND_LIMITS_TEXT_H

#include <stddef.h>

#include "proto/view.pb-c.h"

/* "memory by control group (version 2); cpu by nice value; not enforced: cpu_limit (no control group for cpu: …)";
 * the caller frees. NULL: nothing is known. */
char *limits_text(Samoza__V1__LimitView *const *limits, size_t count);

#endif
