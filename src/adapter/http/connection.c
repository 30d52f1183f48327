#include "adapter/http/connection.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "adapter/http/list.h"
#include "adapter/http/owner_socket.h"
#include "adapter/http/pump.h"
#include "adapter/http/server_state.h"
#include "adapter/uv/tcp_stream.h"
#include "base/memory.h"

void server_must_run(struct http_server *server)
{
	server->dirty = true;
}

/* A resumed connection is looked at only by the next MHD_run(): many resumes, one run. */
void connection_resume(struct http_server *server, struct MHD_Connection *connection)
{
	MHD_resume_connection(connection);
	server_must_run(server);
}

/* The server gives such an address to no other connection. */
static bool is_owner(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	return info->client_addr->sa_family == AF_UNIX;
}

/* A copy: the stream goes when the peer does, a request may be there longer. */
static struct stream_peer peer_of(struct http_server *server, struct MHD_Connection *connection,
				  int fd)
{
	const struct stream_peer *known = pump_peer(server, fd);
	if (is_owner(connection))
		return (struct stream_peer){.address = mem_strdup(OWNER_SOCKET_ADDRESS)};
	if (known == NULL) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
		char address[TCP_ADDRESS_TEXT] = "";
		tcp_address_text((const void *)info->client_addr, address, sizeof(address));
		return (struct stream_peer){.address = mem_strdup(address)};
	}
	return (struct stream_peer){.address = mem_strdup(known->address),
				    .cluster = mem_strdup(known->cluster),
				    .role = mem_strdup(known->role),
				    .name = mem_strdup(known->name),
				    .key_hash = mem_strdup(known->key_hash),
				    .expires_wall_ms = known->expires_wall_ms};
}

static void peer_done(const struct stream_peer *peer)
{
	free((char *)(uintptr_t)peer->address);
	free((char *)(uintptr_t)peer->cluster);
	free((char *)(uintptr_t)peer->role);
	free((char *)(uintptr_t)peer->name);
	free((char *)(uintptr_t)peer->key_hash);
}

void connection_notify(void *cls, struct MHD_Connection *connection, void **context,
		       enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = cls;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		struct http_connection *c = *context;
		LIST_REMOVE(c);
		server->counters.connections--;
		peer_done(&c->peer);
		free(c);
		return;
	}
	struct http_connection *c = mem_new(struct http_connection);
	c->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
			->connect_fd;
	c->peer = peer_of(server, connection, c->fd);
	c->is_secure = pump_peer(server, c->fd) != NULL;
	c->is_owner = is_owner(connection);
	c->in_header = true;
	c->since_ms = loop_now(server->loop).mono_ms;
	c->header_limit_ms = server->options.header_timeout_ms;
	c->body_deadline_ms = NEVER_MS;
	LIST_ADD(server->connections, c);
	server->counters.connections++;
	server->counters.connections_total++;
	*context = c;
}

struct http_connection *connection_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
		->socket_context;
}

/* MHD's own timeout counts from the last byte, so a client that sends a byte now and then would
 * hold a connection for ever. MHD sees the end of the stream and clears up. */
void connections_sweep(struct http_server *server, int64_t now_ms)
{
	for (struct http_connection *c = server->connections; c != NULL; c = c->next) {
		bool late = c->in_header && now_ms - c->since_ms > c->header_limit_ms;
		if (late || now_ms > c->body_deadline_ms) {
			(void)shutdown(c->fd, SHUT_RDWR);
			c->in_header = false;
			c->body_deadline_ms = NEVER_MS;
			server->counters.refused_total++;
		}
	}
}
