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

/* The last check of zrms: translates every module, into a cache that is deleted afterwards.
 * Modules that are refused are findings, named with `prefix` before their paths. */
must_check int check_translation(struct mex_package *p, const char *prefix,
				 struct diagnostics *findings, struct error **err);

/* A note on standard output that names the parameters which each submission has to set. */
void print_unset(const struct parameters *p);

#endif
