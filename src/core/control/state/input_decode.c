#include "core/control/state/input_code.h"

#include "core/access/credentials.h"
#include "core/access/idempotency_keys.h"
#include "model/compile.h"
#include "schema/message.h"

/* More than a store takes at once (port/store.h): so large a value was never recorded. */
#define VALUE_BYTES_MAX (UINT64_C(1) << 30)

/* NULL where there is none. */
static const uint8_t *bytes_of(const ProtobufCBinaryData *data, protobuf_c_boolean has)
{
	return has ? data->data : NULL;
}

static int wrong_size(struct error **err, const char *what)
{
	return error_set(err, ERR_INVALID, "%s of another size in a recording", what);
}

static int decode_submit(struct decoded_input *d, struct error **err)
{
	const Samoza__V1__RecordedSubmit *body = d->message->submit;
	int r = topology_compile(body->record->topology, NULL, NULL, NULL, &d->topology, err);
	if (r < 0)
		return error_wrap(err, "a package in a recording");
	d->input.submit.id = body->id;
	d->input.submit.topology = d->topology;
	d->input.submit.record = body->record;
	d->input.submit.kept = body->kept;
	d->input.submit.options = (struct submission_options){.start = body->start,
							      .dry_run = body->dry_run,
							      .plan = body->plan,
							      .resets = body->resets,
							      .downgrades = body->downgrades,
							      .no_surge = body->no_surge};
	return 0;
}

static int decode_sign_in(struct decoded_input *d, struct error **err)
{
	const Samoza__V1__RecordedSignIn *body = d->message->sign_in;
	if ((body->has_proof && body->proof.len != CREDENTIAL_HASH_SIZE) ||
	    (body->has_local && body->local.len != CREDENTIAL_HASH_SIZE))
		return wrong_size(err, "a hash");
	d->input.sign_in.action = (enum sign_in_action)body->action;
	d->input.sign_in.proof = bytes_of(&body->proof, body->has_proof);
	d->input.sign_in.local = bytes_of(&body->local, body->has_local);
	d->input.sign_in.record = body->record;
	return 0;
}

static int decode_join(struct decoded_input *d, struct error **err)
{
	const Samoza__V1__RecordedJoin *body = d->message->join;
	struct join_request *to = &d->join;
	if (body->secret.len != sizeof(to->secret) || body->key.len != sizeof(to->key))
		return wrong_size(err, "a key");
	to->token = body->token;
	to->name = body->name;
	to->replace = body->replace;
	to->expires_ms = body->expires_ms;
	memcpy(to->secret, body->secret.data, sizeof(to->secret));
	memcpy(to->key, body->key.data, sizeof(to->key));
	d->input.join = to;
	return 0;
}

static struct control_certified certified_of(const Samoza__V1__RecordedCertified *c)
{
	struct control_certified certified = {0};
	if (c != NULL) {
		certified.issued_ms = c->issued_ms;
		certified.expires_ms = c->expires_ms;
	}
	return certified;
}

static int decode_renew(struct decoded_input *d, struct error **err)
{
	const Samoza__V1__RecordedRenew *body = d->message->renew;
	if (body->own.len != IDENTITY_KEY_SIZE || body->key.len != IDENTITY_KEY_SIZE)
		return wrong_size(err, "a key");
	d->input.renew.name = body->name;
	d->input.renew.own = body->own.data;
	d->input.renew.key = body->key.data;
	d->input.renew.expires_ms = body->expires_ms;
	d->input.renew.certified = certified_of(body->certified);
	return 0;
}

static int decode_hello(struct decoded_input *d, struct error **err)
{
	const Samoza__V1__RecordedHello *body = d->message->hello;
	if (body->has_key && body->key.len != IDENTITY_KEY_SIZE)
		return wrong_size(err, "a key");
	d->input.hello.link_id = body->link;
	d->input.hello.message = body->message;
	d->input.hello.key = bytes_of(&body->key, body->has_key);
	d->input.hello.certified = certified_of(body->certified);
	return 0;
}

