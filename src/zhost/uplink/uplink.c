#include "zhost/uplink/uplink.h"

#include <errno.h>

#include "adapter/log/log.h"
#include "adapter/token/token.h"
#include "adapter/wire/wire_dial.h"
#include "adapter/wire/wire_link.h"
#include "base/check.h"
#include "base/str.h"

#define RETRY_FIRST_MS	100
#define RETRY_MOST_MS	10000
#define DIAL_MS		5000
#define PATIENCE_MIN_MS 1000
#define LEAVE_MS	2000 /* until zrms has written what waits */
#define KEPT_MS		5000 /* until zrms has accepted the other connection */
#define REDIRECTS_MAX	2    /* leaders that are tried at once, after each other */
#define KEPT_MAX	((size_t)4 * 1024 * 1024)

struct uplink {
	struct upstream upstream; /* first */
	struct loop *loop;
	struct stream_transport *transport;
	struct zrms_addresses *zrms;
	struct token_source *token;
	struct cluster_timing *timing;
	const struct uplink_listener *listener;
	void *user;
	struct wire_link *link; /* NULL: none */
	struct wire_dial *dial;
	struct loop_timer *timer;
	int64_t retry_ms; /* until the next attempt, when this one fails */
	uint64_t connections;
	int64_t heartbeat_us; /* when the last one left; 0: it is answered */
	struct histogram heartbeats;
	uint32_t (*draw)(uint32_t bound);
	bool is_accepted, is_closing;
	bool knows_leave;	/* zrms, on this connection */
	bool knows_pages;	/* the same, of PAGE_ASK */
	bool knows_api;		/* the same, of API_TOKEN */
	bool knows_secrets;	/* the same, of SECRET_REQUEST */
	bool changes;		/* another connection is to take the place of this one */
	struct wire_link *next; /* that one, once it stands: this one is left */
	struct loop_timer *change_timer;
	bool changes_again; /* and a further one the place of that */
	bool keeps;	    /* messages between spaces wait for it */
	struct buffer kept; /* as frames */
	bool has_frame;	    /* on this connection */
	bool is_told;	    /* on this connection: where the leader is */
	unsigned told;	    /* times in a row that a zrms that stands by has answered */
	/* Of each address: why the last attempt came to nothing, to log it once. */
	char *trouble[ZRMS_ADDRESSES_MAX + 1];
	char *refused; /* the reason that zrms gave last, to log it once */
};

static void dial(void *user);
static const struct wire_link_handler handler;

static void retry_later(struct uplink *u)
{
	int64_t most = u->timing->heartbeat_ms < RETRY_MOST_MS ? u->timing->heartbeat_ms
							       : RETRY_MOST_MS;

	if (u->retry_ms > most)
		u->retry_ms = most;
	int64_t least = 2 * u->retry_ms > most ? most / 2 : u->retry_ms;
	int64_t by_chance = u->draw != NULL ? u->draw((uint32_t)least) : u->retry_ms - least;

	loop_timer_at(u->timer, loop_now(u->loop).mono_ms + least + by_chance);
	u->retry_ms *= 2;
}

static void next_later(struct uplink *u)
{
	zrms_addresses_next(u->zrms);
	retry_later(u);
}

/* ---- one connection takes the place of another ---- */

static void change_begin(struct uplink *u)
{
	u->changes = true;
	u->changes_again = false;
	loop_timer_at(u->timer, loop_now(u->loop).mono_ms);
}

static void change_end(struct uplink *u)
{
	u->changes = u->keeps = false;
	buffer_done(&u->kept);
	loop_timer_at(u->change_timer, NEVER_MS);
}

static void on_change_timer(void *user)
{
	struct uplink *u = user;
	CLEANUP(error_freep) struct error *err = NULL;
	if (u->next != NULL) {
		(void)error_set(&err, ERR_TIMEOUT, "zrms did not end it within %d s",
				LEAVE_MS / 1000);
		wire_link_close(u->link, err);
		return;
	}
	log_warn("link", "kept.lost", LOG_U("bytes", u->kept.size),
		 LOG_S("reason", "zrms has not accepted the other connection in time"));
	change_end(u);
}

/* The last frame of this one; the other one is used once zrms has closed it. */
static void leave(struct uplink *u, struct stream *stream)
{
	Samoza__V1__Leave last = SAMOZA__V1__LEAVE__INIT;
	CLEANUP(error_freep) struct error *err = NULL;
	if (u->listener->leaves != NULL && !u->listener->leaves(u->user, &last)) {
		stream_close(stream);
		change_end(u);
		return;
	}
	u->next = wire_link_new(stream, 0, &handler, u);
	u->keeps = true;
	loop_timer_at(u->change_timer, loop_now(u->loop).mono_ms + LEAVE_MS);
	if (wire_link_send(u->link, SAMOZA__V1__FRAME_TYPE__FRAME_LEAVE, &last.base, &err) < 0)
		wire_link_close(u->link, err);
}

