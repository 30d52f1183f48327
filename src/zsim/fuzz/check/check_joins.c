#include "zsim/fuzz/check/check_joins.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "schema/message.h"
#include "zsim/fuzz/life/fuzz.h"

void check_joins_bytes(uint64_t number, uint8_t to[IDENTITY_KEY_SIZE])
{
	memset(to, 0, IDENTITY_KEY_SIZE);
	memcpy(to, &number, sizeof(number));
}

static uint64_t number_of(const ProtobufCBinaryData *bytes)
{
	uint64_t number = 0;
	if (bytes->len >= sizeof(number))
		memcpy(&number, bytes->data, sizeof(number));
	return number;
}

struct joins *check_joins_of(struct fuzz *f)
{
	if (f->joins == NULL && draws_have(f, DRAW_JOINS)) {
		f->joins = mem_new(struct joins);
		f->joins->next_key = 1;
	}
	return f->joins;
}

void check_joins_done(struct fuzz *f)
{
	if (f->joins == NULL)
		return;
	vector_for_each (&f->joins->identities, r)
		schema_message_free(*r);
	vector_done(&f->joins->identities);
	vector_done(&f->joins->rotations.all);
	vector_done(&f->joins->asked);
	vector_done(&f->joins->tokens);
	vector_done(&f->joins->joiners);
	free(steal_ptr(&f->joins));
}

const Samoza__V1__IdentityRecord *check_joins_identity(const struct joins *joins,
						       const char *name)
{
	vector_for_each (&joins->identities, r)
		if (str_equal((*r)->name, name))
			return *r;
	return NULL;
}

/* ---- what is recorded ---- */

static bool lets_in(const Samoza__V1__IdentityRecord *r, uint64_t key)
{
	return key != 0 && r != NULL &&
	       (number_of(&r->key) == key || number_of(&r->previous) == key);
}

static bool was_asked_to_join(const struct joins *joins, const Samoza__V1__IdentityRecord *r)
{
	vector_for_each (&joins->asked, a)
		if (a->own == 0 && a->is_right && str_equal(a->name, r->name) &&
		    a->key == number_of(&r->key) && (uint32_t)atoi(r->token + 1) == a->token)
			return true;
	return false;
}

/* From what was recorded before, by somebody who proved a key of it, or by the use of the newer one. */
static bool follows(const struct joins *joins, const Samoza__V1__IdentityRecord *before,
		    const Samoza__V1__IdentityRecord *r)
{
	uint64_t key = number_of(&r->key), previous = number_of(&r->previous);
	if (key == number_of(&before->key) &&
	    previous == 0) { /* it was used, or asked for again */
		bool shown = number_of(&before->previous) == 0;
		vector_for_each (&joins->asked, a)
			shown |= a->shown && a->key == key && str_equal(a->name, r->name);
		return shown;
	}
	vector_for_each (&joins->asked, a)
		if (a->own != 0 && str_equal(a->name, r->name) && a->key == key &&
		    a->own == previous && lets_in(before, a->own))
			return true;
	return false;
}

/* A joining: its use is counted. */
static void count_join(struct fuzz *f, const Samoza__V1__IdentityRecord *r)
{
	struct joins *joins = f->joins;
	uint32_t number = (uint32_t)atoi(r->token + 1);
	if (!was_asked_to_join(joins, r)) {
		world_violate(&f->world,
			      "a key of %s is recorded that nobody showed with token %s and "
			      "its secret",
			      r->name, r->token);
		return;
	}
	struct token_seen *t = &joins->tokens.items[number - 1];
	if (++t->joined > t->uses)
		world_violate(&f->world, "%u joined with token %s, which is for %u", t->joined,
			      r->token, t->uses);
}

static void judge_joiners(struct fuzz *f, const Samoza__V1__IdentityRecord *r, bool is_same)
{
	vector_for_each (&f->joins->joiners, j) {
		if (!str_equal(j->name, r->name))
			continue;
		if (is_same && j->holds && !lets_in(r, j->key))
			world_violate(&f->world,
				      "key %" PRIu64 " of %s lets nobody in any longer, "
				      "though it is the one that this machine was told",
				      j->key, j->name);
		j->holds = j->holds && is_same;
	}
}

