/*
 * Listening: each peer of the inner listener takes a slot until its handshake is over.
 *
 *   inner accepted ──► slot ──► accepted()
 *        │         ▲    └──► refused(), and the alert goes out (farewell.h)
 *        │         └─ next of the address that has fewest, when one is free
 *        └─ all taken ──► queue.h, at most waiting_max; no further peer is accepted then
 *
 * A slot that somebody waits for, who has said something, gives way:
 *   after SHARE_MS     of the address that has most, to one that has fewer and still would with one more
 *   after GIVE_WAY_MS  one whose peer has not said enough for an answer; of the others one each SWEEP_MS, of the address
 *                      that has most
 */
#include <string.h>
#include <utlist.h>

#include "adapter/tls/farewell.h"
#include "adapter/tls/handshake.h"
#include "adapter/tls/queue.h"
#include "adapter/tls/records.h"
#include "adapter/tls/stream.h"
#include "adapter/tls/transport.h"
#include "adapter/tls/trouble.h"
#include "base/heap.h"
#include "base/str.h"

enum { SWEEP_MS = 100, SHARE_MS = 200 };

struct tls_slot {
	struct tls_handshake handshake;
	struct tls_listener *listener;
	struct tls_host *host;
	struct tls_slot *next, *prev; /* in listener->slots, the oldest first */
	int64_t since_ms;
};

struct tls_listener {
	struct stream_listener listener;
	struct tls_transport *transport;
	struct stream_listener *inner;
	const struct stream_protocol *protocols;
	struct tls_slot *slots;
	unsigned count;
	struct tls_queue queue;
	int64_t gave_way_ms; /* the last one that was just slow */
	bool is_held;	     /* by its user */
	bool is_closing;
	struct loop_timer *sweep;
};

static struct tls_slot *slot_of(struct tls_handshake *h)
{
	return container_of(h, struct tls_slot, handshake);
}

static void hold_set(struct tls_listener *l)
{
	stream_listener_hold(l->inner, l->is_held || l->queue.waiting >=
							     l->transport->options.waiting_max);
}

static bool is_full(const struct tls_listener *l)
{
	return l->count >= l->transport->options.handshakes_max;
}

/* ---- slots ---- */

static const struct tls_handshake_ops handshake_ops;

static void sweep_set(struct tls_listener *l, int64_t at_ms)
{
	bool is_idle = l->slots == NULL && l->queue.waiting == 0;
	loop_timer_at(l->sweep, is_idle ? NEVER_MS : at_ms);
}

static void slot_begin(struct tls_listener *l, struct stream *take_inner)
{
	struct tls_slot *slot = mem_new(struct tls_slot);
	struct tls_stream *tls = tls_stream_new(l->transport, NULL, NULL);
	slot->listener = l;
	slot->host = tls_host_enter(&l->queue, take_inner);
	slot->since_ms = loop_now(l->transport->loop).mono_ms;
	slot->handshake = (struct tls_handshake){.calls = &handshake_calls,
						 .ops = &handshake_ops,
						 .tls = tls,
						 .is_server = true,
						 .protocols = l->protocols};
	DL_APPEND(l->slots, slot);
	l->count++;
	l->transport->counters.handshakes++;
	tls->handshake = &slot->handshake;
	tls_stream_attach(tls, take_inner);
	handshake_begin(&slot->handshake);
}

/* The slots that are free go to those who wait for them. */
static void fill(struct tls_listener *l)
{
	struct stream *inner = NULL;
	while (!is_full(l) && (inner = tls_queue_next(&l->queue)) != NULL)
		slot_begin(l, inner);
	hold_set(l);
}

static void slot_free(struct tls_slot *slot)
{
	struct tls_listener *l = slot->listener;
	DL_DELETE(l->slots, slot);
	l->count--;
	l->transport->counters.handshakes--;
	tls_host_leave(slot->host);
	free(slot);
	if (l->is_closing)
		return;
	fill(l);
	if (l->slots == NULL)
		sweep_set(l, loop_now(l->transport->loop).mono_ms + SWEEP_MS);
}

static void answer_http(struct tls_stream *tls)
{
	static const char text[] = "this port speaks TLS: use https://\n";
	(void)buffer_printf(&tls->out,
			    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
			    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
			    sizeof(text) - 1, text);
}

/* The handshake has left the stream. */
static void turn_away(struct tls_listener *l, struct tls_stream *tls, struct error *take_why)
{
	struct tls_transport *t = l->transport;
	t->counters.refused_total++;
	if (l->listener.handler->refused != NULL)
		l->listener.handler->refused(l->listener.user, tls->stream.peer.address,
					     take_why);
	bool is_gone = tls->broken != NULL || tls->inner_ended;
	struct stream *inner = steal_ptr(&tls->inner);
	stream_break(tls, take_why);
	if (is_gone)
		stream_close(inner);
	else
		tls_farewell_begin(t, inner, &tls->out, true);
	stream_close(&tls->stream);
}

/* The listener may be closed by what it calls: nothing of it is used afterwards. */
static void on_over(struct tls_handshake *h, struct error *why)
{
	struct tls_slot *slot = slot_of(h);
	struct tls_listener *l = slot->listener;
	struct tls_stream *tls = h->tls;
	if (why != NULL && trouble_sees_http(h))
		answer_http(tls);
	slot_free(slot);
	if (why != NULL) {
		turn_away(l, tls, why);
		return;
	}
	l->transport->counters.accepted_total++;
	tls_stream_watch(tls);
	stream_accepted(&l->listener, l->protocols, &tls->stream);
}

static void on_cancelled(struct tls_handshake *h)
{
	slot_free(slot_of(h));
}

