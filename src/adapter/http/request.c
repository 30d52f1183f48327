#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/http/connection.h"
#include "adapter/http/list.h"
#include "adapter/http/reply.h"
#include "adapter/http/request.h"
#include "adapter/http/request_state.h"
#include "adapter/http/server_state.h"
#include "adapter/http/spool.h"
#include "base/check.h"
#include "base/str.h"

/* ---- what a handler reads ---- */

const char *http_method(const struct http_request *request)
{
	return request->method;
}

const char *http_raw_target(const struct http_request *request)
{
	return request->target.raw;
}

const char *http_raw_path(const struct http_request *request)
{
	return request->target.raw_path;
}

const char *http_param(const struct http_request *request, const char *name)
{
	vector_for_each (&request->match.params, pair)
		if (strcmp(pair->name, name) == 0)
			return pair->value;
	IMPOSSIBLE("the route's pattern has no such parameter");
}

const char *http_query(const struct http_request *request, const char *name)
{
	vector_for_each (&request->target.query, pair)
		if (strcmp(pair->name, name) == 0)
			return pair->value;
	return NULL;
}

static bool is_secret(const struct http_request *request)
{
	return request->route != NULL && request->route->is_secret;
}

char *http_said(const struct http_request *request)
{
	struct buffer said = BUFFER_INIT(SIZE_MAX / 2);
	int r = 0;
	vector_for_each (&request->target.segments, segment)
		if (r == 0)
			r = buffer_printf(&said, "%s\n", *segment);
	vector_for_each (&request->target.query, pair)
		if (r == 0)
			r = buffer_printf(&said, "%s\n", pair->value);
	if (r == 0)
		r = buffer_printf(&said, "%s\n",
				  request->body.data != NULL && request->spool_fd < 0 &&
						  !is_secret(request)
					  ? request->body.data
					  : "");
	INVARIANT(r == 0);
	return buffer_steal(&said);
}

const struct stream_peer *http_peer(const struct http_request *request)
{
	return &connection_of(request->connection)->peer;
}

bool http_is_secure(const struct http_request *request)
{
	return connection_of(request->connection)->is_secure;
}

bool http_is_owner(const struct http_request *request)
{
	return connection_of(request->connection)->is_owner;
}

struct header_list {
	const char *name;
	char *values;
};

static enum MHD_Result header_list_add(void *cls, enum MHD_ValueKind kind, const char *name,
				       const char *value)
{
	(void)kind;
	struct header_list *list = cls;
	if (strcasecmp(name, list->name) != 0 || value == NULL)
		return MHD_YES;
	CLEANUP(freep) char *before = list->values;
	list->values = before != NULL ? str_printf("%s, %s", before, value) : mem_strdup(value);
	return MHD_YES;
}

char *http_header_list(const struct http_request *request, const char *name)
{
	struct header_list list = {.name = name};
	(void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, header_list_add,
					&list);
	return list.values;
}

const char *http_header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

void http_set_user(struct http_request *request, void *user, void (*free_user)(void *user))
{
	PRE(request->free_user == NULL);
	request->user = user;
	request->free_user = free_user;
}

void *http_user(const struct http_request *request)
{
	return request->user;
}

const char *http_body_data(const struct http_request *request)
{
	if (request->spool_fd >= 0)
		return NULL;
	return request->body.data != NULL ? request->body.data : "";
}

size_t http_body_size(const struct http_request *request)
{
	return (size_t)request->content_length;
}

int http_body_fd(const struct http_request *request)
{
	return request->spool_fd;
}

char *http_body_take(struct http_request *request)
{
	return request->spool_fd >= 0 ? NULL : buffer_steal(&request->body);
}

/* ---- life ---- */

/* Called with the raw target as soon as the first line is there; what it returns becomes the
 * request's context. (MHD's own decoding, which happens later, is never used.) */
void *request_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct http_server *server = cls;
	struct http_request *request = mem_new(struct http_request);
	request->server = server;
	request->connection = connection;
	request->spool_fd = -1;
	LIST_ADD(server->requests, request);
	struct error *err = NULL;
	if (http_target_parse(&request->target, uri, &err) < 0) {
		/* Refused once the header is complete: until then nothing can be answered. */
		request->target_error = err;
		request->target.raw_path = NULL;
	}
	return request;
}

