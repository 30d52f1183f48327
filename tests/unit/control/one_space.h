/* One zhost, n1, on link 1, and topologies of one space on it. */
#ifndef SAMOZA_TESTS_CONTROL_ONE_SPACE_H
#define SAMOZA_TESTS_CONTROL_ONE_SPACE_H

#include "fixture.h"

#define STARTED	  SAMOZA__V1__PHASE__PHASE_STARTED
#define DEPLOYED  SAMOZA__V1__PHASE__PHASE_DEPLOYED
#define STARTING  SAMOZA__V1__PHASE__PHASE_STARTING
#define ABSENT	  SAMOZA__V1__PHASE__PHASE_ABSENT
#define ONE_SPACE "- {name: web, type: CALL}\n"

void set_up(struct fixture *f);
void check_state(const struct fixture *f, const char *id, const char *expected);
void check_space(const struct fixture *f, const char *id, const char *path,
		 const char *expected);
void report(struct fixture *f, uint64_t link_id, const char *id, const char *path,
	    uint64_t epoch, Samoza__V1__Phase phase);
/* Submits one space, and reports it started on n1. Returns its epoch. */
uint64_t start_one(struct fixture *f, const char *id, const char *name, const char *spaces);

#endif
