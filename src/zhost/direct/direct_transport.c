#include "zhost/direct/direct_transport.h"

#include <errno.h>

#include "base/check.h"
#include "base/heap.h"
#include "base/memory.h"
#include "base/str.h"
#include "zhost/direct/private.h"

static struct direct_transport *of(struct mesh_transport *mesh)
{
	return container_of(mesh, struct direct_transport, mesh);
}

/* ---- sending ---- */

static int send_message(struct mesh_transport *mesh, const Samoza__V1__MeshMessage *message)
{
	struct direct_transport *t = of(mesh);
	struct direct_peer *peer = direct_peer_find(t, message->to_zhost);
	const struct zhost_entry *entry =
		peer == NULL ? zhost_book_find(t->options.book, message->to_zhost) : NULL;
	if (entry != NULL && entry->port != 0)
		peer = direct_peer_get(t, message->to_zhost);
	if (peer != NULL) {
		int sent = direct_peer_send(peer, message);
		mesh->sent_by = direct_peer_by(peer);
		return sent;
	}
	if (entry == NULL)
		zhost_book_ask(t->options.book, message->to_zhost);
	Samoza__V1__MeshMessage stamped = *message;
	mesh_sender_stamp(&t->sender, &stamped);
	int r = mesh_transport_send(t->options.hub, &stamped);
	t->counters.ways.by_hub += r == 0;
	return r;
}

static size_t room(const struct mesh_transport *mesh, const char *zhost)
{
	const struct direct_transport *t =
		container_of(mesh, const struct direct_transport, mesh);
	const struct direct_peer *peer = direct_peer_find(t, zhost);
	size_t most = DIRECT_WAITING_MAX, waits;
	if (peer == NULL || peer->way.state == MESH_WAY_HUB)
		return mesh_transport_room(t->options.hub, zhost);
	if (peer->way.state == MESH_WAY_MOVING || peer->way.state == MESH_WAY_LEAVING) {
		most = MESH_KEPT_BYTES;
		waits = mesh_way_kept(&peer->way);
	} else {
		waits = direct_link_waiting(peer->current);
	}
	return waits < most ? most - waits : 0;
}

static bool way_of(const struct mesh_transport *mesh, const char *zhost,
		   struct mesh_way_view *ret)
{
	const struct direct_transport *t =
		container_of(mesh, const struct direct_transport, mesh);
	const struct direct_peer *peer = direct_peer_find(t, zhost);
	if (peer == NULL)
		return false;
	*ret = (struct mesh_way_view){
		.by = direct_peer_by(peer),
		.since_ms = peer->way.since_ms,
		.round_trip_us =
			peer->current != NULL ? direct_link_round_trip_us(peer->current) : 0,
		.direct = peer->way.counters.direct,
		.hub = peer->way.counters.by_hub,
		.late = peer->arrivals.late,
		.lost = peer->way.counters.lost};
	return true;
}

/* ---- from the hub ---- */

static void on_hub(void *user, const Samoza__V1__MeshMessage *message)
{
	struct direct_transport *t = user;
	struct direct_peer *peer =
		message->from_zhost != NULL ? direct_peer_find(t, message->from_zhost) : NULL;
	if (message->mark) {
		if (peer != NULL)
			direct_peer_mark(peer, message);
		return;
	}
	if (peer != NULL && !mesh_arrivals_take(&peer->arrivals, message))
		return;
	if (t->mesh.received != NULL)
		t->mesh.received(t->mesh.user, message);
}

/* ---- time ---- */

static void on_timer(void *user)
{
	struct direct_transport *t = user;
	int64_t now_ms = loop_now(t->options.loop).mono_ms, due_ms = NEVER_MS;
	t->timer_ms = NEVER_MS;
	for (struct direct_peer *peer = t->peers; peer != NULL; peer = peer->hh.next) {
		direct_peer_tick(peer, now_ms);
		if (mesh_way_due(&peer->way) < due_ms)
			due_ms = mesh_way_due(&peer->way);
	}
	if (t->counters.links > 0 && now_ms + DIRECT_TICK_MS < due_ms)
		due_ms = now_ms + DIRECT_TICK_MS;
	direct_timer_at(t, due_ms);
	direct_settle_check(t);
}