/* As many zeros as there were bytes. */
static int decode_data(struct decoded_input *d, struct error **err)
{
	Samoza__V1__RecordedData *body = d->message->data;
	Samoza__V1__DataRequest *request = body->message;
	if (body->value_size > VALUE_BYTES_MAX)
		return wrong_size(err, "a value");
	if (body->has_value_size && !request->has_value) {
		request->has_value = true;
		request->value.len = (size_t)body->value_size;
		request->value.data = mem_calloc(request->value.len + 1, 1);
	}
	d->input.data.link_id = body->link;
	d->input.data.message = request;
	return 0;
}

static int decode_rebalance(struct decoded_input *d)
{
	const Samoza__V1__RecordedRebalance *body = d->message->rebalance;
	d->input.rebalance.max_moves = body->max_moves;
	d->input.rebalance.include = body->include;
	d->input.rebalance.include_count = body->n_include;
	d->input.rebalance.stop = body->stop;
	d->input.rebalance.chosen = body->chosen;
	return 0;
}

static int decode_secret(struct decoded_input *d, struct error **err)
{
	const Samoza__V1__RecordedSecret *body = d->message->secret;
	bool sets = body->action == SECRET_SET;
	bool may_be_none =
		body->action == SECRET_RESEAL; /* a rotation where there is no secret */
	if ((body->n_records == 0 && !may_be_none) ||
	    (sets && body->records[0]->n_versions != 1))
		return error_set(err, ERR_INVALID, "a request that names no secret");
	d->input.secret.action = (enum secret_action)body->action;
	d->input.secret.records = body->records;
	d->input.secret.count = body->n_records;
	d->input.secret.force = body->force;
	return 0;
}

static int decode_signing_key(struct decoded_input *d)
{
	const Samoza__V1__RecordedSigningKey *body = d->message->signing_key;
	d->input.signing_key.action = (enum signing_key_action)body->action;
	d->input.signing_key.record = body->record;
	d->input.signing_key.files = body->files;
	d->input.signing_key.file_count = body->n_files;
	return 0;
}

static int decode_driver(struct decoded_input *d)
{
	const Samoza__V1__RecordedDriver *body = d->message->driver;
	d->input.driver.call = body->call;
	d->input.driver.state = (enum driver_state)body->state;
	d->input.driver.error = body->error;
	d->input.driver.note = body->note;
	d->input.driver.token = body->token;
	d->input.driver.keys = (const char *const *)body->keys;
	d->input.driver.key_count = body->n_keys;
	return 0;
}

/* Those that are a matter of naming members. */
#define AS(input_type, member, ...)                                           \
	do {                                                                  \
		d->input.type = CONTROL_##input_type;                         \
		d->input.member = (__typeof__(d->input.member)){__VA_ARGS__}; \
		return 0;                                                     \
	} while (0)
#define BY(input_type, call)                          \
	do {                                          \
		d->input.type = CONTROL_##input_type; \
		return (call);                        \
	} while (0)
#define CASE(name) case SAMOZA__V1__RECORDED_INPUT__BODY_##name

