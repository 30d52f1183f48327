/*
 * The logs of all instances of a topology as one stream, in the order of their times.
 *
 *   control_log_places() ──► sources, one for each instance on each zhost ──logs_open()──► zhosts
 *                                │
 *   answer, or a stream ◄── log_merge.h ◄── their lines
 *
 * Sources come and go with the instances. One whose zhost cannot be reached is named, and read again from where it was when the
 * zhost is back: nothing is missing then, and nothing comes twice.
 *
 * Source: [observe.logs.topo].
 */
#ifndef SAMOZA_ZRMS_TOPOLOGY_LOGS_H
#define SAMOZA_ZRMS_TOPOLOGY_LOGS_H

#include "zrms/zrms.h"

struct topology_logs_wish {
	uint32_t lines;	  /* at most so many of the newest */
	int64_t since_ms; /* wall clock; 0: any */
	const char *text; /* only lines that have it; NULL: all */
	bool follow;
};

struct topology_logs;

/* All borrowed. */
struct topology_logs *topology_logs_new(struct zrms *zrms);
/* PRE: topology_logs_end_all() and the HTTP server's end. NULL is fine. */
void topology_logs_free(struct topology_logs *all);

/* Answers the request: with a LogView, or with server-sent events of them until the topology is gone, or the credential that has
 * that hash (NULL: none). `id` is copied. */
void topology_logs_ask(struct topology_logs *all, const char *id,
		       const struct topology_logs_wish *wish, const uint8_t *hash,
		       struct http_request *request);
void topology_logs_end_all(struct topology_logs *all);

#endif
