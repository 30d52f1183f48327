/*
 * Which moves there are, by the names of states.
 */
#ifndef SAMOZA_ZSIM_FUZZ_LEGAL_H
#define SAMOZA_ZSIM_FUZZ_LEGAL_H

#include <stdbool.h>

/* `adopts`: a zhost has just returned. */
bool legal_move(const char *from, const char *to, bool adopts);
bool legal_zhost_move(const char *from, const char *to);

#endif
