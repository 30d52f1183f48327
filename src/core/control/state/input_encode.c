#include "core/control/state/input_code.h"

#include "base/check.h"
#include "base/fingerprint.h"
#include "core/access/credentials.h"
#include "core/access/idempotency_keys.h"
#include "core/access/identity.h"
#include "core/access/join_tokens.h"
#include "core/access/secrets.h"
#include "core/control/state/output_lines.h"
#include "schema/message.h"

/* What is packed borrows all of the input, which is only read. */
#define BORROWED(pointer) ((void *)(uintptr_t)(pointer))
#define SET(message, field, is_worth_it, with)        \
	do {                                          \
		if (is_worth_it) {                    \
			(message).has_##field = true; \
			(message).field = (with);     \
		}                                     \
	} while (0)

/* The body of one type: its member of the oneof, and the message that it points to. */
#define BODY(r, member, type, init, name) \
	Samoza__V1__##type name = init;   \
	(r)->body_case = SAMOZA__V1__RECORDED_INPUT__BODY_##member

/* Of HELLO and REPORT. */
struct reports {
	Samoza__V1__InstanceReport *const *items;
	size_t count;
};

static ProtobufCBinaryData bytes(const uint8_t *data, size_t size)
{
	return (ProtobufCBinaryData){data != NULL ? size : 0, BORROWED(data)};
}

static int pack(const Samoza__V1__RecordedInput *r, struct buffer *to)
{
	size_t size = protobuf_c_message_get_packed_size(&r->base);
	uint8_t *at = buffer_reserve(to, size);
	if (at == NULL)
		return -1;
	buffer_grew(to, protobuf_c_message_pack(&r->base, at));
	return 0;
}

/* ---- people ---- */

static int encode_submit(const struct control_submit *in, Samoza__V1__RecordedInput *r,
			 struct buffer *to)
{
	BODY(r, SUBMIT, RecordedSubmit, SAMOZA__V1__RECORDED_SUBMIT__INIT, body);
	const struct submission_options *o = &in->options;
	r->submit = &body;
	body.id = BORROWED(in->id);
	body.record = BORROWED(in->record);
	SET(body, start, o->start, true);
	SET(body, dry_run, o->dry_run, true);
	SET(body, plan, o->plan, true);
	SET(body, resets, o->resets, true);
	SET(body, downgrades, o->downgrades, true);
	SET(body, no_surge, o->no_surge, true);
	body.kept = BORROWED(in->kept);
	return pack(r, to);
}

static int encode_topology(const struct control_input *in, Samoza__V1__RecordedInput *r,
			   struct buffer *to)
{
	BODY(r, TOPOLOGY, RecordedTopology, SAMOZA__V1__RECORDED_TOPOLOGY__INIT, body);
	r->topology = &body;
	body.id = BORROWED(in->topology.id);
	body.action = in->topology.action;
	body.path = BORROWED(in->topology.path);
	SET(body, data, in->topology.data, true);
	return pack(r, to);
}

static int encode_goal(const struct control_input *in, Samoza__V1__RecordedInput *r,
		       struct buffer *to)
{
	BODY(r, GOAL, RecordedGoal, SAMOZA__V1__RECORDED_GOAL__INIT, body);
	r->goal = &body;
	body.id = BORROWED(in->goal.id);
	body.path = BORROWED(in->goal.path);
	body.goal = BORROWED(in->goal.goal);
	SET(body, is_stop_command, in->goal.is_stop_command, true);
	return pack(r, to);
}

static int encode_move(const struct control_input *in, Samoza__V1__RecordedInput *r,
		       struct buffer *to)
{
	BODY(r, MOVE, RecordedMove, SAMOZA__V1__RECORDED_MOVE__INIT, body);
	r->move = &body;
	body.id = BORROWED(in->move.id);
	body.path = BORROWED(in->move.path);
	body.zhost = BORROWED(in->move.zhost);
	return pack(r, to);
}

static int encode_exec(const struct control_input *in, Samoza__V1__RecordedInput *r,
		       struct buffer *to)
{
	BODY(r, EXEC, RecordedExec, SAMOZA__V1__RECORDED_EXEC__INIT, body);
	r->exec = &body;
	body.id = BORROWED(in->exec.id);
	body.path = BORROWED(in->exec.path);
	body.program = BORROWED(in->exec.program);
	return pack(r, to);
}

