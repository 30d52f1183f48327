#include "adapter/http/pump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/http/list.h"
#include "adapter/http/server_state.h"
#include "adapter/uv/tcp_stream.h"
#include "base/check.h"

enum {
	WAITING_MAX = 64 * 1024,
	LOCAL_TIMES = 4, /* this machine may have so many times more connections than another */
};

/* One of the two, with what waits to be written to it. */
struct side {
	struct http_pump *pump;
	struct stream *stream;
	struct buffer out;
	bool has_ended; /* nothing more is read from it */
	bool is_shut;	/* it was told that nothing more comes */
};

struct http_pump {
	struct http_pump *next, **link; /* in server->pumps */
	struct side peer, mhd;
	uint64_t network;
	int our_fd, mhd_fd; /* numbers of the pair; mhd_fd is MHD's */
	int64_t ended_ms;   /* since when MHD's end is known to be closed; 0: it is open */
};

static struct side *other_of(struct side *side)
{
	return side == &side->pump->peer ? &side->pump->mhd : &side->pump->peer;
}

static void pump_free(struct http_pump *p)
{
	LIST_REMOVE(p);
	stream_close(p->peer.stream);
	stream_close(p->mhd.stream);
	buffer_done(&p->peer.out);
	buffer_done(&p->mhd.out);
	free(p);
}

static void want(struct side *side)
{
	const struct side *other = other_of(side);
	unsigned events = side->out.size > 0 ? STREAM_WRITE : 0;
	if (!side->has_ended && other->out.size < WAITING_MAX)
		events |= STREAM_READ;
	stream_want(side->stream, events);
}

/* ---- each way; false: the connection is of no use any more ---- */

static bool flush(struct side *side)
{
	size_t n = 0;
	if (side->out.size == 0)
		return true;
	if (stream_write(side->stream, side->out.data, side->out.size, &n, NULL) < 0) {
		/* MHD has closed: what it has written before is still to be read and handed on. */
		buffer_done(&side->out);
		return side == &side->pump->mhd;
	}
	buffer_consume(&side->out, n);
	if (side->out.size == 0)
		buffer_done(&side->out);
	return true;
}

static bool fill(struct side *side)
{
	struct side *other = other_of(side);
	size_t room = WAITING_MAX - other->out.size, n = 0;
	uint8_t *scratch = side->stream->loop->scratch;
	if (room == 0)
		return true;
	int r = stream_read(side->stream, scratch, room, &n, NULL);
	if (r < 0 && side == &side->pump->peer)
		return false;
	side->has_ended = r <= 0; /* MHD's end breaks when it closes with bytes unread */
	r = n > 0 ? buffer_add(&other->out, scratch, n) : 0;
	INVARIANT(r == 0);
	return flush(other);
}

/* What comes to an end at one side does so at the other, when everything before it is through. */
static bool goes_on(struct http_pump *p)
{
	if (p->mhd.has_ended && p->peer.out.size == 0)
		return false;
	if (p->peer.has_ended && p->mhd.out.size == 0 && !p->mhd.is_shut) {
		p->mhd.is_shut = true;
		(void)shutdown(p->our_fd, SHUT_WR); /* MHD may still be answering */
	}
	return true;
}

static void on_ready(void *user, struct stream *stream, unsigned events)
{
	(void)stream;
	struct side *side = user;
	struct http_pump *p = side->pump;
	bool good = (events & STREAM_WRITE) == 0 || flush(side);
	if (good && (events & STREAM_READ) != 0)
		good = fill(side);
	if (!good || !goes_on(p)) {
		pump_free(p);
		return;
	}
	want(&p->peer);
	want(&p->mhd);
}

static const struct stream_handler handler = {.ready = on_ready};

static void side_init(struct http_pump *p, struct side *side, struct stream *stream)
{
	side->pump = p;
	side->stream = stream;
	side->out = BUFFER_INIT(WAITING_MAX);
	stream_set_handler(stream, &handler, side);
}

/* ---- how many ---- */

