/*
 * Steps about keys that sign packages: key, key_files, signers. A text stands for a key.
 */
#ifndef SAMOZA_ZSIM_SCENARIO_SIGNERS_H
#define SAMOZA_ZSIM_SCENARIO_SIGNERS_H

#include "zsim/scenario/step_run.h"

/* False: the step is another one. */
bool signers_do(struct step_run *run, const Samoza__V1__ScenarioStep *step);
/* The key has signed what is submitted; NULL: nobody has. */
void signers_sign(Samoza__V1__RevisionRecord *record, const char *key);

#endif
