#include "zsim/fuzz/check/check_signers.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/control_loop.h"
#include "core/control/request/rollout_request.h"
#include "core/control/state/state.h"
#include "schema/message.h"
#include "zsim/fuzz/check/check_joins.h"
#include "zsim/fuzz/life/fuzz.h"

struct signers *check_signers_of(struct fuzz *f)
{
	if (f->signers != NULL || !draws_have(f, DRAW_SIGNERS))
		return f->signers;
	f->signers = mem_new(struct signers);
	for (unsigned k = 0; k < SIGNER_KEYS; k++)
		check_joins_bytes(k + 1, f->signers->keys[k].bytes);
	return f->signers;
}

void check_signers_done(struct fuzz *f)
{
	if (f->signers == NULL)
		return;
	for (unsigned k = 0; k < SIGNER_KEYS; k++)
		free(f->signers->keys[k].only);
	free(steal_ptr(&f->signers));
}

static struct signer_key *find(struct fuzz *f, const ProtobufCBinaryData *bytes)
{
	for (unsigned k = 0; k < SIGNER_KEYS && bytes->len == SIGNING_KEY_SIZE; k++)
		if (memcmp(f->signers->keys[k].bytes, bytes->data, SIGNING_KEY_SIZE) == 0)
			return &f->signers->keys[k];
	return NULL;
}

/* ---- what is recorded ---- */

static void take_key(struct fuzz *f, const struct record_change *change)
{
	ProtobufCMessage *message = NULL;
	if (change->data == NULL) {
		world_violate(&f->world, "the record of key %s is deleted", change->id);
		return;
	}
	if (schema_message_unpack(&samoza__v1__signing_key_record__descriptor, change->data,
				  change->size, &message, NULL) < 0) {
		world_violate(&f->world, "the record of key %s is broken", change->id);
		return;
	}
	const Samoza__V1__SigningKeyRecord *r = (Samoza__V1__SigningKeyRecord *)message;
	struct signer_key *key = find(f, &r->key);
	if (key == NULL) {
		world_violate(&f->world, "key %s is recorded, which nobody has added", r->name);
	} else {
		key->recorded = true;
		key->removed = r->has_removed_ms;
		free(key->only);
		key->only = r->n_topologies > 0 ? mem_strdup(r->topologies[0]) : NULL;
	}
	schema_message_free(message);
}

/* Whether the key may sign that: as recorded, or else as in a file. */
static const char *fault_of(const struct signer_key *key, const char *topology)
{
	if (key == NULL || (!key->recorded && !key->was_in_file))
		return "that nobody has added";
	if (key->recorded && key->removed)
		return "that was removed";
	if (key->recorded && key->only != NULL && !str_equal(key->only, topology))
		return "that is limited to another name";
	return NULL;
}

/* The content of an earlier revision has the key of that one. */
static bool has_source(struct fuzz *f, const Samoza__V1__RevisionRecord *r)
{
	const struct signer_key *key = find(f, &r->signer);
	return key != NULL && (key->recorded || key->was_in_file);
}

static void take_revision(struct fuzz *f, const struct record_change *change)
{
	ProtobufCMessage *message = NULL;
	if (change->data == NULL ||
	    schema_message_unpack(&samoza__v1__revision_record__descriptor, change->data,
				  change->size, &message, NULL) < 0)
		return;
	const Samoza__V1__RevisionRecord *r = (Samoza__V1__RevisionRecord *)message;
	const char *name = r->topology->metadata->name;
	bool goes_back = r->what != NULL && str_has_prefix(r->what, "rollback to ");
	if (r->has_signer && (r->what == NULL || goes_back)) {
		const char *fault = fault_of(find(f, &r->signer), name);
		if (fault != NULL)
			world_violate(&f->world,
				      "revision %u of %s is recorded%s, signed by a key %s",
				      r->number, name, goes_back ? ", a rollback" : "", fault);
		else
			draws_happened(f, DRAW_SIGNERS);
	} else if (r->has_signer && !has_source(f, r)) {
		world_violate(&f->world, "revision %u of %s has a key that signed nothing",
			      r->number, name);
	}
	schema_message_free(message);
}

void check_signers_committed(struct fuzz *f, const struct outbox *o)
{
	if (f->signers == NULL)
		return;
	/* In the order in which it was decided: keys and revisions are written at once. */
	vector_for_each (&o->records, change) {
		if (change->kind == RECORD_SIGNING_KEY)
			take_key(f, change);
		else if (change->kind == RECORD_REVISION)
			take_revision(f, change);
	}
}

/* ---- what is refused ---- */

void check_signers_refused(struct fuzz *f, const ProtobufCBinaryData *signer,
			   const char *topology, const char *message)
{
	const struct signer_key *key =
		f->signers != NULL && signer != NULL ? find(f, signer) : NULL;
	if (f->signers == NULL || strstr(message, "trusted") == NULL ||
	    f->world.control == NULL || control_loop_is_due(f->world.commits) ||
	    sim_store_waiting(f->world.store) > 0)
		return;
	if (signer == NULL)
		world_violate(&f->world, "what nobody has signed is refused for its key");
	else if (key != NULL && key->recorded && fault_of(key, topology) == NULL)
		world_violate(&f->world,
			      "what a key has signed that is recorded and trusted is refused: "
			      "%s",
			      message);
}

void check_signers_rollback_refused(struct fuzz *f, const char *id, uint32_t to,
				    const char *message)
{
	const struct control_application *a =
		f->world.control != NULL
			? application_by_id(&f->world.control->applications, id)
			: NULL;
	const struct revision *target =
		a != NULL ? rollback_target(f->world.control, id, to) : NULL;
	if (target != NULL)
		check_signers_refused(
			f, target->record->has_signer ? &target->record->signer : NULL, a->name,
			message);
}