static int decode_people(struct decoded_input *d, struct error **err)
{
	const Samoza__V1__RecordedInput *m = d->message;
	switch (m->body_case) {
		CASE(SUBMIT) : BY(SUBMIT, decode_submit(d, err));
		CASE(TOPOLOGY)
		    : AS(TOPOLOGY, topology, .id = m->topology->id,
			 .action = (enum topology_action)m->topology->action,
			 .path = m->topology->path, .data = m->topology->data);
		CASE(GOAL)
		    : AS(GOAL, goal, .id = m->goal->id, .path = m->goal->path,
			 .goal = m->goal->goal, .is_stop_command = m->goal->is_stop_command);
		CASE(MOVE)
		    : AS(MOVE, move, .id = m->move->id, .path = m->move->path,
			 .zhost = m->move->zhost);
		CASE(EXEC)
		    : AS(EXEC, exec, .id = m->exec->id, .path = m->exec->path,
			 .program = m->exec->program);
		CASE(ROLLOUT)
		    : AS(ROLLOUT, rollout, .id = m->rollout->id,
			 .command = (int)m->rollout->command);
		CASE(ROLLBACK)
		    : AS(ROLLBACK, rollback, .id = m->rollback->id, .to = m->rollback->to);
		CASE(SCALE) : AS(SCALE, scale, .id = m->scale->id, .counts = m->scale->counts);
		CASE(REBALANCE) : BY(REBALANCE, decode_rebalance(d));
		CASE(ZHOST)
		    : AS(ZHOST, zhost, .name = m->zhost->name,
			 .action = (enum zhost_action)m->zhost->action,
			 .deadline_ms = m->zhost->deadline_ms, .force = m->zhost->force);
		CASE(CREDENTIAL)
		    : AS(CREDENTIAL, credential,
			 .action = (enum credential_action)m->credential->action,
			 .record = m->credential->record);
		CASE(SIGN_IN) : BY(SIGN_IN, decode_sign_in(d, err));
		CASE(TOKEN)
		    : AS(TOKEN, token, .action = (enum token_action)m->token->action,
			 .record = m->token->record);
		CASE(AUTHORITY)
		    : AS(AUTHORITY, authority,
			 .action = (enum authority_action)m->authority->action,
			 .first = m->authority->first, .next = m->authority->next,
			 .force = m->authority->force, .asks_store = m->authority->asks_store,
			 .generation = m->authority->generation,
			 .missing = m->authority->missing,
			 .n_missing = m->authority->n_missing);
		CASE(SIGNING_KEY) : BY(SIGNING_KEY, decode_signing_key(d));
		CASE(SECRET) : BY(SECRET, decode_secret(d, err));
		CASE(BACKUP)
		    : AS(BACKUP, backup, .keys = m->backup->keys,
			 .recording = m->backup->recording);
		CASE(LEADER_MOVE) : AS(LEADER_MOVE, leader_move, .to = m->leader_move->to);
		CASE(ZRMS_FORGET) : AS(ZRMS_FORGET, zrms_forget, .name = m->zrms_forget->name);
		CASE(NOTICE_TEST)
		    : AS(NOTICE_TEST, notice_test, .target = m->notice_test->target);
		CASE(MACHINE)
		    : AS(MACHINE, machine, .action = (enum machine_action)m->machine->action,
			 .record = m->machine->record, .drain = m->machine->drain,
			 .token = m->machine->token);
		CASE(REFUSED)
		    : AS(REFUSED, refused, .code = m->refused->code,
			 .message = m->refused->message);
		CASE(REPEAT) : BY(REPEAT, 0);
		CASE(_NOT_SET)
		    : CASE(JOIN)
		    : CASE(RENEW)
		    : CASE(HELLO)
		    : CASE(REPORT)
		    : CASE(HEARTBEAT)
		    : CASE(HELLO_ANSWERED)
		    : CASE(CLOSED)
		    : CASE(DATA)
		    : CASE(DATA_FULL)
		    : CASE(FORGOTTEN)
		    : CASE(MESH_APPLIED)
		    : CASE(API_TOKEN)
		    : CASE(DRIVER)
		    : CASE(NOTICE_TARGETS)
		    : CASE(NOTICE_SENT)
		    : CASE(BACKUP_AGE)
		    : CASE(TICK)
		    : case _SAMOZA__V1__RECORDED_INPUT__BODY__CASE_IS_INT_SIZE : break;
	}
	return error_set(err, ERR_INVALID,
			 "an input of a type that this version does not know");
}

