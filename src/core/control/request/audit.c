#include "core/control/request/audit.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/text.h"
#include "core/access/access.h"
#include "core/access/credentials.h"
#include "core/access/join.h"
#include "core/application/rollout.h"
#include "core/control/application/applications.h"
#include "core/control/request/access_check.h"
#include "core/control/request/join_request.h"
#include "core/control/state/state.h"
#include "model/topology.h"

enum { TEXT_MAX = 512 }; /* of each text in a line; what is longer is cut */

/* Safe to be shown, and no longer than a line should be. */
static char *line_text(const char *text)
{
	struct buffer out = BUFFER_INIT(TEXT_MAX);
	if (str_is_empty(text))
		return NULL;
	text_escape(&out, text);
	return buffer_steal(&out);
}

/* ---- what is asked, in words ---- */

/* The topology's name, or the id by which it was asked for. */
static const char *name_of(const struct control *c, const struct control_input *input)
{
	const char *id = access_topology(input);
	const struct control_application *a =
		id != NULL ? application_by_id(&c->applications, id) : NULL;
	if (a != NULL)
		return a->name;
	return id != NULL ? id : "a topology";
}

static char *about_submission(const struct control_input *input)
{
	const struct control_submit *s = &input->submit;
	const char *version = s->record != NULL ? s->record->version : NULL;
	return str_printf("submit %s%s%s%s", s->topology->name,
			  str_is_empty(version) ? "" : " ", version != NULL ? version : "",
			  s->options.start ? "" : " without start");
}

static char *about_topology(const struct control *c, const struct control_input *input)
{
	static const char *const verbs[] = {
		[TOPOLOGY_START] = "start",	      [TOPOLOGY_STOP] = "stop",
		[TOPOLOGY_RECOVER] = "recover",	      [TOPOLOGY_REMOVE] = "remove",
		[TOPOLOGY_DEPLOY_ALL] = "deploy all", [TOPOLOGY_START_ALL] = "start all",
		[TOPOLOGY_STOP_ALL] = "stop all",     [TOPOLOGY_UNDEPLOY_ALL] = "undeploy all",
	};
	const char *path = input->topology.path;
	bool is_grouped = input->topology.action >= TOPOLOGY_DEPLOY_ALL;
	return str_printf("%s%s %s%s%s%s", verbs[input->topology.action],
			  is_grouped ? " of" : "", name_of(c, input), path != NULL ? "/" : "",
			  path != NULL ? path : "",
			  input->topology.data ? " with its data" : "");
}

static char *about_rollout(const struct control *c, const struct control_input *input)
{
	static const char *const verbs[] = {
		[ROLLOUT_PROMOTE] = "promote",
		[ROLLOUT_ABORT] = "abort the rollout of",
		[ROLLOUT_PAUSE] = "pause the rollout of",
		[ROLLOUT_RESUME] = "resume the rollout of",
	};
	return str_printf("%s %s", verbs[input->rollout.command], name_of(c, input));
}

static char *about_rollback(const struct control *c, const struct control_input *input)
{
	if (input->rollback.to == 0)
		return str_printf("roll %s back", name_of(c, input));
	return str_printf("roll %s back to revision %u", name_of(c, input), input->rollback.to);
}

static char *about_zhost(const struct control_input *input)
{
	static const char *const verbs[] = {
		[ZHOST_CORDON] = "cordon",
		[ZHOST_UNCORDON] = "uncordon",
		[ZHOST_REMOVE] = "remove",
		[ZHOST_DRAIN] = "drain",
	};
	return str_printf("%s zhost %s%s", verbs[input->zhost.action], input->zhost.name,
			  input->zhost.force ? " with force" : "");
}

static char *about_credential(const struct control_input *input)
{
	static const char *const verbs[] = {
		[CREDENTIAL_CREATE] = "create",
		[CREDENTIAL_ROTATE] = "make a new token of",
		[CREDENTIAL_REMOVE] = "remove",
		[CREDENTIAL_USED] = "note the use of",
	};
	const Samoza__V1__CredentialRecord *record = input->credential.record;
	bool is_zhost = record->role == ACCESS_ZHOST;
	if (input->credential.action != CREDENTIAL_CREATE)
		return str_printf("%s user %s", verbs[input->credential.action], record->name);
	if (is_zhost)
		return str_printf("make a token of zhost %s", record->name);
	bool is_known = record->role <= ACCESS_ADMIN;
	return str_printf("create user %s as %s", record->name,
			  is_known ? access_role_name((enum access_role)record->role)
				   : "something else");
}

static char *about_sign_in(const struct control_input *input)
{
	const char *page = input->sign_in.record != NULL ? input->sign_in.record->page : NULL;
	const char *at = page != NULL ? " for the page " : "";
	page = page != NULL ? page : "";
	switch (input->sign_in.action) {
	case SIGN_IN_CODE:
		return str_printf("make a sign-in code%s%s", at, page);
	case SIGN_IN_CREDENTIAL:
		return str_printf("sign in with a token%s%s", at, page);
	case SIGN_IN_WITH_CODE:
		return str_printf("sign in with a code%s%s", at, page);
	case SIGN_IN_OUT:
		return mem_strdup("sign out");
	case SIGN_IN_END:
		return str_printf("end session %s", input->sign_in.record->id);
	}
	IMPOSSIBLE("an action of an unknown type");
}

