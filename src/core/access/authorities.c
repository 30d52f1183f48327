#include "core/access/authorities.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"

/* ---- reading ---- */

const Samoza__V1__AuthorityRecord *
authorities_signer_record(const Samoza__V1__AuthoritiesRecord *record)
{
	for (size_t k = 0; k < record->n_believed; k++)
		if (record->believed[k]->number == record->signer)
			return record->believed[k];
	IMPOSSIBLE("the one that signs is believed");
}

const Samoza__V1__AuthorityRecord *
authorities_other(const Samoza__V1__AuthoritiesRecord *record)
{
	for (size_t k = 0; k < record->n_believed; k++)
		if (record->believed[k]->number != record->signer)
			return record->believed[k];
	return NULL;
}

static bool is_sound(const Samoza__V1__AuthoritiesRecord *r)
{
	size_t wanted = r->phase == AUTHORITY_STABLE ? 1 : 2;
	unsigned signers = 0;
	for (size_t k = 0; k < r->n_believed; k++) {
		signers += r->believed[k]->number == r->signer;
		if (r->believed[k]->pin.len != AUTHORITY_PIN_SIZE)
			return false;
	}
	return r->n_believed == wanted && signers == 1 && r->phase <= AUTHORITY_REISSUING &&
	       r->waits <= AUTHORITY_FOR_NOBODY;
}

int authorities_check(const Samoza__V1__AuthoritiesRecord *record, struct error **err)
{
	if (is_sound(record))
		return 0;
	return error_set(err, ERR_INVALID,
			 "the record of the certificate authorities is not one that this zrms "
			 "knows");
}

/* ---- changing ---- */

static Samoza__V1__AuthorityRecord *copy_of(const Samoza__V1__AuthorityRecord *one)
{
	return (Samoza__V1__AuthorityRecord *)schema_message_copy(&one->base);
}

static void append(Samoza__V1__AuthorityRecord ***list, size_t *count,
		   Samoza__V1__AuthorityRecord *take)
{
	*list = mem_resize(*list, *count + 1, sizeof(**list));
	(*list)[(*count)++] = take;
}

static Samoza__V1__AuthorityRecord *take_at(Samoza__V1__AuthorityRecord **list, size_t *count,
					    size_t at)
{
	Samoza__V1__AuthorityRecord *one = list[at];
	for ((*count)--; at < *count; at++)
		list[at] = list[at + 1];
	return one;
}

static Samoza__V1__AuthorityRecord *take_other(Samoza__V1__AuthoritiesRecord *r)
{
	for (size_t k = 0; k < r->n_believed; k++)
		if (r->believed[k]->number != r->signer)
			return take_at(r->believed, &r->n_believed, k);
	IMPOSSIBLE("two are believed while a rotation lasts");
}

static void forget_former(Samoza__V1__AuthoritiesRecord *r, int64_t wall_ms)
{
	for (size_t k = r->n_former; k-- > 0;)
		if (r->former[k]->until_ms <= wall_ms)
			schema_message_free(take_at(r->former, &r->n_former, k));
}

Samoza__V1__AuthoritiesRecord *authorities_new(const Samoza__V1__AuthorityRecord *first)
{
	Samoza__V1__AuthoritiesRecord *r = (Samoza__V1__AuthoritiesRecord *)schema_message_new(
		&samoza__v1__authorities_record__descriptor);
	append(&r->believed, &r->n_believed, copy_of(first));
	r->signer = r->newest = first->number;
	r->phase = AUTHORITY_STABLE;
	r->waits = AUTHORITY_FOR_ALL;
	r->generation = 0;
	return r;
}

