#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "adapter/http/connection.h"
#include "adapter/http/list.h"
#include "adapter/http/reply.h"
#include "adapter/http/request_state.h"
#include "adapter/http/server_state.h"
#include "adapter/http/upgrade.h"
#include "adapter/uv/tcp_stream.h"
#include "base/str.h"

/* What an upgrade has handed out as a stream: another descriptor of MHD's socket, which is ours. So MHD frees what
 * it holds for requests of the connection (16 KiB), and does not count it any more. */
struct http_lent {
	struct http_lent *next, **link;		  /* in server->lent */
	struct http_server *server;		  /* NULL: it has ended before the stream */
	struct MHD_UpgradeResponseHandle *handle; /* until MHD has been told; then NULL */
	bool is_own; /* without descriptors it is MHD's, which then keeps everything */
	struct loop_task release;
};

bool http_wants_upgrade(const struct http_request *request, const char *protocol)
{
	const char *upgrade = http_header(request, "Upgrade");
	const char *connection = http_header(request, "Connection");
	return upgrade != NULL && strcasecmp(upgrade, protocol) == 0 && connection != NULL &&
	       strcasestr(connection, "upgrade") != NULL;
}

/* MHD closes its descriptor; without MHD_USE_TURBO it would shut the connection down. Not from within its own call. */
static void release(void *user)
{
	struct http_lent *lent = user;
	if (lent->handle == NULL)
		return;
	(void)MHD_upgrade_action(steal_ptr(&lent->handle), MHD_UPGRADE_ACTION_CLOSE);
	server_must_run(lent->server);
}

/* The stream is closed. */
static void give_back(void *lender, int fd)
{
	struct http_lent *lent = lender;
	if (lent->is_own)
		(void)close(fd);
	if (lent->server != NULL) {
		loop_defer_cancel(lent->server->loop, &lent->release);
		release(lent);
		LIST_REMOVE(lent);
		lent->server->lent_count--;
	}
	free(lent);
}

/* *fd becomes that of the stream. */
static struct http_lent *lent_new(struct http_server *server,
				  struct MHD_UpgradeResponseHandle *handle, int *fd)
{
	int own = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
	struct http_lent *lent = mem_new(struct http_lent);
	lent->server = server;
	lent->handle = handle;
	lent->release = (struct loop_task){.fn = release, .user = lent};
	LIST_ADD(server->lent, lent);
	server->lent_count++;
	if (own < 0)
		return lent;
	lent->is_own = true;
	loop_defer(server->loop, &lent->release);
	*fd = own;
	return lent;
}

static void upgraded(void *cls, struct MHD_Connection *connection, void *context,
		     const char *extra, size_t extra_size, MHD_socket fd,
		     struct MHD_UpgradeResponseHandle *handle)
{
	(void)context;
	struct http_request *request = cls; /* until MHD has closed its descriptor */
	struct http_server *server = request->server;
	/* No header, no body, no timeout of ours any more. */
	struct http_connection *c = connection_of(connection);
	c->in_header = false;
	c->body_deadline_ms = NEVER_MS;
	struct http_lent *lent = lent_new(server, handle, &fd);
	struct stream *stream = tcp_stream_adopt(server->loop, fd, give_back, lent);
	if (extra_size > 0)
		stream_unread(stream, extra, extra_size);
	request->upgraded(request->upgrade_user, stream);
}

void http_reply_upgrade(struct http_request *request, const char *protocol, http_upgrade_fn *fn,
			void *user)
{
	const struct http_server *server = request->server;
	if (server->lent_count >= server->options.upgrades_max) {
		http_reply_failure(request, 503, "unavailable",
				   "there are as many links as there may be; try again later");
		return;
	}
	request->upgraded = fn;
	request->upgrade_user = user;
	struct MHD_Response *response = MHD_create_response_for_upgrade(upgraded, request);
	(void)MHD_add_response_header(response, "Upgrade", protocol);
	reply_with(request, 101, NULL, response);
}

void upgrades_end(struct http_server *server)
{
	for (struct http_lent *lent = server->lent, *next; lent != NULL; lent = next) {
		next = lent->next;
		loop_defer_cancel(server->loop, &lent->release);
		release(lent);
		LIST_REMOVE(lent);
		lent->server = NULL;
	}
}
