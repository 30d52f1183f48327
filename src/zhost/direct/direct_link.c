#include "zhost/direct/direct_link.h"

#include <errno.h>

#include "adapter/wire/wire_link.h"
#include "base/check.h"
#include "base/memory.h"

enum { SPARE_BYTES = 256 * 1024 }; /* for one more message, and for what is not a message */

struct direct_link {
	struct loop *loop;
	struct wire_link *wire;
	const struct direct_link_events *events;
	void *user;
	uint64_t run; /* of the other end; 0: it has not said */
	bool stands;
	bool leaves, is_left; /* this end, the other end sends no more messages */
	int64_t begun_ms, used_ms;
	uint64_t sent;		 /* messages */
	uint64_t pinged, ponged; /* how many had been sent then */
	bool asks;		 /* the last ping is not answered */
	int64_t pinged_ms;	 /* since when an answer is missing */
	int64_t ponged_ms;	 /* when the last ping was answered */
	int64_t asked_us;	 /* when the last ping was sent */
	int64_t round_trip_us;
};

static int64_t now_of(const struct direct_link *link)
{
	return loop_now(link->loop).mono_ms;
}

/* ---- sending ---- */

/* What is not a message has room after those; a link that has none left is of no use. */
static void say(struct direct_link *link, const Samoza__V1__MeshLink *what)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (wire_link_send(link->wire, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_LINK, &what->base,
			   &err) < 0)
		wire_link_close(link->wire, err);
}

int direct_link_send(struct direct_link *link, const Samoza__V1__MeshMessage *message)
{
	PRE(link->stands && !link->leaves);
	if (wire_link_waiting(link->wire) > DIRECT_WAITING_MAX ||
	    wire_link_send(link->wire, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE,
			   &message->base, NULL) < 0)
		return -EAGAIN;
	link->sent++;
	link->used_ms = now_of(link);
	return 0;
}

void direct_link_say_marked(struct direct_link *link, uint64_t run, uint64_t generation)
{
	Samoza__V1__MeshLink what = SAMOZA__V1__MESH_LINK__INIT;
	what.has_run = what.has_marked = true;
	what.run = run;
	what.marked = generation;
	say(link, &what);
}

void direct_link_leave(struct direct_link *link)
{
	Samoza__V1__MeshLink what = SAMOZA__V1__MESH_LINK__INIT;
	PRE(link->stands && !link->leaves);
	link->leaves = true;
	what.has_leave = what.leave = true;
	say(link, &what);
}

static void ping(struct direct_link *link)
{
	Samoza__V1__MeshLink what = SAMOZA__V1__MESH_LINK__INIT;
	if (!link->asks)
		link->pinged_ms = now_of(link);
	link->asks = true;
	link->pinged = link->sent;
	link->asked_us = loop_mono_us(link->loop);
	what.has_ping = true;
	what.ping = link->sent;
	say(link, &what);
}

bool direct_link_has_taken(struct direct_link *link, uint64_t sent)
{
	if (link->ponged >= sent)
		return true;
	if (link->pinged < sent)
		ping(link);
	return false;
}

void direct_link_tick(struct direct_link *link, int64_t now_ms)
{
	CLEANUP(error_freep) struct error *why = NULL;
	if (!link->stands && now_ms >= link->begun_ms + DIRECT_HELLO_MS)
		(void)error_set(&why, ERR_TIMEOUT, "it does not say who it is");
	else if (link->asks && now_ms >= link->pinged_ms + DIRECT_STALL_MS)
		(void)error_set(&why, ERR_TIMEOUT, "no answer for %d s",
				DIRECT_STALL_MS / 1000);
	if (why != NULL)
		wire_link_close(link->wire, why);
	else if (link->stands && !link->asks &&
		 (link->sent > link->ponged || link->used_ms > link->ponged_ms))
		ping(link);
}

/* ---- receiving ---- */

static void take_run(struct direct_link *link, uint64_t run)
{
	link->run = run;
	if (link->stands)
		return;
	link->stands = true;
	link->events->stands(link->user, link);
}

static void take_pong(struct direct_link *link, uint64_t pong)
{
	if (!link->asks || pong < link->ponged || pong > link->pinged)
		return;
	link->ponged = pong;
	link->pinged_ms = now_of(link);
	if (pong == link->pinged) {
		link->asks = false;
		link->ponged_ms = link->pinged_ms;
		link->round_trip_us = loop_mono_us(link->loop) - link->asked_us;
	}
	link->events->ponged(link->user, link);
}