static void go_over(struct uplink *u)
{
	u->link = steal_ptr(&u->next);
	u->has_frame = false;
	u->connections++;
	loop_timer_at(u->change_timer, loop_now(u->loop).mono_ms + KEPT_MS);
	u->listener->connected(u->user);
}

/* In order, before what is newer. */
static void kept_send(struct uplink *u)
{
	struct frame frame;
	for (size_t at = 0; at < u->kept.size; at += frame.whole_size) {
		int r = frame_next(u->kept.data + at, u->kept.size - at, &frame, NULL);
		INVARIANT(r == 1); /* we have written it */
		if (wire_link_forward(u->link, &frame, SIZE_MAX, NULL) < 0)
			break; /* it is closing */
	}
	change_end(u);
}

/* ---- frames ---- */

static void refused(struct uplink *u, struct wire_link *link, const char *reason)
{
	if (u->refused == NULL || strcmp(u->refused, reason) != 0)
		log_error("link", "refused", LOG_S("zrms", u->zrms->text),
			  LOG_S("reason", reason));
	free(u->refused);
	u->refused = mem_strdup(reason);
	u->retry_ms = u->timing->heartbeat_ms;
	wire_link_close(link, NULL);
}

/* A zrms that stands by: the leader is tried at once, but for several that tell of each other. */
static void elsewhere(struct uplink *u, struct wire_link *link,
		      const Samoza__V1__Leader *leader)
{
	CLEANUP(error_freep) struct error *why = NULL;
	u->told++;
	if (leader->address == NULL)
		(void)error_set(&why, ERR_UNAVAILABLE, "no zrms leads");
	else if (zrms_addresses_tell(u->zrms, leader->address, &why) == 0)
		u->is_told = true;
	if (u->is_told)
		log_info("link", "elsewhere", LOG_S("zrms", u->zrms->text),
			 LOG_S("leader", leader->address));
	wire_link_close(link, why);
}

static void trouble_forget(struct uplink *u)
{
	for (size_t i = 0; i < ARRAY_SIZE(u->trouble); i++)
		free(steal_ptr(&u->trouble[i]));
}

static void accepted(struct uplink *u, const Samoza__V1__HelloAck *ack)
{
	free(steal_ptr(&u->refused));
	trouble_forget(u);
	u->is_accepted = true;
	u->knows_leave = ack->leave;
	u->knows_pages = ack->page_access;
	u->knows_api = ack->api_token;
	u->knows_secrets = ack->secrets;
	if (u->changes)
		kept_send(u);
	if (u->changes_again)
		change_begin(u);
	/* A heartbeat that has left is acknowledged before the third one is due, or the path is dead
	 * [machines.transport.dial]. */
	int64_t patience_ms = 2 * u->timing->heartbeat_ms;
	wire_link_set_patience(u->link,
			       patience_ms > PATIENCE_MIN_MS ? patience_ms : PATIENCE_MIN_MS);
	log_info("link", "accepted", LOG_S("zrms", u->zrms->text),
		 LOG_S("cluster", ack->cluster), LOG_MS("heartbeat", u->timing->heartbeat_ms),
		 LOG_MS("timeout", u->timing->failure_timeout_ms));
}

static void take_hello_ack(struct uplink *u, struct wire_link *link,
			   const Samoza__V1__HelloAck *ack)
{
	if (ack->has_heartbeat_ms && ack->heartbeat_ms > 0)
		u->timing->heartbeat_ms = (int64_t)ack->heartbeat_ms;
	if (ack->has_failure_timeout_ms && ack->failure_timeout_ms > 0)
		u->timing->failure_timeout_ms = (int64_t)ack->failure_timeout_ms;
	if (ack->verdict == SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED)
		refused(u, link, ack->reason != NULL ? ack->reason : "");
	else if (ack->verdict == SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED)
		log_warn("link", "removed", LOG_S("zrms", u->zrms->text),
			 LOG_S("reason", ack->reason));
	else if (ack->verdict == SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED)
		accepted(u, ack);
}

static int take_frame(struct uplink *u, struct wire_link *link, const struct frame *frame,
		      struct error **err)
{
	ProtobufCMessage *m;
	int r = frame_decode(frame, &m, err);

