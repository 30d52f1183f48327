/* The checks that zrms makes, for the commands of mex. */
#ifndef SAMOZA_MEX_CHECK_H
#define SAMOZA_MEX_CHECK_H

#include "adapter/archive/package.h"

/* Options with the check of modules and without a trusted key. */
struct mex_options check_options(void);

/* Opens an archive, or a source directory when `path` is one; findings of a directory begin
 * with its name. */
must_check int check_open(const char *path, struct mex_options *options,
			  struct diagnostics *findings, struct mex_package **ret_package,
			  struct error **err);

#endif