static int encode_rollout(const struct control_input *in, Samoza__V1__RecordedInput *r,
			  struct buffer *to)
{
	BODY(r, ROLLOUT, RecordedRollout, SAMOZA__V1__RECORDED_ROLLOUT__INIT, body);
	r->rollout = &body;
	body.id = BORROWED(in->rollout.id);
	body.command = (uint32_t)in->rollout.command;
	return pack(r, to);
}

static int encode_rollback(const struct control_input *in, Samoza__V1__RecordedInput *r,
			   struct buffer *to)
{
	BODY(r, ROLLBACK, RecordedRollback, SAMOZA__V1__RECORDED_ROLLBACK__INIT, body);
	r->rollback = &body;
	body.id = BORROWED(in->rollback.id);
	SET(body, to, in->rollback.to != 0, in->rollback.to);
	return pack(r, to);
}

static int encode_scale(const struct control_input *in, Samoza__V1__RecordedInput *r,
			struct buffer *to)
{
	BODY(r, SCALE, RecordedScale, SAMOZA__V1__RECORDED_SCALE__INIT, body);
	r->scale = &body;
	body.id = BORROWED(in->scale.id);
	body.counts = BORROWED(in->scale.counts);
	return pack(r, to);
}

static int encode_rebalance(const struct control_input *in, Samoza__V1__RecordedInput *r,
			    struct buffer *to)
{
	BODY(r, REBALANCE, RecordedRebalance, SAMOZA__V1__RECORDED_REBALANCE__INIT, body);
	r->rebalance = &body;
	SET(body, max_moves, in->rebalance.max_moves != 0, in->rebalance.max_moves);
	SET(body, stop, in->rebalance.stop, true);
	body.n_include = in->rebalance.include_count;
	body.include = BORROWED(in->rebalance.include);
	body.chosen = BORROWED(in->rebalance.chosen);
	return pack(r, to);
}

static int encode_zhost(const struct control_input *in, Samoza__V1__RecordedInput *r,
			struct buffer *to)
{
	BODY(r, ZHOST, RecordedZhost, SAMOZA__V1__RECORDED_ZHOST__INIT, body);
	r->zhost = &body;
	body.name = BORROWED(in->zhost.name);
	body.action = in->zhost.action;
	SET(body, deadline_ms, in->zhost.deadline_ms != 0, in->zhost.deadline_ms);
	SET(body, force, in->zhost.force, true);
	return pack(r, to);
}

static int encode_credential(const struct control_input *in, Samoza__V1__RecordedInput *r,
			     struct buffer *to)
{
	BODY(r, CREDENTIAL, RecordedCredential, SAMOZA__V1__RECORDED_CREDENTIAL__INIT, body);
	r->credential = &body;
	body.action = in->credential.action;
	body.record = BORROWED(in->credential.record);
	return pack(r, to);
}

static int encode_sign_in(const struct control_sign_in *in, Samoza__V1__RecordedInput *r,
			  struct buffer *to)
{
	BODY(r, SIGN_IN, RecordedSignIn, SAMOZA__V1__RECORDED_SIGN_IN__INIT, body);
	r->sign_in = &body;
	body.action = in->action;
	SET(body, proof, in->proof != NULL, bytes(in->proof, CREDENTIAL_HASH_SIZE));
	SET(body, local, in->local != NULL, bytes(in->local, CREDENTIAL_HASH_SIZE));
	body.record = BORROWED(in->record);
	return pack(r, to);
}

static int encode_token(const struct control_input *in, Samoza__V1__RecordedInput *r,
			struct buffer *to)
{
	BODY(r, TOKEN, RecordedToken, SAMOZA__V1__RECORDED_TOKEN__INIT, body);
	r->token = &body;
	body.action = in->token.action;
	body.record = BORROWED(in->token.record);
	return pack(r, to);
}

static int encode_authority(const struct control_input *in, Samoza__V1__RecordedInput *r,
			    struct buffer *to)
{
	BODY(r, AUTHORITY, RecordedAuthority, SAMOZA__V1__RECORDED_AUTHORITY__INIT, body);
	r->authority = &body;
	body.action = in->authority.action;
	body.first = BORROWED(in->authority.first);
	body.next = BORROWED(in->authority.next);
	SET(body, force, in->authority.force, true);
	SET(body, asks_store, in->authority.asks_store, true);
	SET(body, generation, in->authority.generation != 0, in->authority.generation);
	body.n_missing = in->authority.n_missing;
	body.missing = (char **)(uintptr_t)in->authority.missing;
	return pack(r, to);
}

