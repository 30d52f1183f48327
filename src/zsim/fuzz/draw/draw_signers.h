/*
 * Keys that sign packages: added, removed, limited, found in files; and who has signed what is submitted.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_SIGNERS_H
#define SAMOZA_ZSIM_FUZZ_DRAW_SIGNERS_H

#include "proto/record.pb-c.h"

struct fuzz;

/* After each step: something of it, in lives that draw it. */
void draw_signers(struct fuzz *f);
/* Who has signed what is to be submitted, as a copy in the record; in other lives nobody. */
void draw_signer(struct fuzz *f, Samoza__V1__RevisionRecord *record);

#endif
