#include "adapter/etcd/election.h"

#include <string.h>

#include "adapter/etcd/content.pb-c.h"
#include "adapter/etcd/keeper.h"
#include "adapter/etcd/keys.h"
#include "adapter/etcd/life.h"
#include "adapter/etcd/rpc.pb-c.h"
#include "adapter/etcd/scan.h"
#include "adapter/etcd/txn.h"
#include "adapter/uv/worker.h"
#include "base/check.h"
#include "base/str.h"

enum { CALL_MS = 1000 }; /* an attempt: a lease is not much longer */

struct etcd_election {
	struct election election; /* first */
	struct rpc *rpc;
	struct worker *worker;
	struct keeper *keeper;
	char *witness_path;
	struct etcd_witness witness;
	uint64_t
		won; /* the lease under which the key was held when that was read last; the worker's */
	bool is_closing;
	void (*closed)(void *user);
	void *closed_user;
};

enum question { GRANT, KEEP_ALIVE, CAMPAIGN, ANNOUNCE, OBSERVE, FORGET, REVOKE };

/* Everybody that a key names: owned. */
typedef VECTOR(Etcd__Content__Member *) contents;

struct election_request {
	struct worker_job base; /* first */
	enum question question;
	uint64_t lease, fence;
	int64_t ttl_ms;
	struct election_member self; /* strings are owned */
	election_done_fn *done;
	void *user;
	/* the answer */
	struct election_answer answer;
	struct error *err;
	Etcd__Content__Member *leader; /* NULL: nobody */
	contents members, known;
};

/* ---- contents ---- */

static bytes member_pack(const struct election_member *self, uint64_t term)
{
	Etcd__Content__Member content = ETCD__CONTENT__MEMBER__INIT;
	content.name = (char *)self->name;
	content.address = (char *)self->address;
	content.version = (char *)self->version;
	content.admin = (char *)self->admin;
	content.next = (char *)self->next;
	content.has_applied = self->copied.transactions > 0;
	content.applied = self->copied.transactions;
	content.has_lag = self->copied.lag > 0;
	content.lag = self->copied.lag;
	content.has_lag_ms = self->copied.lag_ms > 0;
	content.lag_ms = (uint64_t)self->copied.lag_ms;
	content.has_term = term > 0;
	content.term = term;
	bytes packed = {.len = etcd__content__member__get_packed_size(&content)};
	packed.data = mem_calloc(1, packed.len + 1);
	(void)etcd__content__member__pack(&content, packed.data);
	return packed;
}

static struct election_member member_of(const Etcd__Content__Member *content)
{
	return (struct election_member){.name = content->name,
					.address = content->address,
					.version = content->version,
					.admin = content->admin,
					.next = content->next,
					.copied = {.transactions = content->applied,
						   .lag = content->lag,
						   .lag_ms = (int64_t)content->lag_ms}};
}

static bytes term_pack(uint64_t term)
{
	Etcd__Content__Term content = ETCD__CONTENT__TERM__INIT;
	content.term = term;
	bytes packed = {.len = etcd__content__term__get_packed_size(&content)};
	packed.data = mem_calloc(1, packed.len + 1);
	(void)etcd__content__term__pack(&content, packed.data);
	return packed;
}

/* ---- in the worker's thread ---- */

static void leader_take(struct election_request *request, const Etcd__KeyValue *kv)
{
	if (request->leader != NULL)
		etcd__content__member__free_unpacked(request->leader, NULL);
	request->leader = NULL;
	request->answer.leader = (struct election_leader){0};
	if (kv != NULL)
		request->leader =
			etcd__content__member__unpack(NULL, kv->value.len, kv->value.data);
	if (request->leader == NULL)
		return;
	request->answer.leader = (struct election_leader){
		.member = member_of(request->leader),
		.term = request->leader->term,
		.fence = (uint64_t)kv->create_revision,
		.lease = (uint64_t)kv->lease,
	};
}

static int call(struct etcd_election *e, struct election_request *request,
		const struct rpc_method *method, const ProtobufCMessage *message,
		ProtobufCMessage **ret_answer)
{
	return rpc_call(e->rpc, method, message, CALL_MS, ret_answer, &request->err);
}