static int encode_signing_key(const struct control_input *in, Samoza__V1__RecordedInput *r,
			      struct buffer *to)
{
	BODY(r, SIGNING_KEY, RecordedSigningKey, SAMOZA__V1__RECORDED_SIGNING_KEY__INIT, body);
	r->signing_key = &body;
	body.action = in->signing_key.action;
	body.record = BORROWED(in->signing_key.record);
	body.n_files = in->signing_key.file_count;
	body.files = BORROWED(in->signing_key.files);
	return pack(r, to);
}

static int encode_secret(const struct control_input *in, Samoza__V1__RecordedInput *r,
			 struct buffer *to)
{
	BODY(r, SECRET, RecordedSecret, SAMOZA__V1__RECORDED_SECRET__INIT, body);
	r->secret = &body;
	body.action = in->secret.action;
	body.records = mem_new_array(Samoza__V1__SecretRecord *, in->secret.count);
	for (; body.n_records < in->secret.count; body.n_records++) {
		body.records[body.n_records] = (Samoza__V1__SecretRecord *)schema_message_copy(
			&in->secret.records[body.n_records]->base);
		secret_mask(body.records[body.n_records]);
	}
	SET(body, force, in->secret.force, true);
	int result = pack(r, to);
	for (size_t k = 0; k < body.n_records; k++)
		schema_message_free(&body.records[k]->base);
	free(body.records);
	return result;
}

static int encode_backup(const struct control_input *in, Samoza__V1__RecordedInput *r,
			 struct buffer *to)
{
	BODY(r, BACKUP, RecordedBackup, SAMOZA__V1__RECORDED_BACKUP__INIT, body);
	r->backup = &body;
	SET(body, keys, in->backup.keys, true);
	SET(body, recording, in->backup.recording, true);
	return pack(r, to);
}

static int encode_leader_move(const struct control_input *in, Samoza__V1__RecordedInput *r,
			      struct buffer *to)
{
	BODY(r, LEADER_MOVE, RecordedLeaderMove, SAMOZA__V1__RECORDED_LEADER_MOVE__INIT, body);
	r->leader_move = &body;
	body.to = BORROWED(in->leader_move.to);
	return pack(r, to);
}

static int encode_zrms_forget(const struct control_input *in, Samoza__V1__RecordedInput *r,
			      struct buffer *to)
{
	BODY(r, ZRMS_FORGET, RecordedZrmsForget, SAMOZA__V1__RECORDED_ZRMS_FORGET__INIT, body);
	r->zrms_forget = &body;
	body.name = BORROWED(in->zrms_forget.name);
	return pack(r, to);
}

static int encode_notice_test(const struct control_input *in, Samoza__V1__RecordedInput *r,
			      struct buffer *to)
{
	BODY(r, NOTICE_TEST, RecordedNoticeTest, SAMOZA__V1__RECORDED_NOTICE_TEST__INIT, body);
	r->notice_test = &body;
	body.target = BORROWED(in->notice_test.target);
	return pack(r, to);
}

static int encode_notice_targets(const struct control_input *in, Samoza__V1__RecordedInput *r,
				 struct buffer *to)
{
	BODY(r, NOTICE_TARGETS, RecordedNoticeTargets,
	     SAMOZA__V1__RECORDED_NOTICE_TARGETS__INIT, body);
	r->notice_targets = &body;
	body.n_names = in->notice_targets.count;
	body.names = (char **)(uintptr_t)in->notice_targets.names;
	return pack(r, to);
}

static int encode_notice_sent(const struct control_input *in, Samoza__V1__RecordedInput *r,
			      struct buffer *to)
{
	BODY(r, NOTICE_SENT, RecordedNoticeSent, SAMOZA__V1__RECORDED_NOTICE_SENT__INIT, body);
	r->notice_sent = &body;
	body.target = BORROWED(in->notice_sent.target);
	body.position = in->notice_sent.position;
	body.dropped = in->notice_sent.dropped;
	SET(body, delivered, in->notice_sent.delivered, true);
	return pack(r, to);
}

static int encode_backup_age(const struct control_input *in, Samoza__V1__RecordedInput *r,
			     struct buffer *to)
{
	BODY(r, BACKUP_AGE, RecordedBackupAge, SAMOZA__V1__RECORDED_BACKUP_AGE__INIT, body);
	r->backup_age = &body;
	body.newest_ms = in->backup_age.newest_ms;
	body.limit_ms = in->backup_age.limit_ms;
	return pack(r, to);
}