static void take_identity(struct fuzz *f, const struct record_change *change)
{
	struct joins *joins = f->joins;
	ProtobufCMessage *message = NULL;
	size_t at = 0;
	while (at < joins->identities.count &&
	       !str_equal(joins->identities.items[at]->name, change->id))
		at++;
	Samoza__V1__IdentityRecord *before =
		at < joins->identities.count ? joins->identities.items[at] : NULL;
	if (change->data != NULL &&
	    schema_message_unpack(&samoza__v1__identity_record__descriptor, change->data,
				  change->size, &message, NULL) < 0) {
		world_violate(&f->world, "a record of the identity of %s is broken",
			      change->id);
		return;
	}
	Samoza__V1__IdentityRecord *r = (Samoza__V1__IdentityRecord *)message;
	bool is_same = r != NULL && before != NULL && r->number == before->number;
	if (r == NULL && before != NULL && before->key.len > 0)
		world_violate(&f->world, "the identity of %s is gone, and was not removed",
			      change->id);
	else if (is_same && !follows(joins, before, r))
		world_violate(&f->world,
			      "key %" PRIu64 " of %s is recorded, for which nobody asked "
			      "whom zrms lets in",
			      number_of(&r->key), r->name);
	else if (r != NULL && !is_same && r->key.len > 0)
		count_join(f, r);
	if (r != NULL)
		judge_joiners(f, r, is_same);
	if (before != NULL) {
		schema_message_free(before);
		vector_remove_at(&joins->identities, at);
	}
	if (r != NULL)
		vector_push(&joins->identities, r);
}

/* What its record counts is what has followed from it. */
static void check_counted(struct fuzz *f)
{
	vector_for_each (&f->joins->tokens, t) {
		CLEANUP(freep) char *id = str_printf("t%u", t->number);
		const struct sim_record *on_disk =
			sim_disk_get(&f->world.disk, RECORD_JOIN_TOKEN, id);
		ProtobufCMessage *message = NULL;
		if (on_disk == NULL ||
		    schema_message_unpack(&samoza__v1__join_token_record__descriptor,
					  on_disk->data, on_disk->size, &message, NULL) < 0)
			continue;
		uint32_t used = ((Samoza__V1__JoinTokenRecord *)message)->used;
		if (used != t->joined)
			world_violate(&f->world,
				      "token %s counts %u uses, and %u have joined with it", id,
				      used, t->joined);
		schema_message_free(message);
	}
}

void check_joins_committed(struct fuzz *f, const struct outbox *o)
{
	bool changed = false;
	if (f->joins == NULL)
		return;
	vector_for_each (&o->records, change) {
		changed |= change->kind == RECORD_JOIN_TOKEN || change->kind == RECORD_IDENTITY;
		if (change->kind == RECORD_IDENTITY)
			take_identity(f, change);
	}
	if (changed)
		check_counted(f);
	check_rotation_committed(f, o);
}

/* ---- what is told, and who is let in ---- */

void check_joins_told(struct fuzz *f, struct joiner *joiner)
{
	uint64_t key = joiner->asks_key;
	/* Another batch that was committed since may have ended it. */
	if (!lets_in(check_joins_identity(f->joins, joiner->name), key)) {
		if (f->is_told)
			return;
		world_violate(&f->world,
			      "%s was told that key %" PRIu64
			      " is its own, of which no record is committed",
			      joiner->name, key);
	}
	joiner->key = key;
	joiner->holds = true;
	joiner->generation = check_rotation_now(&f->joins->rotations)->generation;
	joiner->left_behind = false;
	joiner->asks_key = joiner->asks_token = 0;
}

static bool may_be_let_in(const struct joins *joins, const char *name, uint64_t key)
{
	vector_for_each (&joins->asked, a)
		if (a->key == key && str_equal(a->name, name) && (a->is_right || a->own != 0))
			return true;
	return false;
}

void check_joins_admitted(struct fuzz *f)
{
	uint8_t bytes[IDENTITY_KEY_SIZE];
	if (f->joins == NULL || f->world.control == NULL)
		return;
	vector_for_each (&f->joins->joiners, j)
		for (uint64_t key = 1; key < f->joins->next_key; key++) {
			check_joins_bytes(key, bytes);
			if (control_admits(f->world.control, j->name, bytes) &&
			    !may_be_let_in(f->joins, j->name, key))
				world_violate(&f->world,
					      "zrms lets in who proves %s with key %" PRIu64
					      ", which has not joined",
					      j->name, key);
		}
}
