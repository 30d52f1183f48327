#include "adapter/sim/network.h"

#include <utlist.h>

#include "adapter/sim/network_private.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"

enum { WINDOW_DEFAULT = 64 * 1024 };

/* ---- what is wrong between machines ---- */

static size_t trouble_index(const struct sim_network *net, const char *from, const char *to)
{
	for (size_t i = 0; i < net->troubles.count; i++)
		if (str_equal(net->troubles.items[i].from, from) &&
		    str_equal(net->troubles.items[i].to, to))
			return i;
	return SIZE_MAX;
}

bool net_is_silent(const struct sim_network *net, const char *from, const char *to)
{
	size_t i = trouble_index(net, from, to);
	return i != SIZE_MAX && !net->troubles.items[i].is_cut;
}

bool net_is_cut(const struct sim_network *net, const char *from, const char *to)
{
	size_t i = trouble_index(net, from, to);
	return i != SIZE_MAX && net->troubles.items[i].is_cut;
}

static void trouble_remove(struct sim_network *net, const char *from, const char *to)
{
	size_t i = trouble_index(net, from, to);
	if (i == SIZE_MAX)
		return;
	free(net->troubles.items[i].from);
	free(net->troubles.items[i].to);
	vector_remove_at(&net->troubles, i);
}

static void trouble_add(struct sim_network *net, const char *from, const char *to, bool is_cut)
{
	trouble_remove(net, from, to);
	vector_push(&net->troubles,
		    ((struct trouble){
			    .from = mem_strdup(from), .to = mem_strdup(to), .is_cut = is_cut}));
}

/* ---- what is on its way ---- */

int64_t net_now_ms(const struct sim_network *net)
{
	return loop_now(net->loop).mono_ms;
}

int64_t net_delay_ms(struct sim_network *net)
{
	uint32_t range = (uint32_t)(net->delay_max_ms - net->delay_min_ms);
	return net->delay_min_ms + random_below(&net->random, range + 1);
}

/* What a silence holds back keeps its place until sim_network_heal(). */
static bool is_held(const struct sim_network *net, const struct arrival *a)
{
	const struct sim_stream *s = a->at;
	return (a->type == ARRIVES_BYTES || a->type == ARRIVES_END ||
		a->type == ARRIVES_CONNECTED) &&
	       s->remote != NULL && net_is_silent(net, s->remote->name, s->machine->name);
}

static struct arrival *arrival_next(const struct sim_network *net)
{
	struct arrival *a;
	DL_FOREACH (net->arrivals, a)
		if (!is_held(net, a))
			return a;
	return NULL;
}

static void timer_set(struct sim_network *net)
{
	const struct arrival *next = arrival_next(net);
	loop_timer_at(net->timer, next != NULL ? next->at_ms : NEVER_MS);
}

struct arrival *arrival_add(struct sim_stream *at, enum arrival_type type, int64_t at_ms)
{
	struct sim_network *net = at->machine->net;
	struct arrival *a = mem_new(struct arrival), *before = net->arrivals;
	a->at = at;
	a->type = type;
	a->at_ms = at_ms;
	while (before != NULL && before->at_ms <= at_ms)
		before = before->next;
	if (before != NULL)
		DL_PREPEND_ELEM(net->arrivals, before, a);
	else
		DL_APPEND(net->arrivals, a);
	timer_set(net);
	return a;
}

struct arrival *arrival_in_order(struct sim_stream *at, enum arrival_type type)
{
	struct sim_network *net = at->machine->net;
	int64_t at_ms = net_now_ms(net) + net_delay_ms(net);
	if (at_ms < at->last_arrival_ms)
		at_ms = at->last_arrival_ms;
	at->last_arrival_ms = at_ms;
	return arrival_add(at, type, at_ms);
}

static void arrival_free(struct arrival *a)
{
	error_free(a->why);
	free(a);
}

void arrivals_drop(struct sim_stream *at, enum arrival_type type)
{
	struct sim_network *net = at->machine->net;
	struct arrival *a, *next;
	DL_FOREACH_SAFE (net->arrivals, a, next) {
		if (a->at != at || a->type != type)
			continue;
		DL_DELETE(net->arrivals, a);
		arrival_free(a);
	}
	timer_set(net);
}

void arrivals_drop_all(struct sim_stream *at)
{
	for (enum arrival_type type = ARRIVES_SYN; type <= ARRIVES_RESET; type++)
		arrivals_drop(at, type);
}

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
	timer_set(net);
}

/* ---- faults ---- */

void reset_plan(struct sim_stream *s, int64_t at_ms, const char *why)
{
	if (s->broken != NULL)
		return;
	arrivals_drop(s, ARRIVES_RESET);
	struct arrival *a = arrival_add(s, ARRIVES_RESET, at_ms);
	(void)error_set(&a->why, ERR_UNAVAILABLE, "the connection broke: %s", why);
}

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
	timer_set(net);
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
	timer_set(net);
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

/* ---- machines ---- */

struct sim_machine *machine_find(struct sim_network *net, const char *name)
{
	struct sim_machine *m;
	LL_FOREACH (net->machines, m)
		if (str_equal(m->name, name))
			return m;
	return NULL;
}

struct stream_transport *sim_network_machine(struct sim_network *net, const char *name)
{
	PRE(machine_find(net, name) == NULL);
	struct sim_machine *m = mem_new(struct sim_machine);
	m->transport.ops = &sim_transport_ops;
	m->net = net;
	m->name = mem_strdup(name);
	LL_PREPEND(net->machines, m);
	return &m->transport;
}

void sim_network_certify(struct sim_network *net, const char *machine,
			 const struct stream_peer *identity)
{
	struct sim_machine *m = machine_find(net, machine);
	PRE(m != NULL && m->identity.name == NULL);
	m->identity = (struct stream_peer){
		.cluster = mem_strdup(identity->cluster),
		.role = mem_strdup(identity->role),
		.name = mem_strdup(identity->name),
		.key_hash = mem_strdup(identity->key_hash),
	};
}

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
