/* port/move.h for the store in etcd: the mark is a part of the ledger. */
#ifndef SAMOZA_ADAPTER_ETCD_MOVING_H
#define SAMOZA_ADAPTER_ETCD_MOVING_H

#include "port/move.h"

extern const struct store_moving etcd_store_moving;

#endif
