/*
 * Steps that do.
 */
#ifndef SAMOZA_ZSIM_SCENARIO_STEPS_H
#define SAMOZA_ZSIM_SCENARIO_STEPS_H

#include "zsim/scenario/step_run.h"

void step_do(struct step_run *run, const Samoza__V1__ScenarioStep *step);
/* What it does, for people. The caller frees. */
char *step_text(const Samoza__V1__ScenarioStep *step);

#endif
