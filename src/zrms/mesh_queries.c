#include "zrms/mesh_queries.h"

#include <utlist.h>

#include "base/check.h"
#include "base/memory.h"
#include "schema/message.h"

struct mesh_gather {
	struct mesh_queries *queries;
	mesh_gathered_fn *done;
	void *user;
	VECTOR(struct mesh_answer) answers;
	size_t waiting;
	bool has_begun;
	struct loop_timer *deadline;
	struct mesh_gather *next, *prev;
};

struct mesh_queries {
	struct loop *loop;
	struct links *links;
	struct mesh_gather *all;
	uint64_t last_number;
};

/* ---- life of one ---- */

static void on_deadline(void *user);

bool mesh_queries_are_busy(const struct mesh_queries *queries)
{
	const struct mesh_gather *g;
	int count = 0;
	DL_COUNT(queries->all, g, count);
	return count >= MESH_GATHERS_MAX;
}

struct mesh_gather *mesh_gather_new(struct mesh_queries *queries, mesh_gathered_fn *done,
				    void *user)
{
	struct mesh_gather *g = mem_new(struct mesh_gather);
	g->queries = queries;
	g->done = done;
	g->user = user;
	g->deadline = loop_timer_new(queries->loop, on_deadline, g);
	DL_APPEND(queries->all, g);
	return g;
}

static void gather_end(struct mesh_gather *g)
{
	DL_DELETE(g->queries->all, g);
	loop_timer_free(g->deadline);
	g->done(g->user, g->answers.items, g->answers.count);
	vector_for_each (&g->answers, a) {
		free(a->zhost);
		schema_message_free(a->said);
	}
	vector_done(&g->answers);
	free(g);
}

/* Those that are still waited for are silent. */
static void give_up(struct mesh_gather *g, const char *why)
{
	vector_for_each (&g->answers, a) {
		if (a->number == 0)
			continue;
		a->number = 0;
		a->why = why;
	}
	gather_end(g);
}

static void on_deadline(void *user)
{
	give_up(user, "it did not answer in time");
}

/* ---- asking ---- */

void mesh_gather_ask(struct mesh_gather *g, const char *zhost, uint64_t link_id,
		     const Samoza__V1__MeshQuery *query)
{
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__MeshQuery numbered = *query;
	struct mesh_answer answer = {.zhost = mem_strdup(zhost),
				     .link_id = link_id,
				     .number = ++g->queries->last_number};
	PRE(!g->has_begun);
	numbered.request = answer.number;
	if (link_id == 0 || links_send_frame(g->queries->links, link_id,
					     SAMOZA__V1__FRAME_TYPE__FRAME_MESH_QUERY,
					     &numbered.base, &err) < 0) {
		answer.number = 0;
		answer.why = "it is not connected";
	}
	g->waiting += answer.number != 0;
	vector_push(&g->answers, answer);
}

void mesh_gather_begin(struct mesh_gather *g, int64_t wait_ms)
{
	g->has_begun = true;
	if (g->waiting == 0)
		gather_end(g);
	else
		loop_timer_at(g->deadline, loop_now(g->queries->loop).mono_ms + wait_ms);
}

/* ---- from the links ---- */

static bool is_too_much(const Samoza__V1__MeshAnswer *said)
{
	return said->n_routes > MESH_SAID_ROUTES_MAX || said->n_peers > MESH_SAID_PEERS_MAX ||
	       said->n_pings > MESH_SAID_PINGS_MAX || said->n_usage > MESH_SAID_USAGE_MAX;
}

static bool take(struct mesh_gather *g, uint64_t link_id, const Samoza__V1__MeshAnswer *said)
{
	vector_for_each (&g->answers, a) {
		if (a->number == 0 || a->number != said->request || a->link_id != link_id)
			continue;
		a->number = 0;
		if (is_too_much(said))
			a->why = "it said more than a zhost may";
		else
			a->said = (Samoza__V1__MeshAnswer *)schema_message_copy(&said->base);
		g->waiting--;
		return true;
	}
	return false;
}

void mesh_queries_answer(struct mesh_queries *queries, uint64_t link_id,
			 const Samoza__V1__MeshAnswer *answer)
{
	struct mesh_gather *g;
	DL_FOREACH (queries->all, g) {
		if (!take(g, link_id, answer))
			continue;
		if (g->waiting == 0 && g->has_begun)
			gather_end(g);
		return; /* the others do not have that number */
	}
}

void mesh_queries_link_gone(struct mesh_queries *queries, uint64_t link_id)
{
	struct mesh_gather *g, *next;
	DL_FOREACH_SAFE (queries->all, g, next) {
		vector_for_each (&g->answers, a) {
			if (a->number == 0 || a->link_id != link_id)
				continue;
			a->number = 0;
			a->why = "it disconnected";
			g->waiting--;
		}
		if (g->waiting == 0 && g->has_begun)
			gather_end(g);
	}
}

/* ---- life of all ---- */

void mesh_queries_end_all(struct mesh_queries *queries)
{
	while (queries->all != NULL)
		give_up(queries->all, "zrms is shutting down");
}

struct mesh_queries *mesh_queries_new(struct loop *loop, struct links *links)
{
	struct mesh_queries *queries = mem_new(struct mesh_queries);
	queries->loop = loop;
	queries->links = links;
	return queries;
}

void mesh_queries_free(struct mesh_queries *queries)
{
	if (queries == NULL)
		return;
	PRE(queries->all == NULL);
	free(queries);
}
