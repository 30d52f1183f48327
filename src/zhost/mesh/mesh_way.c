#include "zhost/mesh/mesh_way.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "core/instant.h"
#include "port/frame.h"

#define RUN_NUMBER_MASK ((UINT64_C(1) << MESH_RUN_NUMBER_BITS) - 1)

uint64_t mesh_run(const char *identity, uint64_t incarnation)
{
	return (uint64_t)str_hash(identity) << MESH_RUN_NUMBER_BITS |
	       (incarnation & RUN_NUMBER_MASK);
}

static bool is_same_zhost(uint64_t run, uint64_t other)
{
	return run >> MESH_RUN_NUMBER_BITS == other >> MESH_RUN_NUMBER_BITS;
}

/* ---- sending ---- */

static void stamp(Samoza__V1__MeshMessage *message, uint64_t run, uint64_t generation)
{
	message->has_run = message->has_generation = true;
	message->run = run;
	message->generation = generation;
}

void mesh_sender_stamp(const struct mesh_sender *sender, Samoza__V1__MeshMessage *message)
{
	stamp(message, sender->run, sender->generation);
}

static void begin_generation(struct mesh_way *w)
{
	w->generation = ++w->sender->generation;
}

static int to_hub(struct mesh_way *w, const Samoza__V1__MeshMessage *message)
{
	int r = w->ports->hub(w->user, message);
	if (r == 0) {
		w->is_clear = false;
		w->counters.by_hub++;
	}
	return r;
}

static int to_link(struct mesh_way *w, const Samoza__V1__MeshMessage *message)
{
	int r = w->ports->direct(w->user, message);
	if (r == 0)
		w->counters.direct++;
	return r;
}

static int pass_on(struct mesh_way *w, const Samoza__V1__MeshMessage *message)
{
	return w->state == MESH_WAY_DIRECT ? to_link(w, message) : to_hub(w, message);
}

/* ---- what is kept ---- */

static int keep(struct mesh_way *w, const Samoza__V1__MeshMessage *message)
{
	return frame_encode(&w->kept, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE,
			    &message->base, NULL) == 0
		       ? 0
		       : -EAGAIN;
}

/* Passes the one at `at` on, as of the present generation: it was on no way yet. */
static int kept_pass(struct mesh_way *w, size_t at, size_t *ret_size)
{
	struct frame frame;
	ProtobufCMessage *message = NULL;
	int r = frame_next(w->kept.data + at, w->kept.size - at, &frame, NULL);
	INVARIANT(r == 1); /* we have written it */
	r = frame_decode(&frame, &message, NULL);
	INVARIANT(r == 0);
	stamp((Samoza__V1__MeshMessage *)message, w->sender->run, w->generation);
	r = pass_on(w, (const Samoza__V1__MeshMessage *)message);
	protobuf_c_message_free_unpacked(message, NULL);
	*ret_size = frame.whole_size;
	return r;
}

static void kept_lose(struct mesh_way *w)
{
	struct frame frame;
	for (size_t at = 0; at < w->kept.size; at += frame.whole_size) {
		int r = frame_next(w->kept.data + at, w->kept.size - at, &frame, NULL);
		INVARIANT(r == 1);
		w->counters.lost++;
	}
	buffer_done(&w->kept);
}

/* Before anything newer. 0: all are gone. -EAGAIN: there is no room. -EHOSTUNREACH: there is no hub, and the
 * link can take them; without a link they are lost. */
static int kept_flush(struct mesh_way *w)
{
	size_t done = 0, size = 0;
	int r = 0;
	while (done < w->kept.size && r == 0) {
		r = kept_pass(w, done, &size);
		if (r == 0)
			done += size;
	}
	buffer_consume(&w->kept, done);
	if (r == -EHOSTUNREACH && !w->has_link)
		kept_lose(w);
	if (w->kept.size == 0)
		buffer_done(&w->kept);
	return w->kept.size > 0 ? r : 0;
}

/* ---- changing the way ---- */

/* What finds no room yet is kept on, before anything newer. */
static void kept_retry(struct mesh_way *w, int64_t now_ms)
{
	w->due_ms = kept_flush(w) < 0 ? now_ms + MESH_MARK_AGAIN_MS : NEVER_MS;
}

static void go(struct mesh_way *w, enum mesh_way_state state, int64_t now_ms)
{
	w->state = state;
	w->since_ms = now_ms;
}

static void go_direct(struct mesh_way *w, int64_t now_ms)
{
	go(w, MESH_WAY_DIRECT, now_ms);
	w->counters.moved++;
	kept_retry(w, now_ms);
}

static int send_mark(struct mesh_way *w)
{
	Samoza__V1__MeshMessage mark = SAMOZA__V1__MESH_MESSAGE__INIT;
	mark.topology = mark.path_name = mark.from = mark.to = (char *)"";
	mark.to_zhost = (char *)w->zhost;
	mark.from_zhost = (char *)w->own_zhost;
	mark.has_mark = mark.mark = true;
	stamp(&mark, w->sender->run, w->generation);
	return w->ports->hub(w->user, &mark);
}