static int take_word(struct direct_link *link, const Samoza__V1__MeshLink *what,
		     struct error **err)
{
	if (!link->stands && !what->has_run)
		return error_set(err, ERR_INVALID, "it does not say first which run it is");
	if (what->has_marked)
		link->events->marked(link->user, link, what->run, what->marked);
	else if (what->has_run)
		take_run(link, what->run);
	if (what->has_ping) {
		Samoza__V1__MeshLink pong = SAMOZA__V1__MESH_LINK__INIT;
		pong.has_pong = true;
		pong.pong = what->ping;
		say(link, &pong);
	}
	if (what->has_pong)
		take_pong(link, what->pong);
	if (what->leave) {
		link->is_left = true;
		link->events->leaves(link->user, link);
	}
	return 0;
}

static int take(struct direct_link *link, unsigned type, const ProtobufCMessage *message,
		struct error **err)
{
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_LINK)
		return take_word(link, (const Samoza__V1__MeshLink *)message, err);
	if (type != SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE)
		return error_set(err, ERR_INVALID, "a %s, which no zhost sends to another",
				 frame_type_name(type));
	if (!link->stands)
		return error_set(err, ERR_INVALID, "it does not say first which run it is");
	if (link->is_left)
		return error_set(err, ERR_INVALID, "a message after it has left the link");
	link->used_ms = now_of(link);
	link->events->message(link->user, link, (const Samoza__V1__MeshMessage *)message);
	return 0;
}

static int on_frame(void *user, struct wire_link *wire, const struct frame *frame,
		    struct error **err)
{
	(void)wire;
	CLEANUP(error_freep) struct error *why = NULL;
	ProtobufCMessage *message = NULL;
	int r = frame_decode(frame, &message, &why);
	if (r == ERR_UNSUPPORTED)
		return 0; /* of a newer program */
	if (r == 0)
		r = take(user, frame->type, message, &why);
	if (message != NULL)
		protobuf_c_message_free_unpacked(message, NULL);
	return r < 0 ? error_move(err, steal_ptr(&why)) : 0;
}

static void on_closed(void *user, struct wire_link *wire, const struct error *why)
{
	struct direct_link *link = user;
	(void)wire;
	link->stands = false;
	link->events->gone(link->user, link, why);
	free(link);
}

static const struct wire_link_handler handler = {.frame = on_frame, .closed = on_closed};

/* ---- life ---- */

struct direct_link *direct_link_new(struct stream *stream, uint64_t own_run,
				    const struct direct_link_events *events, void *user)
{
	struct direct_link *link = mem_new(struct direct_link);
	Samoza__V1__MeshLink hello = SAMOZA__V1__MESH_LINK__INIT;
	link->loop = stream->loop;
	link->events = events;
	link->user = user;
	link->begun_ms = link->used_ms = link->ponged_ms = loop_now(stream->loop).mono_ms;
	link->wire = wire_link_new(stream, DIRECT_WAITING_MAX + SPARE_BYTES, &handler, link);
	wire_link_limit(link->wire, DIRECT_FRAME_MAX);
	hello.has_run = true;
	hello.run = own_run;
	say(link, &hello);
	return link;
}

void *direct_link_user(const struct direct_link *link)
{
	return link->user;
}

const struct stream_peer *direct_link_peer(const struct direct_link *link)
{
	return wire_link_peer(link->wire);
}

bool direct_link_stands(const struct direct_link *link)
{
	return link->stands;
}

uint64_t direct_link_run(const struct direct_link *link)
{
	PRE(link->stands);
	return link->run;
}

bool direct_link_is_left(const struct direct_link *link)
{
	return link->is_left;
}

int64_t direct_link_begun_ms(const struct direct_link *link)
{
	return link->begun_ms;
}

uint64_t direct_link_sent(const struct direct_link *link)
{
	return link->sent;
}

size_t direct_link_waiting(const struct direct_link *link)
{
	return wire_link_waiting(link->wire);
}

int64_t direct_link_round_trip_us(const struct direct_link *link)
{
	return link->round_trip_us;
}

int64_t direct_link_used_ms(const struct direct_link *link)
{
	return link->used_ms;
}

void direct_link_close(struct direct_link *link, const struct error *why)
{
	wire_link_close(link->wire, why);
}
