/*
 * `topo rm --data` and `storage: local`: the data is on zhosts, and some of them may be away. What
 * they are to delete is a list of topology names, each with an epoch drawn as for a placement:
 * whatever was placed under the name since has a later one, and is not meant.
 *
 *     remove ──► record, FORGET to every link ──► zhost deletes ──► FORGOTTEN: its record
 *                        ▲                                              │
 *     hello ─────────────┘ what it has not acknowledged      all have: the name is dropped
 *
 * A zhost that is removed from the cluster is waited for no longer: what it holds goes with it.
 *
 * Source: [topology.data].
 */
#ifndef SAMOZA_CORE_CONTROL_FORGET_H
#define SAMOZA_CORE_CONTROL_FORGET_H

#include <stdint.h>

#include "proto/record.pb-c.h"

struct control;
struct control_zhost;

/* The local data of that topology name is to be deleted everywhere. */
void forget_data(struct control *c, const char *name);
/* It has a new link: it is sent what it has not deleted yet, before anything else is asked. */
void forget_send(struct control *c, struct control_zhost *z);
/* It has deleted everything up to that epoch. */
void forget_acknowledged(struct control *c, uint64_t link_id, uint64_t epoch);
/* Drops what every zhost has deleted. */
void forget_trim(struct control *c);
void forget_load(struct control *c, const Samoza__V1__ForgottenRecord *record);
void forget_done(struct control *c);

#endif