	if (r < 0)
		return r;
	if (frame->type == SAMOZA__V1__FRAME_TYPE__FRAME_LEADER) {
		elsewhere(u, link, (const Samoza__V1__Leader *)m);
		protobuf_c_message_free_unpacked(m, NULL);
		return 0;
	}
	if (!u->has_frame)
		u->retry_ms = RETRY_FIRST_MS;
	u->has_frame = true;
	u->told = 0;
	if (frame->type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK &&
	    u->heartbeat_us != 0) {
		histogram_add(&u->heartbeats, loop_mono_us(u->loop) - u->heartbeat_us);
		u->heartbeat_us = 0;
	}
	if (frame->type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK)
		take_hello_ack(u, link, (const Samoza__V1__HelloAck *)m);
	r = u->listener->frame(u->user, (Samoza__V1__FrameType)frame->type, m, err);
	if (r < 0 && frame->type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK)
		u->retry_ms = u->timing->heartbeat_ms; /* it would say the same again */
	return r;
}

static int on_frame(void *user, struct wire_link *link, const struct frame *frame,
		    struct error **err)
{
	CLEANUP(error_freep) struct error *why = NULL;
	int r = take_frame(user, link, frame, &why);

	/* A newer zrms may send frames that this zhost does not know. */
	if (r == ERR_UNSUPPORTED) {
		log_debug("link", "frame.unknown", LOG_U("type", frame->type));
		return 0;
	}
	return r < 0 ? error_move(err, steal_ptr(&why)) : 0;
}

/* One line for each outage and reason, not for each attempt. */
static bool is_news(struct uplink *u, const struct error *why)
{
	const char *text = why != NULL ? why->message : "";

	if (u->has_frame)
		return true;
	char **before = &u->trouble[zrms_addresses_index(u->zrms)];
	if (str_equal(*before, text))
		return false;
	free(*before);
	*before = mem_strdup(text);
	return true;
}

static void on_closed(void *user, struct wire_link *link, const struct error *why)
{
	struct uplink *u = user;

	if (link == u->next) {
		u->next = NULL; /* then it is dialled once this one is closed */
		return;
	}
	u->link = NULL;
	u->is_accepted = u->knows_leave = u->knows_pages = false;
	u->listener->disconnected(u->user);
	if (u->is_closing)
		return;
	if (u->next != NULL) {
		go_over(u);
		return;
	}
	if (u->dial != NULL)
		return; /* another one is on the way */
	if (u->refused == NULL && !u->is_told && is_news(u, why))
		log_warn("link", "lost", LOG_S("zrms", u->zrms->text), LOG_E(why));
	if (u->is_told && u->told <= REDIRECTS_MAX)
		loop_timer_at(u->timer, loop_now(u->loop).mono_ms);
	else if (u->is_told || u->has_frame)
		retry_later(u);
	else
		next_later(u);
}

static const struct wire_link_handler handler = {.frame = on_frame, .closed = on_closed};

/* ---- dialling ---- */

static void on_dialled(void *user, struct stream *stream, const struct error *why)
{
	struct uplink *u = user;

	u->dial = NULL;
	if (stream != NULL && u->link != NULL) {
		leave(u, stream);
		return;
	}
	if (stream == NULL) {
		if (is_news(u, why))
			log_warn("link", "unreachable", LOG_S("zrms", u->zrms->text),
				 LOG_E(why));
		else
			log_debug("link", "unreachable", LOG_S("zrms", u->zrms->text),
				  LOG_E(why));
		next_later(u);
		return;
	}
	u->connections++;
	log_debug("link", "connected", LOG_S("zrms", u->zrms->text));
	u->link = wire_link_new(stream, 0, &handler, u);
	u->listener->connected(u->user);
}

static void dial(void *user)
{
	struct uplink *u = user;

	bool may_dial = u->link == NULL || (u->changes && u->next == NULL);

	if (u->dial != NULL || !may_dial || u->is_closing)
		return;
	if (u->link == NULL)
		u->has_frame = u->is_told = false;
	CLEANUP(token_freep) char *token = token_source_read(u->token);
	const struct wire_dial_options options = {.to = zrms_addresses_now(u->zrms),
						  .token = token,
						  .peer_role = zrms_addresses_role(u->zrms),
						  .timeout_ms = DIAL_MS};
	u->dial = wire_dial_new(u->loop, u->transport, &options, on_dialled, u);
}

/* ---- sending ---- */

static bool is_up(const struct upstream *upstream)
{
	const struct uplink *u = (const struct uplink *)upstream;

	return u->link != NULL && u->is_accepted && u->next == NULL;
}

static void send_message(struct upstream *upstream, Samoza__V1__FrameType type,
			 const ProtobufCMessage *message)
{
	struct uplink *u = (struct uplink *)upstream;
	CLEANUP(error_freep) struct error *err = NULL;

	if (u->link == NULL || u->next != NULL)
		return;
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT)
		u->heartbeat_us = loop_mono_us(u->loop);
	if (wire_link_send(u->link, type, message, &err) == 0 || err->code == ERR_UNAVAILABLE)
		return;
	/* A message that must not be lost was: reconnect, and both sides exchange their state
	 * again. */
	log_error("link", "full", LOG_S("frame", frame_type_name(type)), LOG_E(err));
	wire_link_close(u->link, err);
}

