#include "core/control/request/repeat.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/application/submission_effect.h"
#include "core/control/application/applications.h"
#include "core/control/state/idempotency.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"

/* ---- what was carried out before ---- */

static void answer(struct control *c, const struct control_input *input, struct error *take_err)
{
	emit_reply(&c->emitter, input->request, take_err, NULL, NULL, NULL);
}

/* The constant of that name; NULL: it is none. */
static const char *effect_named(const char *name)
{
	static const enum submission_effect effects[] = {SUBMISSION_CREATED, SUBMISSION_UPDATED,
							 SUBMISSION_UNCHANGED};
	for (size_t k = 0; name != NULL && k < ARRAY_SIZE(effects); k++)
		if (strcmp(name, submission_effect_name(effects[k])) == 0)
			return submission_effect_name(effects[k]);
	return NULL;
}

/* Whether it may still see what it has asked for. */
static bool may_see(const struct control *c, const struct principal *who, const char *id)
{
	const struct control_application *a =
		id != NULL ? application_by_id(&c->applications, id) : NULL;
	return a == NULL || access_sees(who, a->name);
}

static void answer_again(struct control *c, const struct control_input *input,
			 const Samoza__V1__IdempotencyRecord *r)
{
	const char *effect = effect_named(r->effect);
	struct error *err = NULL;
	if (!may_see(c, input->principal, r->topology)) {
		(void)error_set(&err, ERR_NOT_FOUND, "no topology %s", r->topology);
		answer(c, input, err);
	} else if (r->is_told_once) {
		(void)error_set(
			&err, ERR_CONFLICT,
			"this was done when it was asked for first, and its secret was "
			"told in that answer, and is kept nowhere: ask for another one");
		answer(c, input, err);
	} else if (effect != NULL) {
		emit_submitted(&c->emitter, input->request, r->topology, effect);
	} else {
		emit_reply(&c->emitter, input->request, NULL, r->topology, r->path, r->notice);
	}
}

/* Programs (exec) and backups are asked for by GET, and have no key; to sign in has a proof of its own. */
static bool takes_key(const struct control_input *input)
{
	bool is_reading = input->type == CONTROL_SUBMIT && input->submit.options.dry_run;
	return input->key.text != NULL && input->principal != NULL && input->request != 0 &&
	       input->type != CONTROL_EXEC && input->type != CONTROL_BACKUP &&
	       input->type != CONTROL_SIGN_IN && input->type != CONTROL_REFUSED && !is_reading;
}

enum repeat repeat_check(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	if (!takes_key(input))
		return REPEAT_NONE;
	const struct idempotency_key *known = idempotency_keys_find(
		&c->idempotency, input->principal->name, input->key.text, c->now.wall_ms);
	if (known == NULL && input->type != CONTROL_REPEAT)
		return REPEAT_NONE;
	if (known == NULL) {
		(void)error_set(&err, ERR_NOT_FOUND,
				"nothing was carried out under this Idempotency-Key");
		answer(c, input, err);
		return REPEAT_REFUSED;
	}
	if (memcmp(known->record->request.data, input->key.request, IDEMPOTENCY_REQUEST_SIZE) !=
	    0) {
		(void)error_set(&err, ERR_INVALID,
				"another request was carried out under this Idempotency-Key: "
				"each request has a key of its own");
		answer(c, input, err);
		return REPEAT_REFUSED;
	}
	answer_again(c, input, known->record);
	return REPEAT_ANSWERED;
}

/* ---- what is carried out now ---- */

/* NULL: it was refused. */
static const struct reply *granted(const struct control *c, const struct control_input *input)
{
	const struct outbox *o = c->emitter.outbox;
	for (size_t k = o->replies.count; k > 0; k--) {
		const struct reply *reply = &o->replies.items[k - 1];
		if (reply->request == input->request)
			return reply->code == 0 && reply->view == NULL ? reply : NULL;
	}
	return NULL;
}

static bool is_told_once(const struct control_input *input)
{
	return (input->type == CONTROL_CREDENTIAL &&
		input->credential.action != CREDENTIAL_REMOVE) ||
	       (input->type == CONTROL_TOKEN && input->token.action == TOKEN_CREATE);
}

/* Who has removed itself is nobody any longer. */
static bool is_its_own_end(const struct control_input *input)
{
	return input->type == CONTROL_CREDENTIAL &&
	       input->credential.action == CREDENTIAL_REMOVE &&
	       str_equal(input->credential.record->name, input->principal->name);
}

static void make_room(struct control *c, const char *principal)
{
	struct idempotency_key *one = NULL;
	while ((one = idempotency_keys_excess(&c->idempotency, principal, c->now.wall_ms)) !=
	       NULL)
		idempotency_forget(c, one);
}

void repeat_note(struct control *c, const struct control_input *input)
{
	const struct reply *reply = takes_key(input) ? granted(c, input) : NULL;
	if (reply == NULL || is_its_own_end(input))
		return;
	Samoza__V1__IdempotencyRecord record = SAMOZA__V1__IDEMPOTENCY_RECORD__INIT;
	record.principal = input->principal->name;
	record.key = (char *)(uintptr_t)input->key.text;
	record.request = (ProtobufCBinaryData){IDEMPOTENCY_REQUEST_SIZE,
					       (uint8_t *)(uintptr_t)input->key.request};
	record.topology = reply->topology;
	record.path = reply->path;
	record.notice = reply->message;
	record.effect = (char *)(uintptr_t)reply->effect;
	record.is_told_once = record.has_is_told_once = is_told_once(input);
	make_room(c, record.principal);
	/* It may be there still, when the clock was set: forgotten by one time, and not by the other. */
	struct idempotency_key *old =
		idempotency_keys_find(&c->idempotency, record.principal, record.key, INT64_MIN);
	if (old != NULL)
		idempotency_forget(c, old);
	record.number = idempotency_keys_next(&c->idempotency);
	record.expires_ms = c->now.wall_ms + IDEMPOTENCY_KEY_MS;
	if (idempotency_keys_put(&c->idempotency, &record, NULL) < 0)
		IMPOSSIBLE("it was not known, and is whole");
	records_write_idempotency(c, c->idempotency.last);
}
