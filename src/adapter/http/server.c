#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/http/connection.h"
#include "adapter/http/owner_socket.h"
#include "adapter/http/pump.h"
#include "adapter/http/request.h"
#include "adapter/http/request_state.h"
#include "adapter/http/server_state.h"
#include "adapter/http/spool.h"
#include "adapter/http/stream.h"
#include "adapter/http/upgrade.h"
#include "adapter/uv/tcp_accept.h"
#include "adapter/uv/tcp_stream.h"
#include "base/check.h"

enum {
	CONNECTIONS_MAX = 4096,
	HEADER_TIMEOUT_MS = 5000,
	IDLE_TIMEOUT_MS = 60000,
	BODY_TIMEOUT_MS = 30000,
	KEEPALIVE_MS = 15000,
	MEMORY_MAX = 1024 * 1024,
	SPOOL_MAX = 256 * 1024 * 1024,
	POOL_BYTES = 16 * 1024, /* per connection: header, and chunk of an upload */
};

/* ---- the loop: MHD's epoll descriptor, MHD's timeout, and a run after each resume ---- */

static unsigned connections_now(const struct http_server *server)
{
	return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
		->num_connections;
}

static bool is_full(const struct http_server *server)
{
	return connections_now(server) >= server->options.connections_max;
}

/* Further peers wait in the backlog. */
static void acceptor_limit(struct http_server *server)
{
	if (server->acceptor != NULL)
		tcp_acceptor_hold(server->acceptor, is_full(server));
	if (server->owner != NULL)
		tcp_acceptor_hold(server->owner, is_full(server));
}

static void server_run(struct http_server *server)
{
	server->dirty = false;
	(void)MHD_run(server->daemon);
	acceptor_limit(server);
	MHD_UNSIGNED_LONG_LONG wait_ms;
	if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES)
		loop_timer_at(server->timeout,
			      loop_now(server->loop).mono_ms + (int64_t)wait_ms);
	else
		loop_timer_at(server->timeout, NEVER_MS);
}

static bool server_turn(void *user)
{
	struct http_server *server = user;
	if (!server->dirty)
		return false;
	server_run(server);
	return true;
}

static void server_due(void *user)
{
	server_must_run(user);
}

static void server_ready(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	server_run(poll->data);
}

/* ---- sweeps ---- */

static void streams_sweep(struct http_server *server, int64_t now_ms)
{
	for (struct http_stream *s = server->streams; s != NULL; s = s->next)
		if (s->sse && !s->ended &&
		    now_ms - s->last_write_ms >= server->options.keepalive_ms)
			http_stream_keepalive(s, now_ms);
}

