#include <errno.h>
#include <string.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "zhost/direct/private.h"

static int64_t now_of(const struct direct_transport *t)
{
	return loop_now(t->options.loop).mono_ms;
}

void direct_timer_at(struct direct_transport *t, int64_t mono_ms)
{
	if (mono_ms >= t->timer_ms || t->is_closing)
		return;
	t->timer_ms = mono_ms;
	loop_timer_at(t->timer, mono_ms);
}

/* ---- what the way sends ---- */

static int to_hub(void *user, const Samoza__V1__MeshMessage *message)
{
	const struct direct_peer *peer = user;
	return mesh_transport_send(peer->transport->options.hub, message);
}

static int to_link(void *user, const Samoza__V1__MeshMessage *message)
{
	const struct direct_peer *peer = user;
	return direct_link_send(peer->current, message);
}

static const struct mesh_way_ports ports = {.hub = to_hub, .direct = to_link};

/* The way uses one link as long as that stands, then the oldest one that does. */
static void current_choose(struct direct_peer *peer)
{
	struct direct_transport *t = peer->transport;
	if (peer->current != NULL)
		return;
	for (unsigned i = 0; i < peer->link_count && peer->current == NULL; i++)
		if (direct_link_stands(peer->links[i].link) && peer->links[i].left_ms == 0)
			peer->current = peer->links[i].link;
	if (peer->current == NULL)
		return;
	mesh_way_link(&peer->way, now_of(t), true);
	direct_timer_at(t, mesh_way_due(&peer->way));
}

/* It has ended. */
static void current_lose(struct direct_peer *peer)
{
	struct direct_transport *t = peer->transport;
	peer->current = NULL;
	mesh_way_link(&peer->way, now_of(t), false);
	current_choose(peer);
	direct_timer_at(t, mesh_way_due(&peer->way));
}

/* It was left, and all on it is taken. */
static void current_leave(struct direct_peer *peer)
{
	peer->current = NULL;
	current_choose(peer);
	if (peer->current == NULL)
		current_lose(peer);
}

/* ---- leaving a link ---- */

/* Nothing more is sent on it; it is closed once both ends have taken what was. Without the hub it stays: what is sent
 * meanwhile would have no way. */
static void leave(struct direct_peer *peer, unsigned at, int64_t now_ms)
{
	struct direct_transport *t = peer->transport;
	struct direct_link *link = peer->links[at].link;
	if (peer->links[at].left_ms != 0 || !direct_link_stands(link) ||
	    mesh_transport_room(t->options.hub, peer->name) == 0)
		return;
	peer->links[at].left_ms = now_ms;
	if (link == peer->current)
		mesh_way_leave(&peer->way, now_ms);
	direct_link_leave(link);
}

/* What has been left may be taken now, here and there. */
static void leave_go_on(struct direct_peer *peer, int64_t now_ms)
{
	for (unsigned i = 0; i < peer->link_count; i++) {
		struct direct_link *link = peer->links[i].link;
		if (direct_link_stands(link) && direct_link_is_left(link))
			leave(peer, i, now_ms);
		if (peer->links[i].left_ms == 0)
			continue;
		bool is_taken = direct_link_has_taken(link, direct_link_sent(link));
		if (is_taken && link == peer->current)
			current_leave(peer);
		if ((is_taken && direct_link_is_left(link)) ||
		    now_ms >= peer->links[i].left_ms + DIRECT_LEAVE_MS)
			direct_link_close(link, NULL);
	}
}

/* ---- links ---- */

static void on_stands(void *user, struct direct_link *link)
{
	struct direct_peer *peer = user;
	mesh_arrivals_begin(&peer->arrivals, direct_link_run(link));
	peer->retry_ms = DIRECT_RETRY_FIRST_MS;
	log_debug("mesh", "direct.stands", LOG_S("zhost", peer->name),
		  LOG_S("address", direct_link_peer(link)->address));
	current_choose(peer);
	direct_settle_check(peer->transport);
}

