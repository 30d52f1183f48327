/*
 * A private temporary directory, deleted with its files when it is no longer needed.
 */
#ifndef SAMOZA_MEX_SCRATCH_H
#define SAMOZA_MEX_SCRATCH_H

#include "base/error.h"

/* Below $TMPDIR or /tmp, mode 0700. Free it with scratch_free(). */
int scratch_new(char **ret_directory, struct error **err) must_check;
/* Deletes the directory and the files (not directories) in it. NULL is allowed. */
void scratch_free(char *directory);
/* For CLEANUP(scratch_freep) char *directory = NULL; */
void scratch_freep(char **directory);

#endif