/* From the hub to a link that stands. */
static void move(struct mesh_way *w, int64_t now_ms)
{
	int r = kept_flush(w);
	begin_generation(w);
	if (r == 0 && w->is_clear) {
		go_direct(w, now_ms);
		return;
	}
	if (r == 0)
		r = send_mark(w);
	if (r == -EHOSTUNREACH) { /* no mark can come */
		w->counters.unmarked++;
		go_direct(w, now_ms);
		return;
	}
	if (r == 0)
		go(w, MESH_WAY_MOVING, now_ms);
	else if (w->state != MESH_WAY_HUB)
		go(w, MESH_WAY_HUB, now_ms);
	w->due_ms = now_ms + (r == 0 ? MESH_MARK_MS : MESH_MARK_AGAIN_MS);
}

/* While the way moved, nothing was on the link: what was kept goes through the hub, after the mark. */
static void fall(struct mesh_way *w, int64_t now_ms)
{
	if (w->state != MESH_WAY_MOVING)
		begin_generation(w);
	go(w, MESH_WAY_HUB, now_ms);
	w->counters.fell++;
	kept_retry(w, now_ms);
}

void mesh_way_link(struct mesh_way *w, int64_t now_ms, bool stands)
{
	if (w->has_link == stands && !(stands && w->state == MESH_WAY_LEAVING))
		return;
	w->has_link = stands;
	if (stands)
		move(w, now_ms);
	else if (w->state != MESH_WAY_HUB)
		fall(w, now_ms);
}

void mesh_way_leave(struct mesh_way *w, int64_t now_ms)
{
	if (w->state != MESH_WAY_DIRECT)
		return; /* nothing is on it */
	go(w, MESH_WAY_LEAVING, now_ms);
	w->due_ms = NEVER_MS;
}

void mesh_way_marked(struct mesh_way *w, int64_t now_ms, uint64_t run, uint64_t generation)
{
	if (w->state != MESH_WAY_MOVING || run != w->sender->run || generation != w->generation)
		return;
	w->is_clear = true;
	go_direct(w, now_ms);
}

int64_t mesh_way_due(const struct mesh_way *w)
{
	return w->due_ms;
}

void mesh_way_tick(struct mesh_way *w, int64_t now_ms)
{
	if (now_ms < w->due_ms)
		return;
	if (w->state == MESH_WAY_MOVING) {
		w->counters.unmarked++;
		go_direct(w, now_ms);
	} else if (w->has_link && w->state == MESH_WAY_HUB) {
		move(w, now_ms);
	} else {
		kept_retry(w, now_ms);
	}
}

/* ---- a message ---- */

static bool is_keeping(const struct mesh_way *w)
{
	return w->state == MESH_WAY_MOVING || w->state == MESH_WAY_LEAVING;
}

static int send_now(struct mesh_way *w, Samoza__V1__MeshMessage *message)
{
	if (is_keeping(w))
		return keep(w, message);
	stamp(message, w->sender->run, w->generation);
	return pass_on(w, message);
}

int mesh_way_send(struct mesh_way *w, int64_t now_ms, const Samoza__V1__MeshMessage *message)
{
	Samoza__V1__MeshMessage stamped = *message;
	int r = 0;
	if (!is_keeping(w) && w->kept.size > 0)
		r = kept_flush(w);
	if (r == 0)
		r = send_now(w, &stamped);
	if (r != -EHOSTUNREACH || w->state != MESH_WAY_HUB || !w->has_link)
		return r;
	move(w, now_ms);
	return w->state != MESH_WAY_HUB ? send_now(w, &stamped) : -EAGAIN;
}

size_t mesh_way_kept(const struct mesh_way *w)
{
	return w->kept.size;
}

void mesh_way_init(struct mesh_way *w, struct mesh_sender *sender, const char *own_zhost,
		   const char *zhost, const struct mesh_way_ports *ports, void *user)
{
	*w = (struct mesh_way){.sender = sender,
			       .ports = ports,
			       .user = user,
			       .zhost = zhost,
			       .own_zhost = own_zhost,
			       .kept = BUFFER_INIT(MESH_KEPT_BYTES),
			       .due_ms = NEVER_MS};
	begin_generation(w);
}

void mesh_way_done(struct mesh_way *w)
{
	buffer_done(&w->kept);
}

/* ---- receiving ---- */

void mesh_arrivals_begin(struct mesh_arrivals *a, uint64_t run)
{
	if (is_same_zhost(a->run, run))
		return;
	a->run = run &
		 ~RUN_NUMBER_MASK; /* also of the runs before: it may still be in the hub */
	a->generation = 0;
}

bool mesh_arrivals_take(struct mesh_arrivals *a, const Samoza__V1__MeshMessage *message)
{
	if (!message->has_run || !is_same_zhost(a->run, message->run))
		return true; /* an older program, or another machine of that name: there is no order between them */
	if (message->run < a->run ||
	    (message->run == a->run && message->generation < a->generation)) {
		a->late++;
		return false;
	}
	a->run = message->run;
	a->generation = message->generation;
	return true;
}