static const Etcd__RangeResponse *range_of(const Etcd__TxnResponse *answer, size_t index)
{
	static const Etcd__RangeResponse none = ETCD__RANGE_RESPONSE__INIT;
	if (index >= answer->n_responses ||
	    answer->responses[index]->response_case != ETCD__RESPONSE_OP__RESPONSE_RANGE)
		return &none;
	return answer->responses[index]->range;
}

static const Etcd__KeyValue *first_of(const Etcd__RangeResponse *range)
{
	return range->n_kvs > 0 ? range->kvs[0] : NULL;
}

static int ask_grant(struct etcd_election *e, struct election_request *request)
{
	Etcd__LeaseGrantRequest message = ETCD__LEASE_GRANT_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	message.ttl = (request->ttl_ms + 999) / 1000;
	int r = call(e, request, &rpc_grant, &message.base, &answer);
	if (r < 0)
		return r;
	const Etcd__LeaseGrantResponse *granted = (const Etcd__LeaseGrantResponse *)answer;
	request->answer.lease = (uint64_t)granted->id;
	request->answer.ttl_ms = granted->ttl * 1000;
	protobuf_c_message_free_unpacked(answer, NULL);
	return 0;
}

/*
 * A renewal does not go through etcd's log: a server that leads no longer, and does not know it, answers it from what it
 * remembers, and the lease ends without it. So the same server is asked for the leader's key afterwards, by a linearizable
 * reading: who answers that has heard from a majority after the renewal. The terms of etcd's own election, as
 * they were before the renewal and after the reading, are the same, so that none of its servers was elected between: one that
 * was would count the lease from its own start, and the reading would have been answered by it.
 */
static int confirm(struct etcd_election *e, struct election_request *request,
		   const Etcd__Header *renewed)
{
	CLEANUP(txn_done) struct txn txn = {0};
	Etcd__TxnRequest message;
	ProtobufCMessage *answer = NULL;
	txn_read(&txn, etcd_key_text(KEY_LEADER), (bytes){0});
	int r = rpc_call_same(e->rpc, &rpc_txn_read, &txn_request(&txn, &message)->base,
			      CALL_MS, &answer, &request->err);
	if (r < 0)
		return r;
	const Etcd__TxnResponse *told = (const Etcd__TxnResponse *)answer;
	const Etcd__KeyValue *leader = first_of(range_of(told, 0));
	if (renewed == NULL || told->header == NULL ||
	    renewed->raft_term != told->header->raft_term)
		r = error_set(&request->err, ERR_UNAVAILABLE,
			      "etcd elected another of its servers while it renewed the lease");
	else if (e->won == request->lease &&
		 (leader == NULL || (uint64_t)leader->lease != request->lease))
		request->answer.ttl_ms = 0;
	protobuf_c_message_free_unpacked(answer, NULL);
	return r;
}

static int ask_keep_alive(struct etcd_election *e, struct election_request *request)
{
	Etcd__LeaseKeepAliveRequest message = ETCD__LEASE_KEEP_ALIVE_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	message.id = (int64_t)request->lease;
	int r = call(e, request, &rpc_keep_alive, &message.base, &answer);
	if (r < 0)
		return r;
	const Etcd__LeaseKeepAliveResponse *kept = (const Etcd__LeaseKeepAliveResponse *)answer;
	request->answer.ttl_ms = kept->ttl > 0 ? kept->ttl * 1000 : 0;
	if (kept->ttl > 0)
		r = confirm(e, request, kept->header);
	protobuf_c_message_free_unpacked(answer, NULL);
	return r;
}

static int ask_revoke(struct etcd_election *e, struct election_request *request)
{
	Etcd__LeaseRevokeRequest message = ETCD__LEASE_REVOKE_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	message.id = (int64_t)request->lease;
	int r = call(e, request, &rpc_revoke, &message.base, &answer);
	if (r == 0)
		protobuf_c_message_free_unpacked(answer, NULL);
	return r;
}

static void members_take(contents *members, const Etcd__RangeResponse *range)
{
	for (size_t i = 0; i < range->n_kvs; i++) {
		const bytes value = range->kvs[i]->value;
		Etcd__Content__Member *member =
			etcd__content__member__unpack(NULL, value.len, value.data);
		if (member != NULL)
			vector_push(members, member);
	}
}

