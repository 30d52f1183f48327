#include "adapter/etcd/rpc.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "adapter/etcd/rpc.pb-c.h"
#include "adapter/etcd/rpc_failure.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "base/vector.h"

enum {
	PAUSE_MS = 100,
	STILL_S = 10,
	PREFIX_BYTES = 5, /* of a message: not compressed, length */
};

#define METHOD(id, path_, answer_, repeatable) \
	const struct rpc_method id = {         \
		.path = path_, .answer = &answer_##__descriptor, .is_repeatable = repeatable}
METHOD(rpc_range, "KV/Range", etcd__range_response, true);
METHOD(rpc_txn_read, "KV/Txn", etcd__txn_response, true);
METHOD(rpc_txn, "KV/Txn", etcd__txn_response, false);
METHOD(rpc_grant, "Lease/LeaseGrant", etcd__lease_grant_response, false);
METHOD(rpc_revoke, "Lease/LeaseRevoke", etcd__lease_revoke_response, true);
METHOD(rpc_keep_alive, "Lease/LeaseKeepAlive", etcd__lease_keep_alive_response, true);
METHOD(rpc_status, "Maintenance/Status", etcd__status_response, true);
METHOD(rpc_watch, "Watch/Watch", etcd__watch_response, true);
METHOD(rpc_alarm, "Maintenance/Alarm", etcd__alarm_response, true);

/* ---- what comes ---- */

static size_t length_of(const uint8_t *prefix)
{
	return (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 8 |
	       prefix[4];
}

/* The messages that are complete. */
static bool stream_take(struct rpc *rpc)
{
	struct buffer *b = &rpc->answer;
	size_t at = 0;
	while (!rpc->is_enough && b->size - at >= PREFIX_BYTES) {
		const uint8_t *prefix = (const uint8_t *)b->data + at;
		size_t size = length_of(prefix);
		if (prefix[0] != 0 || size > b->max - PREFIX_BYTES)
			return false;
		if (b->size - at - PREFIX_BYTES < size)
			break;
		ProtobufCMessage *message = protobuf_c_message_unpack(
			rpc->method->answer, NULL, size, prefix + PREFIX_BYTES);
		if (message == NULL)
			return false;
		rpc->is_enough = !rpc->stream->each(rpc->stream->user, message);
		protobuf_c_message_free_unpacked(message, NULL);
		at += PREFIX_BYTES + size;
	}
	buffer_consume(b, at);
	return true;
}

static size_t on_data(char *data, size_t one, size_t count, void *user)
{
	struct rpc *rpc = user;
	size_t size = one * count;
	if (buffer_add(&rpc->answer, data, size) < 0)
		return 0;
	return rpc->stream == NULL || stream_take(rpc) ? size : 0;
}

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

/* "grpc-message" is percent-encoded. */
static void take_message(struct rpc *rpc, const char *from, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < size && n + 1 < sizeof(rpc->message); i++) {
		bool is_coded = from[i] == '%' && i + 2 < size && digit(from[i + 1]) >= 0 &&
				digit(from[i + 2]) >= 0;
		char c = is_coded ? (char)(digit(from[i + 1]) * 16 + digit(from[i + 2]))
				  : from[i];
		rpc->message[n++] = c >= ' ' && c < 0x7f ? c : ' ';
		i += is_coded ? 2 : 0;
	}
	rpc->message[n] = '\0';
}

static size_t on_head(char *line, size_t one, size_t count, void *user)
{
	static const char status[] = "grpc-status:", message[] = "grpc-message:";
	struct rpc *rpc = user;
	size_t size = one * count, n = size;
	while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '\n'))
		n--;
	if (n > strlen(status) && strncasecmp(line, status, strlen(status)) == 0) {
		int value = 0;
		for (size_t i = strlen(status); i < n; i++)
			if (line[i] >= '0' && line[i] <= '9' && value < 100)
				value = value * 10 + (line[i] - '0');
		rpc->status = (enum grpc_status)value;
	} else if (n > strlen(message) && strncasecmp(line, message, strlen(message)) == 0) {
		size_t from = strlen(message);
		from += line[from] == ' ' ? 1 : 0;
		take_message(rpc, line + from, n - from);
	}
	return size;
}

/* ---- a connection ---- */

