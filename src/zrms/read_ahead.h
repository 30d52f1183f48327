/*
 * A zrms that stands by reads the records of the store ahead (adapter/etcd/copy.h), and says to the others how far it
 * is: so the one that leads can give its place to the one that lags least, and shows the lag of each.
 */
#ifndef SAMOZA_ZRMS_READ_AHEAD_H
#define SAMOZA_ZRMS_READ_AHEAD_H

#include "adapter/etcd/copy.h"

struct zrms;
struct read_ahead;

/* PRE: zrms->lead is there before the loop runs. */
int read_ahead_new(struct zrms *zrms, const struct etcd_servers *servers,
		   struct read_ahead **ret_ahead, struct error **err) must_check;
/* For the store that is opened by the one that has won. NULL is fine. */
struct etcd_copy *read_ahead_copy(const struct read_ahead *ahead);
/* NULL is fine. */
void read_ahead_free(struct read_ahead *ahead);

#endif