/* A zhost speaks of itself only, and is no hub. */
static void on_message(void *user, struct direct_link *link,
		       const Samoza__V1__MeshMessage *message)
{
	struct direct_peer *peer = user;
	struct direct_transport *t = peer->transport;
	(void)link;
	loop_busy_poll(t->options.loop);
	if (message->mark || !str_equal(message->from_zhost, peer->name) ||
	    !str_equal(message->to_zhost, t->options.zhost))
		t->counters.foreign++;
	else if (mesh_arrivals_take(&peer->arrivals, message) && t->mesh.received != NULL)
		t->mesh.received(t->mesh.user, message);
}

static void on_marked(void *user, struct direct_link *link, uint64_t run, uint64_t generation)
{
	struct direct_peer *peer = user;
	(void)link;
	mesh_way_marked(&peer->way, now_of(peer->transport), run, generation);
	direct_timer_at(peer->transport, mesh_way_due(&peer->way));
	direct_settle_check(peer->transport);
}

static void on_ponged(void *user, struct direct_link *link)
{
	struct direct_peer *peer = user;
	(void)link;
	leave_go_on(peer, now_of(peer->transport));
	direct_settle_check(peer->transport);
}

static void on_leaves(void *user, struct direct_link *link)
{
	on_ponged(user, link);
}

static void on_gone(void *user, struct direct_link *link, const struct error *why)
{
	struct direct_peer *peer = user;
	unsigned at = 0;
	while (peer->links[at].link != link)
		at++;
	for (peer->link_count--; at < peer->link_count; at++)
		peer->links[at] = peer->links[at + 1];
	peer->transport->counters.links--;
	log_debug("mesh", "direct.ended", LOG_S("zhost", peer->name), LOG_E(why));
	if (link == peer->current)
		current_lose(peer);
	current_choose(peer);
	direct_settle_check(peer->transport);
}

static const struct direct_link_events events = {.stands = on_stands,
						 .message = on_message,
						 .marked = on_marked,
						 .ponged = on_ponged,
						 .leaves = on_leaves,
						 .gone = on_gone};

void direct_peer_take(struct direct_peer *peer, struct stream *stream, bool is_ours)
{
	struct direct_transport *t = peer->transport;
	if (peer->link_count == DIRECT_LINKS_OF_ZHOST ||
	    t->counters.links == DIRECT_LINKS_MAX || t->is_closing) {
		t->counters.refused++;
		stream_close(stream);
		return;
	}
	t->counters.links++;
	peer->links[peer->link_count].is_ours = is_ours;
	peer->links[peer->link_count].left_ms = peer->links[peer->link_count].void_ms = 0;
	peer->links[peer->link_count++].link =
		direct_link_new(stream, t->sender.run, &events, peer);
	direct_timer_at(t, now_of(t) + DIRECT_TICK_MS);
}

void direct_peer_mark(struct direct_peer *peer, const Samoza__V1__MeshMessage *mark)
{
	struct direct_link *link = peer->current;
	if (link == NULL && peer->link_count > 0)
		link = peer->links[peer->link_count - 1].link;
	if (link == NULL)
		return;
	mesh_arrivals_begin(&peer->arrivals, mark->run);
	if (mesh_arrivals_take(&peer->arrivals, mark))
		direct_link_say_marked(link, mark->run, mark->generation);
}

static void void_close(struct direct_link *link)
{
	CLEANUP(error_freep) struct error *why = NULL;
	(void)error_set(&why, ERR_DENIED,
			"zrms does not name this zhost, or this key of it, any more");
	direct_link_close(link, why);
}

/* Its machine has another key, and uses it: this link is left now, and is cut if that takes too long. */
static void void_leave(struct direct_peer *peer, unsigned at)
{
	struct direct_transport *t = peer->transport;
	const struct stream_peer *other = direct_link_peer(peer->links[at].link);
	if (peer->links[at].void_ms != 0 || zhost_book_is_newest(t->options.book, other) ||
	    zhost_book_admit(t->options.book, other, NULL) == 0)
		return;
	peer->links[at].void_ms = now_of(t);
	leave(peer, at, now_of(t));
	direct_timer_at(t, now_of(t) + DIRECT_VOID_MS);
}

