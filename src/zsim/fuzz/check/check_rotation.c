#include "zsim/fuzz/check/check_rotation.h"

#include <inttypes.h>

#include "core/access/authorities.h"
#include "core/control/control_loop.h"
#include "schema/message.h"
#include "zsim/fuzz/check/check_joins.h"
#include "zsim/fuzz/life/fuzz.h"

const struct rotation_seen *check_rotation_now(struct rotations *r)
{
	if (r->all.count == 0)
		vector_push(&r->all, ((struct rotation_seen){.believed = {1},
							     .signer = 1,
							     .is_stable = true,
							     .waits_for_all = true}));
	return &r->all.items[r->all.count - 1];
}

static const struct rotation_seen *at(const struct rotations *r, uint64_t generation)
{
	const struct rotation_seen *found = &r->all.items[0];
	vector_for_each (&r->all, one)
		if (one->generation <= generation)
			found = one;
	return found;
}

static bool is_believed(const struct rotation_seen *r, uint32_t number)
{
	return r->believed[0] == number || r->believed[1] == number;
}

/* ---- each state that is committed ---- */

static void judge_joiner(struct fuzz *f, struct joiner *j, const struct rotation_seen *now)
{
	const struct rotation_seen *told = at(&f->joins->rotations, j->generation);
	bool is_well = is_believed(told, now->signer) && is_believed(now, told->signer);
	if (is_well || !j->holds || j->key == 0)
		j->left_behind = j->left_behind && !is_well;
	else if (f->joins->rotations.forced)
		j->left_behind = true;
	else if (!j->left_behind)
		world_violate(&f->world,
			      "%s has key %" PRIu64 " since authorities %" PRIu64
			      ", and is shut out by %" PRIu64,
			      j->name, j->key, told->generation, now->generation);
}

static void take(struct fuzz *f, const Samoza__V1__AuthoritiesRecord *r)
{
	struct rotations *rotations = &f->joins->rotations;
	const struct rotation_seen before = *check_rotation_now(rotations);
	struct rotation_seen now = {.generation = r->generation,
				    .signer = r->signer,
				    .is_stable = r->phase == AUTHORITY_STABLE,
				    .waits_for_all = r->waits == AUTHORITY_FOR_ALL,
				    .waits_for_store = authorities_wait_for_store(r)};
	for (size_t k = 0; k < r->n_believed && k < 2; k++)
		now.believed[k] = r->believed[k]->number;
	if (now.generation < before.generation)
		world_violate(&f->world,
			      "the authorities went from generation %" PRIu64 " to %" PRIu64,
			      before.generation, now.generation);
	bool goes_on = now.generation == before.generation + 1 && !before.is_stable &&
		       (now.is_stable ? now.signer == before.signer && !rotations->aborts
				      : now.signer != before.signer && !rotations->aborts);
	if (goes_on && before.waits_for_store && !rotations->forced)
		world_violate(&f->world,
			      "the rotation goes on at generation %" PRIu64
			      ", and not all servers of the store follow",
			      now.generation);
	if (now.is_stable && !before.is_stable)
		draws_happened(f, DRAW_ROTATIONS);
	vector_push(&rotations->all, now);
	vector_for_each (&f->joins->joiners, j)
		judge_joiner(f, j, &now);
}

void check_rotation_committed(struct fuzz *f, const struct outbox *o)
{
	ProtobufCMessage *message = NULL;
	if (f->joins == NULL)
		return;
	vector_for_each (&o->records, change) {
		if (change->kind != RECORD_AUTHORITIES)
			continue;
		if (change->data == NULL ||
		    schema_message_unpack(&samoza__v1__authorities_record__descriptor,
					  change->data, change->size, &message, NULL) < 0) {
			world_violate(&f->world, "the record of the authorities is broken");
			return;
		}
		take(f, (const Samoza__V1__AuthoritiesRecord *)message);
		schema_message_free(message);
	}
}

/* ---- nothing is held up by nobody ---- */

static bool is_missing(const Samoza__V1__IdentityRecord *r, uint64_t generation)
{
	return r->key.len > 0 &&
	       (r->has_previous ? r->previous_issued : r->issued) < generation;
}

void check_rotation_goes_on(struct fuzz *f)
{
	if (f->joins == NULL || f->world.control == NULL || f->world.zrms_dies ||
	    control_loop_is_due(f->world.commits) || sim_store_waiting(f->world.store) > 0)
		return;
	const struct rotation_seen *now = check_rotation_now(&f->joins->rotations);
	if (now->is_stable || now->waits_for_store)
		return;
	vector_for_each (&f->joins->identities, r)
		if (is_missing(*r, now->generation))
			return;
	world_violate(&f->world,
		      "the rotation stands at generation %" PRIu64 ", and nobody holds it up",
		      now->generation);
}
