/*
 * Secrets that spaces name, and that are set, removed and sealed with another key meanwhile.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_SECRETS_H
#define SAMOZA_ZSIM_FUZZ_DRAW_SECRETS_H

#include "proto/model.pb-c.h"

struct fuzz;

/* Some of its spaces name some. */
void draw_secret_uses(struct fuzz *f, Samoza__V1__Topology *t);
/* One more step of a life. */
void draw_secrets(struct fuzz *f);
/* Faults end: what is missing is set, so that everything can start. PRE: zrms runs. */
void draw_secrets_end(struct fuzz *f);

#endif