void direct_peer_close(struct direct_peer *peer, bool all)
{
	for (unsigned i = 0; i < peer->link_count; i++) {
		struct direct_link *link = peer->links[i].link;
		if (all ||
		    !zhost_book_bears(peer->transport->options.book, direct_link_peer(link)))
			void_close(link);
		else
			void_leave(peer, i);
	}
	if (!all && peer->link_count > 0)
		return;
	stream_close(peer->dial);
	peer->dial = NULL;
}

/* ---- dialling ---- */

/* Between a half and the whole of it, twice as long each time. */
static void retry_later(struct direct_peer *peer)
{
	struct direct_transport *t = peer->transport;
	uint32_t half = (uint32_t)(peer->retry_ms / 2);
	t->counters.failed++;
	peer->dial_after_ms = now_of(t) + half + random_below(&t->random, half + 1);
	peer->retry_ms = peer->retry_ms * 2 < DIRECT_RETRY_MOST_MS ? peer->retry_ms * 2
								   : DIRECT_RETRY_MOST_MS;
}

static int dialled_check(const struct direct_peer *peer, const struct stream *stream,
			 struct error **err)
{
	const struct stream_peer *other = stream_peer(stream);
	if (!str_equal(stream_protocol(stream), MESH_PROTOCOL))
		return error_set(err, ERR_UNSUPPORTED, "it does not speak " MESH_PROTOCOL);
	if (!str_equal(other->name, peer->name))
		return error_set(err, ERR_DENIED, "another zhost is there");
	return zhost_book_admit(peer->transport->options.book, other, err);
}

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	struct direct_peer *peer = user;
	CLEANUP(error_freep) struct error *err = NULL;
	peer->dial = NULL;
	if (why == NULL && dialled_check(peer, stream, &err) == 0) {
		/* Until the other end has said who it is, the next attempt is as after a failure. */
		retry_later(peer);
		peer->transport->counters.failed--;
		direct_peer_take(peer, stream, true);
		return;
	}
	log_debug("mesh", "direct.unreachable", LOG_S("zhost", peer->name),
		  LOG_E(why != NULL ? why : err));
	stream_close(stream);
	retry_later(peer);
	direct_settle_check(peer->transport);
}

static const struct stream_handler dial_handler = {.connected = on_connected};

static void dial(struct direct_peer *peer)
{
	struct direct_transport *t = peer->transport;
	const struct zhost_entry *entry = zhost_book_find(t->options.book, peer->name);
	if (peer->link_count > 0 || peer->dial != NULL || t->is_closing || entry == NULL ||
	    entry->port == 0 || t->counters.links == DIRECT_LINKS_MAX ||
	    now_of(t) < peer->dial_after_ms)
		return;
	const struct stream_connect_options options = {.to = {entry->host, entry->port},
						       .timeout_ms = DIRECT_DIAL_MS,
						       .protocol = MESH_PROTOCOL,
						       .peer_role = "zhost",
						       .peer_name = peer->name};
	t->counters.dialled++;
	peer->dial = stream_connect(t->options.streams, &options, &dial_handler, peer);
}

int direct_peer_send(struct direct_peer *peer, const Samoza__V1__MeshMessage *message)
{
	struct direct_transport *t = peer->transport;
	int r = mesh_way_send(&peer->way, now_of(t), message);
	if (peer->current == NULL)
		dial(peer);
	if (mesh_way_due(&peer->way) < t->timer_ms)
		direct_timer_at(t, mesh_way_due(&peer->way));
	/* It may be there in a moment; once dialling has failed, both ways have. */
	bool has_failed = peer->retry_ms > DIRECT_RETRY_FIRST_MS;
	bool is_coming = peer->link_count > 0 || (peer->dial != NULL && !has_failed);
	return r == -EHOSTUNREACH && is_coming ? -EAGAIN : r;
}

