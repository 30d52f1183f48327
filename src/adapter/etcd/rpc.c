#include "adapter/etcd/rpc.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "adapter/etcd/rpc.pb-c.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "base/vector.h"

enum {
	CONNECT_MS = 1000,
	PAUSE_MS = 100,
	STILL_S = 10,
	PREFIX_BYTES = 5, /* of a message: not compressed, length */
	MESSAGE_MAX = 400,
};

/* https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
enum grpc_status {
	GRPC_NONE = -1, /* there was none */
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNAVAILABLE = 14,
	GRPC_UNAUTHENTICATED = 16,
};

struct rpc {
	VECTOR(char *) urls;
	size_t current; /* the one that answered last */
	char *authorities, *certificate, *key;
	CURL *handle; /* NULL: nothing is connected */
	bool may_have_happened;
	struct etcd_patience patience;
	/* of the call that is made */
	struct buffer request, answer;
	enum grpc_status status;
	char message[MESSAGE_MAX];
	char trouble[CURL_ERROR_SIZE];
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
METHOD(rpc_alarm, "Maintenance/Alarm", etcd__alarm_response, true);

/* ---- what comes ---- */

static size_t on_data(char *data, size_t one, size_t count, void *user)
{
	struct rpc *rpc = user;
	size_t size = one * count;
	return buffer_add(&rpc->answer, data, size) == 0 ? size : 0;
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
	(void)curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	/* One that stands still in the middle of an answer is left before a long deadline ends. */
	(void)curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L);
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

/* ---- what went wrong, in words ---- */

static const char *trouble_text(const struct rpc *rpc, CURLcode code)
{
	return rpc->trouble[0] != '\0' ? rpc->trouble : curl_easy_strerror(code);
}

static int transport_failed(struct rpc *rpc, CURLcode code, int64_t deadline_ms,
			    struct error **err)
{
	const char *url = rpc->urls.items[rpc->current];
	double connected_s = 0;
	(void)curl_easy_getinfo(rpc->handle, CURLINFO_PRETRANSFER_TIME, &connected_s);
	bool is_late = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ||
		       code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM ||
		       code == CURLE_GOT_NOTHING;
	rpc->may_have_happened = connected_s > 0 || is_late;
	switch ((int)code) {
	case CURLE_OPERATION_TIMEDOUT:
		return error_set(err, ERR_TIMEOUT,
				 "etcd at %s does not answer within %" PRId64 " ms", url,
				 rpc->may_have_happened ? deadline_ms : (int64_t)CONNECT_MS);
	case CURLE_WRITE_ERROR:
		rpc->may_have_happened = true;
		return error_set(err, ERR_LIMIT, "the answer of etcd at %s is too large", url);
	case CURLE_PEER_FAILED_VERIFICATION:
		return error_set(
			err, ERR_DENIED,
			"the certificate of etcd at %s is not believed: %s; it must be "
			"for that name, of an authority in %s",
			url, trouble_text(rpc, code), rpc->authorities);
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return error_set(err, ERR_DENIED,
				 "cannot connect to etcd at %s with the certificate %s and the "
				 "authorities %s: %s",
				 url, rpc->certificate, rpc->authorities,
				 trouble_text(rpc, code));
	default:
		/* In TLS 1.3 a refusal of our certificate comes after our side of the handshake, and may be
		 * lost with the connection. */
		return error_set(err, ERR_UNAVAILABLE, "etcd at %s cannot be reached: %s%s%s",
				 url, trouble_text(rpc, code),
				 is_late ? "; it ends, or does not believe our certificate "
					 : "",
				 is_late ? rpc->certificate : "");
	}
}

/* A certificate that etcd does not believe ends the connection after our side of the handshake: it looks like a
 * server that went away, but for OpenSSL's words. */
static int tls_refused(struct rpc *rpc, CURLcode code, struct error **err)
{
	if (strstr(rpc->trouble, "alert") == NULL)
		return 0;
	return error_set(
		err, ERR_DENIED,
		"etcd at %s refuses our certificate %s: %s; its --trusted-ca-file must "
		"hold our authority",
		rpc->urls.items[rpc->current], rpc->certificate, trouble_text(rpc, code));
}

static int too_large(const char *url, const char *why, struct error **err)
{
	return error_set(err, ERR_LIMIT,
			 "etcd at %s refuses the call: %s; it should be run with "
			 "--max-txn-ops=4096 and --max-request-bytes=8388608",
			 url, why);
}

static int status_failed(struct rpc *rpc, struct error **err)
{
	const char *url = rpc->urls.items[rpc->current], *why = rpc->message;
	rpc->may_have_happened = false;
	switch ((int)rpc->status) {
	case GRPC_CANCELLED:
	case GRPC_DEADLINE_EXCEEDED:
	case GRPC_UNAVAILABLE:
		rpc->may_have_happened = true;
		return error_set(err, ERR_UNAVAILABLE,
				 "etcd at %s has no majority, or ends: %s", url, why);
	case GRPC_UNKNOWN: /* older versions name what they should have named */
		rpc->may_have_happened = true;
		return error_set(err, ERR_UNAVAILABLE, "etcd at %s fails: %s", url, why);
	case GRPC_RESOURCE_EXHAUSTED:
		if (strstr(why, "larger than max") != NULL)
			return too_large(url, why, err);
		if (strstr(why, "space exceeded") == NULL)
			return error_set(err, ERR_UNAVAILABLE, "etcd at %s is busy: %s", url,
					 why);
		return error_set(
			err, ERR_CONFLICT,
			"the quota of etcd at %s is used up: compact and defragment it, or "
			"give it a larger --quota-backend-bytes, then etcdctl alarm disarm",
			url);
	case GRPC_PERMISSION_DENIED:
	case GRPC_UNAUTHENTICATED:
		return error_set(err, ERR_DENIED, "etcd at %s refuses us: %s", url, why);
	case GRPC_OUT_OF_RANGE:
		return error_set(err, ERR_STALE, "etcd at %s: %s", url, why);
	case GRPC_NOT_FOUND:
		return error_set(err, ERR_NOT_FOUND, "etcd at %s: %s", url, why);
	default:
		if (strstr(why, "too many operations") != NULL ||
		    strstr(why, "too large") != NULL)
			return too_large(url, why, err);
		return error_set(err, ERR_INVALID, "etcd at %s refuses the call: %s", url, why);
	}
}

static int no_grpc(struct rpc *rpc, struct error **err)
{
	long status = 0;
	(void)curl_easy_getinfo(rpc->handle, CURLINFO_RESPONSE_CODE, &status);
	rpc->may_have_happened = true;
	return error_set(err, ERR_UNAVAILABLE,
			 "what answers at %s is no etcd, or one that ends: HTTP %ld and no "
			 "grpc-status; expected etcd 3.4 or later",
			 rpc->urls.items[rpc->current], status);
}

/* ---- one attempt ---- */

static struct curl_slist *headers_new(int64_t deadline_ms)
{
	CLEANUP(freep)
	char *timeout = str_printf("grpc-timeout: %" PRId64 "m", deadline_ms);
	const char *const all[] = {"content-type: application/grpc", "te: trailers",
				   "Expect:", timeout};
	struct curl_slist *list = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
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
		size_t size =
			(size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 | at[4];
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
	rpc->may_have_happened = false;
	buffer_clear(&rpc->answer);
	(void)curl_easy_setopt(h, CURLOPT_URL, url);
	(void)curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)deadline_ms);
	(void)curl_easy_setopt(h, CURLOPT_POSTFIELDS, rpc->request.data);
	(void)curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rpc->request.size);
	CURLcode code = curl_easy_perform(h);
	int r = 0;
	if (code != CURLE_OK)
		r = tls_refused(rpc, code, err);
	if (code != CURLE_OK && r == 0)
		r = transport_failed(rpc, code, deadline_ms, err);
	else if (code == CURLE_OK && rpc->status == GRPC_NONE)
		r = no_grpc(rpc, err);
	else if (code == CURLE_OK && rpc->status != GRPC_OK)
		r = status_failed(rpc, err);
	else if (code == CURLE_OK)
		r = answer_take(rpc, method, ret_answer, err);
	(void)curl_easy_setopt(h, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	if (code != CURLE_OK)
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
			rpc->current = (rpc->current + 1) % rpc->urls.count;
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
	if (r == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
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