static char *about_token(const struct control_input *input)
{
	const Samoza__V1__JoinTokenRecord *record = input->token.record;
	if (input->token.action == TOKEN_REMOVE)
		return str_printf("remove join token %s", record->id);
	return str_printf("create a join token for zhost %s, %u use%s",
			  str_is_empty(record->pattern) ? "*" : record->pattern, record->uses,
			  str_plural(record->uses));
}

static char *about_machine(const struct control_input *input)
{
	const Samoza__V1__MachineRecord *record = input->machine.record;
	if (input->machine.action == MACHINE_CREATE)
		return str_printf("create zhost %s with driver %s", record->name,
				  record->driver);
	return str_printf("destroy zhost %s%s", record->name,
			  input->machine.drain ? ", drained first" : "");
}

static char *about_authority(const struct control_input *input)
{
	switch (input->authority.action) {
	case AUTHORITY_BEGIN:
		return str_printf("rotate the certificate authority: Samoza CA %u",
				  input->authority.next->number);
	case AUTHORITY_FINISH:
		return str_printf("finish the rotation of the certificate authority without "
				  "%s",
				  input->authority.force ? "waiting for anybody"
							 : "those that are away");
	case AUTHORITY_ABORT:
	case AUTHORITY_STORE: /* nobody has asked for it */
		break;
	}
	return mem_strdup("take back the rotation of the certificate authority");
}

static char *about_signing_key(const struct control_input *input)
{
	const Samoza__V1__SigningKeyRecord *record = input->signing_key.record;
	switch (input->signing_key.action) {
	case SIGNING_KEY_ADD:
		return str_printf("trust key %s%s", record->name,
				  record->n_topologies > 0 ? " for some topologies" : "");
	case SIGNING_KEY_REMOVE:
		return str_printf("trust key %s no longer", record->name);
	case SIGNING_KEY_FILES:
		break;
	}
	return mem_strdup("read the files of keys");
}

/* Never what it says. */
static char *about_secret(const struct control_input *input)
{
	Samoza__V1__SecretRecord *const *records = input->secret.records;
	switch (input->secret.action) {
	case SECRET_SET:
		return str_printf("set secret %s for topologies named %s", records[0]->name,
				  records[0]->versions[0]->topologies);
	case SECRET_REMOVE:
		return str_printf("remove secret %s%s", records[0]->name,
				  input->secret.force ? " with force" : "");
	case SECRET_RESEAL:
		break;
	}
	return str_printf("seal %zu secret%s with another key", input->secret.count,
			  str_plural(input->secret.count));
}

/* A machine by itself, and it is noted all the same: the store does not say that it may. */
static char *remembered(const struct control *c, const char *name, const uint8_t *key,
			const struct control_certified *certified)
{
	if (key == NULL || !join_remembers(c, name, key, certified))
		return NULL;
	return str_printf(
		"take zhost %s by a certificate that was issued after the backup that "
		"zrms was restored from",
		name);
}

static char *words(const struct control *c, const struct control_input *input)
{
	switch (input->type) {
	case CONTROL_SUBMIT:
		return about_submission(input);
	case CONTROL_TOPOLOGY:
		return about_topology(c, input);
	case CONTROL_GOAL:
		return str_printf("goal of %s/%s: %s", name_of(c, input), input->goal.path,
				  input->goal.goal != NULL ? input->goal.goal : "none");
	case CONTROL_MOVE:
		return str_printf("move %s/%s to %s", name_of(c, input), input->move.path,
				  input->move.zhost != NULL ? input->move.zhost
							    : "another zhost");
	case CONTROL_EXEC:
		return str_printf("run '%s' in %s/%s", input->exec.program, name_of(c, input),
				  input->exec.path);
	case CONTROL_ROLLOUT:
		return about_rollout(c, input);
	case CONTROL_ROLLBACK:
		return about_rollback(c, input);
	case CONTROL_SCALE:
		return str_printf("scale %s to %s", name_of(c, input), input->scale.counts);
	case CONTROL_REBALANCE:
		return mem_strdup(input->rebalance.stop ? "stop the rebalance"
							: "rebalance the cluster");
	case CONTROL_ZHOST:
		return about_zhost(input);
	case CONTROL_CREDENTIAL:
		return about_credential(input);
	case CONTROL_SIGN_IN:
		return about_sign_in(input);
	case CONTROL_TOKEN:
		return about_token(input);
	case CONTROL_MACHINE:
		return about_machine(input);
	case CONTROL_AUTHORITY:
		return about_authority(input);
	case CONTROL_SIGNING_KEY:
		return about_signing_key(input);
	case CONTROL_SECRET:
		return about_secret(input);
	case CONTROL_BACKUP:
		if (input->backup.recording)
			return mem_strdup("fetch a piece of the recording");
		return str_printf("make a backup %s the keys of the cluster",
				  input->backup.keys ? "with" : "without");
	case CONTROL_LEADER_MOVE:
		return str_printf("let %s lead", input->leader_move.to != NULL
							 ? input->leader_move.to
							 : "another zrms");
	case CONTROL_NOTICE_TEST:
		return str_printf("test the notices to %s", input->notice_test.target);
	case CONTROL_ZRMS_FORGET:
		return str_printf("forget the zrms %s", input->zrms_forget.name);
	case CONTROL_JOIN:
		return str_printf("join as zhost %s with join token %s%s", input->join->name,
				  input->join->token,
				  input->join->replace ? ", in the place of another" : "");
	case CONTROL_REPEAT:
		return mem_strdup("repeat a request under its key");
	case CONTROL_REFUSED:
		return mem_strdup("");
	case CONTROL_RENEW:
		return remembered(c, input->renew.name, input->renew.own,
				  &input->renew.certified);
	case CONTROL_HELLO:
		return remembered(c, input->hello.message->spec->name, input->hello.key,
				  &input->hello.certified);
	case CONTROL_REPORT:
	case CONTROL_HEARTBEAT:
	case CONTROL_HELLO_ANSWERED:
	case CONTROL_CLOSED:
	case CONTROL_DATA:
	case CONTROL_DATA_FULL:
	case CONTROL_FORGOTTEN:
	case CONTROL_MESH_APPLIED:
	case CONTROL_API_TOKEN: /* api_tokens.h */
	case CONTROL_DRIVER:
	case CONTROL_NOTICE_TARGETS:
	case CONTROL_NOTICE_SENT:
	case CONTROL_BACKUP_AGE:
	case CONTROL_TICK:
		return NULL;
	}
	IMPOSSIBLE("an input of an unknown type");
}

