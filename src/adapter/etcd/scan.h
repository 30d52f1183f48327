/*
 * Ranges that are too large for one answer, a page at a time, all of one revision: what is written meanwhile is not seen.
 *
 * A page has many keys, because for each etcd walks over all that are left, to count them (etcd#11057). One whose answer is
 * too large is asked for again with half as many.
 */
#ifndef SAMOZA_ADAPTER_ETCD_SCAN_H
#define SAMOZA_ADAPTER_ETCD_SCAN_H

#include "adapter/etcd/keys.h"
#include "adapter/etcd/rpc.h"
#include "adapter/etcd/rpc.pb-c.h"

#define SCAN_PAGE 50000

/* Borrowed for the call. Positive: that is enough, the scan ends with it. Negative: it ends with that error. */
typedef int scan_fn(void *user, const Etcd__KeyValue *kv, struct error **err);

struct scan {
	bytes from, to;	  /* borrowed */
	int64_t page;	  /* keys; 0: SCAN_PAGE */
	int64_t revision; /* 0: as it is now; then of the first page */
	bool keys_only;
};

int scan_run(struct rpc *rpc, const struct scan *scan, scan_fn *each, void *user,
	     struct error **err) must_check;
/* All keys that begin with `prefix`. */
int scan_prefix(struct rpc *rpc, const char *prefix, scan_fn *each, void *user,
		struct error **err) must_check;
/* One key; *ret_answer has one item or none. etcd__range_response__free_unpacked(). */
int scan_get(struct rpc *rpc, const char *key, Etcd__RangeResponse **ret_answer,
	     struct error **err) must_check;

#endif
