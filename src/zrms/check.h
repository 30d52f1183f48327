/*
 * zrms check: looks at the directory of a zrms that does not run, and changes nothing.
 */
#ifndef SAMOZA_ZRMS_CHECK_H
#define SAMOZA_ZRMS_CHECK_H

#include "adapter/cli/cli.h"

/* Its context is the struct settings. */
extern const struct cli_command check_command;

/* What the command does: prints what is damaged or missing in the store of the directory `store`, and of the
 * artifacts that it needs in `dir`, and then what there is. */
int check_directory(const char *dir, const char *store, uint64_t *ret_findings,
		    struct error **err) must_check;

#endif
