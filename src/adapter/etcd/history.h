/*
 * The events and the audit, by number (keys.h), and what goes when they become too many. What goes with a transaction is
 * decided from what is known in memory: no commit waits for a reading.
 *
 *   events   the newest HISTORY_KEPT stay; the older ones go in steps, as a range
 *   audit    the oldest lines go when they are too old, or all together too large, a few with each that is added; the newest
 *            AUDIT_ALWAYS stay
 *
 * Longer histories do not belong into etcd: each zrms keeps its own, which is asked for what is no longer here.
 */
#ifndef SAMOZA_ADAPTER_ETCD_HISTORY_H
#define SAMOZA_ADAPTER_ETCD_HISTORY_H

#include <stdatomic.h>

#include "adapter/etcd/ledger.h"
#include "adapter/etcd/txn.h"
#include "port/store.h"

#define HISTORY_KEPT 100000
#define AUDIT_ALWAYS 1000

typedef VECTOR(Samoza__V1__EventRecord *) etcd_history_events; /* owned */
typedef VECTOR(Samoza__V1__AuditRecord *) etcd_history_lines;

/* Events in (after, until], which are in etcd no longer, at most `limit` of them; NULL: of all topologies. The worker's thread;
 * may block. What it cannot read it leaves out. */
struct etcd_older {
	void (*list)(void *user, uint64_t after, uint64_t until, const char *topology,
		     uint32_t limit, etcd_history_events *to, bool *ret_more);
	void *user;
};

struct audit_oldest {
	uint64_t seq, bytes;
	int64_t time_ms;
};

struct etcd_history {
	struct rpc *rpc;	 /* borrowed */
	struct etcd_older older; /* `list` NULL: nobody has them */
	uint64_t kept;		 /* events */
	uint64_t
		trimmed_seq; /* no event up to it is left, after the transaction that is made */
	uint64_t committed_trimmed_seq;
	VECTOR(struct audit_oldest) oldest; /* lines, ascending; read when they are needed */
	uint64_t looked_at;		    /* the newest line when they were read last */
	size_t oldest_gone,
		committed_oldest_gone; /* of these, also by the transaction that is made */
	atomic_uint_fast64_t damaged_events,
		damaged_lines; /* were read; also for the loop's thread */
};

int etcd_history_init(struct etcd_history *h, struct rpc *rpc, struct error **err) must_check;
void etcd_history_done(struct etcd_history *h);

void etcd_history_add_event(struct txn *txn, const Samoza__V1__EventRecord *event);
/* After the last one, `newest`, was added. */
void etcd_history_trim(struct etcd_history *h, struct txn *txn, uint64_t newest);
void etcd_history_add_line(struct txn *txn, const Samoza__V1__AuditRecord *line,
			   uint64_t *audit_bytes);
/* After `newest` was added. */
int etcd_history_trim_lines(struct etcd_history *h, struct txn *txn,
			    const Samoza__V1__AuditRecord *newest,
			    const struct audit_kept *kept, uint64_t *audit_bytes,
			    struct error **err) must_check;
/* A transaction is begun, perhaps in the place of one that did not happen; and it is durable. */
void etcd_history_begin(struct etcd_history *h);
void etcd_history_committed(struct etcd_history *h);

/* As port/store.h asks for them; damaged ones are left out. */
int etcd_history_list(struct etcd_history *h, uint64_t after, const char *topology,
		      uint32_t limit, etcd_history_events *ret_events, bool *ret_more,
		      struct error **err) must_check;
int etcd_history_list_lines(struct etcd_history *h, const struct audit_query *query,
			    etcd_history_lines *ret_lines, bool *ret_more,
			    struct error **err) must_check;
void etcd_history_events_clear(etcd_history_events *events);
void etcd_history_lines_clear(etcd_history_lines *lines);

#endif