/* Of a request whose refusal waits: larger ones are refused at once, and their connection is closed. */
#define LATE_BODY_MAX (64u * 1024)

static void request_free(struct http_request *request)
{
	LIST_REMOVE(request);
	error_free(request->target_error);
	if (request->job != NULL)
		spool_abandon(request);
	if (request->response != NULL)
		MHD_destroy_response(request->response);
	if (request->spool_fd >= 0)
		(void)close(request->spool_fd);
	free(request->late.message);
	if (is_secret(request) && request->body.data != NULL)
		explicit_bzero(request->body.data, request->body.size);
	buffer_done(&request->body);
	http_target_done(&request->target);
	http_match_done(&request->match);
	vector_for_each (&request->headers, header)
		free(*header);
	vector_done(&request->headers);
	free(request->method);
	if (request->free_user != NULL)
		request->free_user(request->user);
	free(request);
}

void request_completed(void *cls, struct MHD_Connection *connection, void **context,
		       enum MHD_RequestTerminationCode code)
{
	struct http_server *server = cls;
	struct http_request *request = *context;
	if (request == NULL)
		return;
	*context = NULL;
	struct http_connection *c = connection_of(connection);
	if (c != NULL) {
		/* The next header may begin at any moment of the idle time, and then has the
		 * header's time on top. */
		c->in_header = true;
		c->since_ms = loop_now(server->loop).mono_ms;
		c->header_limit_ms =
			server->options.idle_timeout_ms + server->options.header_timeout_ms;
		c->body_deadline_ms = NEVER_MS;
	}
	if (request->phase == REQUEST_DISPATCHED && !request->queued)
		server->counters.waiting--;
	request_free(request);
}

/* ---- the header ---- */

static struct http_refusal refuse(unsigned status, const char *code, char *message)
{
	return (struct http_refusal){status, code, message};
}

static const struct http_refusal NO_REFUSAL = {0};

struct header_counts {
	unsigned content_length, transfer_encoding, host;
};

static enum MHD_Result header_count(void *cls, enum MHD_ValueKind kind, const char *name,
				    const char *value)
{
	(void)kind;
	(void)value;
	struct header_counts *counts = cls;
	counts->content_length += strcasecmp(name, "Content-Length") == 0;
	counts->transfer_encoding += strcasecmp(name, "Transfer-Encoding") == 0;
	counts->host += strcasecmp(name, "Host") == 0;
	return MHD_YES;
}

/* MHD takes the first of several Content-Lengths, and Transfer-Encoding beside one, which a
 * proxy in front may read in another way (request smuggling). */
static struct http_refusal framing_check(struct http_request *request)
{
	struct header_counts counts = {0};
	(void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, header_count,
					&counts);
	if (counts.content_length > 1 || counts.host > 1 ||
	    (counts.content_length == 1 && counts.transfer_encoding > 0))
		return refuse(400, "invalid",
			      str_printf("more than one Content-Length, Transfer-Encoding or "
					 "Host"));
	if (counts.transfer_encoding > 0)
		return refuse(411, "invalid",
			      str_printf("Transfer-Encoding is not accepted: send "
					 "Content-Length"));
	const char *length = http_header(request, "Content-Length");
	if (length != NULL && str_to_u64(length, &request->content_length) < 0)
		return refuse(400, "invalid", str_printf("Content-Length is not a number"));
	return NO_REFUSAL;
}

/* "127.0.0.1:7331", "localhost", "[::1]:7331". */
static bool host_is_loopback(const char *host)
{
	size_t size = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	CLEANUP(freep) char *name = mem_strndup(host, size);
	return strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 ||
	       (str_has_prefix(name, "127.") && strspn(name, "0123456789.") == strlen(name));
}

bool http_host_is_loopback(const struct http_request *request)
{
	const char *host = http_header(request, "Host");
	return host != NULL && host_is_loopback(host);
}

