/* Rollouts: the batches that they hand over, and what they leave when all is at rest. */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_ROLLOUTS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_ROLLOUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/record.pb-c.h"

struct fuzz;
struct submitted;

/* The application's record has come. */
void check_rollouts_take(struct fuzz *f, struct submitted *s,
			 const Samoza__V1__ApplicationRecord *record);
/* Of a commit, when its records are taken; before what it places is checked. */
void check_rollouts_begin(struct fuzz *f);
/* After each commit: of a rolling one at most a batch of one space is handed over. */
void check_rollouts_committed(struct fuzz *f);
/* Something that reaches a process of the unit differs between the two revisions, or its members do: it is handed over
 * as a whole. */
bool check_rollouts_differ(const struct submitted *s, const char *root, uint32_t from,
			   uint32_t to);
/* At rest: what can go on has gone on. */
void check_rollouts(struct fuzz *f);

#endif
