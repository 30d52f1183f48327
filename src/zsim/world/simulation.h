/*
 * Birth and end of a world, and its time.
 */
#ifndef SAMOZA_ZSIM_WORLD_SIMULATION_H
#define SAMOZA_ZSIM_WORLD_SIMULATION_H

#include <stdbool.h>
#include <stdint.h>

struct world;
struct world_options;

void world_init(struct world *w, const struct world_options *options);
void world_done(struct world *w);

/* Everything that happens at this instant. */
void world_drain(struct world *w);
/* The next thing that happens, if it is not after `until_ms`; false: nothing, and time stands
 * at until_ms. */
bool world_step(struct world *w, int64_t until_ms);
void world_advance(struct world *w, int64_t duration_ms);
/* Until *is_done, at most until `until_ms`, and while zrms lives. */
void world_run_until(struct world *w, const bool *is_done, int64_t until_ms);
/* Until nothing is in flight [scenario.meaning.settle]. False after an hour, with what is left;
 * the caller frees it. */
bool world_settle(struct world *w, char **ret_left);
/* What is in flight at this instant; NULL: nothing. The caller frees. */
char *world_in_flight(const struct world *w);

#endif