static bool request_is_proxied(const struct http_request *request)
{
	const struct http_options *o = &request->server->options;
	return o->is_proxied != NULL && o->is_proxied(o->context, request);
}

static bool is_origin(const char *scheme, const char *host, const char *origin)
{
	return str_has_prefix(origin, scheme) && strcasecmp(origin + strlen(scheme), host) == 0;
}

/* A page of anybody, open in a browser on this machine, can send requests here. Its Origin
 * gives it away; a name of its own that resolves to 127.0.0.1 does so by the Host. */
static struct http_refusal origin_check(const struct http_request *request)
{
	const char *host = http_header(request, "Host");
	const char *origin = http_header(request, "Origin");
	/* Over TLS it is the certificate that keeps a name of somebody else's from meaning this machine. */
	bool is_secure = http_is_secure(request), is_proxied = request_is_proxied(request);
	if (host == NULL || (!is_secure && !is_proxied && !host_is_loopback(host)))
		return refuse(403, "denied",
			      str_printf("Host is not this machine's loopback address"));
	/* Which of the two a proxy was asked by, only it knows. */
	if (origin != NULL &&
	    !((is_secure || is_proxied) && is_origin("https://", host, origin)) &&
	    !(!is_secure && is_origin("http://", host, origin)))
		return refuse(403, "denied",
			      str_printf("requests from pages of other sites are refused"));
	return NO_REFUSAL;
}