static int ask_observe(struct etcd_election *e, struct election_request *request)
{
	CLEANUP(txn_done) struct txn txn = {0};
	Etcd__TxnRequest message;
	ProtobufCMessage *answer = NULL;
	bytes from = etcd_key_text(KEY_MEMBER), known = etcd_key_text(KEY_KNOWN);
	txn_read(&txn, etcd_key_text(KEY_LEADER), (bytes){0});
	txn_read(&txn, from, key_end(from));
	txn_read(&txn, known, key_end(known));
	int r = call(e, request, &rpc_txn_read, &txn_request(&txn, &message)->base, &answer);
	if (r < 0)
		return r;
	const Etcd__TxnResponse *told = (const Etcd__TxnResponse *)answer;
	leader_take(request, first_of(range_of(told, 0)));
	if (request->leader != NULL && told->header != NULL)
		etcd_witness_note(e->witness_path, &e->witness, told->header->cluster_id,
				  told->header->revision);
	members_take(&request->members, range_of(told, 1));
	members_take(&request->known, range_of(told, 2));
	protobuf_c_message_free_unpacked(answer, NULL);
	return 0;
}

/* Who leads, which term was the last one, and when that key changed. */
static int seen(struct etcd_election *e, struct election_request *request, uint64_t *ret_term,
		int64_t *ret_revision)
{
	CLEANUP(txn_done) struct txn txn = {0};
	Etcd__TxnRequest message;
	ProtobufCMessage *answer = NULL;
	txn_read(&txn, etcd_key_text(KEY_LEADER), (bytes){0});
	txn_read(&txn, etcd_key_text(KEY_TERM), (bytes){0});
	int r = call(e, request, &rpc_txn_read, &txn_request(&txn, &message)->base, &answer);
	if (r < 0)
		return r;
	const Etcd__TxnResponse *told = (const Etcd__TxnResponse *)answer;
	const Etcd__KeyValue *kv = first_of(range_of(told, 1));
	Etcd__Content__Term *term =
		kv != NULL ? etcd__content__term__unpack(NULL, kv->value.len, kv->value.data)
			   : NULL;
	leader_take(request, first_of(range_of(told, 0)));
	*ret_term = term != NULL ? term->term : 0;
	*ret_revision = kv != NULL ? kv->mod_revision : 0;
	if (kv != NULL &&
	    term == NULL) /* a term that went back would be worse than no leader */
		r = error_set(&request->err, ERR_INVALID, "%s in etcd cannot be read",
			      KEY_TERM);
	if (term != NULL)
		etcd__content__term__free_unpacked(term, NULL);
	protobuf_c_message_free_unpacked(answer, NULL);
	return r;
}

/* A lease that is gone: done, without effect. */
static int without_lease(struct etcd_election *e, struct election_request *request, int r)
{
	if (r != ERR_NOT_FOUND)
		return r;
	error_free(steal_ptr(&request->err));
	return ask_observe(e, request);
}

static int win(struct etcd_election *e, struct election_request *request, uint64_t term,
	       int64_t revision)
{
	CLEANUP(txn_done) struct txn txn = {0};
	Etcd__TxnRequest message;
	ProtobufCMessage *answer = NULL;
	txn_if_created(&txn, KEY_LEADER, 0);
	txn_if_changed(&txn, KEY_TERM, revision);
	txn_put_leased(&txn, etcd_key_text(KEY_LEADER), member_pack(&request->self, term),
		       (int64_t)request->lease);
	txn_put(&txn, etcd_key_text(KEY_TERM), term_pack(term));
	int r = call(e, request, &rpc_txn, &txn_request(&txn, &message)->base, &answer);
	if (r == 0)
		protobuf_c_message_free_unpacked(answer, NULL);
	return r;
}

/* Whether it was won is read after it: so an answer that says it is the same as one that was lost, and asked for. */
static int ask_campaign(struct etcd_election *e, struct election_request *request)
{
	uint64_t term = 0;
	int64_t revision = 0;
	int r = seen(e, request, &term, &revision);
	if (r == 0 && request->leader != NULL && request->answer.leader.lease == request->lease)
		e->won = request->lease; /* by a campaign whose answer was lost */
	if (r < 0 || request->leader != NULL)
		return r;
	r = win(e, request, term + 1, revision);
	if (r < 0)
		return without_lease(e, request, r);
	r = seen(e, request, &term, &revision);
	if (r == 0 && request->answer.leader.lease == request->lease)
		e->won = request->lease;
	return r;
}

