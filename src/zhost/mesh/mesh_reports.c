#include "zhost/mesh/mesh_reports.h"

#include <errno.h>
#include <utlist.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "core/instant.h"

/* Pings to one instance, one after the other. */
struct probe {
	struct mesh_reports *reports;
	uint64_t request;
	char *topology, *path, *zhost;
	uint32_t count, interval_ms, wait_ms;
	VECTOR(Samoza__V1__MeshPinged) done;
	uint64_t ping; /* that is under way; 0: none */
	int64_t sent_ms, sent_us;
	enum mesh_by by; /* that it was sent */
	struct loop_timer *timer;
	struct probe *next, *prev;
};

struct mesh_reports {
	struct loop *loop;
	struct mesh *mesh;
	struct upstream *upstream;
	struct probe *probes;
	unsigned probe_count;
	uint64_t last_ping;
};

static void answer(const struct mesh_reports *r, Samoza__V1__MeshAnswer *message)
{
	upstream_send(r->upstream, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ANSWER, &message->base);
}

static Samoza__V1__MeshBy said_by(enum mesh_by by)
{
	return by == MESH_BY_LINK ? SAMOZA__V1__MESH_BY__MESH_BY_LINK
				  : SAMOZA__V1__MESH_BY__MESH_BY_HUB;
}

/* ---- pings ---- */

static void probe_free(struct probe *probe)
{
	DL_DELETE(probe->reports->probes, probe);
	probe->reports->probe_count--;
	loop_timer_free(probe->timer);
	vector_done(&probe->done);
	free(probe->topology);
	free(probe->path);
	free(probe->zhost);
	free(probe);
}

static void probe_end(struct probe *probe)
{
	Samoza__V1__MeshAnswer message = SAMOZA__V1__MESH_ANSWER__INIT;
	VECTOR(Samoza__V1__MeshPinged *) pings = {0};
	vector_for_each (&probe->done, pinged)
		vector_push(&pings, pinged);
	message.request = probe->request;
	message.pings = pings.items;
	message.n_pings = pings.count;
	answer(probe->reports, &message);
	vector_done(&pings);
	probe_free(probe);
}

/* The next one at its time, or the end. `error`: static. */
static void ping_over(struct probe *probe, const char *error)
{
	Samoza__V1__MeshPinged pinged = SAMOZA__V1__MESH_PINGED__INIT;
	pinged.error = (char *)(uintptr_t)error;
	if (error == NULL) {
		struct mesh_way_view way;
		int64_t us = loop_mono_us(probe->reports->loop) - probe->sent_us;
		bool is_here = str_equal(probe->zhost, mesh_zhost(probe->reports->mesh));
		if (probe->by == MESH_BY_NONE) { /* it was kept until the way had changed */
			(void)mesh_transport_way(mesh_transport(probe->reports->mesh),
						 probe->zhost, &way);
			probe->by = way.by;
		}
		pinged.has_by = pinged.has_round_trip_us = true;
		pinged.by = is_here ? SAMOZA__V1__MESH_BY__MESH_BY_NOTHING : said_by(probe->by);
		pinged.round_trip_us = us > 0 ? (uint64_t)us : 0;
	}
	probe->ping = 0;
	vector_push(&probe->done, pinged);
	if (probe->done.count == probe->count)
		probe_end(probe);
	else
		loop_timer_at(probe->timer, probe->sent_ms + probe->interval_ms);
}

static const char *failure_text(int status)
{
	if (status == 0)
		return NULL;
	return status == -EAGAIN ? "there is no room for it now"
				 : "there is no way to its zhost";
}

static void ping_begin(struct probe *probe)
{
	struct mesh_reports *reports = probe->reports;
	struct mesh *mesh = reports->mesh;
	probe->sent_ms = loop_now(reports->loop).mono_ms;
	probe->sent_us = loop_mono_us(reports->loop);
	if (str_equal(probe->zhost, mesh_zhost(mesh))) {
		ping_over(probe, mesh_takes(mesh, probe->topology, probe->path) == 0
					 ? NULL
					 : "it takes no messages now");
		return;
	}
	probe->ping = ++reports->last_ping;
	int r = mesh_ping(mesh, probe->topology, probe->path, probe->zhost, probe->ping);
	probe->by = mesh_transport(mesh)->sent_by;
	if (r < 0)
		ping_over(probe, failure_text(r));
	else
		loop_timer_at(probe->timer, probe->sent_ms + probe->wait_ms);
}

