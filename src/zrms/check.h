/*
 * zrms check: looks at the directory of a zrms that does not run, and changes nothing.
 */
#ifndef SAMOZA_ZRMS_CHECK_H
#define SAMOZA_ZRMS_CHECK_H

#include "adapter/cli/cli.h"

/* Its context is the struct settings. */
extern const struct cli_command check_command;

#endif