socklen_t pump_sockaddr(const char *address, struct sockaddr_storage *ret_address)
{
	char host[INET6_ADDRSTRLEN + 2] = "";
	const char *colon = strrchr(address, ':');
	*ret_address = (struct sockaddr_storage){0};
	size_t size = colon != NULL ? (size_t)(colon - address) : 0;
	struct sockaddr_in *v4 = (void *)ret_address;
	struct sockaddr_in6 *v6 = (void *)ret_address;
	if (size > 0 && size < sizeof(host)) {
		in_port_t port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
		bool is_v6 = address[0] == '[';
		memcpy(host, address + is_v6, size - 2u * is_v6);
		if (is_v6 && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
			v6->sin6_family = AF_INET6;
			v6->sin6_port = port;
			return sizeof(*v6);
		}
		if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
			v4->sin_family = AF_INET;
			v4->sin_port = port;
			return sizeof(*v4);
		}
	}
	v4->sin_family = AF_INET; /* of no network: 0.0.0.0 */
	return sizeof(*v4);
}

static uint64_t big_endian(const uint8_t *bytes, unsigned count)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < count; i++)
		value = value << 8 | bytes[i];
	return value;
}

uint64_t pump_network(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	const uint8_t *bytes = v6->sin6_addr.s6_addr;
	if (address->ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		return big_endian(bytes, 8); /* ::1 is of PUMP_NETWORK_LOCAL */
	uint64_t network = address->ss_family == AF_INET6 ? big_endian(bytes + 12, 4)
							  : ntohl(v4->sin_addr.s_addr);
	return network >> 24 == IN_LOOPBACKNET ? PUMP_NETWORK_LOCAL : network;
}

bool pump_has_room(const struct http_server *server, const struct sockaddr_storage *address)
{
	uint64_t network = pump_network(address), all = 0, same = 0;
	for (const struct http_pump *p = server->pumps; p != NULL; p = p->next) {
		all++;
		same += p->network == network;
	}
	uint64_t times = network == PUMP_NETWORK_LOCAL ? LOCAL_TIMES : 1;
	return all < server->options.connections_max &&
	       same < times * server->options.per_address_max;
}

/* ---- peers that do not read ---- */

/* While what waits for the peer is full, nothing is read from MHD's end, and its close not seen. */
static bool has_closed(const struct http_pump *p)
{
	struct pollfd end = {.fd = p->our_fd};
	return p->mhd.has_ended ||
	       (poll(&end, 1, 0) == 1 && (end.revents & (POLLHUP | POLLERR)) != 0);
}

/* ---- life ---- */

int pump_new(struct http_server *server, struct stream *stream, int *ret_fd, struct error **err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
		int r = error_errno(err, "cannot make a pair of sockets");
		stream_close(stream);
		return r;
	}
	struct http_pump *p = mem_new(struct http_pump);
	p->our_fd = pair[0];
	p->mhd_fd = pair[1];
	struct sockaddr_storage address;
	(void)pump_sockaddr(stream_peer(stream)->address, &address);
	p->network = pump_network(&address);
	LIST_ADD(server->pumps, p);
	side_init(p, &p->peer, stream);
	side_init(p, &p->mhd, tcp_stream_adopt(server->loop, pair[0], NULL, NULL));
	want(&p->peer);
	want(&p->mhd);
	*ret_fd = pair[1];
	return 0;
}

void pumps_sweep(struct http_server *server, int64_t now_ms)
{
	struct http_pump *p = server->pumps, *next;
	for (; p != NULL; p = next) {
		next = p->next;
		if (!has_closed(p))
			continue;
		if (p->ended_ms == 0)
			p->ended_ms = now_ms;
		if (now_ms - p->ended_ms >= server->options.body_timeout_ms)
			pump_free(p);
	}
}

void pumps_end(struct http_server *server)
{
	while (server->pumps != NULL) {
		struct http_pump *p = server->pumps;
		while (!p->mhd.has_ended && p->peer.out.size < WAITING_MAX && fill(&p->mhd))
			;
		pump_free(p);
	}
}

/* ---- who it is ---- */

/* The newest is found first: the numbers of descriptors are used again. */
const struct stream_peer *pump_peer(const struct http_server *server, int mhd_fd)
{
	for (const struct http_pump *p = server->pumps; p != NULL; p = p->next)
		if (p->mhd_fd == mhd_fd)
			return stream_peer(p->peer.stream);
	return NULL;
}
