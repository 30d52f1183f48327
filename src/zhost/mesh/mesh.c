#include "zhost/mesh/mesh.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "zrun/protocol/protocol.h"

struct mesh {
	struct loop *loop;
	const char *zhost;
	struct mesh_transport *transport;
	struct mesh_table *table;
	const struct mesh_pages *pages;
	void *pages_user;
	struct mesh_counters counters;
	struct mesh_tallies zhosts;
	struct histogram requests;
	mesh_ponged_fn *ponged;
	void *ponged_user;
};

/* Path of an instance with the suffix that follows it: "dashboard~4f…@edge-node-1". */
struct mesh_name {
	char text[ZRUN_ADDRESS_MAX + 1];
};

static int name_join(struct mesh_name *name, const char *path, const char *suffix,
		     size_t suffix_size)
{
	size_t path_size = strlen(path);
	char *end = name->text;

	if (path_size + suffix_size == 0 || path_size >= sizeof(name->text) ||
	    suffix_size >= sizeof(name->text) - path_size)
		return -EINVAL;
	end = mempcpy(end, path, path_size);
	if (suffix_size > 0)
		end = mempcpy(end, suffix, suffix_size);
	*end = '\0';
	return 0;
}

/* The zhost whose zedge holds a page's session, out of "~SESSION@ZHOST". */
static const char *suffix_zhost(const char *text)
{
	const char *at = strrchr(text, '@');

	return at != NULL && at[1] != '\0' ? at + 1 : NULL;
}

/* ---- counts ---- */

static struct mesh_path *declared(struct mesh_peer *to, const char *path_name)
{
	vector_for_each (&to->paths, p)
		if (strcmp(p->name, path_name) == 0)
			return p;
	return NULL;
}

static int64_t now_us(const struct mesh *m)
{
	return m->loop != NULL ? loop_mono_us(m->loop) : 0;
}

/* What is sent may be a request: its answer is timed. */
static struct mesh_tally *tally_of_sender(struct mesh *m, const struct mesh_peer *sender,
					  const struct mesh_route *route, int r)
{
	struct mesh_tally *tally = mesh_tally_of(sender->tallies, route->peer->path);

	if (r == 0)
		mesh_tally_asks(tally, now_us(m));
	return tally;
}

/* What has come from `from` (an instance), or was refused by its receiver. */
static void count_delivered(struct mesh *m, struct mesh_peer *to, const char *path_name,
			    const char *from, int r)
{
	struct mesh_path *path = declared(to, path_name);
	struct mesh_tally *tally;

	if (path != NULL)
		*(r < 0 ? &path->counts.dropped : &path->counts.received) += 1;
	if (r < 0 || to->tallies == NULL)
		return;
	HASH_FIND_STR(to->tallies->all, from, tally);
	if (tally != NULL)
		mesh_tally_answered(tally, now_us(m), &m->requests);
}

/* ---- messages that leave ---- */

static int emit_here(struct mesh *m, const struct mesh_peer *sender, const char *sender_suffix,
		     const struct mesh_route *route, const void *payload, size_t size)
{
	struct mesh_receiver *to = route->peer->local;
	int r = to->deliver(to, route->name, sender->path, sender_suffix,
			    sender_suffix != NULL ? strlen(sender_suffix) : 0, payload, size);

	mesh_tally_sent_here(tally_of_sender(m, sender, route, r), m->zhost, r);
	count_delivered(m, route->peer, route->name, sender->path, r);
	/* Only here: between two zhosts the hub polls; if every zhost did, it got slower. */
	if (r != -EHOSTUNREACH && m->loop != NULL)
		loop_busy_poll(m->loop);
	if (r == 0) {
		m->counters.emits_local++;
		if (sender_suffix == NULL)
			mesh_table_note_peer(route->peer, sender);
	}
	return r;
}

/* To the pages of a UI space: one (suffix), or all that are open at the zhost of its place. */
static int emit_pages(struct mesh *m, const struct mesh_peer *sender,
		      const struct mesh_route *route, const void *payload, size_t size)
{
	int r;

	m->counters.page_messages++;
	if (m->pages == NULL)
		return -EHOSTUNREACH;
	r = m->pages->deliver(m->pages_user, route->peer, route->suffix, route->suffix_size,
			      route->name, sender->path, payload, size);
	count_delivered(m, route->peer, route->name, sender->path, r);
	return r;
}