static int decode_machines(struct decoded_input *d, struct error **err)
{
	const Samoza__V1__RecordedInput *m = d->message;
	switch (m->body_case) {
		CASE(JOIN) : BY(JOIN, decode_join(d, err));
		CASE(RENEW) : BY(RENEW, decode_renew(d, err));
		CASE(HELLO) : BY(HELLO, decode_hello(d, err));
		CASE(REPORT)
		    : AS(REPORT, report, .link_id = m->report->link,
			 .message = m->report->message);
		CASE(HEARTBEAT)
		    : AS(HEARTBEAT, heartbeat, .link_id = m->heartbeat->link,
			 .message = m->heartbeat->message);
		CASE(HELLO_ANSWERED)
		    : AS(HELLO_ANSWERED, answered, .link_id = m->hello_answered->link);
		CASE(CLOSED) : AS(CLOSED, closed, .link_id = m->closed->link);
		CASE(DATA) : BY(DATA, decode_data(d, err));
		CASE(DATA_FULL) : AS(DATA_FULL, data_full, .owner = m->data_full->owner);
		CASE(FORGOTTEN)
		    : AS(FORGOTTEN, forgotten, .link_id = m->forgotten->link,
			 .message = m->forgotten->message);
		CASE(MESH_APPLIED)
		    : AS(MESH_APPLIED, applied, .link_id = m->mesh_applied->link,
			 .message = m->mesh_applied->message);
		CASE(API_TOKEN)
		    : AS(API_TOKEN, api_token, .link_id = m->api_token->link,
			 .message = m->api_token->message);
		CASE(DRIVER) : BY(DRIVER, decode_driver(d));
		CASE(NOTICE_TARGETS)
		    : AS(NOTICE_TARGETS, notice_targets,
			 .names = (const char *const *)m->notice_targets->names,
			 .count = m->notice_targets->n_names);
		CASE(NOTICE_SENT)
		    : AS(NOTICE_SENT, notice_sent, .target = m->notice_sent->target,
			 .position = m->notice_sent->position,
			 .dropped = m->notice_sent->dropped,
			 .delivered = m->notice_sent->delivered);
		CASE(BACKUP_AGE)
		    : AS(BACKUP_AGE, backup_age, .newest_ms = m->backup_age->newest_ms,
			 .limit_ms = m->backup_age->limit_ms);
		CASE(TICK) : BY(TICK, 0);
		CASE(_NOT_SET)
		    : CASE(SUBMIT)
		    : CASE(TOPOLOGY)
		    : CASE(GOAL)
		    : CASE(MOVE)
		    : CASE(EXEC)
		    : CASE(ROLLOUT)
		    : CASE(ROLLBACK)
		    : CASE(SCALE)
		    : CASE(REBALANCE)
		    : CASE(ZHOST)
		    : CASE(CREDENTIAL)
		    : CASE(SIGN_IN)
		    : CASE(TOKEN)
		    : CASE(AUTHORITY)
		    : CASE(SIGNING_KEY)
		    : CASE(SECRET)
		    : CASE(BACKUP)
		    : CASE(LEADER_MOVE)
		    : CASE(ZRMS_FORGET)
		    : CASE(NOTICE_TEST)
		    : CASE(MACHINE)
		    : CASE(REFUSED)
		    : CASE(REPEAT)
		    : case _SAMOZA__V1__RECORDED_INPUT__BODY__CASE_IS_INT_SIZE : break;
	}
	return decode_people(d, err);
}

int input_decode(Samoza__V1__RecordedInput *message, struct decoded_input *d,
		 struct error **err)
{
	*d = (struct decoded_input){.message = message};
	if (message->principal != NULL) {
		d->principal = (struct principal){
			.name = message->principal->name,
			.role = (enum access_role)message->principal->role,
			.topologies = message->principal->topologies,
			.topology_count = message->principal->n_topologies,
		};
		d->input.principal = &d->principal;
	}
	if (message->has_key_request && message->key_request.len != IDEMPOTENCY_REQUEST_SIZE)
		return wrong_size(err, "a digest of a request");
	d->input.request = message->request;
	d->input.actor = message->actor;
	d->input.origin.address = message->origin_address;
	d->input.origin.request = message->origin_request;
	d->input.key.text = message->key;
	d->input.key.request = bytes_of(&message->key_request, message->has_key_request);
	return decode_machines(d, err);
}

void decoded_input_done(struct decoded_input *d)
{
	topology_unref(d->topology);
	schema_message_free(d->message);
	*d = (struct decoded_input){0};
}
