/*
 * port/election.h on etcd, with a thread and a connection of its own: a renewal of the lease never waits for a commit.
 *
 *   samoza/leader          MEMBER {term}, under the leader's lease; created by the win, so that its creation is the fence
 *   samoza/member/NAME     MEMBER, under the lease of each that is there
 *   samoza/term            of the last win; has no lease
 *
 * A win is one transaction: if the leader's key is not there, and the term is the one that was read, then both are written.
 */
#ifndef SAMOZA_ADAPTER_ETCD_ELECTION_H
#define SAMOZA_ADAPTER_ETCD_ELECTION_H

#include "adapter/etcd/rpc.h"
#include "adapter/uv/loop.h"
#include "port/election.h"

/* Connects to nothing. ERR_INVALID: as rpc_new(). `witness`: a file (life.h), which knows what was observed; NULL: none. */
int etcd_election_new(struct loop *loop, const struct etcd_servers *servers,
		      const char *witness, struct election **ret_election,
		      struct error **err) must_check;

#endif
