#include "core/access/identity.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"

struct cluster_label {
	UT_hash_handle hh;
	char *name;
	unsigned count; /* of identities that have it */
};

/* ---- labels ---- */

static struct cluster_label *find_label(const struct identities *all, const char *name)
{
	struct cluster_label *found = NULL;
	HASH_FIND_STR(all->labels, name, found);
	return found;
}

static void count_label(struct identities *all, const char *name)
{
	struct cluster_label *label = find_label(all, name);
	if (label == NULL) {
		label = mem_new(struct cluster_label);
		label->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, all->labels, label->name, strlen(label->name), label);
	}
	label->count++;
}

static void discount_label(struct identities *all, const char *name)
{
	struct cluster_label *label = find_label(all, name);
	INVARIANT(label != NULL && label->count > 0);
	if (--label->count > 0)
		return;
	HASH_DEL(all->labels, label);
	free(label->name);
	free(label);
}

bool identities_own_label(const struct identities *all, const char *label)
{
	return find_label(all, label) != NULL;
}

/* ---- the set ---- */

struct identity *identities_find(const struct identities *all, const char *name)
{
	struct identity *found = NULL;
	HASH_FIND_STR(all->by_name, name, found);
	return found;
}

void identities_remove(struct identities *all, struct identity *identity)
{
	for (size_t k = 0; k < identity->record->n_labels; k++)
		discount_label(all, identity->record->labels[k]->name);
	HASH_DEL(all->by_name, identity);
	schema_message_free(identity->record);
	free(identity);
}

void identities_done(struct identities *all)
{
	while (all->by_name != NULL)
		identities_remove(all, all->by_name);
}

static bool is_key(const ProtobufCBinaryData *bytes)
{
	return bytes->len == IDENTITY_KEY_SIZE;
}

int identities_put(struct identities *all, const Samoza__V1__IdentityRecord *record,
		   struct error **err)
{
	if ((!is_key(&record->key) && record->key.len > 0) ||
	    (record->has_previous && (!is_key(&record->previous) || record->key.len == 0)))
		return error_set(err, ERR_INVALID,
				 "the identity of zhost %s is not one that this zrms knows",
				 record->name);
	struct identity *identity = mem_new(struct identity);
	identity->record = (Samoza__V1__IdentityRecord *)schema_message_copy(&record->base);
	struct identity *before = identities_find(all, record->name);
	if (before != NULL)
		identities_remove(all, before);
	HASH_ADD_KEYPTR(hh, all->by_name, identity->record->name,
			strlen(identity->record->name), identity);
	for (size_t k = 0; k < identity->record->n_labels; k++)
		count_label(all, identity->record->labels[k]->name);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(struct identity *const *)a)->record->name,
		      (*(struct identity *const *)b)->record->name);
}

struct identity **identities_sorted(const struct identities *all)
{
	size_t count = 0;
	struct identity **list = mem_new_array(struct identity *, HASH_COUNT(all->by_name) + 1);
	for (struct identity *one = all->by_name; one != NULL; one = one->hh.next)
		list[count++] = one;
	qsort(list, count, sizeof(struct identity *), compare_names);
	return list;
}

/* ---- keys ---- */

static bool is_same_key(const ProtobufCBinaryData *a, const uint8_t key[IDENTITY_KEY_SIZE])
{
	return is_key(a) && memcmp(a->data, key, IDENTITY_KEY_SIZE) == 0;
}

bool identity_is_removed(const struct identity *identity)
{
	return identity->record->key.len == 0;
}

bool identities_admit(const struct identities *all, const char *name,
		      const uint8_t key[IDENTITY_KEY_SIZE])
{
	const struct identity *identity = identities_find(all, name);
	if (identity == NULL || identity_is_removed(identity))
		return false;
	const Samoza__V1__IdentityRecord *r = identity->record;
	return is_same_key(&r->key, key) || (r->has_previous && is_same_key(&r->previous, key));
}

static void set_key(ProtobufCBinaryData *to, const uint8_t key[IDENTITY_KEY_SIZE])
{
	uint8_t *copy = mem_memdup(key, IDENTITY_KEY_SIZE);
	free(to->data);
	*to = (ProtobufCBinaryData){IDENTITY_KEY_SIZE, copy};
}

bool identity_renew(struct identity *identity, const uint8_t own[IDENTITY_KEY_SIZE],
		    const uint8_t key[IDENTITY_KEY_SIZE], int64_t expires_ms, uint64_t issued)
{
	Samoza__V1__IdentityRecord *r = identity->record;
	PRE(is_same_key(&r->key, own) || (r->has_previous && is_same_key(&r->previous, own)));
	if (is_same_key(&r->key, key) && r->expires_ms >= expires_ms)
		return false;
	/* A key that was asked for before may have come with a certificate of then. */
	if (is_same_key(&r->key, key))
		issued = r->issued;
	else if (r->has_previous && is_same_key(&r->previous, key))
		issued = r->previous_issued;
	if (memcmp(own, key, IDENTITY_KEY_SIZE) != 0) {
		if (is_same_key(&r->key, own))
			r->previous_issued = r->issued;
		r->has_previous = r->has_previous_issued = true;
		set_key(&r->previous, own);
	}
	set_key(&r->key, key);
	r->expires_ms = expires_ms;
	r->has_issued = true;
	r->issued = issued;
	return true;
}

uint64_t identity_issued(const struct identity *identity)
{
	const Samoza__V1__IdentityRecord *r = identity->record;
	return r->has_previous ? r->previous_issued : r->issued;
}

bool identity_used(struct identity *identity, const uint8_t key[IDENTITY_KEY_SIZE])
{
	Samoza__V1__IdentityRecord *r = identity->record;
	if (!r->has_previous || !is_same_key(&r->key, key))
		return false;
	r->has_previous = false;
	free(r->previous.data);
	r->previous = (ProtobufCBinaryData){0};
	r->has_previous_issued = false;
	r->previous_issued = 0;
	return true;
}

/* ---- what a restored store has forgotten ---- */

void identity_forgot(struct identity *identity, int64_t after_ms, int64_t until_ms)
{
	Samoza__V1__IdentityRecord *r = identity->record;
	r->has_forgotten_after_ms = r->has_forgotten_until_ms = true;
	r->forgotten_after_ms = after_ms;
	r->forgotten_until_ms = until_ms;
}

bool identities_may_have_forgotten(const struct identities *all, const char *name,
				   int64_t issued_wall_ms, int64_t wall_ms)
{
	const struct identity *identity = identities_find(all, name);
	if (identity == NULL || identity_is_removed(identity))
		return false;
	const Samoza__V1__IdentityRecord *r = identity->record;
	return r->has_forgotten_until_ms && issued_wall_ms > r->forgotten_after_ms &&
	       issued_wall_ms <= r->forgotten_until_ms &&
	       wall_ms < r->forgotten_until_ms + IDENTITY_FORGOTTEN_MS;
}

void identity_remembered(struct identity *identity, const uint8_t key[IDENTITY_KEY_SIZE],
			 int64_t issued_wall_ms, int64_t expires_ms)
{
	Samoza__V1__IdentityRecord *r = identity->record;
	set_key(&r->key, key);
	(void)identity_used(identity, key);
	r->expires_ms = expires_ms;
	/* By which authority is not known here: where there was a rotation, it is asked to renew. */
	r->has_issued = true;
	r->issued = 0;
	r->forgotten_after_ms = issued_wall_ms;
}