static int encode_machine(const struct control_input *in, Samoza__V1__RecordedInput *r,
			  struct buffer *to)
{
	BODY(r, MACHINE, RecordedMachine, SAMOZA__V1__RECORDED_MACHINE__INIT, body);
	r->machine = &body;
	body.action = in->machine.action;
	body.record = BORROWED(in->machine.record);
	SET(body, drain, in->machine.drain, true);
	body.token = BORROWED(in->machine.token);
	return pack(r, to);
}

static int encode_driver(const struct control_input *in, Samoza__V1__RecordedInput *r,
			 struct buffer *to)
{
	BODY(r, DRIVER, RecordedDriver, SAMOZA__V1__RECORDED_DRIVER__INIT, body);
	r->driver = &body;
	body.call = in->driver.call;
	body.state = in->driver.state;
	body.error = BORROWED(in->driver.error);
	body.note = BORROWED(in->driver.note);
	body.token = BORROWED(in->driver.token);
	body.n_keys = in->driver.key_count;
	body.keys = BORROWED(in->driver.keys);
	return pack(r, to);
}

static int encode_refused(const struct control_input *in, Samoza__V1__RecordedInput *r,
			  struct buffer *to)
{
	BODY(r, REFUSED, RecordedRefused, SAMOZA__V1__RECORDED_REFUSED__INIT, body);
	r->refused = &body;
	body.code = BORROWED(in->refused.code);
	body.message = BORROWED(in->refused.message);
	return pack(r, to);
}

/* ---- machines ---- */

static int encode_join(const struct join_request *in, Samoza__V1__RecordedInput *r,
		       struct buffer *to)
{
	BODY(r, JOIN, RecordedJoin, SAMOZA__V1__RECORDED_JOIN__INIT, body);
	r->join = &body;
	body.token = BORROWED(in->token);
	body.secret = bytes(in->secret, JOIN_TOKEN_HASH_SIZE);
	body.name = BORROWED(in->name);
	body.key = bytes(in->key, IDENTITY_KEY_SIZE);
	SET(body, replace, in->replace, true);
	body.expires_ms = in->expires_ms;
	return pack(r, to);
}

static Samoza__V1__RecordedCertified certified(const struct control_certified *in)
{
	Samoza__V1__RecordedCertified c = SAMOZA__V1__RECORDED_CERTIFIED__INIT;
	c.issued_ms = in->issued_ms;
	c.expires_ms = in->expires_ms;
	return c;
}

static int encode_renew(const struct control_input *in, Samoza__V1__RecordedInput *r,
			struct buffer *to)
{
	BODY(r, RENEW, RecordedRenew, SAMOZA__V1__RECORDED_RENEW__INIT, body);
	Samoza__V1__RecordedCertified c = certified(&in->renew.certified);
	r->renew = &body;
	body.name = BORROWED(in->renew.name);
	body.own = bytes(in->renew.own, IDENTITY_KEY_SIZE);
	body.key = bytes(in->renew.key, IDENTITY_KEY_SIZE);
	body.expires_ms = in->renew.expires_ms;
	body.certified = &c;
	return pack(r, to);
}

/* A copy without what programs have printed; NULL: it has nothing of that. */
static void *without_lines(const ProtobufCMessage *message, struct reports reports)
{
	bool any = false;
	for (size_t k = 0; k < reports.count && !any; k++) {
		const char *error = reports.items[k]->error;
		any = error != NULL && error[output_lines_begin(error)] != '\0';
	}
	if (!any)
		return NULL;
	ProtobufCMessage *copy = schema_message_copy(message);
	output_lines_mask(copy, OUTPUT_LINES_DIGEST);
	return copy;
}

static int encode_hello(const struct control_input *in, Samoza__V1__RecordedInput *r,
			struct buffer *to)
{
	const Samoza__V1__Hello *message = in->hello.message;
	CLEANUP(schema_message_freep)
	Samoza__V1__Hello *masked = without_lines(
		&message->base, (struct reports){message->instances, message->n_instances});
	BODY(r, HELLO, RecordedHello, SAMOZA__V1__RECORDED_HELLO__INIT, body);
	Samoza__V1__RecordedCertified c = certified(&in->hello.certified);
	r->hello = &body;
	body.link = in->hello.link_id;
	body.message = masked != NULL ? masked : BORROWED(message);
	SET(body, key, in->hello.key != NULL, bytes(in->hello.key, IDENTITY_KEY_SIZE));
	body.certified = &c;
	return pack(r, to);
}

