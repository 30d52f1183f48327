/*
 * zrms check: looks at the directory of a zrms that does not run, and changes nothing.
 */
#ifndef SAMOZA_ZRMS_CHECK_H
#define SAMOZA_ZRMS_CHECK_H

#include "adapter/cli/cli.h"

/* Its context is the struct settings. */
extern const struct cli_command check_command;

struct check_result {
	uint64_t findings;
	uint64_t secrets; /* that the store has, sealed */
};

/* What the command does: prints what is damaged or missing in the store of the directory `store`, and of the
 * artifacts that it needs in `dir`, and then what there is. */
int check_directory(const char *dir, const char *store, struct check_result *ret_result,
		    struct error **err) must_check;
/* Prints what is to be done where there are secrets, and the keys of them are not in `dir`. `kept`: a directory of zrms from which
 * they may be copied; NULL: none is known. */
void check_say_secrets(const struct check_result *result, const char *dir, const char *kept);

#endif
