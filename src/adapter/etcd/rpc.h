/*
 * Calls of etcd: gRPC with one message each way, by libcurl's HTTP/2 over mutual TLS.
 *
 *     POST /etcdserverpb.KV/Txn        0, length, message  ──►
 *                                      ◄──  0, length, message; grpc-status and grpc-message as trailers
 *
 * Always TLS: besides that nobody is anonymous, the libcurl of Debian 12 fails on the second request of a connection
 * that speaks HTTP/2 in the clear.
 *
 * Several servers are asked in turn, beginning with the one that answered last. Every attempt has a deadline,
 * which the server is told, too. A connection on which something went wrong is not used again: a server that
 * stands still keeps it open.
 *
 * One thread at a time; calls block. A store and an election have one each, so that a renewal of the lease never waits
 * for a commit.
 */
#ifndef SAMOZA_ADAPTER_ETCD_RPC_H
#define SAMOZA_ADAPTER_ETCD_RPC_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Strings are borrowed until the call that takes it returns. */
struct etcd_servers {
	const char *
		urls; /* "https://HOST:PORT,…"; "https://" may be left out from the second on */
	const char *authorities;       /* PEM files: whom we believe, ... */
	const char *certificate, *key; /* ... and who we are; `key` NULL: in the same file */
};

struct rpc;

/* Checks the addresses and that the files can be read; connects to nothing. ERR_INVALID. */
int rpc_new(const struct etcd_servers *servers, struct rpc **ret_rpc,
	    struct error **err) must_check;
/* NULL is fine. */
void rpc_free(struct rpc *rpc);

/* What a call is. */
struct rpc_method {
	const char *path; /* "KV/Range" */
	const ProtobufCMessageDescriptor *answer;
	/* Asked again of the next server when there is no answer: it changes nothing, or the same twice. */
	bool is_repeatable;
};
extern const struct rpc_method rpc_range, rpc_txn_read, rpc_txn, rpc_grant, rpc_revoke,
	rpc_keep_alive, rpc_alarm, rpc_status, rpc_watch;

/* The most that an answer may have; a call whose answer is larger ends with ERR_LIMIT. */
#define RPC_ANSWER_MAX ((size_t)256 * 1024 * 1024)

/* Somebody who is told, once for each outage, that etcd does not answer and is asked again. */
struct etcd_patience {
	int64_t ms;					    /* for how long; 0: not at all */
	void (*waits)(void *user, const struct error *why); /* may be NULL; `why` is borrowed */
	void *user;
};
/* For what only reads, and asks rpc_waits(). */
void rpc_be_patient(struct rpc *rpc, const struct etcd_patience *patience);
/* After a call that ended with `code`, which is `why`: true when it is to be asked again, which is after a pause.
 * `until_ms`: 0 at first. */
bool rpc_waits(struct rpc *rpc, int code, const struct error *why, int64_t *until_ms);

/* Of the next attempt, instead of that. */
void rpc_limit_answer(struct rpc *rpc, size_t bytes);

/* `deadline_ms`: of one attempt. The answer: protobuf_c_message_free_unpacked().
 *
 * ERR_UNAVAILABLE, ERR_TIMEOUT: no server answered, or there is no majority; what was asked for may have
 * happened if rpc_may_have_happened(). ERR_LIMIT: the call or its answer
 * is too large. ERR_CONFLICT: the quota of etcd is used up.
 * ERR_STALE: a revision that was compacted. ERR_NOT_FOUND: no such lease. ERR_DENIED: another certificate is needed. ERR_INVALID: anything
 * else that etcd refuses. */
int rpc_call(struct rpc *rpc, const struct rpc_method *method, const ProtobufCMessage *request,
	     int64_t deadline_ms, ProtobufCMessage **ret_answer, struct error **err) must_check;
/* The same, of nobody but the server that answered last. */
int rpc_call_same(struct rpc *rpc, const struct rpc_method *method,
		  const ProtobufCMessage *request, int64_t deadline_ms,
		  ProtobufCMessage **ret_answer, struct error **err) must_check;
/* A call that is answered by message after message, until one of these says that it is enough. */
struct rpc_stream {
	/* Borrowed for the call. False: enough. */
	bool (*each)(void *user, const ProtobufCMessage *message);
	/* Asked after each that came, after rpc_stream_wake(), and every RPC_STREAM_TURN_MS. True: enough. */
	bool (*ends)(void *user);
	void *user;
};
#define RPC_STREAM_TURN_MS 250
/* Of the server that answered last, one attempt; 0: it was enough. A server that falls silent is not noticed: `ends` has to. */
int rpc_stream(struct rpc *rpc, const struct rpc_method *method,
	       const ProtobufCMessage *request, const struct rpc_stream *stream,
	       struct error **err) must_check;
/* From any thread. */
void rpc_stream_wake(struct rpc *rpc);
/* The next call begins with another server. */
void rpc_leave(struct rpc *rpc);
/* Of the last call, which failed. */
bool rpc_may_have_happened(const struct rpc *rpc);

#endif
