#include "adapter/sim/network.h"

#include <stdlib.h>
#include <utlist.h>

#include "adapter/sim/arrivals.h"
#include "adapter/sim/connect.h"
#include "adapter/sim/troubles.h"
#include "base/check.h"
#include "base/str.h"

enum { WINDOW_DEFAULT = 64 * 1024 };

/* ---- arrivals ---- */

static void arrive(struct arrival *a)
{
	struct sim_stream *s = a->at;
	switch (a->type) {
	case ARRIVES_SYN:
		syn_arrived(s);
		return;
	case ARRIVES_CONNECTED:
	case ARRIVES_REFUSED:
	case ARRIVES_TIMEOUT:
		connect_over(s, steal_ptr(&a->why));
		return;
	case ARRIVES_BYTES:
		s->arrived += a->size;
		break;
	case ARRIVES_END:
		s->end_arrived = true;
		break;
	case ARRIVES_RESET:
		error_free(s->broken);
		s->broken = steal_ptr(&a->why);
		break;
	}
	stream_wake(&s->stream);
}

static void on_timer(void *user)
{
	struct sim_network *net = user;
	struct arrival *a;
	while ((a = arrival_next(net)) != NULL && a->at_ms <= net_now_ms(net)) {
		DL_DELETE(net->arrivals, a);
		arrive(a);
		arrival_free(a);
	}
	arrivals_schedule(net);
}

/* ---- faults ---- */

static bool is_between(const struct sim_stream *s, const char *a, const char *b)
{
	return s->remote != NULL &&
	       ((str_equal(s->machine->name, a) && str_equal(s->remote->name, b)) ||
		(str_equal(s->machine->name, b) && str_equal(s->remote->name, a)));
}

void sim_network_cut(struct sim_network *net, const char *a, const char *b)
{
	trouble_add(net, a, b, true);
	trouble_add(net, b, a, true);
	struct sim_stream *s;
	DL_FOREACH (net->streams, s)
		if (is_between(s, a, b))
			reset_plan(s, net_now_ms(net), "connection reset by peer");
}

void sim_network_silence(struct sim_network *net, const char *from, const char *to)
{
	trouble_add(net, from, to, false);
	struct sim_stream *s;
	DL_FOREACH (net->streams, s)
		if (is_between(s, from, to))
			reset_plan(s, net_now_ms(net) + SIM_KEEPALIVE_MS,
				   "connection timed out");
	arrivals_schedule(net);
}

void sim_network_heal(struct sim_network *net, const char *a, const char *b)
{
	bool was_cut = net_is_cut(net, a, b);
	trouble_remove(net, a, b);
	trouble_remove(net, b, a);
	struct sim_stream *s;
	DL_FOREACH (net->streams, s)
		if (is_between(s, a, b) && !was_cut)
			arrivals_drop(s, ARRIVES_RESET); /* keep-alive is answered again */
	arrivals_schedule(net);
}

void sim_network_delay(struct sim_network *net, int64_t min_ms, int64_t max_ms)
{
	PRE(min_ms >= 0 && min_ms <= max_ms);
	net->delay_min_ms = min_ms;
	net->delay_max_ms = max_ms;
}

void sim_network_fragment(struct sim_network *net, size_t max_bytes)
{
	net->fragment_max = max_bytes;
}

void sim_network_window(struct sim_network *net, size_t bytes)
{
	net->window = bytes;
}

/* ---- life ---- */

struct sim_network *sim_network_new(struct loop *loop, uint64_t seed)
{
	struct sim_network *net = mem_new(struct sim_network);
	net->loop = loop;
	net->random.state = seed;
	net->window = WINDOW_DEFAULT;
	net->timer = loop_timer_new(loop, on_timer, net);
	return net;
}

void sim_network_free(struct sim_network *net)
{
	PRE(net->streams == NULL && net->listeners == NULL && net->machines == NULL);
	INVARIANT(net->arrivals == NULL);
	while (net->troubles.count > 0)
		trouble_remove(net, net->troubles.items[0].from, net->troubles.items[0].to);
	vector_done(&net->troubles);
	loop_timer_free(net->timer);
	free(net);
}