static void disconnect(struct rpc *rpc)
{
	curl_easy_cleanup(rpc->handle);
	rpc->handle = NULL;
}

static void connect_prepare(struct rpc *rpc)
{
	CURL *h = rpc->handle = curl_easy_init();
	if (h == NULL)
		out_of_memory(1, 0);
	(void)curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https");
	(void)curl_easy_setopt(h, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	(void)curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	(void)curl_easy_setopt(h, CURLOPT_CAINFO, rpc->authorities);
	(void)curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
	(void)curl_easy_setopt(h, CURLOPT_CA_CACHE_TIMEOUT, 0L); /* it may be renewed */
	(void)curl_easy_setopt(h, CURLOPT_SSLCERT, rpc->certificate);
	(void)curl_easy_setopt(h, CURLOPT_SSLKEY, rpc->key);
	(void)curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L);
	(void)curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)RPC_CONNECT_MS);
	/* One that stands still in the middle of an answer is left before a long deadline ends. */
	(void)curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)STILL_S);
	/* A name that nobody resolves is asked for by a thread of libcurl's, which is not waited for. */
	(void)curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
	(void)curl_easy_setopt(h, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_data);
	(void)curl_easy_setopt(h, CURLOPT_WRITEDATA, rpc);
	(void)curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_head);
	(void)curl_easy_setopt(h, CURLOPT_HEADERDATA, rpc);
	(void)curl_easy_setopt(h, CURLOPT_ERRORBUFFER, rpc->trouble);
}

/* ---- one attempt ---- */

static struct curl_slist *headers_new(int64_t deadline_ms)
{
	CLEANUP(freep)
	char *timeout = str_printf("grpc-timeout: %" PRId64 "m", deadline_ms);
	const char *const all[] = {"content-type: application/grpc", "te: trailers",
				   "Expect:", timeout};
	struct curl_slist *list = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(all) - (deadline_ms == 0); i++) {
		struct curl_slist *longer = curl_slist_append(list, all[i]);
		if (longer == NULL)
			out_of_memory(1, strlen(all[i]));
		list = longer;
	}
	return list;
}

static int answer_take(struct rpc *rpc, const struct rpc_method *method,
		       ProtobufCMessage **ret_answer, struct error **err)
{
	const uint8_t *at = (const uint8_t *)rpc->answer.data;
	ProtobufCMessage *answer = NULL;
	if (rpc->answer.size >= PREFIX_BYTES && at[0] == 0) {
		size_t size = length_of(at);
		if (size <= rpc->answer.size - PREFIX_BYTES)
			answer = protobuf_c_message_unpack(method->answer, NULL, size,
							   at + PREFIX_BYTES);
	}
	if (answer == NULL) {
		rpc->may_have_happened = true;
		return error_set(err, ERR_UNAVAILABLE,
				 "the answer of etcd at %s cannot be read",
				 rpc->urls.items[rpc->current]);
	}
	*ret_answer = answer;
	return 0;
}

/* As curl_easy_perform(), and it can be woken. */
static CURLcode stream_perform(struct rpc *rpc)
{
	CURLcode code = CURLE_OK;
	int running = 1;
	if (curl_multi_add_handle(rpc->multi, rpc->handle) != CURLM_OK)
		return CURLE_FAILED_INIT;
	while (running > 0 && !rpc->is_enough) {
		int waiting;
		if (curl_multi_perform(rpc->multi, &running) != CURLM_OK)
			code = CURLE_RECV_ERROR;
		const CURLMsg *told = curl_multi_info_read(rpc->multi, &waiting);
		if (told != NULL && told->msg == CURLMSG_DONE)
			code = told->data.result;
		rpc->is_enough = rpc->is_enough || rpc->stream->ends(rpc->stream->user);
		if (running > 0 && !rpc->is_enough)
			(void)curl_multi_poll(rpc->multi, NULL, 0, RPC_STREAM_TURN_MS, NULL);
	}
	(void)curl_multi_remove_handle(rpc->multi, rpc->handle);
	return code;
}

