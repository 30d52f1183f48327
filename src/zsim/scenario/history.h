/*
 * What instances went through, out of the committed events.
 */
#ifndef SAMOZA_ZSIM_SCENARIO_HISTORY_H
#define SAMOZA_ZSIM_SCENARIO_HISTORY_H

#include <stdint.h>

struct world;

struct history;
struct history *history_new(void);
void history_free(struct history *h);
/* Takes the events that are new since the last call. */
void history_follow(struct history *h, const struct world *w);
/* States since the last trace, separated by ", ", and begins the next trace. `now` is its
 * state, for one that never moved. The caller frees. */
char *history_trace(struct history *h, const char *topology, const char *path, const char *now);
/* When it last reached deployed-started, as the number of the event; 0: never. */
uint64_t history_started(const struct history *h, const char *topology, const char *path);
/* How many units were handed over since the last call: a successor was begun. */
uint32_t history_take_moves(struct history *h);

#endif
