/*
 * Two or three zrms on one store, of which one leads: those that are paused, cut off from the store, killed, or
 * give their place away; and what must hold of it (members.h, controller.h of the world).
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_LEADERS_H
#define SAMOZA_ZSIM_FUZZ_DRAW_LEADERS_H

#include <stdbool.h>
#include <stdint.h>

struct fuzz;
struct outbox;
struct world_hooks;

void leaders_hooks(struct fuzz *f, struct world_hooks *hooks);
/* In lives without several: starts it. Else all start that do not run, and time passes until one leads. */
void leaders_start_zrms(struct fuzz *f);
void draw_leaders(struct fuzz *f);
/* Since `since_ms` one was off the store, maybe the one that leads: what it is asked has no answer for so long. */
bool leaders_were_cut(const struct fuzz *f, int64_t since_ms);
void leaders_calm(struct fuzz *f);
/* No event is missing or doubled, also across changes of the leader. */
void leaders_committed(struct fuzz *f, const struct outbox *o);

#endif
