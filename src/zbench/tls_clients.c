#include "zbench/tls_clients.h"

#include <malloc.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "adapter/uv/tcp_stream.h"
#include "adapter/wire/wire_link.h"
#include "base/random.h"
#include "base/str.h"
#include "zbench/machine.h"

enum {
	LIMIT_MS = 300000,
	CONNECT_MS = 10000,
	AT_A_TIME = 16,
	PAYLOAD = 200,
	BACKOFF_FIRST_MS = 100,
	BACKOFF_LAST_MS = 10000,
};

struct group;

struct client {
	struct group *group;
	struct stream *stream; /* until it is a link */
	struct wire_link *link;
	struct loop_timer *again;
	uint32_t backoff_ms;
	bool is_served;
};

/* What all clients of one part have in common. */
struct group {
	struct tls_clients *c;
	struct client *clients;
	unsigned count, begun, done, wanted;
	bool is_tls, closes_at_once, comes_back, is_late, ends;
	struct error *why;
	struct random random;
	uint64_t attempts, sent_ns;
	struct samples *to_us;
	uint8_t payload[PAYLOAD];
};

static uint64_t now_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void client_connect(struct client *client);

/* ---- links ---- */

static void send_one(struct client *client)
{
	struct group *g = client->group;
	Samoza__V1__MeshMessage m = SAMOZA__V1__MESH_MESSAGE__INIT;
	m.topology = m.path_name = m.from = m.to = m.to_zhost = (char *)(uintptr_t) "bench";
	m.payload = (ProtobufCBinaryData){.data = g->payload, .len = sizeof(g->payload)};
	g->sent_ns = now_ns();
	if (wire_link_send(client->link, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE, &m.base,
			   &g->why) < 0)
		loop_stop(&g->c->loop);
}

static void served(struct client *client)
{
	struct group *g = client->group;
	if (client->is_served)
		return;
	client->is_served = true;
	if (++g->done == g->wanted)
		loop_stop(&g->c->loop);
}

static int on_frame(void *user, struct wire_link *link, const struct frame *frame,
		    struct error **err)
{
	(void)link, (void)frame, (void)err;
	struct client *client = user;
	struct group *g = client->group;
	if (g->to_us == NULL) {
		served(client);
		return 0;
	}
	samples_add(g->to_us, (double)(now_ns() - g->sent_ns) / 1000);
	if (++g->done < g->wanted)
		send_one(client);
	else
		loop_stop(&g->c->loop);
	return 0;
}

static void come_back(struct client *client)
{
	struct group *g = client->group;
	uint32_t wait_ms = random_below(&g->random, client->backoff_ms);
	client->backoff_ms *= 2;
	if (client->backoff_ms > BACKOFF_LAST_MS)
		client->backoff_ms = BACKOFF_LAST_MS;
	loop_timer_at(client->again, loop_now(&g->c->loop).mono_ms + wait_ms);
}

static void on_closed(void *user, struct wire_link *link, const struct error *why)
{
	(void)link;
	struct client *client = user;
	struct group *g = client->group;
	client->link = NULL;
	if (g->ends)
		return;
	if (g->comes_back) {
		come_back(client);
		return;
	}
	if (g->why == NULL)
		(void)error_set(&g->why, ERR_UNAVAILABLE, "a link broke: %s",
				why != NULL ? why->message : "the server closed it");
	loop_stop(&g->c->loop);
}

static const struct wire_link_handler link_handler = {.frame = on_frame, .closed = on_closed};

/* ---- connecting ---- */

static void next_begins(struct group *g)
{
	if (g->begun < g->count)
		client_connect(&g->clients[g->begun++]);
}

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	struct client *client = user;
	struct group *g = client->group;
	if (why != NULL) {
		client->stream = NULL;
		if (g->comes_back) {
			stream_close(stream);
			come_back(client);
			return;
		}
		(void)error_set(&g->why, why->code, "%s", why->message);
		stream_close(stream);
		loop_stop(&g->c->loop);
		return;
	}
	client->stream = NULL;
	if (g->closes_at_once) {
		stream_close(stream);
		served(client);
	} else {
		client->link = wire_link_new(stream, 0, &link_handler, client);
		send_one(client);
	}
	next_begins(g);
}

static const struct stream_handler connecting = {.connected = on_connected};

static void client_connect(struct client *client)
{
	struct group *g = client->group;
	const struct tls_server *server = g->c->server;
	const struct stream_connect_options options = {
		.to = {"127.0.0.1", g->is_tls ? server->tls_port : server->plain_port},
		.timeout_ms = CONNECT_MS,
		.protocol = BENCH_LINK_PROTOCOL,
		.peer_role = "zrms"};
	g->attempts++;
	client->stream = stream_connect(g->is_tls ? g->c->tls : g->c->plain, &options,
					&connecting, client);
}

static void on_again(void *user)
{
	client_connect(user);
}

/* ---- groups ---- */

static void group_init(struct group *g, struct tls_clients *c, unsigned count)
{
	g->c = c;
	g->count = g->wanted = count;
	g->is_tls = true;
	g->random.state = 1;
	g->clients = mem_new_array(struct client, count);
	for (unsigned i = 0; i < count; i++)
		g->clients[i] = (struct client){.group = g, .backoff_ms = BACKOFF_FIRST_MS};
}

static void on_late(void *user)
{
	struct group *g = user;
	g->is_late = true;
	loop_stop(&g->c->loop);
}