/* ---- the line ---- */

static bool leaves_line(const struct control_input *input)
{
	if (input->type == CONTROL_REFUSED || input->type == CONTROL_JOIN ||
	    input->type == CONTROL_HELLO || input->type == CONTROL_RENEW)
		return true;
	return input->principal != NULL &&
	       !(input->type == CONTROL_SUBMIT && input->submit.options.dry_run);
}

char *audit_begin(struct control *c, const struct control_input *input)
{
	emitter_begin_answer(&c->emitter);
	return leaves_line(input) ? words(c, input) : NULL;
}

/* How it ended. Of what was refused before the core was asked, the answer is known already. */
static void fill_outcome(const struct control *c, const struct control_input *input,
			 Samoza__V1__AuditRecord *line)
{
	const struct event_emitter *e = &c->emitter;
	const char *why = e->answer.message, *outcome = AUDIT_DONE;
	if (input->type == CONTROL_REFUSED) {
		outcome = input->refused.code;
		why = input->refused.message;
	} else if (e->answer.code < 0) {
		outcome = error_code_name((enum error_code)e->answer.code);
	}
	line->outcome = mem_strdup(outcome);
	line->why = line_text(why);
}

void audit_end(struct control *c, const struct control_input *input, const char *action)
{
	struct event_emitter *e = &c->emitter;
	const char *id =
		e->answer.topology != NULL ? e->answer.topology : access_topology(input);
	const struct control_application *a =
		id != NULL ? application_by_id(&c->applications, id) : NULL;
	/* Nobody who is unknown fills the audit: a joining that is refused changes nothing. */
	bool is_strangers = input->type == CONTROL_JOIN && e->answer.code < 0;
	bool is_machines = input->type == CONTROL_HELLO || input->type == CONTROL_RENEW;
	if (action == NULL || is_strangers || (is_machines && !c->has_remembered))
		return;
	Samoza__V1__AuditRecord *line = mem_new(Samoza__V1__AuditRecord);
	samoza__v1__audit_record__init(line);
	line->seq = e->next_audit++;
	line->time_ms = c->now.wall_ms;
	line->user = mem_strdup(input->principal != NULL ? input->principal->name : "");
	line->address = line_text(input->origin.address);
	line->request = line_text(input->origin.request);
	line->action = line_text(action);
	fill_outcome(c, input, line);
	line->topology = line_text(id);
	line->has_revision = a != NULL;
	line->revision = a != NULL ? a->application.newest : 0;
	vector_push(&e->outbox->audit, line);
}

void audit_note(struct control *c, const char *topology, const char *action)
{
	struct event_emitter *e = &c->emitter;
	struct outbox *outbox = e->outbox;
	const struct control_application *a = application_by_id(&c->applications, topology);
	Samoza__V1__AuditRecord *line = mem_new(Samoza__V1__AuditRecord);
	samoza__v1__audit_record__init(line);
	line->seq = e->next_audit++;
	line->time_ms = c->now.wall_ms;
	line->user = mem_strdup("");
	line->action = line_text(action);
	line->outcome = mem_strdup(AUDIT_DONE);
	line->topology = line_text(topology);
	line->has_revision = a != NULL;
	line->revision = a != NULL ? a->application.newest : 0;
	vector_push(&outbox->audit, line);
}