static int try_send(struct upstream *upstream, Samoza__V1__FrameType type,
		    const ProtobufCMessage *message, size_t room)
{
	struct uplink *u = (struct uplink *)upstream;

	if (!is_up(upstream) ||
	    (type == SAMOZA__V1__FRAME_TYPE__FRAME_PAGE_ASK && !u->knows_pages) ||
	    (type == SAMOZA__V1__FRAME_TYPE__FRAME_API_TOKEN && !u->knows_api) ||
	    (type == SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_REQUEST && !u->knows_secrets))
		return -EHOSTUNREACH;
	if (wire_link_waiting(u->link) > room)
		return -EAGAIN;
	return wire_link_send(u->link, type, message, NULL) == 0 ? 0 : -EAGAIN;
}

static int pass(struct upstream *upstream, Samoza__V1__FrameType type,
		const ProtobufCMessage *message, size_t room)
{
	struct uplink *u = (struct uplink *)upstream;

	if (!u->keeps)
		return try_send(upstream, type, message, room);
	return frame_encode(&u->kept, type, message, NULL) == 0 ? 0 : -EAGAIN;
}

static bool passes(const struct upstream *upstream)
{
	return is_up(upstream) || ((const struct uplink *)upstream)->keeps;
}

static size_t waiting(const struct upstream *upstream)
{
	const struct uplink *u = (const struct uplink *)upstream;

	return (u->link != NULL ? wire_link_waiting(u->link) : 0) + u->kept.size;
}

static const struct upstream_methods methods = {.is_up = is_up,
						.send = send_message,
						.try_send = try_send,
						.pass = pass,
						.passes = passes,
						.waiting = waiting};

/* ---- life ---- */

struct uplink *uplink_new(const struct uplink_options *options,
			  const struct uplink_listener *listener, void *user)
{
	struct uplink *u = mem_new(struct uplink);

	u->upstream.methods = &methods;
	u->loop = options->loop;
	u->transport = options->transport;
	u->zrms = options->zrms;
	u->draw = options->draw;
	u->token = options->token;
	u->timing = options->timing;
	u->listener = listener;
	u->user = user;
	u->retry_ms = RETRY_FIRST_MS;
	u->timer = loop_timer_new(u->loop, dial, u);
	u->change_timer = loop_timer_new(u->loop, on_change_timer, u);
	u->kept = BUFFER_INIT(KEPT_MAX);
	return u;
}

void uplink_start(struct uplink *u)
{
	loop_timer_at(u->timer, loop_now(u->loop).mono_ms);
}

void uplink_again(struct uplink *u, const char *why)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (u->is_closing)
		return;
	u->retry_ms = RETRY_FIRST_MS;
	if (u->keeps) { /* once zrms has accepted the one that comes now */
		u->changes_again = true;
		return;
	}
	(void)error_set(&err, ERR_STALE, "%s", why);
	wire_dial_cancel(u->dial); /* of before */
	u->dial = NULL;
	if (is_up(&u->upstream) && u->knows_leave) {
		change_begin(u);
		return;
	}
	if (u->link != NULL)
		wire_link_close(u->link, err);
	else if (u->dial == NULL)
		loop_timer_at(u->timer, loop_now(u->loop).mono_ms);
}

void uplink_close(struct uplink *u)
{
	u->is_closing = true;
	wire_dial_cancel(u->dial);
	u->dial = NULL;
	loop_timer_at(u->timer, NEVER_MS);
	loop_timer_at(u->change_timer, NEVER_MS);
	if (u->next != NULL)
		wire_link_close(u->next, NULL);
	if (u->link != NULL)
		wire_link_close(u->link, NULL);
}

bool uplink_is_closed(const struct uplink *u)
{
	return u->link == NULL && u->next == NULL;
}

void uplink_free(struct uplink *u)
{
	if (u == NULL)
		return;
	PRE(uplink_is_closed(u) && u->dial == NULL);
	loop_timer_free(u->timer);
	loop_timer_free(u->change_timer);
	buffer_done(&u->kept);
	free(u->refused);
	trouble_forget(u);
	free(u);
}

struct upstream *uplink_upstream(struct uplink *u)
{
	return &u->upstream;
}

const struct histogram *uplink_heartbeats(const struct uplink *u)
{
	return &u->heartbeats;
}

uint64_t uplink_connections(const struct uplink *u)
{
	return u->connections;
}

const char *uplink_peer(const struct uplink *u)
{
	return u->link != NULL ? wire_link_peer(u->link)->address : NULL;
}