static int ask_announce(struct etcd_election *e, struct election_request *request)
{
	CLEANUP(txn_done) struct txn txn = {0};
	Etcd__TxnRequest message;
	ProtobufCMessage *answer = NULL;
	CLEANUP(freep) char *key = str_printf(KEY_MEMBER "%s", request->self.name);
	CLEANUP(freep) char *known = str_printf(KEY_KNOWN "%s", request->self.name);
	txn_put_leased(&txn, etcd_key_text(key), member_pack(&request->self, 0),
		       (int64_t)request->lease);
	txn_put(&txn, etcd_key_text(known), member_pack(&request->self, 0));
	int r = call(e, request, &rpc_txn_read, &txn_request(&txn, &message)->base, &answer);
	if (r == 0)
		protobuf_c_message_free_unpacked(answer, NULL);
	return without_lease(e, request, r);
}

static int ask_forget(struct etcd_election *e, struct election_request *request)
{
	CLEANUP(txn_done) struct txn txn = {0};
	Etcd__TxnRequest message;
	ProtobufCMessage *answer = NULL;
	CLEANUP(freep) char *key = str_printf(KEY_MEMBER "%s", request->self.name);
	CLEANUP(freep) char *known = str_printf(KEY_KNOWN "%s", request->self.name);
	txn_if_created(&txn, KEY_LEADER, (int64_t)request->fence);
	txn_if_created(&txn, key, 0);
	txn_delete(&txn, etcd_key_text(known));
	int r = call(e, request, &rpc_txn, &txn_request(&txn, &message)->base, &answer);
	if (r < 0)
		return r;
	protobuf_c_message_free_unpacked(answer, NULL);
	return ask_observe(e, request);
}

static enum election_outcome outcome_of(int code)
{
	if (code == 0)
		return ELECTION_DONE;
	/* A quota that is used up is no refusal for ever. */
	return code == ERR_DENIED || code == ERR_INVALID ? ELECTION_REFUSED : ELECTION_UNKNOWN;
}

static int ask(struct etcd_election *e, struct election_request *request)
{
	switch (request->question) {
	case GRANT:
		return ask_grant(e, request);
	case KEEP_ALIVE:
		return ask_keep_alive(e, request);
	case CAMPAIGN:
		return ask_campaign(e, request);
	case ANNOUNCE:
		return ask_announce(e, request);
	case OBSERVE:
		return ask_observe(e, request);
	case FORGET:
		return ask_forget(e, request);
	case REVOKE:
		break;
	}
	int r = ask_revoke(e, request);
	if (r == ERR_NOT_FOUND) { /* it has ended before */
		error_free(steal_ptr(&request->err));
		return 0;
	}
	return r;
}

static void work(void *owner, struct worker_job **jobs)
{
	for (struct worker_job *j = *jobs; j != NULL; j = j->next) {
		struct election_request *request = (struct election_request *)j;
		request->answer.outcome = outcome_of(ask(owner, request));
		request->answer.error = request->err;
	}
}

/* ---- in the loop's thread ---- */

static void request_free(struct election_request *request)
{
	if (request->leader != NULL)
		etcd__content__member__free_unpacked(request->leader, NULL);
	vector_for_each (&request->members, member)
		etcd__content__member__free_unpacked(*member, NULL);
	vector_done(&request->members);
	vector_for_each (&request->known, member)
		etcd__content__member__free_unpacked(*member, NULL);
	vector_done(&request->known);
	free((char *)request->self.name);
	free((char *)request->self.address);
	free((char *)request->self.version);
	free((char *)request->self.admin);
	free((char *)request->self.next);
	error_free(request->err);
	free(request);
}

static void answered(void *owner, struct worker_job *base)
{
	const struct etcd_election *e = owner;
	struct election_request *request = (struct election_request *)base;
	VECTOR(struct election_member) members = {0}, known = {0};
	vector_for_each (&request->members, member)
		vector_push(&members, member_of(*member));
	vector_for_each (&request->known, member)
		vector_push(&known, member_of(*member));
	request->answer.members = members.items;
	request->answer.member_count = members.count;
	request->answer.known = known.items;
	request->answer.known_count = known.count;
	if (!e->is_closing)
		request->done(request->user, &request->answer);
	vector_done(&members);
	vector_done(&known);
	request_free(request);
}

