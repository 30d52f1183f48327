#include "adapter/sim/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "adapter/sim/arrivals.h"
#include "adapter/sim/sim_stream.h"
#include "adapter/sim/troubles.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"

enum { FIRST_PORT = 50000 }; /* of those that a machine assigns itself */

struct sim_machine *machine_find(struct sim_network *net, const char *name)
{
	struct sim_machine *m;
	LL_FOREACH (net->machines, m)
		if (str_equal(m->name, name))
			return m;
	return NULL;
}

/* ---- listening ---- */

static struct sim_listener *listener_find(struct sim_network *net, const char *host,
					  uint16_t port)
{
	struct sim_listener *l;
	DL_FOREACH (net->listeners, l)
		if (str_equal(l->machine->name, host) && l->listener.port == port)
			return l;
	return NULL;
}

static void listener_close(struct stream_listener *listener)
{
	struct sim_listener *l = container_of(listener, struct sim_listener, listener);
	DL_DELETE(l->machine->net->listeners, l);
	free(l);
}

static void listener_hold(struct stream_listener *listener, bool is_held)
{
	struct sim_listener *l = container_of(listener, struct sim_listener, listener);
	l->is_held = is_held;
	arrivals_schedule(l->machine->net);
}

static const struct stream_listener_ops listener_ops = {.close = listener_close,
							.hold = listener_hold};

static uint16_t port_draw(struct sim_machine *m)
{
	return (uint16_t)(FIRST_PORT + m->last_port++);
}

static int transport_listen(struct stream_transport *transport,
			    const struct stream_listen_options *options,
			    const struct stream_listen_handler *handler, void *user,
			    struct stream_listener **ret_listener, struct error **err)
{
	struct sim_machine *m = container_of(transport, struct sim_machine, transport);
	uint16_t port = options->at.port != 0 ? options->at.port : port_draw(m);
	if (listener_find(m->net, m->name, port) != NULL)
		return error_set(err, ERR_CONFLICT,
				 "cannot listen on %s:%u: the port is in use", m->name, port);
	struct sim_listener *l = mem_new(struct sim_listener);
	l->listener = (struct stream_listener){
		.ops = &listener_ops, .handler = handler, .user = user, .port = port};
	l->machine = m;
	l->protocols = options->protocols;
	DL_APPEND(m->net->listeners, l);
	*ret_listener = &l->listener;
	return 0;
}

/* ---- connecting ---- */

static const char *protocol_offered(const struct sim_listener *l, const char *protocol)
{
	const struct stream_protocol *p =
		protocol != NULL
			? stream_protocol_find(l->protocols, protocol, strlen(protocol))
			: NULL;
	return p != NULL ? p->name : NULL;
}

static void peer_set(struct sim_stream *s, uint16_t port)
{
	(void)snprintf(s->address, sizeof(s->address), "%s:%u", s->remote->name, port);
	s->stream.peer = s->remote->identity;
	s->stream.peer.address = s->address;
}

static void refuse(struct sim_stream *s, enum error_code code, const char *why)
{
	struct arrival *a = arrival_in_order(s, ARRIVES_REFUSED);
	(void)error_set(&a->why, code, "cannot connect to %s:%u: %s", s->host, s->port, why);
}

static bool is_certified(const struct sim_machine *m)
{
	return m->identity.name != NULL;
}

static void pair_make(struct sim_stream *client, struct sim_listener *l)
{
	struct sim_stream *server = sim_stream_new(l->machine, NULL, NULL);
	client->remote = l->machine;
	server->remote = client->machine;
	client->other = server;
	server->other = client;
	server->is_connected = true;
	peer_set(client, client->port);
	peer_set(server, port_draw(client->machine));
	if (is_certified(client->machine) && is_certified(l->machine)) {
		client->stream.protocol = protocol_offered(l, client->protocol);
		server->stream.protocol = client->stream.protocol;
	}
	(void)arrival_in_order(client, ARRIVES_CONNECTED);
	stream_accepted(&l->listener, l->protocols, &server->stream);
}

static bool is_expected(const struct sim_stream *client, const struct stream_peer *identity)
{
	return (client->peer_name == NULL || str_equal(client->peer_name, identity->name)) &&
	       (client->peer_role == NULL || str_equal(client->peer_role, identity->role));
}

void syn_arrived(struct sim_stream *client)
{
	struct sim_network *net = client->machine->net;
	const char *from = client->machine->name;
	struct sim_machine *to = machine_find(net, client->host);
	struct sim_listener *l = listener_find(net, client->host, client->port);
	if (to != NULL && net_is_silent(net, from, to->name))
		return; /* until the timeout */
	if (to == NULL || net_is_cut(net, from, to->name))
		refuse(client, ERR_UNAVAILABLE, "network is unreachable");
	else if (l == NULL)
		refuse(client, ERR_UNAVAILABLE, "connection refused");
	else if (is_certified(to) && !is_expected(client, &to->identity))
		refuse(client, ERR_DENIED, "its certificate has another name");
	else
		pair_make(client, l);
}

void connect_over(struct sim_stream *client, struct error *why)
{
	arrivals_drop(client, ARRIVES_TIMEOUT);
	if (why != NULL) /* also an answer that would come too late */
		arrivals_drop_all(client);
	client->is_connected = why == NULL;
	client->stream.handler->connected(client->stream.user, &client->stream, why);
	error_free(why);
}

static struct stream *transport_connect(struct stream_transport *transport,
					const struct stream_connect_options *options,
					const struct stream_handler *handler, void *user)
{
	struct sim_machine *m = container_of(transport, struct sim_machine, transport);
	struct sim_stream *s = sim_stream_new(m, handler, user);
	s->host = mem_strdup(options->to.host);
	s->port = options->to.port;
	s->protocol = mem_strdup(options->protocol);
	s->peer_role = mem_strdup(options->peer_role);
	s->peer_name = mem_strdup(options->peer_name);
	(void)arrival_in_order(s, ARRIVES_SYN);
	struct arrival *timeout =
		arrival_add(s, ARRIVES_TIMEOUT, net_now_ms(m->net) + options->timeout_ms);
	(void)error_set(&timeout->why, ERR_TIMEOUT, "no answer from %s:%u", s->host, s->port);
	return &s->stream;
}

/* ---- machines, as transports ---- */

/* Streams of others to it may be closing still: nobody is at their other end any longer. */
static void forget_remote(struct sim_network *net, const struct sim_machine *m)
{
	struct sim_stream *s;
	DL_FOREACH (net->streams, s) {
		if (s->remote != m)
			continue;
		s->remote = NULL;
		s->stream.peer = (struct stream_peer){.address = s->address};
	}
}

static void transport_free(struct stream_transport *transport)
{
	struct sim_machine *m = container_of(transport, struct sim_machine, transport);
	forget_remote(m->net, m);
	LL_DELETE(m->net->machines, m);
	free(m->name);
	free((char *)(uintptr_t)m->identity.cluster);
	free((char *)(uintptr_t)m->identity.role);
	free((char *)(uintptr_t)m->identity.name);
	free((char *)(uintptr_t)m->identity.key_hash);
	free(m);
}

static const struct stream_transport_ops sim_transport_ops = {
	.connect = transport_connect,
	.listen = transport_listen,
	.free = transport_free,
};

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
		.expires_wall_ms = identity->expires_wall_ms,
	};
}
