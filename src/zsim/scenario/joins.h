/*
 * Steps about tokens, joining and keys: token, join, renew, admits, authority, authorities. A text stands for a key or a secret.
 */
#ifndef SAMOZA_ZSIM_SCENARIO_JOINS_H
#define SAMOZA_ZSIM_SCENARIO_JOINS_H

#include "zsim/scenario/step_run.h"

/* False: the step is another one. */
bool joins_do(struct step_run *run, const Samoza__V1__ScenarioStep *step);

#endif