static void on_timer(void *user)
{
	struct probe *probe = user;
	if (probe->ping != 0)
		ping_over(probe, "no answer");
	else
		ping_begin(probe);
}

static void on_ponged(void *user, uint64_t ping, int status)
{
	struct mesh_reports *reports = user;
	struct probe *probe;
	DL_FOREACH (reports->probes, probe)
		if (probe->ping == ping) {
			ping_over(probe, status == 0 ? NULL : "it takes no messages now");
			return;
		}
}

static void probe_begin(struct mesh_reports *reports, uint64_t request,
			const Samoza__V1__MeshProbe *asked)
{
	struct probe *probe;
	if (reports->probe_count >= MESH_PROBES_MAX || asked->count == 0) {
		Samoza__V1__MeshAnswer none = SAMOZA__V1__MESH_ANSWER__INIT;
		none.request = request;
		answer(reports, &none);
		return;
	}
	probe = mem_new(struct probe);
	probe->reports = reports;
	probe->request = request;
	probe->topology = mem_strdup(asked->topology);
	probe->path = mem_strdup(asked->path);
	probe->zhost = mem_strdup(asked->zhost);
	probe->count = asked->count < MESH_PINGS_MAX ? asked->count : MESH_PINGS_MAX;
	probe->interval_ms = asked->interval_ms;
	probe->wait_ms = asked->wait_ms;
	probe->timer = loop_timer_new(reports->loop, on_timer, probe);
	DL_APPEND(reports->probes, probe);
	reports->probe_count++;
	ping_begin(probe);
}

/* ---- peers ---- */

static Samoza__V1__MeshPeerState peer_state(const struct mesh_reports *reports,
					    const struct mesh_tally *tally)
{
	Samoza__V1__MeshPeerState state = SAMOZA__V1__MESH_PEER_STATE__INIT;
	struct mesh_way_view way;
	struct instant now = loop_now(reports->loop);
	bool is_known = mesh_transport_way(mesh_transport(reports->mesh), tally->name, &way);
	state.zhost = tally->name;
	state.by = said_by(way.by);
	state.has_since_wall_ms = way.since_ms != 0;
	state.since_wall_ms = (uint64_t)(now.wall_ms - (now.mono_ms - way.since_ms));
	state.has_round_trip_us = way.round_trip_us > 0;
	state.round_trip_us = (uint64_t)way.round_trip_us;
	state.sent_direct = is_known ? way.direct : 0;
	/* Before there was a way to choose, too. */
	uint64_t sent = tally->direct + tally->hub;
	state.sent_by_hub = is_known && sent > way.direct ? sent - way.direct : tally->hub;
	state.refused = tally->refused;
	state.received = tally->received + way.late;
	state.dropped = tally->dropped + way.late;
	state.lost = way.lost;
	return state;
}

static void report_peers(const struct mesh_reports *reports, uint64_t request)
{
	Samoza__V1__MeshAnswer message = SAMOZA__V1__MESH_ANSWER__INIT;
	const struct mesh_tallies *tallies = mesh_zhost_tallies(reports->mesh);
	size_t count = HASH_COUNT(tallies->all), at = 0;
	CLEANUP(freep)
	Samoza__V1__MeshPeerState *states = mem_new_array(Samoza__V1__MeshPeerState, count + 1);
	CLEANUP(freep)
	Samoza__V1__MeshPeerState **list =
		mem_new_array(Samoza__V1__MeshPeerState *, count + 1);
	for (const struct mesh_tally *t = tallies->all; t != NULL; t = t->hh.next, at++) {
		states[at] = peer_state(reports, t);
		list[at] = &states[at];
	}
	message.request = request;
	message.peers = list;
	message.n_peers = count;
	answer(reports, &message);
}

/* ---- routes ---- */

struct route_list {
	const char *topology; /* NULL: of all */
	VECTOR(Samoza__V1__MeshRouteState) routes;
	uint64_t left_out;
};

