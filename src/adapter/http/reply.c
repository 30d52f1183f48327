#include <string.h>
#include <unistd.h>

#include "adapter/http/connection.h"
#include "adapter/http/reply.h"
#include "adapter/http/request_state.h"
#include "adapter/http/server_state.h"
#include "base/check.h"
#include "base/str.h"

void http_add_header(struct http_request *request, const char *name, const char *value)
{
	vector_push(&request->headers, mem_strdup(name));
	vector_push(&request->headers, mem_strdup(value));
}

/* Gives the answer to MHD: from inside its callback only. */
enum MHD_Result reply_queue(struct http_request *request)
{
	if (request->queued)
		return MHD_YES;
	struct http_server *server = request->server;
	for (size_t i = 0; i + 1 < request->headers.count; i += 2)
		(void)MHD_add_response_header(request->response, request->headers.items[i],
					      request->headers.items[i + 1]);
	if (request->phase == REQUEST_DISPATCHED)
		server->counters.waiting--;
	if (request->status / 100 < ARRAY_SIZE(server->counters.answers))
		server->counters.answers[request->status / 100]++;
	request->queued = true;
	return MHD_queue_response(request->connection, request->status, request->response);
}

/* Keeps the answer; outside MHD's callback, wakes the connection for it. */
void reply_with(struct http_request *request, unsigned status, const char *type,
		struct MHD_Response *response)
{
	PRE(!request->answered);
	INVARIANT(response != NULL);
	if (type != NULL)
		(void)MHD_add_response_header(response, "Content-Type", type);
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	request->response = response;
	request->status = status;
	request->answered = true;
	if (!request->in_handler && request->suspended) {
		request->suspended = false;
		connection_resume(request->server, request->connection);
	}
}

void reply_sent(struct http_request *request, uint64_t bytes)
{
	const struct http_options *o = &request->server->options;
	if (o->sent != NULL)
		o->sent(o->context, request, bytes);
}

void http_reply(struct http_request *request, unsigned status, const char *type, char *body,
		size_t size)
{
	reply_sent(request, size);
	struct MHD_Response *response =
		body != NULL
			? MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE)
			: MHD_create_response_from_buffer(0, (void *)(uintptr_t) "",
							  MHD_RESPMEM_PERSISTENT);
	reply_with(request, status, type, response);
}

void http_reply_refusal(struct http_request *request, unsigned status, const char *code,
			const char *message, const char *type, char *body, size_t size)
{
	const struct http_options *o = &request->server->options;
	if (o->refused != NULL)
		o->refused(o->context, request, code, message);
	http_reply(request, status, type, body, size);
}

void http_reply_failure(struct http_request *request, unsigned status, const char *code,
			const char *message)
{
	const struct http_options *o = &request->server->options;
	const char *type = "text/plain; charset=utf-8";
	char *body = o->error_body != NULL ? o->error_body(o->context, code, message, &type)
					   : str_printf("%s\n", message);
	http_reply_refusal(request, status, code, message, type, body, strlen(body));
}

void http_reply_file(struct http_request *request, unsigned status, const char *type, int fd,
		     uint64_t size)
{
	struct MHD_Response *response = MHD_create_response_from_fd64(size, fd);
	if (response == NULL)
		(void)close(fd);
	reply_sent(request, size);
	reply_with(request, status, type, response);
}
