/* A store in etcd, for its own tests: what is asked of it, and what it answers. */
#ifndef TEST_ETCD_STAGE_H
#define TEST_ETCD_STAGE_H

#include "../store/content.h"
#include "adapter/etcd/store.h"
#include "cluster.h"

struct stage {
	struct loop loop;
	struct etcd_cluster *cluster; /* borrowed */
	char *urls;		      /* NULL: all of the cluster */
	struct store *store;	      /* NULL: not open */
	struct outbox outbox;	      /* the next batch */
	uint64_t fence;
	struct etcd_patience patience;
	struct etcd_copy *copy; /* NULL: nothing was read ahead */
};

/* The cluster is empty then. */
void stage_init(struct stage *s, struct etcd_cluster *cluster);
void stage_done(struct stage *s);
int stage_open(struct stage *s, struct error **err);
void stage_close(struct stage *s);
void stage_reopen(struct stage *s);

/* Within a minute; fails the test after it. */
void stage_until(struct stage *s, const bool *is_done);

struct stage_commit {
	bool is_done;
	enum commit_outcome outcome;
	char *why;	 /* of a failure */
	int statuses[8]; /* of the operations of data */
	size_t count;
};
/* The batch of the stage, which is empty then; and until it is done. */
struct stage_commit stage_commit(struct stage *s);
/* The same of a batch of the caller's. */
void stage_commit_start(struct stage *s, const struct outbox *batch, struct stage_commit *ret);
void stage_put(struct stage *s, const char *id, const char *value); /* durable */

/* All that is there: "4/a=1 4/b=2 " */
char *stage_records(struct stage *s);
/* "1 2 3 " */
char *stage_events(struct stage *s, uint64_t after);
char *stage_audit(struct stage *s);
/* What inspect() finds, by type: "record a;lost 1;" */
char *stage_findings(struct stage *s);
uint64_t stage_metric(const struct stage *s, const char *name);

#endif
