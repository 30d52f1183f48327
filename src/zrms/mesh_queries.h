/*
 * What zhosts know of their messages: zrms asks several of them, and collects what they say until all have, or the
 * time is over.
 *
 *   mesh_gather_new ─► mesh_gather_ask … ─► MESH_QUERY to each
 *   mesh_gather_begin                          │
 *         done ◄── mesh_queries_answer ◄── MESH_ANSWER, or the time is over: that zhost is silent
 */
#ifndef SAMOZA_ZRMS_MESH_QUERIES_H
#define SAMOZA_ZRMS_MESH_QUERIES_H

#include "base/vector.h"
#include "zrms/links.h"

enum {
	MESH_GATHERS_MAX = 8, /* at once */
	/* Of what one zhost may say: it says no more by itself. */
	MESH_SAID_ROUTES_MAX = 10000,
	MESH_SAID_PEERS_MAX = 1024,
	MESH_SAID_PINGS_MAX = 100,
	MESH_SAID_USAGE_MAX = 10000,
};

struct mesh_queries;
struct mesh_gather;

/* What one zhost said. */
struct mesh_answer {
	char *zhost;
	Samoza__V1__MeshAnswer *said; /* NULL: nothing */
	const char *why;	      /* then; static */
	uint64_t link_id, number;     /* that is waited for; 0: it is not */
};

/* Once: in the order in which they were asked; borrowed. */
typedef void mesh_gathered_fn(void *user, const struct mesh_answer *answers, size_t count);

/* Borrowed. */
struct mesh_queries *mesh_queries_new(struct loop *loop, struct links *links);
/* PRE: mesh_queries_end_all(). NULL is fine. */
void mesh_queries_free(struct mesh_queries *queries);

/* Whether MESH_GATHERS_MAX are open: the caller is to begin no further one. */
bool mesh_queries_are_busy(const struct mesh_queries *queries);
struct mesh_gather *mesh_gather_new(struct mesh_queries *queries, mesh_gathered_fn *done,
				    void *user);
/* `link_id` 0: that zhost is not connected. query->request is filled in. */
void mesh_gather_ask(struct mesh_gather *gather, const char *zhost, uint64_t link_id,
		     const Samoza__V1__MeshQuery *query);
/* All are asked. Calls done(), maybe at once, and frees it. */
void mesh_gather_begin(struct mesh_gather *gather, int64_t wait_ms);

/* Of links_listener. `answer` is borrowed. */
void mesh_queries_answer(struct mesh_queries *queries, uint64_t link_id,
			 const Samoza__V1__MeshAnswer *answer);
void mesh_queries_link_gone(struct mesh_queries *queries, uint64_t link_id);
void mesh_queries_end_all(struct mesh_queries *queries);

#endif
