/*
 * Steps about machines that drivers make [machines.drivers]: machine, driver.
 */
#ifndef SAMOZA_ZSIM_SCENARIO_MACHINES_H
#define SAMOZA_ZSIM_SCENARIO_MACHINES_H

#include <stdbool.h>

#include "proto/scenario.pb-c.h"

struct scenario;
struct step_run;

/* Whether a file has such a step: only then zrms has a driver. */
bool machines_are_made(const Samoza__V1__Scenario *scenario);
/* False: the step is none of these. */
bool machines_do(struct step_run *run, const Samoza__V1__ScenarioStep *step);

#endif