enum mesh_by direct_peer_by(const struct direct_peer *peer)
{
	static const enum mesh_by by[] = {[MESH_WAY_HUB] = MESH_BY_HUB,
					  [MESH_WAY_MOVING] = MESH_BY_NONE,
					  [MESH_WAY_DIRECT] = MESH_BY_LINK,
					  [MESH_WAY_LEAVING] = MESH_BY_NONE};
	return by[peer->way.state];
}

/* ---- time ---- */

/* It is not needed any more, or is of a key that its zhost has replaced. */
static bool is_to_leave(const struct direct_peer *peer, unsigned at, int64_t now_ms)
{
	const struct direct_link *link = peer->links[at].link;
	if (peer->links[at].is_ours && now_ms >= direct_link_used_ms(link) + DIRECT_IDLE_MS)
		return true;
	if (peer->links[at].void_ms != 0)
		return true; /* as soon as there is the hub */
	return now_ms >= direct_link_begun_ms(link) + DIRECT_RENEW_MS &&
	       !zhost_book_is_newest(peer->transport->options.book, direct_link_peer(link));
}

void direct_peer_tick(struct direct_peer *peer, int64_t now_ms)
{
	mesh_way_tick(&peer->way, now_ms);
	for (unsigned i = 0; i < peer->link_count; i++) {
		direct_link_tick(peer->links[i].link, now_ms);
		if (peer->links[i].void_ms != 0 &&
		    now_ms >= peer->links[i].void_ms + DIRECT_VOID_MS)
			void_close(peer->links[i].link);
		if (is_to_leave(peer, i, now_ms))
			leave(peer, i, now_ms);
	}
	leave_go_on(peer, now_ms);
}

/* ---- life ---- */

struct direct_peer *direct_peer_find(const struct direct_transport *t, const char *name)
{
	struct direct_peer *peer;
	HASH_FIND_STR(t->peers, name, peer);
	return peer;
}

struct direct_peer *direct_peer_get(struct direct_transport *t, const char *name)
{
	struct direct_peer *peer = direct_peer_find(t, name);
	if (peer != NULL)
		return peer;
	peer = mem_new(struct direct_peer);
	peer->transport = t;
	peer->name = mem_strdup(name);
	peer->retry_ms = DIRECT_RETRY_FIRST_MS;
	mesh_way_init(&peer->way, &t->sender, t->options.zhost, peer->name, &ports, peer);
	HASH_ADD_KEYPTR(hh, t->peers, peer->name, strlen(peer->name), peer);
	return peer;
}

bool direct_peer_is_idle(const struct direct_peer *peer)
{
	return peer->link_count == 0 && peer->dial == NULL && peer->way.state == MESH_WAY_HUB &&
	       mesh_way_kept(&peer->way) == 0;
}

static void counters_add(struct mesh_way_counters *to, const struct mesh_way_counters *c)
{
	to->by_hub += c->by_hub;
	to->direct += c->direct;
	to->moved += c->moved;
	to->fell += c->fell;
	to->unmarked += c->unmarked;
	to->lost += c->lost;
}

void direct_peer_free(struct direct_peer *peer)
{
	struct direct_transport *t = peer->transport;
	PRE(peer->link_count == 0);
	direct_settle_lose(peer);
	counters_add(&t->counters.ways, &peer->way.counters);
	t->counters.late += peer->arrivals.late;
	stream_close(peer->dial);
	HASH_DEL(t->peers, peer);
	mesh_way_done(&peer->way);
	free(peer->name);
	free(peer);
}

struct direct_counters direct_transport_counters(const struct direct_transport *t)
{
	struct direct_counters c = t->counters;
	for (const struct direct_peer *peer = t->peers; peer != NULL; peer = peer->hh.next) {
		counters_add(&c.ways, &peer->way.counters);
		c.late += peer->arrivals.late;
	}
	return c;
}