static int encode_report(const struct control_input *in, Samoza__V1__RecordedInput *r,
			 struct buffer *to)
{
	const Samoza__V1__Report *message = in->report.message;
	CLEANUP(schema_message_freep)
	Samoza__V1__Report *masked = without_lines(
		&message->base, (struct reports){message->instances, message->n_instances});
	BODY(r, REPORT, RecordedReport, SAMOZA__V1__RECORDED_REPORT__INIT, body);
	r->report = &body;
	body.link = in->report.link_id;
	body.message = masked != NULL ? masked : BORROWED(message);
	return pack(r, to);
}

static int encode_heartbeat(const struct control_input *in, Samoza__V1__RecordedInput *r,
			    struct buffer *to)
{
	BODY(r, HEARTBEAT, RecordedHeartbeat, SAMOZA__V1__RECORDED_HEARTBEAT__INIT, body);
	r->heartbeat = &body;
	body.link = in->heartbeat.link_id;
	body.message = BORROWED(in->heartbeat.message);
	return pack(r, to);
}

static int encode_answered(const struct control_input *in, Samoza__V1__RecordedInput *r,
			   struct buffer *to)
{
	BODY(r, HELLO_ANSWERED, RecordedHelloAnswered,
	     SAMOZA__V1__RECORDED_HELLO_ANSWERED__INIT, body);
	r->hello_answered = &body;
	body.link = in->answered.link_id;
	return pack(r, to);
}

static int encode_closed(const struct control_input *in, Samoza__V1__RecordedInput *r,
			 struct buffer *to)
{
	BODY(r, CLOSED, RecordedClosed, SAMOZA__V1__RECORDED_CLOSED__INIT, body);
	r->closed = &body;
	body.link = in->closed.link_id;
	return pack(r, to);
}

static int encode_data(const struct control_input *in, Samoza__V1__RecordedInput *r,
		       struct buffer *to)
{
	BODY(r, DATA, RecordedData, SAMOZA__V1__RECORDED_DATA__INIT, body);
	Samoza__V1__DataRequest request = *in->data.message;
	r->data = &body;
	body.link = in->data.link_id;
	body.message = &request;
	if (request.has_value) {
		SET(body, value_size, true, request.value.len);
		SET(body, value_digest, true,
		    fingerprint(FINGERPRINT_NONE, request.value.data, request.value.len));
	}
	request.has_value = false;
	request.value = (ProtobufCBinaryData){0, NULL};
	return pack(r, to);
}

static int encode_data_full(const struct control_input *in, Samoza__V1__RecordedInput *r,
			    struct buffer *to)
{
	BODY(r, DATA_FULL, RecordedDataFull, SAMOZA__V1__RECORDED_DATA_FULL__INIT, body);
	r->data_full = &body;
	body.owner = BORROWED(in->data_full.owner);
	return pack(r, to);
}

static int encode_forgotten(const struct control_input *in, Samoza__V1__RecordedInput *r,
			    struct buffer *to)
{
	BODY(r, FORGOTTEN, RecordedForgotten, SAMOZA__V1__RECORDED_FORGOTTEN__INIT, body);
	r->forgotten = &body;
	body.link = in->forgotten.link_id;
	body.message = BORROWED(in->forgotten.message);
	return pack(r, to);
}

static int encode_api_token(const struct control_input *in, Samoza__V1__RecordedInput *r,
			    struct buffer *to)
{
	BODY(r, API_TOKEN, RecordedApiToken, SAMOZA__V1__RECORDED_API_TOKEN__INIT, body);
	r->api_token = &body;
	body.link = in->api_token.link_id;
	body.message = BORROWED(in->api_token.message);
	return pack(r, to);
}

static int encode_applied(const struct control_input *in, Samoza__V1__RecordedInput *r,
			  struct buffer *to)
{
	BODY(r, MESH_APPLIED, RecordedMeshApplied, SAMOZA__V1__RECORDED_MESH_APPLIED__INIT,
	     body);
	r->mesh_applied = &body;
	body.link = in->applied.link_id;
	body.message = BORROWED(in->applied.message);
	return pack(r, to);
}

static int encode_repeat(Samoza__V1__RecordedInput *r, struct buffer *to)
{
	BODY(r, REPEAT, RecordedNothing, SAMOZA__V1__RECORDED_NOTHING__INIT, body);
	r->repeat = &body;
	return pack(r, to);
}

static int encode_tick(Samoza__V1__RecordedInput *r, struct buffer *to)
{
	BODY(r, TICK, RecordedNothing, SAMOZA__V1__RECORDED_NOTHING__INIT, body);
	r->tick = &body;
	return pack(r, to);
}

