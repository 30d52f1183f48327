/*
 * What is wrong between two machines: a cut, or silence in one direction.
 */
#ifndef SAMOZA_ADAPTER_SIM_TROUBLES_H
#define SAMOZA_ADAPTER_SIM_TROUBLES_H

#include <stdbool.h>

struct sim_network;

bool net_is_silent(const struct sim_network *net, const char *from, const char *to);
bool net_is_cut(const struct sim_network *net, const char *from, const char *to);
/* Replaces what was wrong before from `from` to `to`. */
void trouble_add(struct sim_network *net, const char *from, const char *to, bool is_cut);
/* Does nothing if nothing is wrong. */
void trouble_remove(struct sim_network *net, const char *from, const char *to);

#endif
