#include "adapter/etcd/rpc_failure.h"

#include <inttypes.h>
#include <string.h>

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
		return error_set(
			err, ERR_TIMEOUT, "etcd at %s does not answer within %" PRId64 " ms",
			url, rpc->may_have_happened ? deadline_ms : (int64_t)RPC_CONNECT_MS);
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

int rpc_failure(struct rpc *rpc, CURLcode code, int64_t deadline_ms, struct error **err)
{
	int r = code != CURLE_OK ? tls_refused(rpc, code, err) : 0;
	if (code != CURLE_OK)
		return r < 0 ? r : transport_failed(rpc, code, deadline_ms, err);
	if (rpc->status == GRPC_NONE)
		return no_grpc(rpc, err);
	return rpc->status == GRPC_OK ? 0 : status_failed(rpc, err);
}
