/* A call of etcd that failed, in words. */
#ifndef SAMOZA_ADAPTER_ETCD_RPC_FAILURE_H
#define SAMOZA_ADAPTER_ETCD_RPC_FAILURE_H

#include <curl/curl.h>

#include "adapter/etcd/rpc.h"
#include "base/buffer.h"
#include "base/vector.h"

#define RPC_CONNECT_MS	1000
#define RPC_MESSAGE_MAX 400

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
	CURLM *multi; /* of streams */
	bool may_have_happened;
	struct etcd_patience patience;
	/* of the call that is made */
	struct buffer request, answer;
	enum grpc_status status;
	char message[RPC_MESSAGE_MAX];
	char trouble[CURL_ERROR_SIZE];
	const struct rpc_stream *stream; /* NULL: it has one answer */
	const struct rpc_method *method;
	bool is_enough;
};

/* 0: what came is an answer. Otherwise the code of rpc_call(). */
int rpc_failure(struct rpc *rpc, CURLcode code, int64_t deadline_ms,
		struct error **err) must_check;

#endif
