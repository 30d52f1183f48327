/*
 * What an event does when its time has come.
 */
#ifndef SAMOZA_ZSIM_WORLD_DISPATCH_H
#define SAMOZA_ZSIM_WORLD_DISPATCH_H

struct sim_event;
struct world;

/* Takes the event over. */
void world_dispatch(struct world *w, struct sim_event *h);

#endif
