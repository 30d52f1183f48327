#include "core/control/request/join_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/access/credentials.h"
#include "core/access/join.h"
#include "core/control/state/credential_request.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"
#include "core/control/zhost/machine_identity.h"
#include "core/control/zhost/rotation.h"
#include "core/control/zhost/zhosts.h"
#include "model/zhost.h"
#include "schema/message.h"

/* ---- what is kept no longer ---- */

static void drop_token(struct control *c, struct issued_token *token)
{
	records_delete_join_token(c, token);
	join_tokens_remove(&c->join_tokens, token);
}

static void drop_old(struct control *c)
{
	int64_t before_ms = c->now.wall_ms - JOIN_TOKEN_KEPT_MS;
	for (struct issued_token *t = c->join_tokens.by_id, *next; t != NULL; t = next) {
		next = t->hh.next;
		if (t->record->expires_ms < before_ms)
			drop_token(c, t);
	}
	machine_identity_forget(c);
}

/* ---- tokens ---- */

static int check_new(const struct control *c, const Samoza__V1__JoinTokenRecord *asked,
		     struct error **err)
{
	if (asked->uses == 0 || asked->uses > JOIN_TOKEN_USES_MAX)
		return error_set(err, ERR_INVALID,
				 "a join token is for 1 to %d machines, not for %u",
				 JOIN_TOKEN_USES_MAX, asked->uses);
	if (asked->expires_ms <= c->now.wall_ms)
		return error_set(err, ERR_INVALID, "it would have expired already");
	if (asked->pattern != NULL && !join_token_pattern_is_valid(asked->pattern))
		return error_set(err, ERR_INVALID,
				 "'%s' is no pattern of names of zhosts: "
				 "expected " JOIN_TOKEN_PATTERN_EXPECTED,
				 asked->pattern);
	if (join_tokens_find(&c->join_tokens, asked->id) != NULL)
		return error_set(err, ERR_CONFLICT, "there is a join token %s", asked->id);
	if (HASH_COUNT(c->join_tokens.by_id) >= JOIN_TOKENS_MAX)
		return error_set(err, ERR_CONFLICT,
				 "there are %d join tokens: remove some that are not needed",
				 JOIN_TOKENS_MAX);
	return join_token_check_labels(asked->labels, asked->n_labels, err);
}

static int create(struct control *c, const Samoza__V1__JoinTokenRecord *asked,
		  struct error **err)
{
	drop_old(c);
	int r = check_new(c, asked, err);
	if (r < 0)
		return r;
	Samoza__V1__JoinTokenRecord record = *asked;
	record.used = 0;
	record.created_ms = c->now.wall_ms;
	record.created_by = (char *)(uintptr_t)c->actor;
	record.number = c->next_epoch++;
	r = join_tokens_put(&c->join_tokens, &record, err);
	if (r < 0)
		return r;
	records_write_join_token(c, join_tokens_find(&c->join_tokens, asked->id));
	machine_identity_asked(c, "join-token", asked->id, NULL, "created");
	return 0;
}

static int remove_token(struct control *c, const char *id, struct error **err)
{
	struct issued_token *token = join_tokens_find(&c->join_tokens, id);
	if (token == NULL)
		return error_set(err, ERR_NOT_FOUND, "no join token %s", id);
	machine_identity_asked(c, "join-token", id, "created", NULL);
	drop_token(c, token);
	machine_identity_forget(c);
	return 0;
}

void token_request(struct control *c, const struct control_input *input)
{
	const Samoza__V1__JoinTokenRecord *asked = input->token.record;
	struct error *err = NULL;
	int r = input->token.action == TOKEN_CREATE ? create(c, asked, &err)
						    : remove_token(c, asked->id, &err);
	(void)r;
	emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
}

/* ---- joining ---- */

/* Whose machine is replaced: its key is good no longer, so its link is closed. */
static void close_link(struct control *c, const char *name, const char *why)
{
	struct control_zhost *z = zhost_find(&c->zhosts, name);
	if (z != NULL && z->link_id != 0)
		zhost_refuse(c, z->link_id, why);
}

static bool has_new_label(const struct control *c, const Samoza__V1__JoinTokenRecord *token)
{
	for (size_t k = 0; k < token->n_labels; k++)
		if (!identities_own_label(&c->identities, token->labels[k]->name))
			return true;
	return false;
}

/* Who claimed a label before the cluster gave it says hello again, and is without it. */
static void end_claims(struct control *c, const char *except)
{
	zhost_for_each (&c->zhosts, z)
		if (z->link_id != 0 && !str_equal(z->name, except) &&
		    machine_identity_overclaims(c, z->message))
			zhost_refuse(c, z->link_id, "labels are the cluster's now");
}

