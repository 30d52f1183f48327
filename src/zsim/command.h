/*
 * The commands of zsim: one file each, with its descriptor; the table is in main.c.
 */
#ifndef SAMOZA_ZSIM_COMMAND_H
#define SAMOZA_ZSIM_COMMAND_H

#include "adapter/cli/cli.h"

extern const struct cli_command run_command, place_command, fuzz_command, replay_command;

#endif
