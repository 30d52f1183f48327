#include "core/access/credentials.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"

char *credential_id(enum access_role role, const char *name)
{
	return str_printf("%s/%s", role == ACCESS_ZHOST ? "zhost" : "user", name);
}

char *credential_record_id(const Samoza__V1__CredentialRecord *record)
{
	return record->copy != NULL
		       ? str_printf("space/%s@%" PRIu64, record->name, record->copy->epoch)
		       : credential_id((enum access_role)record->role, record->name);
}

static void credential_free(struct credential *credential)
{
	access_principal_free(credential->principal);
	schema_message_free(credential->copy);
	free(credential->id);
	free(credential->created_by);
	free(credential);
}

struct credential *credentials_find(const struct credentials *all, const char *id)
{
	struct credential *found = NULL;
	HASH_FIND(by_id, all->by_id, id, strlen(id), found);
	return found;
}

static void review(struct credentials *all, struct credential *credential)
{
	if (!credential->is_to_review)
		DL_APPEND(all->to_review, credential);
	credential->is_to_review = true;
}

static void review_end(struct credentials *all, struct credential *credential)
{
	if (credential->is_to_review)
		DL_DELETE(all->to_review, credential);
	credential->is_to_review = false;
}

struct credential *credentials_find_copy(const struct credentials *all, uint64_t epoch)
{
	struct credential *found = NULL;
	HASH_FIND(by_epoch, all->by_epoch, &epoch, sizeof(epoch), found);
	return found;
}

void credentials_review(struct credentials *all, uint64_t epoch)
{
	struct credential *found = credentials_find_copy(all, epoch);
	if (found != NULL)
		review(all, found);
}

struct credential *credentials_take_review(struct credentials *all)
{
	struct credential *first = all->to_review;
	if (first == NULL)
		return NULL;
	review_end(all, first);
	all->reviews++;
	return first;
}

void credentials_end_process(struct credentials *all, struct credential *credential)
{
	if (!credential->is_over)
		HASH_DELETE(by_hash, all->by_hash, credential);
	credential->is_over = true;
}

void credentials_remove(struct credentials *all, struct credential *credential)
{
	HASH_DELETE(by_id, all->by_id, credential);
	if (!credential->is_over)
		HASH_DELETE(by_hash, all->by_hash, credential);
	if (credential->copy != NULL)
		HASH_DELETE(by_epoch, all->by_epoch, credential);
	review_end(all, credential);
	credential_free(credential);
}

void credentials_done(struct credentials *all)
{
	while (all->by_id != NULL)
		credentials_remove(all, all->by_id);
}

static int check_record(const Samoza__V1__CredentialRecord *record, struct error **err)
{
	bool is_too_much = record->copy != NULL && record->role > ACCESS_OPERATOR;
	if (is_too_much || record->role < ACCESS_VIEWER || record->role > ACCESS_ZHOST ||
	    record->hash.len != CREDENTIAL_HASH_SIZE)
		return error_set(err, ERR_INVALID,
				 "the credential of %s is not one that this zrms knows",
				 record->name);
	return 0;
}

int credentials_put(struct credentials *all, const Samoza__V1__CredentialRecord *record,
		    struct error **err)
{
	int r = check_record(record, err);
	if (r < 0)
		return r;
	struct credential *credential = mem_new(struct credential);
	struct principal of = {.name = record->name,
			       .role = (enum access_role)record->role,
			       .topologies = record->topologies,
			       .topology_count = record->n_topologies};
	credential->id = credential_record_id(record);
	credential->copy =
		record->copy != NULL
			? (Samoza__V1__InstanceKey *)schema_message_copy(&record->copy->base)
			: NULL;
	credential->principal = access_principal_copy(&of);
	credential->is_over = record->copy != NULL && record->over;
	memcpy(credential->hash, record->hash.data, CREDENTIAL_HASH_SIZE);
	credential->created_ms = record->created_ms;
	credential->expires_ms = record->expires_ms;
	credential->last_used_ms = record->last_used_ms;
	credential->created_by = mem_strdup(record->created_by);
	struct credential *before = credentials_find(all, credential->id);
	if (before != NULL)
		credentials_remove(all, before);
	HASH_ADD_KEYPTR(by_id, all->by_id, credential->id, strlen(credential->id), credential);
	if (!credential->is_over)
		HASH_ADD(by_hash, all->by_hash, hash, CREDENTIAL_HASH_SIZE, credential);
	if (credential->copy == NULL)
		return 0;
	HASH_ADD_KEYPTR(by_epoch, all->by_epoch, &credential->copy->epoch,
			sizeof(credential->copy->epoch), credential);
	review(all, credential);
	return 0;
}

struct credential *credentials_find_hash(const struct credentials *all,
					 const uint8_t hash[CREDENTIAL_HASH_SIZE],
					 int64_t wall_ms)
{
	struct credential *found = NULL;
	HASH_FIND(by_hash, all->by_hash, hash, CREDENTIAL_HASH_SIZE, found);
	if (found == NULL || (found->expires_ms != 0 && found->expires_ms <= wall_ms))
		return NULL;
	return found;
}

/* Also where the clock was set back. */
bool credential_use_is_new(const struct credential *credential, int64_t wall_ms)
{
	return wall_ms - credential->last_used_ms >= CREDENTIAL_USE_MS ||
	       wall_ms < credential->last_used_ms;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp((*(struct credential *const *)a)->id,
		      (*(struct credential *const *)b)->id);
}

struct credential **credentials_sorted(const struct credentials *all)
{
	size_t count = 0;
	struct credential **list =
		mem_new_array(struct credential *, HASH_CNT(by_id, all->by_id) + 1);
	for (struct credential *c = all->by_id; c != NULL; c = c->by_id.next)
		list[count++] = c;
	qsort(list, count, sizeof(struct credential *), compare_ids);
	return list;
}

Samoza__V1__CredentialRecord *credential_record(const struct credential *credential)
{
	const struct principal *p = credential->principal;
	Samoza__V1__CredentialRecord *record =
		(Samoza__V1__CredentialRecord *)schema_message_new(
			&samoza__v1__credential_record__descriptor);
	schema_set_string(&record->name, NULL, p->name);
	record->role = p->role;
	record->topologies = mem_new_array(char *, p->topology_count);
	for (; record->n_topologies < p->topology_count; record->n_topologies++)
		record->topologies[record->n_topologies] =
			mem_strdup(p->topologies[record->n_topologies]);
	record->hash.data = mem_new_array(uint8_t, CREDENTIAL_HASH_SIZE);
	record->hash.len = CREDENTIAL_HASH_SIZE;
	memcpy(record->hash.data, credential->hash, CREDENTIAL_HASH_SIZE);
	record->created_ms = credential->created_ms;
	record->has_expires_ms = true;
	record->expires_ms = credential->expires_ms;
	record->has_last_used_ms = credential->last_used_ms != 0;
	record->last_used_ms = credential->last_used_ms;
	schema_set_string(&record->created_by, NULL, credential->created_by);
	if (credential->copy != NULL)
		record->copy =
			(Samoza__V1__InstanceKey *)schema_message_copy(&credential->copy->base);
	record->has_over = record->over = credential->is_over;
	return record;
}