static void grant(struct control *c, const struct join_request *join)
{
	struct issued_token *token = join_tokens_find(&c->join_tokens, join->token);
	const struct identity *before = identities_find(&c->identities, join->name);
	bool replaces = before != NULL && !identity_is_removed(before);
	bool takes_label = has_new_label(c, token->record); /* others were looked at before */
	token->record->used++;
	records_write_join_token(c, token);
	Samoza__V1__IdentityRecord record = SAMOZA__V1__IDENTITY_RECORD__INIT;
	record.name = (char *)(uintptr_t)join->name;
	record.key = (ProtobufCBinaryData){IDENTITY_KEY_SIZE, (uint8_t *)(uintptr_t)join->key};
	record.expires_ms = join->expires_ms;
	record.joined_ms = c->now.wall_ms;
	record.token = token->record->id;
	record.labels = token->record->labels;
	record.n_labels = token->record->n_labels;
	record.has_issued = true;
	record.issued = rotation_generation(c);
	record.number = c->next_epoch++;
	machine_identity_put(c, &record);
	credential_forget_zhost(c, join->name); /* from now on its key is the proof */
	CLEANUP(freep)
	char *cause = str_printf("joined with the token %s of %s", join->token,
				 token->record->created_by);
	machine_identity_event(c, "zhost", join->name, replaces ? "joined" : NULL, "joined",
			       cause);
	if (replaces || join->replace)
		close_link(c, join->name,
			   "another machine has joined under this name, with --replace; to "
			   "join again, this one needs another --name, or a fresh token and "
			   "--replace");
	if (takes_label)
		end_claims(c, join->name);
}

/* The certificate that it got may have expired since. */
static void repeat(struct control *c, const struct join_request *join)
{
	struct identity *identity = identities_find(&c->identities, join->name);
	if (identity->record->expires_ms <= c->now.wall_ms &&
	    identity_renew(identity, join->key, join->key, join->expires_ms,
			   identity->record->issued))
		records_write_identity(c, identity);
}

void join_request(struct control *c, const struct control_input *input)
{
	const struct join_request *join = input->join;
	const struct control_zhost *z = zhost_find(&c->zhosts, join->name);
	const struct identity *identity = identities_find(&c->identities, join->name);
	bool is_known = z != NULL && !z->removed && identity == NULL;
	enum join_decision decision = JOIN_REPEATED;
	struct error *err = NULL;
	if (join_decide(&c->join_tokens, &c->identities, join, is_known, c->now.wall_ms,
			&decision, &err) == 0) {
		if (decision == JOIN_GRANTED)
			grant(c, join);
		else
			repeat(c, join);
	}
	emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
}

/* ---- afterwards ---- */

#define UNKNOWN                                                                     \
	"this cluster does not know this machine: it was removed, or its identity " \
	"was issued again; join again with a fresh token and --replace"

#define UNPROVED                                                            \
	"the zhost of this name has joined, and proves it with its key: a " \
	"token alone is not enough"

#define REMOVED                                                                \
	"this zhost was removed from the cluster: it joins again with a join " \
	"token and --replace, or with a token that was made for it since then"

bool join_remembers(const struct control *c, const char *name, const uint8_t *key,
		    const struct control_certified *certified)
{
	return !identities_admit(&c->identities, name, key) &&
	       identities_may_have_forgotten(&c->identities, name, certified->issued_ms,
					     c->now.wall_ms);
}

/* Known, or one that a restored store has forgotten: then its machine takes its name back. */
static bool key_admits(struct control *c, const char *name, const uint8_t *key,
		       const struct control_certified *certified)
{
	if (!join_remembers(c, name, key, certified))
		return identities_admit(&c->identities, name, key);
	struct identity *identity = identities_find(&c->identities, name);
	identity_remembered(identity, key, certified->issued_ms, certified->expires_ms);
	records_write_identity(c, identity);
	c->has_remembered = true;
	close_link(c, name,
		   "a certificate of this name that was issued later was shown, which the "
		   "restored store had forgotten");
	machine_identity_event(
		c, "zhost", name, "joined", "joined",
		"its certificate was issued after the backup that zrms was restored "
		"from: it is taken, no earlier one is any more");
	return true;
}

void renew_request(struct control *c, const struct control_input *input)
{
	const char *name = input->renew.name;
	struct error *err = NULL;
	struct identity *identity = identities_find(&c->identities, name);
	if (!key_admits(c, name, input->renew.own, &input->renew.certified))
		(void)error_set(&err, ERR_DENIED, UNKNOWN);
	else if (identity_renew(identity, input->renew.own, input->renew.key,
				input->renew.expires_ms, rotation_generation(c)))
		records_write_identity(c, identity);
	emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
}

static bool has_credential(const struct control *c, const char *name)
{
	CLEANUP(freep) char *id = credential_id(ACCESS_ZHOST, name);
	return credentials_find(&c->credentials, id) != NULL;
}

/*
 * Whether a link without a key may be that of this zhost. What it was opened with may be void by now. Who had joined and was
 * removed is let in by a token that was made for it since then: an administrator's, which speaks for every zhost, is not enough.
 */
static bool token_admits(struct control *c, uint64_t link_id, const struct principal *who,
			 const struct identity *identity, const char *name)
{
	bool is_own = who != NULL && who->role == ACCESS_ZHOST;
	if (identity != NULL && !identity_is_removed(identity)) {
		zhost_refuse(c, link_id, UNPROVED);
		return false;
	}
	if (is_own ? has_credential(c, name) : identity == NULL)
		return true;
	zhost_turn_away(c, link_id, REMOVED);
	return false;
}

bool join_admits(struct control *c, uint64_t link_id, const struct principal *who,
		 const Samoza__V1__Hello *hello, const uint8_t *key,
		 const struct control_certified *certified)
{
	const char *name = hello->spec->name;
	struct identity *identity = identities_find(&c->identities, name);
	if (key == NULL)
		return token_admits(c, link_id, who, identity, name);
	if (!key_admits(c, name, key, certified)) {
		zhost_refuse(c, link_id, UNKNOWN);
		return false;
	}
	if (identity_used(identity, key))
		records_write_identity(c, identity);
	return true;
}
