#include "core/access/idempotency_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"

bool idempotency_key_is_valid(const char *text)
{
	size_t size = strlen(text);
	if (size == 0 || size > IDEMPOTENCY_KEY_SIZE_MAX)
		return false;
	for (const char *at = text; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~' || *at == '"' || *at == '\\')
			return false;
	return true;
}

static struct idempotency_owner *owner_find(const struct idempotency_keys *all,
					    const char *name)
{
	struct idempotency_owner *found = NULL;
	HASH_FIND_STR(all->owners, name, found);
	return found;
}

static void owner_add(struct idempotency_keys *all, const char *name)
{
	struct idempotency_owner *owner = owner_find(all, name);
	if (owner == NULL) {
		owner = mem_new(struct idempotency_owner);
		owner->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, all->owners, owner->name, strlen(owner->name), owner);
	}
	owner->count++;
}

static void owner_remove(struct idempotency_keys *all, const char *name)
{
	struct idempotency_owner *owner = owner_find(all, name);
	if (--owner->count > 0)
		return;
	HASH_DEL(all->owners, owner);
	free(owner->name);
	free(owner);
}

void idempotency_keys_remove(struct idempotency_keys *all, struct idempotency_key *one)
{
	HASH_DEL(all->by_id, one);
	owner_remove(all, one->record->principal);
	*(one->previous != NULL ? &one->previous->next : &all->first) = one->next;
	*(one->next != NULL ? &one->next->previous : &all->last) = one->previous;
	schema_message_free(one->record);
	free(one->id);
	free(one);
}

void idempotency_keys_done(struct idempotency_keys *all)
{
	while (all->first != NULL)
		idempotency_keys_remove(all, all->first);
}

/* Also where records of a store come in any order. */
static void link_by_number(struct idempotency_keys *all, struct idempotency_key *one)
{
	struct idempotency_key *before = all->last;
	while (before != NULL && before->record->number > one->record->number)
		before = before->previous;
	one->previous = before;
	one->next = before != NULL ? before->next : all->first;
	*(before != NULL ? &before->next : &all->first) = one;
	*(one->next != NULL ? &one->next->previous : &all->last) = one;
}

int idempotency_keys_put(struct idempotency_keys *all,
			 const Samoza__V1__IdempotencyRecord *record, struct error **err)
{
	struct idempotency_key *known = NULL;
	CLEANUP(freep) char *id = str_printf("%s/%s", record->principal, record->key);
	if (record->request.len != IDEMPOTENCY_REQUEST_SIZE)
		return error_set(err, ERR_INVALID,
				 "the request %s is not one that this zrms knows", id);
	HASH_FIND_STR(all->by_id, id, known);
	if (known != NULL)
		return error_set(err, ERR_CONFLICT, "there is a request %s", id);
	struct idempotency_key *one = mem_new(struct idempotency_key);
	one->record = (Samoza__V1__IdempotencyRecord *)schema_message_copy(&record->base);
	one->id = steal_ptr(&id);
	HASH_ADD_KEYPTR(hh, all->by_id, one->id, strlen(one->id), one);
	owner_add(all, one->record->principal);
	link_by_number(all, one);
	return 0;
}

struct idempotency_key *idempotency_keys_find(const struct idempotency_keys *all,
					      const char *principal, const char *key,
					      int64_t wall_ms)
{
	struct idempotency_key *found = NULL;
	CLEANUP(freep) char *id = str_printf("%s/%s", principal, key);
	HASH_FIND_STR(all->by_id, id, found);
	return found != NULL && wall_ms < found->record->expires_ms ? found : NULL;
}

uint64_t idempotency_keys_next(const struct idempotency_keys *all)
{
	return all->last != NULL ? all->last->record->number + 1 : 1;
}

static struct idempotency_key *oldest_of(const struct idempotency_keys *all,
					 const char *principal)
{
	struct idempotency_key *one = all->first;
	while (one != NULL && strcmp(one->record->principal, principal) != 0)
		one = one->next;
	return one;
}

struct idempotency_key *idempotency_keys_excess(const struct idempotency_keys *all,
						const char *principal, int64_t wall_ms)
{
	const struct idempotency_owner *owner = owner_find(all, principal);
	if (all->first != NULL && (wall_ms >= all->first->record->expires_ms ||
				   HASH_COUNT(all->by_id) >= IDEMPOTENCY_KEYS_MAX))
		return all->first;
	return owner != NULL && owner->count >= IDEMPOTENCY_KEYS_OF_ONE_MAX
		       ? oldest_of(all, principal)
		       : NULL;
}
