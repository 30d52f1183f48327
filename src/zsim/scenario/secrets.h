/*
 * Steps about secrets: secret, secrets. What is sealed is any bytes: the core never looks at them.
 */
#ifndef SAMOZA_ZSIM_SCENARIO_SECRETS_H
#define SAMOZA_ZSIM_SCENARIO_SECRETS_H

#include "zsim/scenario/step_run.h"

/* False: the step is another one. */
bool secrets_do(struct step_run *run, const Samoza__V1__ScenarioStep *step);

#endif