/* ---- the listener ---- */

static void on_accepted(void *user, struct stream *stream)
{
	struct direct_transport *t = user;
	CLEANUP(error_freep) struct error *why = NULL;
	/* Asked again: where the kind of stream does not ask in the handshake. */
	if (zhost_book_admit(t->options.book, stream_peer(stream), &why) < 0 ||
	    str_equal(stream_peer(stream)->name, t->options.zhost)) {
		t->counters.refused++;
		stream_close(stream);
		return;
	}
	t->counters.accepted++;
	direct_peer_take(direct_peer_get(t, stream_peer(stream)->name), stream, false);
}

static void on_refused(void *user, const char *address, const struct error *why)
{
	struct direct_transport *t = user;
	(void)address;
	(void)why;
	t->counters.refused++;
}

static const struct stream_listen_handler listen_handler = {.accepted = on_accepted,
							    .refused = on_refused};

int direct_transport_listen(struct direct_transport *t, const struct stream_address *at,
			    struct error **err)
{
	const struct stream_listen_options options = {.at = *at, .protocols = t->protocols};
	PRE(t->listener == NULL);
	t->protocols[0] = (struct stream_protocol){MESH_PROTOCOL, true, &listen_handler, t};
	return stream_listen(t->options.streams, &options, &listen_handler, t, &t->listener,
			     err);
}

uint16_t direct_transport_port(const struct direct_transport *t)
{
	return t->listener != NULL ? stream_listener_port(t->listener) : 0;
}

/* ---- the book ---- */

void direct_transport_recheck(struct direct_transport *t)
{
	struct direct_peer *peer, *next;
	direct_settle_check(t);
	HASH_ITER (hh, t->peers, peer, next) {
		bool is_known = zhost_book_find(t->options.book, peer->name) != NULL;
		direct_peer_close(peer, !is_known);
		if (!is_known && direct_peer_is_idle(peer))
			direct_peer_free(peer);
	}
	direct_settle_check(t);
}

void direct_transport_visit(const struct direct_transport *t, direct_visit_fn *visit,
			    void *user)
{
	for (const struct direct_peer *peer = t->peers; peer != NULL; peer = peer->hh.next) {
		const struct direct_peer_view view = {.zhost = peer->name,
						      .way = peer->way.state,
						      .counters = peer->way.counters,
						      .late = peer->arrivals.late,
						      .links = peer->link_count};
		visit(user, &view);
	}
}

/* ---- life ---- */

void direct_transport_close(struct direct_transport *t)
{
	t->is_closing = true;
	loop_timer_at(t->timer, NEVER_MS);
	stream_listener_close(t->listener);
	t->listener = NULL;
	direct_forget(&t->mesh);
	for (struct direct_peer *peer = t->peers; peer != NULL; peer = peer->hh.next)
		direct_peer_close(peer, true);
}

bool direct_transport_is_closed(const struct direct_transport *t)
{
	return t->is_closing && t->counters.links == 0;
}

void direct_transport_free(struct direct_transport *t)
{
	if (t == NULL)
		return;
	direct_transport_close(t);
	PRE(direct_transport_is_closed(t));
	mesh_transport_receive(t->options.hub, NULL, NULL);
	while (t->peers != NULL)
		direct_peer_free(t->peers);
	loop_timer_free(t->timer);
	free(t);
}

static void mesh_free_op(struct mesh_transport *mesh)
{
	direct_transport_free(of(mesh));
}

static const struct mesh_transport_ops ops = {.send = send_message,
					      .room = room,
					      .way = way_of,
					      .settle = direct_settle,
					      .forget = direct_forget,
					      .free = mesh_free_op};

struct direct_transport *direct_transport_new(const struct direct_options *options)
{
	struct direct_transport *t = mem_new(struct direct_transport);
	t->mesh.ops = &ops;
	t->options = *options;
	t->sender.run = options->run;
	t->random.state = options->run ^ str_hash(options->zhost);
	t->timer_ms = NEVER_MS;
	t->timer = loop_timer_new(options->loop, on_timer, t);
	mesh_transport_receive(options->hub, on_hub, t);
	return t;
}

struct mesh_transport *direct_transport_mesh(struct direct_transport *t)
{
	return &t->mesh;
}
