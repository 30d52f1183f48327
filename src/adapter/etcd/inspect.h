/*
 * What is wrong with a store in etcd: records whose checksum is wrong, or that are not those which the ledger counted.
 * etcd keeps its own log and compares its members (--experimental-initial-corrupt-check); this finds what it cannot know
 * of, an operator's hand or a fault of ours.
 */
#ifndef SAMOZA_ADAPTER_ETCD_INSPECT_H
#define SAMOZA_ADAPTER_ETCD_INSPECT_H

#include "adapter/etcd/ledger.h"
#include "port/store.h"

int etcd_inspect_records(struct rpc *rpc, const struct ledger_state *told,
			 store_finding_fn *each, void *user, struct error **err) must_check;
/* Deletes damaged records; the ledger counts what is left. */
int etcd_inspect_accept(struct rpc *rpc, struct etcd_ledger *l, struct error **err) must_check;

#endif
