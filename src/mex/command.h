/*
 * The commands of mex: one file each, with its descriptor at the end.
 */
#ifndef SAMOZA_MEX_COMMAND_H
#define SAMOZA_MEX_COMMAND_H

#include "adapter/cli/cli.h"

extern const struct cli_command command_new, command_keygen, command_validate, command_build,
	command_sign, command_verify, command_inspect, command_schema, command_explain;

#endif
