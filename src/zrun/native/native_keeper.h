/*
 * The keeper: its start, its end.
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_KEEPER_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_KEEPER_H

#include "zrun/native/native_state.h"

/* Forks the keeper and waits until it stands. False with a text. */
bool native_enclose(struct native *n, char *text, size_t size);
/* Kills all that the keeper has, waits for it, and ends the keeper. */
void native_end_all(struct native *n);

#endif