static int attempt(struct rpc *rpc, const struct rpc_method *method, int64_t deadline_ms,
		   ProtobufCMessage **ret_answer, struct error **err)
{
	if (rpc->handle == NULL)
		connect_prepare(rpc);
	CURL *h = rpc->handle;
	CLEANUP(freep)
	char *url =
		str_printf("%s/etcdserverpb.%s", rpc->urls.items[rpc->current], method->path);
	struct curl_slist *headers = headers_new(deadline_ms);
	rpc->status = GRPC_NONE;
	rpc->message[0] = rpc->trouble[0] = '\0';
	rpc->may_have_happened = rpc->is_enough = false;
	rpc->method = method;
	buffer_clear(&rpc->answer);
	(void)curl_easy_setopt(h, CURLOPT_URL, url);
	(void)curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)deadline_ms);
	/* A stream may be silent for long. */
	(void)curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, rpc->stream == NULL ? 1L : 0L);
	(void)curl_easy_setopt(h, CURLOPT_POSTFIELDS, rpc->request.data);
	(void)curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rpc->request.size);
	CURLcode code = rpc->stream != NULL ? stream_perform(rpc) : curl_easy_perform(h);
	int r = rpc->is_enough ? 0 : rpc_failure(rpc, code, deadline_ms, err);
	if (r == 0 && rpc->stream == NULL)
		r = answer_take(rpc, method, ret_answer, err);
	(void)curl_easy_setopt(h, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	if (code != CURLE_OK || rpc->stream != NULL)
		disconnect(rpc);
	if (rpc->answer.capacity > 16u * 1024 * 1024)
		buffer_done(&rpc->answer);
	rpc->answer.max = RPC_ANSWER_MAX;
	return r;
}

/* ---- in turn ---- */

static void request_pack(struct rpc *rpc, const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	buffer_clear(&rpc->request);
	uint8_t *to = buffer_reserve(&rpc->request, size + PREFIX_BYTES);
	INVARIANT(to != NULL);
	to[0] = 0;
	for (size_t i = 0; i < 4; i++)
		to[1 + i] = (uint8_t)(size >> (24 - 8 * i));
	(void)protobuf_c_message_pack(message, to + PREFIX_BYTES);
	buffer_grew(&rpc->request, size + PREFIX_BYTES);
}

static bool is_of_the_server(int code)
{
	return code == ERR_UNAVAILABLE || code == ERR_TIMEOUT || code == ERR_DENIED;
}

/* Of at most `servers` in turn. */
static int call(struct rpc *rpc, const struct rpc_method *method,
		const ProtobufCMessage *request, size_t servers, int64_t deadline_ms,
		ProtobufCMessage **ret_answer, struct error **err)
{
	bool may_have_happened = false;
	int r = 0;
	request_pack(rpc, request);
	for (size_t tried = 0; tried < servers; tried++) {
		CLEANUP(error_freep) struct error *why = NULL;
		r = attempt(rpc, method, deadline_ms, ret_answer, &why);
		may_have_happened = may_have_happened || rpc->may_have_happened;
		bool ends = r == 0 || !is_of_the_server(r) ||
			    (rpc->may_have_happened && !method->is_repeatable);
		/* The next call begins with another one, too. */
		if (is_of_the_server(r))
			rpc_leave(rpc);
		if (r < 0 && (ends || tried + 1 == servers))
			error_move(err, steal_ptr(&why));
		if (ends)
			break;
	}
	rpc->may_have_happened = may_have_happened;
	return r;
}

int rpc_call(struct rpc *rpc, const struct rpc_method *method, const ProtobufCMessage *request,
	     int64_t deadline_ms, ProtobufCMessage **ret_answer, struct error **err)
{
	return call(rpc, method, request, rpc->urls.count, deadline_ms, ret_answer, err);
}

int rpc_call_same(struct rpc *rpc, const struct rpc_method *method,
		  const ProtobufCMessage *request, int64_t deadline_ms,
		  ProtobufCMessage **ret_answer, struct error **err)
{
	return call(rpc, method, request, 1, deadline_ms, ret_answer, err);
}

int rpc_stream(struct rpc *rpc, const struct rpc_method *method,
	       const ProtobufCMessage *request, const struct rpc_stream *stream,
	       struct error **err)
{
	rpc->stream = stream;
	int r = call(rpc, method, request, 1, 0, NULL, err);
	rpc->stream = NULL;
	return r;
}

