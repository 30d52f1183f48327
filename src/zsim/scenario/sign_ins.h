/*
 * Steps about people who sign in: user, code, sign_in, sign_out, sessions, codes. A text stands for a token, a code or
 * a session.
 */
#ifndef SAMOZA_ZSIM_SCENARIO_SIGN_INS_H
#define SAMOZA_ZSIM_SCENARIO_SIGN_INS_H

#include "zsim/scenario/step_run.h"

/* False: the step is another one. */
bool sign_ins_do(struct step_run *run, const Samoza__V1__ScenarioStep *step);
/* What it does, for people; the caller frees. NULL: the step is another one. */
char *sign_ins_text(const Samoza__V1__ScenarioStep *step);

#endif
