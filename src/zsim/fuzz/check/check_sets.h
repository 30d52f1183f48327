/*
 * Blue-green rollouts: nothing takes over before everything does, and what is kept gets nothing of what serves.
 * [change.rollout.blue-green]
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_SETS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_SETS_H

#include <stdbool.h>

#include "proto/record.pb-c.h"

struct fuzz;
struct submitted;

/* The application's record has come; before it is taken over. */
void check_sets_take(struct fuzz *f, struct submitted *s,
		     const Samoza__V1__ApplicationRecord *record);
/* After each commit. */
void check_sets_committed(struct fuzz *f);
/* At rest: what is apart imports from what is apart, where that is there. */
void check_sets_imports(struct fuzz *f);
/* One more instance of a space that a blue-green rollout changes: it is placed at the switch. */
bool check_sets_joins_later(const struct fuzz *f, const Samoza__V1__SlotRecord *r);
/* The instance is part of what is kept. */
bool check_sets_keeps(const struct submitted *s, const char *path);
/* The copy stands beside the one that serves, has a process, and zhosts know of it. */
bool check_sets_runs_beside(const Samoza__V1__CopyRecord *r);

#endif
