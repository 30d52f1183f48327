/*
 * Renews a lease in a thread and on a connection of its own, while the loop stands still: zrms that leads inspects and loads
 * its store on it, for longer than its lease lasts. Nothing is promised by it, and it says nothing: what became of the lease is
 * seen by the next renewal that the loop asks for.
 */
#ifndef SAMOZA_ADAPTER_ETCD_KEEPER_H
#define SAMOZA_ADAPTER_ETCD_KEEPER_H

#include "adapter/etcd/rpc.h"

/* A loop that stands still for longer is taken for one that will not go on: another should lead. */
#define KEEPER_HOLD_MS INT64_C(600000)

struct keeper;

int keeper_new(const struct etcd_servers *servers, struct keeper **ret_keeper,
	       struct error **err) must_check;
/* NULL is fine. Waits for a renewal that is under way. */
void keeper_free(struct keeper *keeper);
/* From now on `lease`; 0: none. Does not wait. Without a thread it is not renewed. */
void keeper_hold(struct keeper *keeper, uint64_t lease);

#endif
