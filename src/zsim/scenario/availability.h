/*
 * How long spaces were served by no copy.
 *
 * A slot is served while its last published state is deployed-started, and the process of the copy that
 * serves lives; also while zrms is down. A space is served while one of its slots is.
 */
#ifndef SAMOZA_ZSIM_SCENARIO_AVAILABILITY_H
#define SAMOZA_ZSIM_SCENARIO_AVAILABILITY_H

#include <stdint.h>

#include "proto/scenario.pb-c.h"

struct world;

/* The names that steps `away` of the scenario ask for, watched from now on. */
struct availability *availability_new(const Samoza__V1__Scenario *scenario, struct world *w);
void availability_free(struct availability *a);
/* After every step of the world. */
void availability_follow(struct availability *a);
/* The longest time at one stretch since the last call for that name. PRE: a step names it. */
int64_t availability_take_ms(struct availability *a, const char *name);

#endif