static const struct worker_ops worker_ops = {.run = work, .done = answered};

static struct election_request *request_new(enum question question, election_done_fn *done,
					    void *user)
{
	struct election_request *request = mem_new(struct election_request);
	request->question = question;
	request->done = done;
	request->user = user;
	return request;
}

static void request_start(struct election *election, struct election_request *request)
{
	worker_add(((struct etcd_election *)election)->worker, &request->base);
}

static void self_take(struct election_request *request, const struct election_member *self)
{
	request->self = (struct election_member){.name = mem_strdup(self->name),
						 .address = mem_strdup(self->address),
						 .version = mem_strdup(self->version),
						 .admin = mem_strdup(self->admin),
						 .next = mem_strdup(self->next),
						 .copied = self->copied};
}

static void election_grant(struct election *election, int64_t ttl_ms, election_done_fn *done,
			   void *user)
{
	struct election_request *request = request_new(GRANT, done, user);
	request->ttl_ms = ttl_ms;
	request_start(election, request);
}

static void election_keep_alive(struct election *election, uint64_t lease,
				election_done_fn *done, void *user)
{
	struct election_request *request = request_new(KEEP_ALIVE, done, user);
	request->lease = lease;
	request_start(election, request);
}

static void election_campaign(struct election *election, uint64_t lease,
			      const struct election_member *self, election_done_fn *done,
			      void *user)
{
	struct election_request *request = request_new(CAMPAIGN, done, user);
	request->lease = lease;
	self_take(request, self);
	request_start(election, request);
}

static void election_announce(struct election *election, uint64_t lease,
			      const struct election_member *self, election_done_fn *done,
			      void *user)
{
	struct election_request *request = request_new(ANNOUNCE, done, user);
	request->lease = lease;
	self_take(request, self);
	request_start(election, request);
}

static void election_observe(struct election *election, election_done_fn *done, void *user)
{
	request_start(election, request_new(OBSERVE, done, user));
}

static void election_forget(struct election *election, uint64_t fence, const char *name,
			    election_done_fn *done, void *user)
{
	struct election_request *request = request_new(FORGET, done, user);
	request->fence = fence;
	request->self.name = mem_strdup(name);
	request_start(election, request);
}

static void election_revoke(struct election *election, uint64_t lease, election_done_fn *done,
			    void *user)
{
	struct election_request *request = request_new(REVOKE, done, user);
	request->lease = lease;
	request_start(election, request);
}

static void election_hold(struct election *election, uint64_t lease)
{
	keeper_hold(((struct etcd_election *)election)->keeper, lease);
}

static void worker_closed(void *user)
{
	struct etcd_election *e = user;
	void (*closed)(void *) = e->closed;
	void *closed_user = e->closed_user;
	keeper_free(e->keeper);
	rpc_free(e->rpc);
	free(e->witness_path);
	free(e);
	closed(closed_user);
}

static void election_close(struct election *election, void (*closed)(void *user), void *user)
{
	struct etcd_election *e = (struct etcd_election *)election;
	e->is_closing = true;
	e->closed = closed;
	e->closed_user = user;
	worker_close(e->worker, worker_closed, e);
}

static const struct election_ops election_ops = {
	.grant = election_grant,
	.keep_alive = election_keep_alive,
	.hold = election_hold,
	.campaign = election_campaign,
	.announce = election_announce,
	.observe = election_observe,
	.forget = election_forget,
	.revoke = election_revoke,
	.close = election_close,
};

int etcd_election_new(struct loop *loop, const struct etcd_servers *servers,
		      const char *witness, struct election **ret_election, struct error **err)
{
	struct etcd_election *e = mem_new(struct etcd_election);
	e->election.ops = &election_ops;
	e->witness_path = mem_strdup(witness);
	etcd_witness_read(witness, &e->witness);
	int r = rpc_new(servers, &e->rpc, err);
	if (r == 0)
		r = keeper_new(servers, &e->keeper, err);
	if (r == 0)
		r = worker_new(loop, "election", &worker_ops, e, &e->worker, err);
	if (r < 0) {
		keeper_free(e->keeper);
		rpc_free(e->rpc);
		free(e->witness_path);
		free(e);
		return r;
	}
	*ret_election = &e->election;
	return 0;
}
