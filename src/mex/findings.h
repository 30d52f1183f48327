/*
 * How a command of mex ends when a package has findings.
 */
#ifndef SAMOZA_MEX_FINDINGS_H
#define SAMOZA_MEX_FINDINGS_H

#include "adapter/cli/cli.h"
#include "base/diagnostics.h"
#include "base/error.h"

/* Prints all findings, or `err` if there are none. Findings without a position begin with
 * "FILE: ". Frees both; returns CLI_FAILED. */
int findings_fail(const struct cli_program *program, const char *file,
		  struct diagnostics *findings, struct error *err);

#endif