static int64_t min_ms(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void server_sweep(void *user)
{
	struct http_server *server = user;
	int64_t now_ms = loop_now(server->loop).mono_ms;
	connections_sweep(server, now_ms);
	streams_sweep(server, now_ms);
	pumps_sweep(server, now_ms);
	int64_t step = min_ms(server->options.header_timeout_ms, server->options.keepalive_ms);
	step = min_ms(min_ms(step, server->options.body_timeout_ms) / 4 + 1, 1000);
	loop_timer_at(server->sweep, now_ms + step);
}

/* ---- life ---- */

static void options_fill(struct http_options *o)
{
#define DEFAULT(field, value) (o->field = o->field != 0 ? o->field : (value))
	DEFAULT(connections_max, CONNECTIONS_MAX);
	DEFAULT(upgrades_max, o->connections_max);
	DEFAULT(per_address_max, o->connections_max);
	DEFAULT(header_timeout_ms, HEADER_TIMEOUT_MS);
	DEFAULT(idle_timeout_ms, IDLE_TIMEOUT_MS);
	DEFAULT(body_timeout_ms, BODY_TIMEOUT_MS);
	DEFAULT(keepalive_ms, KEEPALIVE_MS);
	DEFAULT(memory_max, MEMORY_MAX);
	DEFAULT(spool_max, SPOOL_MAX);
#undef DEFAULT
}

/* MHD stops accepting when descriptors run out, until one of its own connections closes, which may
 * be never. So it gets its connections from us. */
static struct MHD_Daemon *daemon_start(struct http_server *server)
{
	const struct http_options *o = &server->options;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
			 MHD_USE_TURBO | MHD_USE_NO_LISTEN_SOCKET;
	unsigned idle_s = (unsigned)((o->idle_timeout_ms + 999) / 1000);
	return MHD_start_daemon(
		flags, 0, NULL, NULL, request_handle, server, MHD_OPTION_NOTIFY_CONNECTION,
		connection_notify, server, MHD_OPTION_NOTIFY_COMPLETED, request_completed,
		server, MHD_OPTION_URI_LOG_CALLBACK, request_begin, server,
		MHD_OPTION_CONNECTION_LIMIT, o->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
		idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
		MHD_OPTION_END);
}

static void connection_add(struct http_server *server, int fd,
			   const struct sockaddr_storage *address, socklen_t size)
{
	/* Closes the socket where it refuses it. */
	if (MHD_add_connection(server->daemon, fd, (const struct sockaddr *)address, size) !=
	    MHD_YES)
		server->counters.refused_total++;
	server_must_run(server);
	acceptor_limit(server);
}

static void on_accepted(void *user, int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	(void)getpeername(fd, (struct sockaddr *)&address, &size);
	connection_add(user, fd, &address, size);
}

static void on_owner(void *user, int fd)
{
	struct http_server *server = user;
	const struct sockaddr_storage address = {.ss_family = AF_UNIX};
	if (owner_socket_admits(fd)) {
		connection_add(server, fd, &address, sizeof(sa_family_t));
	} else {
		server->counters.refused_total++;
		(void)close(fd);
	}
}

static bool is_shared(const struct http_server *server, const struct stream *stream)
{
	const struct http_options *o = &server->options;
	return o->is_shared != NULL && o->is_shared(o->context, stream_peer(stream)->address);
}

void http_server_take(struct http_server *server, struct stream *stream)
{
	struct sockaddr_storage address;
	socklen_t size = pump_sockaddr(stream_peer(stream)->address, &address);
	int fd = -1;
	if (server->draining) {
		stream_close(stream);
	} else if (is_full(server) ||
		   (!is_shared(server, stream) && !pump_has_room(server, &address))) {
		server->counters.refused_total++;
		stream_close(stream);
	} else if (pump_new(server, stream, &fd, NULL) < 0) {
		server->counters.refused_total++;
		server->starved++;
	} else {
		connection_add(server, fd, &address, size);
	}
}

static int server_listen(struct http_server *server, struct error **err)
{
	const struct stream_listen_options at = {
		.at = {server->options.address, server->options.port},
		.loopback_only = server->options.loopback_only};
	int fd = -1;
	int r = tcp_listen(&at, &fd, &server->port, err);
	if (r < 0)
		return r;
	return tcp_acceptor_new(server->loop, fd, on_accepted, server, &server->acceptor, err);
}

static int owner_listen(struct http_server *server, struct error **err)
{
	int fd = -1;
	int r = owner_socket_listen(server->options.socket, &fd, err);
	if (r < 0)
		return r;
	return tcp_acceptor_new(server->loop, fd, on_owner, server, &server->owner, err);
}

static int server_start(struct http_server *server, struct error **err)
{
	server->daemon = daemon_start(server);
	if (server->daemon == NULL)
		return error_set(err, ERR_IO,
				 "cannot start the HTTP server: no descriptors or no memory "
				 "left");
	int fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	return loop_poll_new(server->loop, fd, &server->poll, err);
}

int http_server_new(struct loop *loop, const struct http_options *options,
		    struct http_server **ret_server, struct error **err)
{
	struct http_server *server = mem_new(struct http_server);
	server->loop = loop;
	server->options = *options;
	options_fill(&server->options);
	int r = server->options.address != NULL ? server_listen(server, err) : 0;
	if (r == 0 && server->options.socket != NULL)
		r = owner_listen(server, err);
	if (r == 0)
		r = server_start(server, err);
	if (r < 0) {
		tcp_acceptor_free(server->acceptor);
		tcp_acceptor_free(server->owner);
		if (server->daemon != NULL)
			MHD_stop_daemon(server->daemon);
		free(server);
		return r;
	}
	server->timeout = loop_timer_new(loop, server_due, server);
	server->late = loop_timer_new(loop, request_late_due, server);
	server->sweep = loop_timer_new(loop, server_sweep, server);
	server->poll->data = server;
	(void)uv_poll_start(server->poll, UV_READABLE, server_ready);
	loop_before_poll(loop, server_turn, server);
	server_sweep(server);
	*ret_server = server;
	return 0;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

void http_server_share_port(struct http_server *server)
{
	if (server->acceptor != NULL)
		tcp_acceptor_share_port(server->acceptor, true);
}

int http_server_share_port_end(struct http_server *server, struct error **err)
{
	if (server->acceptor == NULL)
		return 0;
	tcp_acceptor_share_port(server->acceptor, false);
	return tcp_share_port_end(server->port, err);
}

struct http_counters http_server_counters(const struct http_server *server)
{
	struct http_counters counters = server->counters;
	counters.starved_total = server->starved;
	if (server->acceptor != NULL)
		counters.starved_total += tcp_acceptor_starved(server->acceptor);
	return counters;
}

/* MHD_stop_daemon() aborts the program while any connection is suspended. So: no new ones, then
 * wake every one that sleeps, so that it sends its last bytes, then stop. */
static void everything_wake(struct http_server *server)
{
	upgrades_end(server);
	for (struct http_stream *s = server->streams; s != NULL; s = s->next)
		http_stream_end(s);
	for (struct http_request *r = server->requests; r != NULL; r = r->next) {
		if (r->job != NULL)
			spool_abandon(r);
		if (r->suspended) {
			r->suspended = false;
			MHD_resume_connection(r->connection);
		}
	}
}

void http_server_drain(struct http_server *server)
{
	if (server->draining)
		return;
	server->draining = true;
	tcp_acceptor_free(steal_ptr(&server->acceptor));
	if (server->owner != NULL)
		(void)unlink(server->options.socket);
	tcp_acceptor_free(steal_ptr(&server->owner));
}

void http_server_free(struct http_server *server)
{
	if (server == NULL)
		return;
	server->stopping = true;
	http_server_drain(server);
	everything_wake(server);
	/* Twice: the second answers and closes what the first woke. */
	(void)MHD_run(server->daemon);
	everything_wake(server);
	(void)MHD_run(server->daemon);
	loop_before_poll_remove(server->loop, server_turn, server);
	loop_timer_free(server->timeout);
	loop_timer_free(server->sweep);
	loop_timer_free(server->late);
	(void)uv_poll_stop(server->poll);
	uv_close((uv_handle_t *)server->poll, loop_handle_free);
	MHD_stop_daemon(server->daemon);
	pumps_end(server);
	INVARIANT(server->requests == NULL && server->streams == NULL);
	free(server);
}