/* ---- all ---- */

static int encode_body(const struct control_input *in, Samoza__V1__RecordedInput *r,
		       struct buffer *to)
{
	switch (in->type) {
	case CONTROL_SUBMIT:
		return encode_submit(&in->submit, r, to);
	case CONTROL_TOPOLOGY:
		return encode_topology(in, r, to);
	case CONTROL_GOAL:
		return encode_goal(in, r, to);
	case CONTROL_MOVE:
		return encode_move(in, r, to);
	case CONTROL_EXEC:
		return encode_exec(in, r, to);
	case CONTROL_ROLLOUT:
		return encode_rollout(in, r, to);
	case CONTROL_ROLLBACK:
		return encode_rollback(in, r, to);
	case CONTROL_SCALE:
		return encode_scale(in, r, to);
	case CONTROL_REBALANCE:
		return encode_rebalance(in, r, to);
	case CONTROL_ZHOST:
		return encode_zhost(in, r, to);
	case CONTROL_CREDENTIAL:
		return encode_credential(in, r, to);
	case CONTROL_SIGN_IN:
		return encode_sign_in(&in->sign_in, r, to);
	case CONTROL_TOKEN:
		return encode_token(in, r, to);
	case CONTROL_AUTHORITY:
		return encode_authority(in, r, to);
	case CONTROL_SIGNING_KEY:
		return encode_signing_key(in, r, to);
	case CONTROL_SECRET:
		return encode_secret(in, r, to);
	case CONTROL_BACKUP:
		return encode_backup(in, r, to);
	case CONTROL_LEADER_MOVE:
		return encode_leader_move(in, r, to);
	case CONTROL_ZRMS_FORGET:
		return encode_zrms_forget(in, r, to);
	case CONTROL_NOTICE_TEST:
		return encode_notice_test(in, r, to);
	case CONTROL_NOTICE_TARGETS:
		return encode_notice_targets(in, r, to);
	case CONTROL_NOTICE_SENT:
		return encode_notice_sent(in, r, to);
	case CONTROL_BACKUP_AGE:
		return encode_backup_age(in, r, to);
	case CONTROL_JOIN:
		return encode_join(in->join, r, to);
	case CONTROL_RENEW:
		return encode_renew(in, r, to);
	case CONTROL_HELLO:
		return encode_hello(in, r, to);
	case CONTROL_REPORT:
		return encode_report(in, r, to);
	case CONTROL_HEARTBEAT:
		return encode_heartbeat(in, r, to);
	case CONTROL_HELLO_ANSWERED:
		return encode_answered(in, r, to);
	case CONTROL_CLOSED:
		return encode_closed(in, r, to);
	case CONTROL_DATA:
		return encode_data(in, r, to);
	case CONTROL_DATA_FULL:
		return encode_data_full(in, r, to);
	case CONTROL_FORGOTTEN:
		return encode_forgotten(in, r, to);
	case CONTROL_MESH_APPLIED:
		return encode_applied(in, r, to);
	case CONTROL_API_TOKEN:
		return encode_api_token(in, r, to);
	case CONTROL_MACHINE:
		return encode_machine(in, r, to);
	case CONTROL_DRIVER:
		return encode_driver(in, r, to);
	case CONTROL_REPEAT:
		return encode_repeat(r, to);
	case CONTROL_REFUSED:
		return encode_refused(in, r, to);
	case CONTROL_TICK:
		return encode_tick(r, to);
	}
	IMPOSSIBLE("an input of no type");
}

int input_encode(const struct control_input *in, struct buffer *to)
{
	Samoza__V1__RecordedInput r = SAMOZA__V1__RECORDED_INPUT__INIT;
	Samoza__V1__RecordedPrincipal principal = SAMOZA__V1__RECORDED_PRINCIPAL__INIT;
	if (in->principal != NULL) {
		principal.name = in->principal->name;
		principal.role = in->principal->role;
		principal.n_topologies = in->principal->topology_count;
		principal.topologies = in->principal->topologies;
		r.principal = &principal;
	}
	SET(r, request, in->request != 0, in->request);
	r.actor = BORROWED(in->actor);
	r.origin_address = BORROWED(in->origin.address);
	r.origin_request = BORROWED(in->origin.request);
	r.key = BORROWED(in->key.text);
	SET(r, key_request, in->key.text != NULL && in->key.request != NULL,
	    bytes(in->key.request, IDEMPOTENCY_REQUEST_SIZE));
	return encode_body(in, &r, to);
}