static int emit_away(struct mesh *m, const struct mesh_peer *sender, bool is_page,
		     const char *from, const struct mesh_route *route, const char *to,
		     const char *zhost, const void *payload, size_t size)
{
	Samoza__V1__MeshMessage message = SAMOZA__V1__MESH_MESSAGE__INIT;
	int r;

	message.topology = (char *)mesh_topology_id(sender->topology);
	message.path_name = (char *)route->name;
	message.from = (char *)from;
	message.to = (char *)to;
	message.to_zhost = (char *)zhost;
	message.from_zhost = (char *)m->zhost;
	message.has_from_epoch = !is_page;
	message.from_epoch = sender->epoch;
	message.has_to_epoch = route->suffix_size == 0;
	message.to_epoch = route->peer->epoch;
	message.payload.data = (uint8_t *)payload;
	message.payload.len = size;
	r = mesh_transport_send(m->transport, &message);
	mesh_tally_sent(mesh_tally_of(&m->zhosts, zhost), NULL, m->transport->sent_by, r);
	mesh_tally_sent(tally_of_sender(m, sender, route, r), zhost, m->transport->sent_by, r);
	if (r == 0)
		m->counters.emits_remote++;
	return r;
}

static int emit(struct mesh *m, const struct mesh_peer *sender, const char *sender_suffix,
		const struct mesh_route *found, const void *payload, size_t size)
{
	struct mesh_route route = *found;
	struct mesh_name from, to;
	const char *zhost;
	int r;

	if (!route.peer->is_ui && route.peer->is_open)
		return emit_here(m, sender, sender_suffix, &route, payload, size);
	r = name_join(&to, route.peer->path, route.suffix, route.suffix_size);
	if (r == 0)
		r = name_join(&from, sender->path, sender_suffix,
			      sender_suffix != NULL ? strlen(sender_suffix) : 0);
	if (r < 0)
		return r;
	zhost = route.peer->is_open ? m->zhost : route.peer->zhost;
	if (route.suffix_size > 0)
		zhost = suffix_zhost(to.text);
	if (zhost == NULL)
		return -EINVAL;
	if (strcmp(zhost, m->zhost) == 0)
		return emit_pages(m, sender, &route, payload, size);
	return emit_away(m, sender, sender_suffix != NULL, from.text, &route, to.text, zhost,
			 payload, size);
}

int mesh_emit(struct mesh *m, const struct mesh_peer *sender, const char *sender_suffix,
	      const char *address, size_t address_size, const void *payload, size_t size)
{
	struct mesh_route route;
	int r = mesh_table_route(m->table, sender, address, address_size, &route);

	if (r == 0)
		r = emit(m, sender, sender_suffix, &route, payload, size);
	if (r < 0)
		m->counters.emits_refused++;
	if (route.path != NULL)
		*(r < 0 ? &route.path->counts.refused : &route.path->counts.sent) += 1;
	return r;
}

/* The receiver declared the path too: "path" must lead from it to the sender's space, so a
 * frame from elsewhere gets no further than an emit here would. */
static bool is_declared(struct mesh_peer *to, const char *path_name)
{
	return declared(to, path_name) != NULL;
}

static int deliver_here(struct mesh_peer *peer, const Samoza__V1__MeshMessage *message)
{
	int r = peer->local->deliver(peer->local, message->path_name, message->from, NULL, 0,
				     message->payload.data, message->payload.len);

	if (r == 0 && message->has_from_epoch)
		mesh_table_note(peer, message->from, message->from_epoch);
	return r;
}

