/*
 * Three zrms on three etcd, with one zhost, as processes of their own on this machine: of what happens when the zrms that
 * leads dies. etcd is the one in PATH.
 *
 *   DIRECTORY/zrms-1 … 3, etcd-1 … 3, bench-1      what they keep
 *   DIRECTORY/identity.pem                         of the etcds, by the cluster's authority
 *   DIRECTORY/log/NAME.log
 */
#ifndef SAMOZA_ZBENCH_TRIO_H
#define SAMOZA_ZBENCH_TRIO_H

#include "zbench/benchmark.h"
#include "zbench/client.h"
#include "zbench/secure.h"

#define TRIO 3

struct trio {
	const struct bench *bench; /* borrowed */
	char *directory, *urls;	   /* of the etcds */
	char address[SECURE_ADDRESS_TEXT];
	uint16_t ports[TRIO];
	pid_t zrms[TRIO], zhost;
	unsigned lease_ms;
	struct client client; /* of the zrms that leads */
	unsigned leader;      /* index */
};

/* Until one leads, the others stand by, and the zhost is ready. On failure nothing of it runs. */
int trio_start(const struct bench *bench, unsigned lease_ms, struct trio *trio,
	       struct error **err) must_check;
void trio_stop(struct trio *trio);

/* Asks all but `other_than` in turn until one answers with a status below 300, and follows none: that one leads. */
int trio_ask(struct trio *trio, unsigned other_than, const char *method, const char *path,
	     const char *body, struct error **err) must_check;
/* Until the answer of the one that leads has that word. */
int trio_wait(struct trio *trio, const char *path, const char *word,
	      struct error **err) must_check;
/* Until the standbys have read everything. */
int trio_wait_up_to_date(struct trio *trio, struct error **err) must_check;
/* kill -9 of the leader; and it is started again. */
void trio_kill_leader(struct trio *trio);
int trio_start_zrms(struct trio *trio, unsigned index, struct error **err) must_check;
/* The processes of spaces, as text: another text is another set of them. The caller frees. */
char *trio_spaces(const struct trio *trio);

#endif
