#include "core/control/request/signing_key_request.h"

#include <stdint.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/access/signing_keys.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/signers.h"
#include "core/control/state/state.h"
#include "model/zhost.h"
#include "schema/message.h"

/* ---- add ---- */

static int check_free(const struct control *c, const Samoza__V1__SigningKeyRecord *asked,
		      struct error **err)
{
	const Samoza__V1__SigningKeyRecord *same =
		signing_keys_find(&c->signing_keys, asked->key.data);
	const Samoza__V1__SigningKeyRecord *named =
		signing_keys_named(&c->signing_keys, asked->name);
	if (same != NULL && same->added_by != NULL && signing_key_is_trusted(same))
		return error_set(err, ERR_CONFLICT,
				 "the key is trusted already, as %s: to change what it may "
				 "sign, remove it first",
				 same->name);
	if (named != NULL && named != same)
		return error_set(err, ERR_CONFLICT,
				 "another key is trusted as %s: remove that one, or give this "
				 "one another name",
				 asked->name);
	if (HASH_COUNT(c->signing_keys.recorded) >= SIGNING_KEYS_MAX && same == NULL)
		return error_set(err, ERR_CONFLICT,
				 "there are %d keys, with those that were removed: more are "
				 "not kept",
				 SIGNING_KEYS_MAX);
	return 0;
}

static int check_new(const struct control *c, const Samoza__V1__SigningKeyRecord *asked,
		     struct error **err)
{
	if (asked->key.len != SIGNING_KEY_SIZE)
		return error_set(err, ERR_INVALID, "a key has %d bytes, not %zu",
				 SIGNING_KEY_SIZE, asked->key.len);
	if (!zhost_name_is_valid(asked->name))
		return error_set(err, ERR_INVALID,
				 "'%s' is no name: expected " ZHOST_NAME_EXPECTED, asked->name);
	for (size_t k = 0; k < asked->n_topologies; k++)
		if (!access_pattern_is_valid(asked->topologies[k]))
			return error_set(err, ERR_INVALID,
					 "'%s' is no pattern of names: "
					 "expected " ACCESS_PATTERN_EXPECTED,
					 asked->topologies[k]);
	return check_free(c, asked, err);
}

static void emit_what_happened(struct control *c, const char *name, const char *from,
			       const char *to, const char *cause)
{
	emit_event(&c->emitter, "key", name, from, to, NULL, cause);
}

static int add(struct control *c, const Samoza__V1__SigningKeyRecord *asked, struct error **err)
{
	int r = check_new(c, asked, err);
	if (r < 0)
		return r;
	Samoza__V1__SigningKeyRecord record = *asked;
	record.has_limited = record.limited = asked->n_topologies > 0;
	record.has_added_ms = true;
	record.added_ms = c->now.wall_ms;
	record.added_by = (char *)(uintptr_t)c->actor;
	record.has_removed_ms = false;
	record.removed_by = NULL;
	const Samoza__V1__SigningKeyRecord *before =
		signing_keys_find(&c->signing_keys, asked->key.data);
	CLEANUP(freep)
	char *from = before == NULL		      ? NULL
		     : signing_key_is_trusted(before) ? mem_strdup("trusted")
						      : mem_strdup("removed");
	r = signing_keys_put(&c->signing_keys, &record, err);
	if (r < 0)
		return r;
	records_write_signing_key(c, asked->key.data);
	CLEANUP(freep) char *cause = str_printf("added by %s", c->actor);
	emit_what_happened(c, asked->name, from, "trusted", cause);
	return 0;
}

/* ---- remove ---- */

static int remove_one(struct control *c, const char *name,
		      const Samoza__V1__SigningKeyRecord *found, struct error **err)
{
	Samoza__V1__SigningKeyRecord *record =
		(Samoza__V1__SigningKeyRecord *)schema_message_copy(&found->base);
	record->has_removed_ms = true;
	record->removed_ms = c->now.wall_ms;
	schema_set_string(&record->removed_by, NULL, c->actor);
	int r = signing_keys_put(&c->signing_keys, record, err);
	if (r == 0) {
		CLEANUP(freep) char *runs = signer_runs_text(c, record->key.data);
		CLEANUP(freep)
		char *cause = str_printf("removed by %s%s%s", c->actor,
					 runs != NULL ? "; it has signed what goes on: " : "",
					 runs != NULL ? runs : "");
		records_write_signing_key(c, record->key.data);
		emit_what_happened(c, name, "trusted", "removed", cause);
	}
	schema_message_free(&record->base);
	return r;
}

/* Files may have several keys of one name. */
static int remove_key(struct control *c, const char *name, struct error **err)
{
	const Samoza__V1__SigningKeyRecord *found = signing_keys_named(&c->signing_keys, name);
	int r = found != NULL ? 0 : error_set(err, ERR_NOT_FOUND, "no key %s is trusted", name);
	for (; r == 0 && found != NULL; found = signing_keys_named(&c->signing_keys, name))
		r = remove_one(c, name, found, err);
	return r;
}

void signing_key_request(struct control *c, const struct control_input *input)
{
	const Samoza__V1__SigningKeyRecord *asked = input->signing_key.record;
	struct error *err = NULL;
	int r = 0;
	switch (input->signing_key.action) {
	case SIGNING_KEY_ADD:
		r = add(c, asked, &err);
		break;
	case SIGNING_KEY_REMOVE:
		r = remove_key(c, asked->name, &err);
		break;
	case SIGNING_KEY_FILES:
		signing_keys_set_files(&c->signing_keys, input->signing_key.files,
				       input->signing_key.file_count);
		break;
	}
	(void)r;
	emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
}

/* ---- submissions ---- */

int signing_key_check_submission(const struct control *c, const struct control_submit *s,
				 struct error **err)
{
	const ProtobufCBinaryData *signer = &s->record->signer;
	if (!s->record->has_signer)
		return 0; /* zrms' settings allow that */
	if (signer->len != SIGNING_KEY_SIZE)
		return error_set(err, ERR_DENIED, "the package is signed by what is no key");
	return signing_keys_check(&c->signing_keys, signer->data, s->topology->name, err);
}

void signing_key_name_signer(const struct control *c, Samoza__V1__RevisionRecord *record)
{
	if (!record->has_signer)
		return;
	const Samoza__V1__SigningKeyRecord *known =
		signing_keys_find(&c->signing_keys, record->signer.data);
	schema_set_string(&record->signer_name, NULL, known != NULL ? known->name : NULL);
}
