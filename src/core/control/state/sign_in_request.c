#include "core/control/state/sign_in_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/sign_ins.h"
#include "core/control/state/application.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"

/* ---- what ends ---- */

static void end(struct control *c, struct sign_in *one)
{
	records_delete_sign_in(c, one);
	sign_ins_remove(&c->sign_ins, one);
}

static bool is_of(const struct sign_in *one, const uint8_t *credential)
{
	return memcmp(one->record->credential.data, credential, CREDENTIAL_HASH_SIZE) == 0;
}

void sign_ins_end_of(struct control *c, const uint8_t credential[CREDENTIAL_HASH_SIZE])
{
	for (struct sign_in *one = c->sign_ins.by_hash, *next; one != NULL; one = next) {
		next = one->hh.next;
		if (is_of(one, credential))
			end(c, one);
	}
}

static void end_old(struct control *c)
{
	for (struct sign_in *one = c->sign_ins.by_hash, *next; one != NULL; one = next) {
		next = one->hh.next;
		if (one->record->expires_ms <= c->now.wall_ms)
			end(c, one);
	}
}

/* Who signs in once more than there is room for ends the oldest. */
static void make_room(struct control *c, const uint8_t *credential, bool is_code)
{
	unsigned most = is_code ? SIGN_IN_CODES_MAX : SIGN_IN_SESSIONS_MAX, count = 0;
	struct sign_in *oldest = sign_ins_oldest(&c->sign_ins, credential, is_code, &count);
	if (count >= most)
		end(c, oldest);
}

/* ---- what begins ---- */

/* Of the administrator of the machine the core knows no more than what the caller says. Zhosts do not sign in. */
static bool is_good(const struct control *c, const struct control_sign_in *asked,
		    const uint8_t *credential)
{
	if (asked->local != NULL && memcmp(asked->local, credential, CREDENTIAL_HASH_SIZE) == 0)
		return true;
	const struct credential *found =
		credentials_find_hash(&c->credentials, credential, c->now.wall_ms);
	if (found != NULL && found->copy != NULL)
		return false; /* an instance is no person */
	return found != NULL && found->principal->role != ACCESS_ZHOST;
}

static int make(struct control *c, const struct control_sign_in *asked,
		const uint8_t *credential, const char *user, struct error **err)
{
	Samoza__V1__SignInRecord record = *asked->record;
	record.user = (char *)(uintptr_t)user;
	record.credential =
		(ProtobufCBinaryData){CREDENTIAL_HASH_SIZE, (uint8_t *)(uintptr_t)credential};
	record.is_code = asked->action == SIGN_IN_CODE;
	record.created_ms = c->now.wall_ms;
	record.expires_ms =
		c->now.wall_ms + (record.is_code ? SIGN_IN_CODE_MS : SIGN_IN_SESSION_MS);
	make_room(c, credential, record.is_code);
	int r = sign_ins_put(&c->sign_ins, &record, err);
	if (r == 0)
		records_write_sign_in(c, sign_ins_find_id(&c->sign_ins, record.id));
	return r;
}

static int unknown(struct error **err)
{
	return error_set(err, ERR_DENIED,
			 "the sign-in code is not known here: it was used, is over, or belongs "
			 "to another cluster");
}

/* Who makes a code for a page sees its topology. PRE: is_good(). */
static int check_page(const struct control *c, const struct control_sign_in *asked,
		      struct error **err)
{
	const char *page = asked->record->page,
		   *slash = page != NULL ? strchr(page, '/') : NULL;
	if (page == NULL)
		return 0;
	if (slash == NULL || slash == page || slash[1] == '\0')
		return error_set(err, ERR_INVALID, "'%s' is no page: expected TOPOLOGY/SPACE",
				 page);
	CLEANUP(freep) char *name = mem_strndup(page, (size_t)(slash - page));
	const struct credential *found =
		credentials_find_hash(&c->credentials, asked->proof, c->now.wall_ms);
	if (application_by_name(&c->applications, name) == NULL ||
	    (found != NULL && !access_sees(found->principal, name)))
		return error_set(err, ERR_NOT_FOUND, "no topology %s", name);
	return 0;
}

static int with_code(struct control *c, const struct control_sign_in *asked, struct error **err)
{
	uint8_t credential[CREDENTIAL_HASH_SIZE];
	struct sign_in *code = sign_ins_find(&c->sign_ins, asked->proof, true, c->now.wall_ms);
	if (code == NULL || !sign_in_is_for(code, asked->record->page) ||
	    !is_good(c, asked, code->record->credential.data))
		return unknown(err);
	memcpy(credential, code->record->credential.data, sizeof(credential));
	CLEANUP(freep) char *user = mem_strdup(code->record->user);
	end(c, code);
	return make(c, asked, credential, user, err);
}

static int with_credential(struct control *c, const struct control_sign_in *asked,
			   struct error **err)
{
	if (!is_good(c, asked, asked->proof))
		return error_set(err, ERR_DENIED, "the token is not known here any longer");
	int r = check_page(c, asked, err);
	return r < 0 ? r : make(c, asked, asked->proof, c->actor, err);
}

static int end_session(struct control *c, const char *id, struct error **err)
{
	struct sign_in *one = sign_ins_find_id(&c->sign_ins, id);
	if (one == NULL || one->record->is_code)
		return error_set(err, ERR_NOT_FOUND, "no session %s", id);
	end(c, one);
	return 0;
}

/* Its own: who has its secret may. */
static int sign_out(struct control *c, const uint8_t *hash, struct error **err)
{
	struct sign_in *one = sign_ins_find(&c->sign_ins, hash, false, c->now.wall_ms);
	if (one == NULL)
		return error_set(err, ERR_NOT_FOUND, "the session is over already");
	end(c, one);
	return 0;
}

void sign_in_request(struct control *c, const struct control_input *input)
{
	const struct control_sign_in *asked = &input->sign_in;
	struct error *err = NULL;
	int r = 0;
	end_old(c);
	switch (asked->action) {
	case SIGN_IN_CODE:
	case SIGN_IN_CREDENTIAL:
		r = with_credential(c, asked, &err);
		break;
	case SIGN_IN_WITH_CODE:
		r = with_code(c, asked, &err);
		break;
	case SIGN_IN_OUT:
		r = sign_out(c, asked->proof, &err);
		break;
	case SIGN_IN_END:
		r = end_session(c, asked->record->id, &err);
		break;
	}
	(void)r;
	emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
}
