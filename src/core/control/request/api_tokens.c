#include "core/control/request/api_tokens.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "core/control/request/access_check.h"
#include "core/control/request/audit.h"
#include "core/control/slot/copies.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/sign_in_request.h"
#include "core/control/state/state.h"
#include "core/control/state/target.h"
#include "model/topology.h"
#include "model/zhost.h"
#include "schema/message.h"

/* Its zhost is about to start it, or will try again: it says so after its token. */
static bool is_to_start(const struct copy *copy)
{
	return copy->target == TARGET_STARTED && !copy->exhausted;
}

/* What may show its token: it has a process, or may have one, and its zhost is heard. */
static bool is_live(const struct copy *copy)
{
	return copy != NULL && !copy->unit->lost && !copy->forsaken &&
	       (copy->of_slot.active || is_to_start(copy));
}

/* It is about to be started, or runs; NULL where it is, else why not. */
static const char *refusal_of(const struct copy *copy)
{
	if (copy == NULL)
		return "no such copy is placed there";
	if (copy_is_retired(copy) || copy->declared == NULL)
		return "it is to go";
	if (copy->declared->space->api == API_NONE)
		return "its space does not declare " CAPABILITY_CLUSTER_API;
	return is_live(copy) ? NULL : "it is not to run";
}

static void answer(struct control *c, uint64_t link_id, const Samoza__V1__ApiToken *token,
		   const char *refused)
{
	Samoza__V1__ApiTokenTaken *message = (Samoza__V1__ApiTokenTaken *)schema_message_new(
		&samoza__v1__api_token_taken__descriptor);
	message->key = (Samoza__V1__InstanceKey *)schema_message_copy(&token->key->base);
	message->hash.data = mem_memdup(token->hash.data, token->hash.len);
	message->hash.len = token->hash.len;
	message->refused = mem_strdup(refused);
	emit_message(&c->emitter, link_id, SAMOZA__V1__FRAME_TYPE__FRAME_API_TOKEN_TAKEN,
		     message, false);
}

/* "the role operator for shop-*, blog". The caller frees. */
static char *rights_text(const struct principal *p)
{
	CLEANUP(freep)
	char *names = access_names_text((const char *const *)p->topologies, p->topology_count);
	return str_printf("the role %s for %s", access_role_name(p->role), names);
}

static void tell(struct control *c, const struct credential *credential, bool is_made,
		 const char *cause)
{
	const char *role = access_role_name(credential->principal->role);
	const char *id = credential->copy->topology;
	CLEANUP(freep) char *rights = rights_text(credential->principal);
	CLEANUP(freep)
	char *action = is_made ? str_printf("give %s a token with %s", credential->id, rights)
			       : str_printf("end the token of %s", credential->id);
	emit_event(&c->emitter, "credential", credential->id, is_made ? NULL : role,
		   is_made ? role : NULL, id, cause);
	audit_note(c, id, action);
}

/* The record of what the copy may do. */
static void make(struct control *c, const struct copy *copy, const Samoza__V1__ApiToken *token)
{
	const struct control_application *a = copy->unit->application;
	const struct space *space = copy->declared->space;
	const char *own = a->name;
	bool has_names = space->api_topology_count > 0;
	CLEANUP(freep) char *name = str_printf("%s/%s", a->name, copy_path(copy));
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	record.name = name;
	record.role = access_role_of_space(space->api);
	record.topologies = (char **)(uintptr_t)(has_names ? space->api_topologies : &own);
	record.n_topologies = has_names ? space->api_topology_count : 1;
	record.hash = token->hash;
	record.created_ms = c->now.wall_ms;
	record.created_by = copy->revision->record->by != NULL ? copy->revision->record->by
							       : (char *)"operator";
	record.copy = token->key;
	CLEANUP(freep) char *id = credential_record_id(&record);
	struct credential *before = credentials_find(&c->credentials, id);
	bool is_new = before == NULL;
	if (!is_new)
		record.created_ms = before->created_ms;
	if (credentials_put(&c->credentials, &record, NULL) < 0)
		IMPOSSIBLE("a record of its own making");
	const struct credential *made = credentials_find(&c->credentials, id);
	records_write_credential(c, made);
	CLEANUP(freep) char *cause = str_printf("started on %s", copy_zhost(copy)->name);
	if (is_new)
		tell(c, made, true, cause);
}

/* A hash is shown by one alone: another one's would be taken for it. */
static bool is_of_another(const struct control *c, const struct copy *copy,
			  const Samoza__V1__ApiToken *token, bool *ret_is_known)
{
	const struct credential *found =
		credentials_find_hash(&c->credentials, token->hash.data, INT64_MIN);
	*ret_is_known = found != NULL && found->copy != NULL && copy != NULL &&
			found->copy->epoch == copy->of_slot.epoch &&
			schema_message_equal(&found->copy->base, &token->key->base);
	return found != NULL && !*ret_is_known;
}

void api_token_take(struct control *c, uint64_t link_id, const Samoza__V1__ApiToken *token)
{
	const struct control_zhost *z = zhost_by_link(&c->zhosts, link_id);
	const struct copy *copy = z != NULL ? copy_find(c, z, token->key) : NULL;
	bool is_known = false;
	const char *refused = NULL;
	if (token->hash.len != CREDENTIAL_HASH_SIZE)
		refused = "it is no hash";
	else if (is_of_another(c, copy, token, &is_known))
		refused = "it is another one's";
	else if (!is_known)
		refused = refusal_of(copy);
	c->count.reports_ignored += refused != NULL && copy == NULL;
	if (refused == NULL && !is_known)
		make(c, copy, token);
	answer(c, link_id, token, refused);
}

/* ---- the end ---- */

static void end(struct control *c, struct credential *credential)
{
	tell(c, credential, false, "it runs no longer");
	sign_ins_end_of(c, credential->hash);
	records_delete_credential(c, credential);
	credentials_remove(&c->credentials, credential);
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp((*(struct credential *const *)a)->id,
		      (*(struct credential *const *)b)->id);
}

void api_tokens_settle(struct control *c)
{
	VECTOR(struct credential *) over = {0};
	struct credential *k = NULL;
	vector_for_each (&c->dirty.copies, copy)
		credentials_review(&c->credentials, (*copy)->of_slot.epoch);
	while ((k = credentials_take_review(&c->credentials)) != NULL)
		if (!is_live(copy_find(c, NULL, k->copy)))
			vector_push(&over, k);
	if (over.count > 1) /* whatever the order in which they came */
		qsort(over.items, over.count, sizeof(*over.items), compare_ids);
	vector_for_each (&over, credential)
		end(c, *credential);
	vector_done(&over);
}
