/*
 * Listening: each peer of the inner listener takes a slot until its handshake is over.
 *
 *   inner accepted ──► slot ──► accepted()
 *                       │  └──► refused(), and the alert goes out (farewell.h)
 *                       └─ all taken: no further peer is accepted; every SWEEP_MS the oldest of the
 *                          address that has most slots gives way, when it took GIVE_WAY_MS
 */
#include <string.h>
#include <utlist.h>

#include "adapter/tls/farewell.h"
#include "adapter/tls/handshake.h"
#include "adapter/tls/records.h"
#include "adapter/tls/stream.h"
#include "adapter/tls/transport.h"
#include "adapter/tls/trouble.h"
#include "base/heap.h"
#include "base/str.h"

enum { SWEEP_MS = 100 };

struct tls_slot {
	struct tls_handshake handshake;
	struct tls_listener *listener;
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
	bool is_held; /* by its user */
	struct loop_timer *sweep;
};

static struct tls_slot *slot_of(struct tls_handshake *h)
{
	return container_of(h, struct tls_slot, handshake);
}

static void hold_set(struct tls_listener *l)
{
	stream_listener_hold(l->inner,
			     l->is_held || l->count >= l->transport->options.handshakes_max);
}

/* ---- slots ---- */

static void slot_free(struct tls_slot *slot)
{
	struct tls_listener *l = slot->listener;
	DL_DELETE(l->slots, slot);
	l->count--;
	l->transport->counters.handshakes--;
	if (l->slots == NULL)
		loop_timer_at(l->sweep, NEVER_MS);
	hold_set(l);
	free(slot);
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

/* "10.0.0.5" of "10.0.0.5:40312". */
static size_t host_size(const struct tls_slot *slot)
{
	const char *address = slot->handshake.tls->stream.peer.address;
	const char *colon = strrchr(address, ':');
	return colon != NULL ? (size_t)(colon - address) : strlen(address);
}

static bool is_same_host(const struct tls_slot *a, const struct tls_slot *b)
{
	return host_size(a) == host_size(b) &&
	       memcmp(a->handshake.tls->stream.peer.address,
		      b->handshake.tls->stream.peer.address, host_size(a)) == 0;
}

static unsigned slots_of_host(struct tls_listener *l, const struct tls_slot *one)
{
	const struct tls_slot *slot;
	unsigned count = 0;
	DL_FOREACH (l->slots, slot)
		count += is_same_host(slot, one);
	return count;
}

/* The oldest of the address that has most; NULL: it has not had its time. */
static struct tls_slot *slot_to_give_way(struct tls_listener *l, int64_t now_ms)
{
	struct tls_slot *slot, *found = NULL;
	unsigned most = 0;
	DL_FOREACH (l->slots, slot) {
		unsigned count = slots_of_host(l, slot);
		if (count > most) {
			most = count;
			found = slot;
		}
	}
	return found != NULL && now_ms - found->since_ms >= TLS_GIVE_WAY_MS ? found : NULL;
}

static bool is_full(const struct tls_listener *l)
{
	return l->count >= l->transport->options.handshakes_max;
}

/* The listener may be gone after each end, so one per sweep, and the next sweep soon. */
static void on_sweep(void *user)
{
	struct tls_listener *l = user;
	int64_t now_ms = loop_now(l->transport->loop).mono_ms;
	struct tls_slot *late = l->slots;
	bool gives_way = false;
	loop_timer_at(l->sweep, now_ms + SWEEP_MS);
	if (late != NULL && now_ms - late->since_ms < l->transport->options.handshake_ms)
		late = NULL;
	if (late == NULL && is_full(l)) {
		late = slot_to_give_way(l, now_ms);
		gives_way = late != NULL;
	}
	if (late == NULL)
		return;
	l->transport->counters.gave_way_total += gives_way;
	loop_timer_at(l->sweep, now_ms);
	slot_end(late, trouble_late(&late->handshake));
}

/* ---- the inner listener ---- */

static void on_inner_accepted(void *user, struct stream *inner)
{
	struct tls_listener *l = user;
	struct tls_slot *slot = mem_new(struct tls_slot);
	struct tls_stream *tls = tls_stream_new(l->transport, NULL, NULL);
	slot->listener = l;
	slot->since_ms = loop_now(l->transport->loop).mono_ms;
	slot->handshake = (struct tls_handshake){.calls = &handshake_calls,
						 .ops = &handshake_ops,
						 .tls = tls,
						 .is_server = true,
						 .protocols = l->protocols};
	if (l->slots == NULL)
		loop_timer_at(l->sweep, slot->since_ms + SWEEP_MS);
	DL_APPEND(l->slots, slot);
	l->count++;
	l->transport->counters.handshakes++;
	tls->handshake = &slot->handshake;
	tls_stream_attach(tls, inner);
	handshake_begin(&slot->handshake);
	hold_set(l);
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
	while (l->slots != NULL)
		stream_close(&l->slots->handshake.tls->stream);
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
	l->protocols = options->protocols;
	l->sweep = loop_timer_new(t->loop, on_sweep, l);
	*ret_listener = &l->listener;
	return 0;
}