static bool method_matches(const struct http_route *route, const char *method)
{
	return strcmp(route->method, method) == 0 ||
	       (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static struct http_refusal route_find(struct http_request *request)
{
	const struct http_options *o = &request->server->options;
	CLEANUP(freep) char *allowed = NULL;
	for (size_t i = 0; i < o->route_count; i++) {
		const struct http_route *route = &o->routes[i];
		if (!http_pattern_match(route->pattern, &request->target, &request->match))
			continue;
		if (method_matches(route, request->method)) {
			request->route = route;
			return NO_REFUSAL;
		}
		http_match_done(&request->match);
		char *longer = str_printf("%s%s%s", allowed != NULL ? allowed : "",
					  allowed != NULL ? ", " : "", route->method);
		free(allowed);
		allowed = longer;
	}
	if (allowed == NULL)
		return refuse(404, "not-found",
			      str_printf("nothing at %s", request->target.raw_path));
	http_add_header(request, "Allow", allowed);
	return refuse(
		405, "invalid",
		str_printf("method %s not allowed: expected %s", request->method, allowed));
}

const struct http_query http_query_any[] = {{0}};

/* NULL: unknown. */
static const struct http_query *query_find(const struct http_query *known, const char *name)
{
	for (; known != NULL && known->name != NULL; known++)
		if (str_equal(known->name, name))
			return known;
	return NULL;
}

/* The known names with blanks between; the caller frees. */
static char *query_names(const struct http_query *known)
{
	struct buffer names = BUFFER_INIT(64 * 1024);
	int r = 0;
	for (; known->name != NULL && r == 0; known++)
		r = buffer_printf(&names, "%s%s", names.size > 0 ? " " : "", known->name);
	INVARIANT(r == 0);
	return buffer_steal(&names);
}

static struct http_refusal query_check(const struct http_request *request)
{
	const struct http_query *known = request->route->query;
	vector_for_each (&request->target.query, pair) {
		const struct http_query *found = query_find(known, pair->name);
		if ((found == NULL || found->type != HTTP_LINES) &&
		    strpbrk(pair->value, "\n\t") != NULL)
			return refuse(400, "invalid",
				      str_printf("control characters or invalid UTF-8 in the "
						 "URL"));
		if (found != NULL || known == http_query_any)
			continue;
		CLEANUP(freep)
		char *names = known != NULL ? query_names(known) : mem_strdup("none");
		return refuse(400, "invalid",
			      str_printf("unknown query parameter '%s': expected %s%s",
					 pair->name, known != NULL ? "one of: " : "", names));
	}
	return NO_REFUSAL;
}

static struct http_refusal body_check(const struct http_request *request)
{
	const struct http_options *o = &request->server->options;
	uint64_t max = 0;
	if (request->route->body == HTTP_BODY_MEMORY)
		max = request->route->body_max > 0 ? request->route->body_max : o->memory_max;
	else if (request->route->body == HTTP_BODY_SPOOL)
		max = o->spool_max;
	if (request->content_length <= max)
		return NO_REFUSAL;
	if (max == 0)
		return refuse(400, "invalid", str_printf("unexpected body: expected none"));
	return refuse(413, "limit",
		      str_printf("the body has %llu bytes, at most %llu are accepted",
				 (unsigned long long)request->content_length,
				 (unsigned long long)max));
}

static struct http_refusal body_prepare(struct http_request *request)
{
	if (request->content_length <= SPOOL_MEMORY_MAX ||
	    request->route->body == HTTP_BODY_MEMORY) {
		request->body = BUFFER_INIT((size_t)request->content_length);
		if (is_secret(request)) /* so that it does not move, and is in one place */
			(void)buffer_reserve(&request->body, request->body.max);
		return NO_REFUSAL;
	}
	CLEANUP(error_freep) struct error *err = NULL;
	request->body = BUFFER_INIT(2 * SPOOL_MEMORY_MAX);
	if (spool_open(request, &err) < 0)
		return refuse(503, "io", str_printf("%s", err->message));
	return NO_REFUSAL;
}

/* What cannot be read stays refused as such: its connection is closed. */
static struct http_refusal count(struct http_request *request, struct http_refusal before)
{
	const struct http_options *options = &request->server->options;
	if (options->count == NULL)
		return before;
	struct http_refusal refusal = options->count(options->context, request);
	if (before.status == 0)
		return refusal;
	free(refusal.message);
	return before;
}

static struct http_refusal header_check(struct http_request *request)
{
	struct error *target_error = request->target_error;
	request->target_error = NULL;
	struct http_refusal refusal = NO_REFUSAL;
	if (target_error != NULL)
		refusal = refuse(400, "invalid", mem_strdup(target_error->message));
	error_free(target_error);
	if (refusal.status == 0)
		refusal = framing_check(request);
	refusal = count(request, refusal);
	if (refusal.status == 0 && request->server->draining)
		refusal = refuse(503, "unavailable", str_printf("shutting down"));
	if (refusal.status == 0 && request->server->options.loopback_only)
		refusal = origin_check(request);
	if (refusal.status == 0)
		refusal = route_find(request);
	if (refusal.status == 0 && request->server->options.admit != NULL)
		refusal = request->server->options.admit(request->server->options.context,
							 request, request->route);
	if (refusal.status == 0)
		refusal = query_check(request);
	if (refusal.status == 0)
		refusal = body_check(request);
	if (refusal.status == 0)
		refusal = body_prepare(request);
	return refusal;
}

/* The first call, with the whole header and before any of the body: the only moment at which a
 * body can be refused without reading it. */
static enum MHD_Result header_take(struct http_request *request, const char *method)
{
	struct http_server *server = request->server;
	struct http_connection *c = connection_of(request->connection);
	c->in_header = false;
	request->method = mem_strdup(method);
	server->counters.requests_total++;
	struct http_refusal refusal = header_check(request);
	request->phase = REQUEST_BODY;
	if (refusal.after_ms > 0 && request->content_length <= LATE_BODY_MAX) {
		request->late = refusal; /* answered by refuse_late() */
	} else if (refusal.status != 0) {
		server->counters.refused_total++;
		if (request->content_length > 0 || refusal.status == 400 ||
		    refusal.status == 411 || refusal.status == 503)
			http_add_header(request, "Connection", "close");
		request->in_handler = true;
		http_reply_failure(request, refusal.status, refusal.code, refusal.message);
		request->in_handler = false;
		free(refusal.message);
		return reply_queue(request);
	}
	if (request->content_length > 0) {
		int64_t limit = server->options.body_timeout_ms;
		c->body_deadline_ms = loop_now(server->loop).mono_ms +
				      (request->spool_fd >= 0 ? 10 * limit : limit);
	}
	return MHD_YES;
}

/* ---- body and handler ---- */

static enum MHD_Result body_take(struct http_request *request, const char *data, size_t *size)
{
	size_t taken = *size;
	*size = 0;
	if (request->late.status != 0)
		return MHD_YES; /* dropped */
	if (request->spool_failed)
		return MHD_YES; /* reported at the end; until then the rest is dropped */
	if (buffer_add(&request->body, data, taken) < 0)
		return MHD_NO;
	if (request->server->options.body != NULL)
		request->server->options.body(request->server->options.context, request, data,
					      taken);
	if (is_secret(request)) /* nobody reads it there again */
		explicit_bzero((char *)(uintptr_t)data, taken);
	bool last = request->spooled + request->body.size == request->content_length;
	if (request->spool_fd >= 0 && (request->body.size >= SPOOL_MEMORY_MAX || last))
		spool_write(request);
	return MHD_YES;
}

/* It is answered in a while: late_due(). */
static enum MHD_Result refuse_late(struct http_request *request)
{
	struct http_server *server = request->server;
	connection_of(request->connection)->body_deadline_ms = NEVER_MS;
	request->phase = REQUEST_DISPATCHED;
	server->counters.waiting++;
	server->counters.refused_total++;
	request->late_ms = loop_now(server->loop).mono_ms + request->late.after_ms;
	request->suspended = true;
	MHD_suspend_connection(request->connection);
	request_late_due(server);
	return MHD_YES;
}

void request_late_due(void *user)
{
	struct http_server *server = user;
	int64_t now_ms = loop_now(server->loop).mono_ms, next_ms = NEVER_MS;
	for (struct http_request *r = server->requests; r != NULL; r = r->next) {
		if (r->late_ms == 0 || r->answered)
			continue;
		if (r->late_ms <= now_ms)
			http_reply_failure(r, r->late.status, r->late.code, r->late.message);
		else if (r->late_ms < next_ms)
			next_ms = r->late_ms;
	}
	loop_timer_at(server->late, next_ms);
}

void http_refuse_late(struct http_request *request, struct http_refusal refusal)
{
	struct http_server *server = request->server;
	PRE(request->late.status == 0 && !request->answered);
	request->late = refusal;
	request->late_ms = loop_now(server->loop).mono_ms + refusal.after_ms;
	request_late_due(server);
}

static enum MHD_Result handler_call(struct http_request *request)
{
	struct http_server *server = request->server;
	connection_of(request->connection)->body_deadline_ms = NEVER_MS;
	request->phase = REQUEST_DISPATCHED;
	server->counters.waiting++;
	request->in_handler = true;
	if (request->spool_failed)
		http_reply_failure(request, 503, "io",
				   "cannot store the body: is the disk full?");
	else if (server->options.begins == NULL ||
		 server->options.begins(server->options.context, request, request->route))
		request->route->handler(server->options.context, request);
	request->in_handler = false;
	if (request->answered)
		return reply_queue(request);
	request->suspended = true;
	MHD_suspend_connection(request->connection);
	return MHD_YES;
}

void http_handle_again(struct http_request *request)
{
	PRE(!request->answered && !request->in_handler);
	request->route->handler(request->server->options.context, request);
}

enum MHD_Result request_handle(void *cls, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *data,
			       size_t *data_size, void **context)
{
	(void)cls;
	(void)connection;
	(void)url;
	(void)version;
	struct http_request *request = *context;
	if (request->phase == REQUEST_HEADER)
		return header_take(request, method);
	if (*data_size > 0)
		return body_take(request, data, data_size);
	if (request->phase == REQUEST_BODY && request->late.status != 0)
		return refuse_late(request);
	if (request->phase == REQUEST_BODY)
		return handler_call(request);
	/* Woken: answered meanwhile, or the server ends. */
	if (!request->answered && request->server->stopping) {
		request->in_handler = true;
		http_reply_failure(request, 503, "unavailable", "shutting down");
		request->in_handler = false;
	}
	if (request->answered)
		return reply_queue(request);
	request->suspended = true;
	MHD_suspend_connection(request->connection);
	return MHD_YES;
}
