/*
 * Steps that look.
 */
#ifndef SAMOZA_ZSIM_SCENARIO_EXPECT_H
#define SAMOZA_ZSIM_SCENARIO_EXPECT_H

#include "zsim/scenario/step_run.h"

void expect_states(struct step_run *run, const Samoza__V1__ExpectStep *step);
void expect_trace(struct step_run *run, const Samoza__V1__ScenarioStep *step);
void expect_order(struct step_run *run, const Samoza__V1__ScenarioStep *step);
void expect_reason(struct step_run *run, const Samoza__V1__ReasonStep *step);
void expect_live(struct step_run *run, const Samoza__V1__ScenarioStep *step);
void expect_knows(struct step_run *run, const Samoza__V1__ScenarioStep *step);
void expect_env(struct step_run *run, const Samoza__V1__ScenarioStep *step);
void expect_away(struct step_run *run, const Samoza__V1__ScenarioStep *step);
void expect_moves(struct step_run *run, uint32_t expected);

#endif
