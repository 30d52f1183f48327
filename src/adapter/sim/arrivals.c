#include "adapter/sim/arrivals.h"

#include <stdlib.h>
#include <utlist.h>

#include "adapter/sim/troubles.h"
#include "base/memory.h"
#include "base/str.h"

int64_t net_now_ms(const struct sim_network *net)
{
	return loop_now(net->loop).mono_ms;
}

int64_t net_delay_ms(struct sim_network *net)
{
	uint32_t range = (uint32_t)(net->delay_max_ms - net->delay_min_ms);
	return net->delay_min_ms + random_below(&net->random, range + 1);
}

static bool is_at_held_listener(const struct sim_network *net, const struct sim_stream *client)
{
	const struct sim_listener *l;
	DL_FOREACH (net->listeners, l)
		if (str_equal(l->machine->name, client->host) &&
		    l->listener.port == client->port)
			return l->is_held;
	return false;
}

/* What a silence holds back keeps its place until sim_network_heal(). */
static bool is_held(const struct sim_network *net, const struct arrival *a)
{
	const struct sim_stream *s = a->at;
	if (a->type == ARRIVES_SYN)
		return is_at_held_listener(net, s);
	return (a->type == ARRIVES_BYTES || a->type == ARRIVES_END ||
		a->type == ARRIVES_CONNECTED) &&
	       s->remote != NULL && net_is_silent(net, s->remote->name, s->machine->name);
}

struct arrival *arrival_next(const struct sim_network *net)
{
	struct arrival *a;
	DL_FOREACH (net->arrivals, a)
		if (!is_held(net, a))
			return a;
	return NULL;
}

void arrivals_schedule(struct sim_network *net)
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
	arrivals_schedule(net);
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

void arrival_free(struct arrival *a)
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
	arrivals_schedule(net);
}

void arrivals_drop_all(struct sim_stream *at)
{
	for (enum arrival_type type = ARRIVES_SYN; type <= ARRIVES_RESET; type++)
		arrivals_drop(at, type);
}

void reset_plan(struct sim_stream *s, int64_t at_ms, const char *why)
{
	if (s->broken != NULL)
		return;
	arrivals_drop(s, ARRIVES_RESET);
	struct arrival *a = arrival_add(s, ARRIVES_RESET, at_ms);
	(void)error_set(&a->why, ERR_UNAVAILABLE, "the connection broke: %s", why);
}
