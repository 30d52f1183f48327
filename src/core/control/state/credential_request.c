#include "core/control/state/credential_request.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/idempotency.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/sign_in_request.h"
#include "core/control/state/state.h"
#include "model/zhost.h"
#include "schema/message.h"

/* Names that stand for something else in causes. */
static bool is_reserved(const char *name)
{
	return str_equal(name, "operator") || str_equal(name, "local-admin");
}

static int check_patterns(const Samoza__V1__CredentialRecord *record, struct error **err)
{
	if (record->n_topologies > 0 && record->role != ACCESS_VIEWER &&
	    record->role != ACCESS_OPERATOR)
		return error_set(
			err, ERR_INVALID,
			"names of topologies limit viewers and operators: %s is to be %s",
			record->name, access_role_name((enum access_role)record->role));
	for (size_t k = 0; k < record->n_topologies; k++)
		if (!access_pattern_is_valid(record->topologies[k]))
			return error_set(err, ERR_INVALID,
					 "'%s' is no pattern of names: "
					 "expected " ACCESS_PATTERN_EXPECTED,
					 record->topologies[k]);
	return 0;
}

static int check_new(const struct control *c, const Samoza__V1__CredentialRecord *record,
		     const struct credential *before, struct error **err)
{
	if (record->role < ACCESS_VIEWER || record->role > ACCESS_ZHOST)
		return error_set(err, ERR_INVALID,
				 "the role is unknown: expected viewer, operator or admin");
	if (!zhost_name_is_valid(record->name))
		return error_set(err, ERR_INVALID,
				 "'%s' is no name: expected " ZHOST_NAME_EXPECTED,
				 record->name);
	if (record->role != ACCESS_ZHOST && is_reserved(record->name))
		return error_set(err, ERR_INVALID,
				 "the name %s is taken by the administrator of zrms' machine",
				 record->name);
	if (before != NULL && record->role != ACCESS_ZHOST)
		return error_set(err, ERR_CONFLICT,
				 "there is a user %s: remove it, or give it another token",
				 record->name);
	if (record->expires_ms != 0 && record->expires_ms <= c->now.wall_ms)
		return error_set(err, ERR_INVALID, "it would be over already");
	return check_patterns(record, err);
}

static void emit_what_happened(struct control *c, const struct credential *credential,
			       const char *from, const char *to)
{
	CLEANUP(freep) char *cause = str_printf("asked for by %s", c->actor);
	emit_event(&c->emitter, "credential", credential->id, from, to, NULL, cause);
}

static int create(struct control *c, const Samoza__V1__CredentialRecord *asked, const char *id,
		  struct error **err)
{
	struct credential *before = credentials_find(&c->credentials, id);
	int r = check_new(c, asked, before, err);
	if (r < 0)
		return r;
	Samoza__V1__CredentialRecord record = *asked;
	record.created_ms = c->now.wall_ms;
	record.created_by = (char *)c->actor;
	const char *from = before != NULL ? access_role_name(before->principal->role) : NULL;
	if (before != NULL)
		sign_ins_end_of(c, before->hash);
	r = credentials_put(&c->credentials, &record, err);
	if (r < 0)
		return r;
	const struct credential *made = credentials_find(&c->credentials, id);
	records_write_credential(c, made);
	emit_what_happened(c, made, from, access_role_name(made->principal->role));
	return 0;
}

static int find(struct control *c, const char *id, const char *name, struct credential **ret,
		struct error **err)
{
	*ret = credentials_find(&c->credentials, id);
	return *ret != NULL ? 0 : error_set(err, ERR_NOT_FOUND, "no user %s", name);
}

static int rotate(struct control *c, const Samoza__V1__CredentialRecord *asked, const char *id,
		  struct error **err)
{
	struct credential *credential = NULL;
	int r = find(c, id, asked->name, &credential, err);
	if (r < 0)
		return r;
	Samoza__V1__CredentialRecord *record = credential_record(credential);
	free(record->hash.data);
	record->hash.data = mem_memdup(asked->hash.data, asked->hash.len);
	record->hash.len = asked->hash.len;
	record->last_used_ms = 0;
	const char *role = access_role_name(credential->principal->role);
	sign_ins_end_of(c, credential->hash);
	r = credentials_put(&c->credentials, record, err);
	schema_message_free(&record->base);
	if (r < 0)
		return r;
	const struct credential *made = credentials_find(&c->credentials, id);
	records_write_credential(c, made);
	emit_what_happened(c, made, role, role);
	return 0;
}

static int remove_one(struct control *c, const Samoza__V1__CredentialRecord *asked,
		      const char *id, struct error **err)
{
	struct credential *credential = NULL;
	int r = find(c, id, asked->name, &credential, err);
	if (r < 0)
		return r;
	emit_what_happened(c, credential, access_role_name(credential->principal->role), NULL);
	sign_ins_end_of(c, credential->hash);
	if (asked->role != ACCESS_ZHOST)
		idempotency_end_of(c, credential->principal->name);
	records_delete_credential(c, credential);
	credentials_remove(&c->credentials, credential);
	return 0;
}

/* No event: it is no change. */
static int note_use(struct control *c, const char *id, const char *name, struct error **err)
{
	struct credential *credential = NULL;
	int r = find(c, id, name, &credential, err);
	if (r < 0 || !credential_use_is_new(credential, c->now.wall_ms))
		return r;
	credential->last_used_ms = c->now.wall_ms;
	records_write_credential(c, credential);
	return 0;
}

void credential_request(struct control *c, const struct control_input *input)
{
	const Samoza__V1__CredentialRecord *asked = input->credential.record;
	CLEANUP(freep) char *id = credential_id((enum access_role)asked->role, asked->name);
	struct error *err = NULL;
	int r = 0;
	switch (input->credential.action) {
	case CREDENTIAL_CREATE:
		r = create(c, asked, id, &err);
		break;
	case CREDENTIAL_ROTATE:
		r = rotate(c, asked, id, &err);
		break;
	case CREDENTIAL_REMOVE:
		r = remove_one(c, asked, id, &err);
		break;
	case CREDENTIAL_USED:
		r = note_use(c, id, asked->name, &err);
		break;
	}
	(void)r;
	emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
}

void credential_forget_zhost(struct control *c, const char *name)
{
	CLEANUP(freep) char *id = credential_id(ACCESS_ZHOST, name);
	struct credential *credential = credentials_find(&c->credentials, id);
	if (credential == NULL)
		return;
	records_delete_credential(c, credential);
	credentials_remove(&c->credentials, credential);
}
