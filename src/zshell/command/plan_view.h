/*
 * Shows a plan: `topo plan`, `cluster drain --plan`, `cluster rebalance --plan`.
 */
#ifndef SAMOZA_ZSHELL_COMMAND_PLAN_VIEW_H
#define SAMOZA_ZSHELL_COMMAND_PLAN_VIEW_H

#include "adapter/output/output.h"
#include "proto/view.pb-c.h"

/* There is something to do [change.rollout.cmd-plan]. */
#define EXIT_CHANGES 10

/* Prints it, and returns the exit status: EXIT_CHANGES or CLI_DONE. */
int plan_show(const struct output *o, const Samoza__V1__PlanView *plan);

#endif
