/*
 * Nothing is deployed or started that nobody asks for.
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_ASKED_H
#define SAMOZA_ZSIM_FUZZ_CHECK_ASKED_H

#include "proto/record.pb-c.h"

struct agent_order;
struct fuzz;
struct sim_machine;

/* The record of a slot changes; NULL: there was none. A goal becomes higher only by a request, also where its
 * process finishes at that moment. */
void check_goal(struct fuzz *f, const Samoza__V1__SlotRecord *before,
		const Samoza__V1__SlotRecord *now);
/* An action begins. */
void check_asked(struct fuzz *f, const struct sim_machine *n, const struct agent_order *order);

#endif
