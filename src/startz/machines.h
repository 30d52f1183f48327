/*
 * Machines of a cluster that are all on this one: `startz up --machines N`. Each zhost has a network of its
 * own (adapter/netns), reaches zrms over TLS, and has joined with a token: what three real machines do.
 *
 *      this machine                              SZ-edge-node-1      10.a.b.1
 *        zrms  127.0.0.1:7331  REST, plain         zhost ── TLS ──┐
 *              10.a.b.254:7331 TLS ◄──────────────────────────────┤
 *                                                SZ-edge-node-2   │
 *                                                  zhost ── TLS ──┘
 *
 * A member's `machine` is its number there. Source: [machines.operation.startz].
 */
#ifndef SAMOZA_STARTZ_MACHINES_H
#define SAMOZA_STARTZ_MACHINES_H

#include <stdbool.h>

#include "startz/state.h"

bool machines_are_used(const struct state *s);
/* Gives the zhost of that name a machine, if it has none. ERR_CONFLICT: it is there without one. */
int machines_assign(struct state *s, const char *name, struct error **err) must_check;
/* Makes the network and every machine that is missing. PRE: machines are used. */
int machines_make(const struct state *s, struct error **err) must_check;
/* Removes them, where there are any. */
int machines_remove(const struct state *s, struct error **err) must_check;

/* The network namespace of `m`; NULL: it has no machine. The caller frees. */
char *machines_network(const struct state *s, const struct member *m);
/* Where zrms listens for machines, with the port of `local` ("127.0.0.1:7331"). The caller frees. */
char *machines_listen(const struct state *s, const char *local);

/* `zrms init`, unless that was done. */
int machines_init(const struct state *s, const char *programs, const char *listen,
		  struct error **err) must_check;
/* "ZHOST_JOIN=TOKEN" for the first start of `m`, with a token made at `url`; *ret_variable NULL: it has joined.
 * The caller frees. */
int machines_token(const struct state *s, const struct member *m, const char *url,
		   char **ret_variable, struct error **err) must_check;

#endif