static const struct tls_handshake_ops handshake_ops = {.over = on_over,
						       .cancelled = on_cancelled};

static void slot_end(struct tls_slot *slot, struct error *take_why)
{
	handshake_leave(&slot->handshake);
	on_over(&slot->handshake, take_why);
}

/* ---- those that take too long ---- */

static int64_t age_ms(const struct tls_slot *slot)
{
	return loop_now(slot->listener->transport->loop).mono_ms - slot->since_ms;
}

static struct tls_slot *oldest_of(struct tls_listener *l, const struct tls_host *host)
{
	struct tls_slot *slot;
	DL_FOREACH (l->slots, slot)
		if (slot->host == host)
			return slot;
	return NULL;
}

/* It has said too little for an answer, though it was listened to. */
static struct tls_slot *oldest_unanswered(struct tls_listener *l)
{
	struct tls_slot *slot;
	DL_FOREACH (l->slots, slot) {
		if (age_ms(slot) < TLS_GIVE_WAY_MS)
			return NULL;
		if (!handshake_has_answered(&slot->handshake))
			return slot;
	}
	return NULL;
}

/* NULL: all may go on. */
static struct tls_slot *slot_to_give_way(struct tls_listener *l, int64_t now_ms)
{
	const struct tls_host *most = tls_queue_most(&l->queue);
	if (!is_full(l) || l->queue.spoken == 0 || most == NULL)
		return NULL;
	struct tls_slot *oldest = oldest_of(l, most);
	if (tls_queue_is_unfair(&l->queue, most) && age_ms(oldest) >= SHARE_MS)
		return oldest;
	struct tls_slot *unanswered = oldest_unanswered(l);
	if (unanswered != NULL)
		return unanswered;
	if (age_ms(oldest) < TLS_GIVE_WAY_MS || now_ms - l->gave_way_ms < SWEEP_MS)
		return NULL;
	l->gave_way_ms = now_ms;
	return oldest;
}

/* Those that wait and say nothing: they take the room of others who would wait, or have had their time. */
static void silent_end(struct tls_listener *l, int64_t now_ms)
{
	unsigned ended = tls_queue_end_silent(
		&l->queue, now_ms - l->transport->options.handshake_ms + 1, false);
	if (l->queue.waiting >= l->transport->options.waiting_max)
		ended += tls_queue_end_silent(&l->queue, now_ms - TLS_GIVE_WAY_MS + 1, true);
	l->transport->counters.refused_total += ended;
	if (ended > 0)
		hold_set(l);
}

/* The listener may be gone after each end, so one per sweep, and the next sweep soon. */
static void on_sweep(void *user)
{
	struct tls_listener *l = user;
	int64_t now_ms = loop_now(l->transport->loop).mono_ms;
	struct tls_slot *late = l->slots;
	silent_end(l, now_ms);
	sweep_set(l, now_ms + SWEEP_MS);
	if (late != NULL && age_ms(late) < l->transport->options.handshake_ms) {
		late = slot_to_give_way(l, now_ms);
		l->transport->counters.gave_way_total += late != NULL;
	}
	if (late == NULL)
		return;
	loop_timer_at(l->sweep, now_ms);
	slot_end(late, trouble_late(&late->handshake));
}

/* ---- the inner listener ---- */

static void on_inner_accepted(void *user, struct stream *inner)
{
	struct tls_listener *l = user;
	int64_t now_ms = loop_now(l->transport->loop).mono_ms;
	if (l->slots == NULL && l->queue.waiting == 0)
		loop_timer_at(l->sweep, now_ms + SWEEP_MS);
	if (is_full(l))
		tls_queue_add(&l->queue, inner, now_ms);
	else
		slot_begin(l, inner);
	hold_set(l);
}

static void on_spoken(void *user)
{
	fill(user);
}

static const struct stream_listen_handler inner_handler = {.accepted = on_inner_accepted};

static void listener_hold(struct stream_listener *listener, bool is_held)
{
	struct tls_listener *l = container_of(listener, struct tls_listener, listener);
	l->is_held = is_held;
	hold_set(l);
}

static void listener_close(struct stream_listener *listener)
{
	struct tls_listener *l = container_of(listener, struct tls_listener, listener);
	l->is_closing = true;
	while (l->slots != NULL)
		stream_close(&l->slots->handshake.tls->stream);
	tls_queue_done(&l->queue);
	stream_listener_close(l->inner);
	loop_timer_free(l->sweep);
	free(l);
}

static const struct stream_listener_ops listener_ops = {.close = listener_close,
							.hold = listener_hold};

int tls_transport_listen(struct stream_transport *transport,
			 const struct stream_listen_options *options,
			 const struct stream_listen_handler *handler, void *user,
			 struct stream_listener **ret_listener, struct error **err)
{
	struct tls_transport *t = container_of(transport, struct tls_transport, transport);
	if (t->context->is_anonymous)
		return error_set(err, ERR_INVALID,
				 "cannot listen on %s:%u: there is no certificate to show",
				 options->at.host, options->at.port);
	struct tls_listener *l = mem_new(struct tls_listener);
	struct stream_listen_options below = *options;
	below.protocols = NULL;
	int r = stream_listen(t->inner, &below, &inner_handler, l, &l->inner, err);
	if (r < 0) {
		free(l);
		return r;
	}
	l->listener = (struct stream_listener){.ops = &listener_ops,
					       .handler = handler,
					       .user = user,
					       .port = stream_listener_port(l->inner)};
	l->transport = t;
	l->queue = (struct tls_queue){.on_spoken = on_spoken, .user = l};
	l->protocols = options->protocols;
	l->sweep = loop_timer_new(t->loop, on_sweep, l);
	*ret_listener = &l->listener;
	return 0;
}