static void add_route(struct route_list *list, const Samoza__V1__MeshRouteState *state)
{
	if (list->routes.count < MESH_ROUTES_MAX)
		vector_push(&list->routes, *state);
	else
		list->left_out++;
}

static void add_sent(struct route_list *list, const struct mesh_peer *peer,
		     const struct mesh_tally *t)
{
	Samoza__V1__MeshRouteState s = SAMOZA__V1__MESH_ROUTE_STATE__INIT;
	s.topology = (char *)(uintptr_t)mesh_topology_id(peer->topology);
	s.from = (char *)(uintptr_t)peer->path;
	s.to = t->name;
	s.is_sender = true;
	s.zhost = t->zhost;
	s.has_by = t->is_here || t->by != MESH_BY_NONE || t->direct > 0;
	s.by = t->is_here	      ? SAMOZA__V1__MESH_BY__MESH_BY_NOTHING
	       : t->by == MESH_BY_HUB ? SAMOZA__V1__MESH_BY__MESH_BY_HUB
				      : SAMOZA__V1__MESH_BY__MESH_BY_LINK;
	s.has_sent_direct = s.has_sent_by_hub = s.has_sent_here = s.has_refused = true;
	s.sent_direct = t->direct;
	s.sent_by_hub = t->hub;
	s.sent_here = t->here;
	s.refused = t->refused;
	add_route(list, &s);
}

static void add_received(struct route_list *list, const struct mesh_peer *peer,
			 const struct mesh_tally *t)
{
	Samoza__V1__MeshRouteState s = SAMOZA__V1__MESH_ROUTE_STATE__INIT;
	s.topology = (char *)(uintptr_t)mesh_topology_id(peer->topology);
	s.from = t->name;
	s.to = (char *)(uintptr_t)peer->path;
	s.zhost = t->zhost;
	s.has_received = s.has_dropped = true;
	s.received = t->received;
	s.dropped = t->dropped;
	add_route(list, &s);
}

static void add_routes(void *user, const struct mesh_peer *peer)
{
	struct route_list *list = user;
	if (list->topology != NULL &&
	    !str_equal(list->topology, mesh_topology_id(peer->topology)))
		return;
	for (const struct mesh_tally *t = peer->tallies->all; t != NULL; t = t->hh.next) {
		if (t->direct + t->hub + t->here + t->refused > 0)
			add_sent(list, peer, t);
		if (t->received > 0)
			add_received(list, peer, t);
	}
}

static void report_routes(const struct mesh_reports *reports, uint64_t request,
			  const char *topology)
{
	Samoza__V1__MeshAnswer message = SAMOZA__V1__MESH_ANSWER__INIT;
	struct route_list list = {.topology = topology};
	VECTOR(Samoza__V1__MeshRouteState *) pointers = {0};
	mesh_table_visit_local(mesh_table(reports->mesh), add_routes, &list);
	vector_for_each (&list.routes, state)
		vector_push(&pointers, state);
	message.request = request;
	message.routes = pointers.items;
	message.n_routes = pointers.count;
	message.has_left_out = list.left_out > 0;
	message.left_out = list.left_out;
	answer(reports, &message);
	vector_done(&pointers);
	vector_done(&list.routes);
}

/* ---- all ---- */

void mesh_reports_take(struct mesh_reports *reports, const Samoza__V1__MeshQuery *query)
{
	if (query->ping != NULL)
		probe_begin(reports, query->request, query->ping);
	else if (query->routes)
		report_routes(reports, query->request, query->topology);
	else
		report_peers(reports, query->request);
}

void mesh_reports_disconnected(struct mesh_reports *reports)
{
	while (reports->probes != NULL)
		probe_free(reports->probes);
}

struct mesh_reports *mesh_reports_new(struct loop *loop, struct mesh *mesh,
				      struct upstream *upstream)
{
	struct mesh_reports *reports = mem_new(struct mesh_reports);
	reports->loop = loop;
	reports->mesh = mesh;
	reports->upstream = upstream;
	mesh_set_ponged(mesh, on_ponged, reports);
	return reports;
}

void mesh_reports_free(struct mesh_reports *reports)
{
	if (reports == NULL)
		return;
	mesh_reports_disconnected(reports);
	mesh_set_ponged(reports->mesh, NULL, NULL);
	free(reports);
}