int authorities_begin(Samoza__V1__AuthoritiesRecord *r, const Samoza__V1__AuthorityRecord *next,
		      int64_t wall_ms, struct error **err)
{
	if (r->phase != AUTHORITY_STABLE)
		return error_set(err, ERR_CONFLICT,
				 "a rotation is under way: let it end, or give --finish or "
				 "--abort");
	if (next->number <= r->newest)
		return error_set(err, ERR_CONFLICT,
				 "there was a certificate authority %u already: try again",
				 next->number);
	forget_former(r, wall_ms);
	if (r->n_former >= AUTHORITIES_FORMER_MAX)
		return error_set(err, ERR_CONFLICT,
				 "there were %d rotations within 90 days, and zhosts that were "
				 "away may still come back with a certificate of each: rotate "
				 "again when the oldest of them is over",
				 AUTHORITIES_FORMER_MAX);
	append(&r->believed, &r->n_believed, copy_of(next));
	r->believed[1]->since_ms = wall_ms;
	r->newest = next->number;
	r->phase = AUTHORITY_ADDING;
	r->waits = AUTHORITY_FOR_ALL;
	r->generation++;
	return 0;
}

static bool is_said_already(const Samoza__V1__AuthoritiesRecord *r, char *const *missing,
			    size_t count)
{
	if (r->n_store_missing != count)
		return false;
	for (size_t k = 0; k < count; k++)
		if (!str_equal(r->store_missing[k], missing[k]))
			return false;
	return true;
}

static void say_missing(Samoza__V1__AuthoritiesRecord *r, char *const *missing, size_t count)
{
	for (size_t k = 0; k < r->n_store_missing; k++)
		free(r->store_missing[k]);
	free(r->store_missing);
	r->store_missing = count > 0 ? mem_new_array(char *, count) : NULL;
	r->n_store_missing = count;
	for (size_t k = 0; k < count; k++)
		r->store_missing[k] = mem_strdup(missing[k]);
}

int authorities_abort(Samoza__V1__AuthoritiesRecord *r, int64_t wall_ms, struct error **err)
{
	(void)wall_ms;
	if (r->phase == AUTHORITY_STABLE)
		return error_set(err, ERR_CONFLICT, "no rotation is under way");
	uint32_t other = authorities_other(r)->number;
	if (r->phase == AUTHORITY_REISSUING && other > r->signer)
		return error_set(err, ERR_CONFLICT,
				 "the rotation is being taken back already: rotate again when "
				 "that has ended");
	if (r->phase == AUTHORITY_ADDING) { /* nobody has a certificate of it */
		schema_message_free(take_other(r));
		r->phase = AUTHORITY_STABLE;
	} else {
		r->signer = other;
	}
	r->waits = AUTHORITY_FOR_ALL;
	r->generation++;
	say_missing(r, NULL, 0);
	return 0;
}

int authorities_wait_less(Samoza__V1__AuthoritiesRecord *r, bool for_nobody, struct error **err)
{
	if (r->phase == AUTHORITY_STABLE)
		return error_set(err, ERR_CONFLICT, "no rotation is under way");
	uint32_t waits = for_nobody ? AUTHORITY_FOR_NOBODY : AUTHORITY_FOR_CONNECTED;
	if (waits > r->waits)
		r->waits = waits;
	return 0;
}

bool authorities_store_seen(Samoza__V1__AuthoritiesRecord *r, uint64_t generation,
			    char *const *missing, size_t count)
{
	if (!authorities_wait_for_store(r) || generation != r->generation ||
	    (count > 0 && is_said_already(r, missing, count)))
		return false;
	say_missing(r, missing, count);
	r->has_store_generation = true;
	if (count == 0)
		r->store_generation = generation;
	return true;
}

bool authorities_wait_for_store(const Samoza__V1__AuthoritiesRecord *r)
{
	return r->phase != AUTHORITY_STABLE && r->asks_store &&
	       r->waits != AUTHORITY_FOR_NOBODY && r->store_generation < r->generation;
}

void authorities_advance(Samoza__V1__AuthoritiesRecord *r, int64_t wall_ms)
{
	PRE(r->phase != AUTHORITY_STABLE);
	r->generation++;
	say_missing(r, NULL, 0);
	if (r->phase == AUTHORITY_ADDING) {
		r->signer = authorities_other(r)->number;
		r->phase = AUTHORITY_REISSUING;
		return;
	}
	Samoza__V1__AuthorityRecord *former = take_other(r);
	former->has_until_ms = true;
	former->until_ms = wall_ms + AUTHORITY_FORMER_MS;
	append(&r->former, &r->n_former, former);
	r->phase = AUTHORITY_STABLE;
	r->waits = AUTHORITY_FOR_ALL;
}