/* Until g->done is g->wanted. */
static int group_run(struct group *g, struct error **err)
{
	struct loop *loop = &g->c->loop;
	struct loop_timer *late = loop_timer_new(loop, on_late, g);
	loop_timer_at(late, loop_now(loop).mono_ms + LIMIT_MS);
	loop_run(loop);
	loop_timer_free(late);
	if (g->why != NULL)
		return error_move(err, steal_ptr(&g->why));
	if (g->is_late)
		return error_set(err, ERR_TIMEOUT, "only %u of %u after %d s", g->done,
				 g->wanted, LIMIT_MS / 1000);
	return 0;
}

static void group_begin(struct group *g, unsigned at_a_time)
{
	for (unsigned i = 0; i < at_a_time; i++)
		next_begins(g);
}

static void on_quiet(void *user)
{
	struct loop *loop = user;
	loop_stop(loop);
}

static void rest(struct tls_clients *c, int64_t ms)
{
	struct loop_timer *timer = loop_timer_new(&c->loop, on_quiet, &c->loop);
	loop_timer_at(timer, loop_now(&c->loop).mono_ms + ms);
	loop_run(&c->loop);
	loop_timer_free(timer);
}

static void group_done(struct group *g)
{
	g->ends = true;
	for (unsigned i = 0; i < g->count; i++) {
		stream_close(g->clients[i].stream);
		if (g->clients[i].link != NULL)
			wire_link_close(g->clients[i].link, NULL);
		loop_timer_free(g->clients[i].again);
	}
	rest(g->c, 200);
	error_free(g->why);
	free(g->clients);
}

/* ---- the parts ---- */

int clients_shake_hands(struct tls_clients *c, unsigned count, double *ret_per_s,
			struct error **err)
{
	CLEANUP(group_done) struct group g = {0};
	group_init(&g, c, count);
	g.closes_at_once = true;
	uint64_t since_ns = now_ns();
	group_begin(&g, AT_A_TIME);
	int r = group_run(&g, err);
	if (r == 0)
		*ret_per_s = count / ((double)(now_ns() - since_ns) / 1e9);
	return r;
}

int clients_ping(struct tls_clients *c, bool is_tls, unsigned count, struct samples *to_us,
		 struct error **err)
{
	CLEANUP(group_done) struct group g = {0};
	group_init(&g, c, 1);
	g.is_tls = is_tls;
	g.wanted = count;
	g.to_us = to_us;
	group_begin(&g, 1);
	return group_run(&g, err);
}

int clients_idle(struct tls_clients *c, unsigned count, double *ret_bytes, struct error **err)
{
	CLEANUP(group_done) struct group g = {0};
	struct process_memory before, after;
	group_init(&g, c, count);
	int r = process_memory(c->server->pid, &before, err);
	if (r < 0)
		return r;
	group_begin(&g, AT_A_TIME);
	r = group_run(&g, err);
	if (r == 0)
		r = process_memory(c->server->pid, &after, err);
	if (r == 0)
		*ret_bytes = ((double)after.rss - (double)before.rss) / count;
	return r;
}

static double own_cpu_s(void)
{
	struct timespec spent = {0};
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
	return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

/* The server is gone and back. */
static int storm_come_back(struct tls_clients *c, struct tls_server *next, struct group *g,
			   struct storm *ret_storm, struct error **err)
{
	struct process_memory before, after;
	uint16_t port = c->server->tls_port;
	g->comes_back = true;
	g->done = 0;
	g->attempts = 0;
	for (unsigned i = 0; i < g->count; i++)
		g->clients[i].is_served = false;
	tls_server_stop(c->server);
	uint64_t since_ns = now_ns();
	double since_cpu_s = own_cpu_s();
	c->server = next;
	int r = tls_server_begin(next, port, err);
	if (r == 0)
		r = process_memory(next->pid, &before, err);
	if (r == 0)
		r = group_run(g, err);
	if (r == 0)
		r = process_memory(next->pid, &after, err);
	if (r < 0)
		return r;
	ret_storm->seconds = (double)(now_ns() - since_ns) / 1e9;
	ret_storm->attempts = (double)g->attempts / g->count;
	ret_storm->server_cpu_s = tls_server_cpu_s(next);
	ret_storm->clients_cpu_s = own_cpu_s() - since_cpu_s;
	ret_storm->server_bytes = ((double)after.rss - (double)before.rss) / g->count;
	return 0;
}

int clients_storm(struct tls_clients *c, struct tls_server *next, unsigned count,
		  struct storm *ret_storm, struct error **err)
{
	CLEANUP(group_done) struct group g = {0};
	struct process_memory before, after;
	group_init(&g, c, count);
	for (unsigned i = 0; i < count; i++)
		g.clients[i].again = loop_timer_new(&c->loop, on_again, &g.clients[i]);
	(void)malloc_trim(0); /* what other parts have left over would be theirs */
	int r = process_memory(getpid(), &before, err);
	if (r < 0)
		return r;
	group_begin(&g, AT_A_TIME);
	r = group_run(&g, err);
	if (r == 0)
		r = process_memory(getpid(), &after, err);
	if (r < 0)
		return r;
	ret_storm->clients_bytes = ((double)after.rss - (double)before.rss) / count;
	return storm_come_back(c, next, &g, ret_storm, err);
}

/* ---- life ---- */

int tls_clients_init(struct tls_clients *c, struct tls_server *server, const char *directory,
		     struct error **err)
{
	*c = (struct tls_clients){.server = server};
	int r = loop_init(&c->loop, err);
	if (r == 0)
		r = tcp_transport_open(&c->loop, NULL, &c->plain, err);
	if (r == 0)
		r = tls_bench_transport(&c->loop, directory, &c->tls, err);
	return r;
}

void tls_clients_done(struct tls_clients *c)
{
	stream_transport_free(c->plain);
	stream_transport_free(c->tls);
	if (c->loop.implementation != NULL)
		loop_done(&c->loop);
}