static int take(struct mesh *m, struct mesh_peer *peer, const char *suffix,
		const Samoza__V1__MeshMessage *message)
{
	if (message->payload.len == 0 || message->payload.len > ZRUN_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (peer == NULL || (peer->is_ui && m->pages == NULL))
		return -EHOSTUNREACH;
	if (peer->is_ui && message->path_name[0] == '\0') {
		if (message->from_zhost != NULL && peer->is_open)
			m->pages->listen(m->pages_user, peer, message->from_zhost);
		return 0;
	}
	if (!is_declared(peer, message->path_name))
		return -ENOENT;
	if (peer->is_ui)
		return m->pages->deliver(m->pages_user, peer, suffix,
					 suffix != NULL ? strlen(suffix) : 0,
					 message->path_name, message->from,
					 message->payload.data, message->payload.len);
	if (!peer->is_open || suffix != NULL)
		return -EHOSTUNREACH;
	return deliver_here(peer, message);
}

static void count_received(struct mesh *m, struct mesh_peer *peer,
			   const Samoza__V1__MeshMessage *message, int r)
{
	struct mesh_name from;
	size_t size = strcspn(message->from, "~");

	if (message->from_zhost != NULL)
		mesh_tally_received(mesh_tally_of(&m->zhosts, message->from_zhost), NULL, r);
	if (peer == NULL || peer->tallies == NULL ||
	    name_join(&from, "", message->from, size) < 0)
		return;
	mesh_tally_received(mesh_tally_of(peer->tallies, from.text), message->from_zhost, r);
	count_delivered(m, peer, message->path_name, from.text, r);
}

/* ---- pings ---- */

int mesh_takes(struct mesh *m, const char *topology, const char *path)
{
	const struct mesh_peer *peer =
		mesh_table_find_receiver(m->table, topology, path, strlen(path), 0);

	if (peer == NULL)
		return -EHOSTUNREACH;
	return peer->is_open ? 0 : -EHOSTUNREACH;
}

static int send_to_zhost(struct mesh *m, const char *topology, const char *path,
			 const char *zhost, Samoza__V1__MeshMessage *message)
{
	message->topology = (char *)topology;
	message->path_name = message->from = (char *)"";
	message->to = (char *)path;
	message->to_zhost = (char *)zhost;
	message->from_zhost = (char *)m->zhost;
	return mesh_transport_send(m->transport, message);
}

int mesh_ping(struct mesh *m, const char *topology, const char *path, const char *zhost,
	      uint64_t ping)
{
	Samoza__V1__MeshMessage message = SAMOZA__V1__MESH_MESSAGE__INIT;

	message.has_ping = true;
	message.ping = ping;
	return send_to_zhost(m, topology, path, zhost, &message);
}

static void take_ping(struct mesh *m, const Samoza__V1__MeshMessage *message)
{
	Samoza__V1__MeshMessage answer = SAMOZA__V1__MESH_MESSAGE__INIT;
	Samoza__V1__MeshPong pong = SAMOZA__V1__MESH_PONG__INIT;

	if (message->pong != NULL) {
		if (m->ponged != NULL)
			m->ponged(m->ponged_user, message->pong->ping, message->pong->status);
		return;
	}
	if (message->from_zhost == NULL)
		return;
	pong.ping = message->ping;
	pong.status = mesh_takes(m, message->topology, message->to);
	answer.pong = &pong;
	/* Without a way back the other end waits in vain, and says so. */
	(void)send_to_zhost(m, message->topology, message->to, message->from_zhost, &answer);
}

void mesh_set_ponged(struct mesh *m, mesh_ponged_fn *ponged, void *user)
{
	m->ponged = ponged;
	m->ponged_user = user;
}

/* ---- what comes ---- */

static void on_received(void *user, const Samoza__V1__MeshMessage *message)
{
	struct mesh *m = user;
	const char *suffix = strchr(message->to, '~');
	size_t path_size =
		suffix != NULL ? (size_t)(suffix - message->to) : strlen(message->to);
	struct mesh_peer *peer;
	int r;

	if (message->has_ping || message->pong != NULL) {
		take_ping(m, message);
		return;
	}
	peer = mesh_table_find_receiver(m->table, message->topology, message->to, path_size,
					message->to_epoch);
	m->counters.remote_received++;
	r = take(m, peer, suffix, message);
	if (r < 0)
		m->counters.remote_dropped++;
	count_received(m, peer, message, r);
}

/* ---- life ---- */

struct mesh *mesh_new(struct loop *loop, const char *zhost, struct mesh_transport *transport)
{
	struct mesh *m = mem_new(struct mesh);

	m->loop = loop;
	m->zhost = zhost;
	m->transport = transport;
	m->table = mesh_table_new(zhost);
	mesh_transport_receive(transport, on_received, m);
	return m;
}

void mesh_free(struct mesh *m)
{
	if (m == NULL)
		return;
	mesh_transport_receive(m->transport, NULL, NULL);
	mesh_table_free(m->table);
	mesh_tallies_done(&m->zhosts);
	free(m);
}

void mesh_set_pages(struct mesh *m, const struct mesh_pages *pages, void *user)
{
	m->pages = pages;
	m->pages_user = user;
}

struct mesh_table *mesh_table(struct mesh *m)
{
	return m->table;
}

const char *mesh_zhost(const struct mesh *m)
{
	return m->zhost;
}

struct mesh_transport *mesh_transport(struct mesh *m)
{
	return m->transport;
}

const struct mesh_tallies *mesh_zhost_tallies(const struct mesh *m)
{
	return &m->zhosts;
}

const struct histogram *mesh_requests(const struct mesh *m)
{
	return &m->requests;
}

struct mesh_counters mesh_counters(const struct mesh *m)
{
	return m->counters;
}