void rpc_stream_wake(struct rpc *rpc)
{
	(void)curl_multi_wakeup(rpc->multi);
}

void rpc_leave(struct rpc *rpc)
{
	rpc->current = (rpc->current + 1) % rpc->urls.count;
}

/* ---- patience ---- */

void rpc_be_patient(struct rpc *rpc, const struct etcd_patience *patience)
{
	rpc->patience = *patience;
}

static int64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool rpc_waits(struct rpc *rpc, int code, const struct error *why, int64_t *until_ms)
{
	const struct etcd_patience *p = &rpc->patience;
	if (p->ms == 0 || (code != ERR_UNAVAILABLE && code != ERR_TIMEOUT))
		return false;
	if (*until_ms == 0) {
		*until_ms = now_ms() + p->ms;
		if (p->waits != NULL)
			p->waits(p->user, why);
	}
	if (now_ms() >= *until_ms)
		return false;
	(void)poll(NULL, 0, PAUSE_MS);
	return true;
}

void rpc_limit_answer(struct rpc *rpc, size_t bytes)
{
	rpc->answer.max = bytes;
}

bool rpc_may_have_happened(const struct rpc *rpc)
{
	return rpc->may_have_happened;
}

/* ---- life ---- */

static int url_add(struct rpc *rpc, const char *text, size_t size, struct error **err)
{
	static const char scheme[] = "https://";
	CLEANUP(freep) char *given = mem_strndup(text, size);
	bool has_scheme = strstr(given, "://") != NULL;
	const char *host = has_scheme ? strstr(given, "://") + 3 : given;
	const char *port = strrchr(host, ':');
	uint64_t number = 0;
	bool is_good = !has_scheme || str_has_prefix(given, scheme);
	if (!is_good || port == NULL || port == host || str_to_u64(port + 1, &number) < 0 ||
	    number == 0 || number > UINT16_MAX || strpbrk(host, "/@?# ") != NULL)
		return error_set(err, ERR_INVALID,
				 "'%s' is no address of an etcd: expected https://HOST:PORT",
				 given);
	vector_push(&rpc->urls, str_printf("%s%s", scheme, host));
	return 0;
}

static int urls_read(struct rpc *rpc, const char *urls, struct error **err)
{
	int r = 0;
	for (const char *at = urls; r == 0;) {
		size_t size = strcspn(at, ",");
		r = url_add(rpc, at, size, err);
		if (at[size] == '\0')
			break;
		at += size + 1;
	}
	return r;
}

static int files_check(const struct rpc *rpc, struct error **err)
{
	const char *const files[] = {rpc->authorities, rpc->certificate, rpc->key};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (access(files[i], R_OK) < 0)
			return error_errno(err,
					   "cannot read %s, with which etcd is connected to",
					   files[i]);
	return 0;
}

int rpc_new(const struct etcd_servers *servers, struct rpc **ret_rpc, struct error **err)
{
	PRE(servers->authorities != NULL && servers->certificate != NULL);
	const char *key = servers->key != NULL ? servers->key : servers->certificate;
	struct rpc *rpc = mem_new(struct rpc);
	rpc->authorities = mem_strdup(servers->authorities);
	rpc->certificate = mem_strdup(servers->certificate);
	rpc->key = mem_strdup(key);
	rpc->request = BUFFER_INIT(64u * 1024 * 1024);
	rpc->answer = BUFFER_INIT(RPC_ANSWER_MAX);
	int r = urls_read(rpc, servers->urls, err);
	if (r == 0)
		r = files_check(rpc, err);
	if (r == 0 && (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
		       (rpc->multi = curl_multi_init()) == NULL))
		r = error_set(err, ERR_IO, "libcurl cannot start");
	if (r < 0) {
		rpc_free(rpc);
		return r;
	}
	*ret_rpc = rpc;
	return 0;
}

void rpc_free(struct rpc *rpc)
{
	if (rpc == NULL)
		return;
	disconnect(rpc);
	(void)curl_multi_cleanup(rpc->multi);
	vector_for_each (&rpc->urls, url)
		free(*url);
	vector_done(&rpc->urls);
	free(rpc->authorities);
	free(rpc->certificate);
	free(rpc->key);
	buffer_done(&rpc->request);
	buffer_done(&rpc->answer);
	free(rpc);
}
